"""Laws of the day: whatever people do in whatever order, facts, counts, seats and money agree.

Planted bugs that this machine was seen to catch: `release` that forgets the seat; an undo that leaves the answer
counted; a double tap that is paid twice; a skip that keeps the lease. The test of late answers: one that is counted
without a seat.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from core.administration import create_campaign, import_items
from core.campaign import Draft, Policy
from core.errors import NotFound
from core.ids import Account, QuestionId, WorkerId
from core.item import Content, Item, Medium, NewItem, Role, Verdict
from core.posterior import claimed
from core.question import Press, Question, QuestionState, Tap
from core.service import Asked, arrive, ask, consent, enrol, expire
from core.tapping import Outcome, tap
from storage.memory import MemoryTransaction
from storage.memory_store import Store

LABELS = ("cat", "dog", "fox")
POLICY = Policy(confidence=0.9, min_overlap=2, max_overlap=2, newcomer_controls=1, pay=7, lease=timedelta(minutes=5))
workers = st.integers(0, 4)


class Day(RuleBasedStateMachine):
    """Five workers, four items, two controls."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.rng = Store(), random.Random(1)
        self.now = datetime(2026, 11, 22, tzinfo=UTC)
        self.pressed: list[tuple[int, Tap]] = []

    def act(self, work):  # type: ignore[no-untyped-def]
        with self.store.all_or_nothing():
            return work(MemoryTransaction(self.store))

    @initialize()
    def open(self) -> None:
        items = [NewItem(f"i{n}", Content(Medium.TEXT, f"text {n}")) for n in range(4)]
        controls = [NewItem(f"c{n}", Content(Medium.TEXT, f"known {n}"), truth=n) for n in range(2)]
        draft = Draft("pets", "Pets", "Which?", LABELS, policy=POLICY)
        self.campaign = self.act(lambda tx: create_campaign(tx, draft, self.now))
        self.act(lambda tx: import_items(tx, "pets", "items.csv", [*items, *controls]))
        for n in range(5):
            self.act(lambda tx, n=n: consent(tx, enrol(tx, self.worker(tx, n), "pets", self.now).worker))

    def worker(self, tx, n):  # type: ignore[no-untyped-def]
        return arrive(tx, Account("telegram", n), "en", self.now)

    def live(self, n: int) -> Question | None:
        return self.act(lambda tx: tx.latest(self.campaign.id, self.worker(tx, n).id, QuestionState.LIVE))

    @rule(n=workers)
    def asks(self, n: int) -> None:
        before = self.live(n)
        asked = self.act(lambda tx: ask(tx, self.worker(tx, n), self.campaign.id, self.now, self.rng))
        if before is not None:
            assert isinstance(asked, Asked) and asked.again and asked.question.id == before.id
        if isinstance(asked, Asked):
            assert 0 < asked.question.p_select <= 1

    @rule(n=workers, choice=st.sampled_from([0, 0, 0, 1, 2, Press.NOT_SURE, Press.SKIP, Press.PROBLEM]))
    def taps(self, n: int, choice: int | Press) -> None:
        self.asks(n)
        question = self.live(n)
        if question is None:
            return
        pressed = Tap(question.id, question.lease, choice)
        tapped = self.act(lambda tx: tap(tx, self.worker(tx, n), pressed, self.now))
        assert tapped.outcome in (Outcome.SAVED, Outcome.LATE, Outcome.SKIPPED, Outcome.REPORTED)
        self.pressed.append((n, pressed))

    @rule(at=st.integers(0, 30))
    def taps_again(self, at: int) -> None:
        """An old button, pressed once more: nothing changes, unless its question is out again under that lease."""
        if not self.pressed:
            return
        n, pressed = self.pressed[at % len(self.pressed)]
        question = self.store.questions[pressed.question]
        open_again = question.lease == pressed.lease and question.state in (QuestionState.LIVE, QuestionState.EXPIRED)
        before = len(self.store.answers), dict(self.store.balances)
        tapped = self.act(lambda tx: tap(tx, self.worker(tx, n), pressed, self.now))
        if not open_again:
            assert tapped.outcome in (Outcome.ALREADY, Outcome.STALE)
            assert before == (len(self.store.answers), dict(self.store.balances))

    @rule(n=workers, at=st.integers(0, 30))
    def taps_somebody_elses(self, n: int, at: int) -> None:
        if self.pressed and self.pressed[at % len(self.pressed)][0] != n:
            pressed = self.pressed[at % len(self.pressed)][1]
            tapped = self.act(lambda tx: tap(tx, self.worker(tx, n), pressed, self.now))
            assert tapped.outcome is Outcome.FOREIGN

    @rule(n=workers, at=st.integers(0, 30))
    def taps_late(self, n: int, at: int) -> None:
        """A question whose lease ran out is answered after all."""
        mine = self.act(lambda tx: self.worker(tx, n)).id
        expired = [q for q in self.store.questions.values() if q.worker == mine and q.state is QuestionState.EXPIRED]
        if expired:
            question = expired[at % len(expired)]
            pressed = Tap(question.id, question.lease, 0)
            tapped = self.act(lambda tx: tap(tx, self.worker(tx, n), pressed, self.now))
            assert tapped.outcome in (Outcome.LATE, Outcome.CREDITED)
            self.pressed.append((n, pressed))

    @rule(at=st.integers(0, 30))
    def undoes(self, at: int) -> None:
        if self.pressed:
            n, pressed = self.pressed[at % len(self.pressed)]
            undo = Tap(pressed.question, pressed.lease, Press.UNDO)
            tapped = self.act(lambda tx: tap(tx, self.worker(tx, n), undo, self.now))
            assert tapped.outcome in (Outcome.UNDONE, Outcome.TOO_LATE, Outcome.NOTHING, Outcome.STALE)

    @rule()
    def undoes_the_last(self) -> None:
        if self.pressed:
            self.undoes(len(self.pressed) - 1)

    @rule(n=workers)
    def oversleeps(self, n: int) -> None:
        self.asks(n)
        self.time_passes(6)

    @rule(minutes=st.sampled_from([1, 1, 6]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.act(lambda tx: expire(tx, self.now))
        live = [q for q in self.store.questions.values() if q.state is QuestionState.LIVE]
        assert all(question.expires_at >= self.now for question in live)

    def standing(self) -> list:  # type: ignore[type-arg]
        return [answer for answer in self.store.answers.values() if self.store.stands(answer)]

    @invariant()
    def items_count_what_stands(self) -> None:
        standing = self.standing()
        for item in self.store.items.values():
            if item.role is Role.CONTROL:
                assert (item.answers, item.leases) == (0, 0)
                continue
            counted = sum(answer.item == item.id and answer.counted for answer in standing)
            out = sum(q.item == item.id and q.state is QuestionState.LIVE for q in self.store.questions.values())
            assert (item.answers, item.leases) == (counted, out)
            assert item.seats <= POLICY.max_overlap
            assert abs(sum(item.posterior) - 1) < 1e-9
            self.verdict_follows_the_rule(item)

    def verdict_follows_the_rule(self, item: Item) -> None:
        sure = max(claimed(item.posterior, self.campaign.pool)) >= POLICY.confidence
        if item.verdict is Verdict.SETTLED:
            assert sure and item.answers >= POLICY.min_overlap
        elif item.verdict is Verdict.OPEN:
            assert item.answers < POLICY.max_overlap and not (sure and item.answers >= POLICY.min_overlap)

    @invariant()
    def workers_are_credited_and_paid_for_what_stands(self) -> None:
        standing = self.standing()
        for (_, worker), enrolment in self.store.enrolments.items():
            theirs = sum(answer.worker == worker for answer in standing)
            assert enrolment.answered == theirs
            assert self.store.balances.get(f"worker:{worker}", 0) == POLICY.pay * theirs
        assert sum(self.store.balances.values()) == 0

    @invariant()
    def nobody_has_two_questions_or_meets_an_item_twice(self) -> None:
        live = [q.worker for q in self.store.questions.values() if q.state is QuestionState.LIVE]
        met = [(q.worker, q.item) for q in self.store.questions.values()]
        assert len(set(live)) == len(live) and len(set(met)) == len(met)


Day.TestCase.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
TestDay = Day.TestCase


def test_a_late_answer_is_used_while_a_seat_is_free_and_credited_after() -> None:
    day = Day()
    day.open()
    asked = day.act(lambda tx: ask(tx, day.worker(tx, 0), day.campaign.id, day.now, day.rng))
    while asked.item.role is Role.CONTROL:
        day.taps(0, 0)
        asked = day.act(lambda tx: ask(tx, day.worker(tx, 0), day.campaign.id, day.now, day.rng))
    day.time_passes(6)
    full = day.store.items[asked.item.id]
    with day.store.all_or_nothing():
        others = [replace(asked.question, id=QuestionId(f"o{n}"), worker=WorkerId(50 + n)) for n in range(2)]
        for question in others:
            assert MemoryTransaction(day.store).take_seat(full.id)
            day.store.add_question(question)
    late = Tap(asked.question.id, 0, 0)
    tapped = day.act(lambda tx: tap(tx, day.worker(tx, 0), late, day.now))
    assert tapped.outcome is Outcome.CREDITED  # both seats are taken: kept and paid, not counted
    assert day.store.items[full.id].answers == 0 and day.store.balances[f"worker:{asked.question.worker}"] > 0
    assert not next(answer for answer in day.standing() if answer.item == full.id).counted


def test_a_stranger_has_no_question() -> None:
    day = Day()
    day.open()
    with pytest.raises(NotFound):
        day.act(lambda tx: ask(tx, day.worker(tx, 99), day.campaign.id, day.now, day.rng))
