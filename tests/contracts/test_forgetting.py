"""Forgetting a person, on every store. Each docstring names the planted bug that its test was seen to catch."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from core.admission import ban, unban
from core.chains import FedState
from core.errors import Conflict, Refused
from core.forgetting import forget
from core.ids import Account, VersionId
from core.intake import prior_of, retracted
from core.item import Verdict
from core.ports import Beliefs, Ledger, NightResult, Transaction
from core.posterior import absorb
from core.question import Question, QuestionState, Tap
from core.refit import beliefs_of
from core.reliability import Reliability
from core.service import arrive, enrol
from core.tapping import Outcome, tap
from core.version import Version, VersionState
from core.worker import Admission, Enrolment, Worker
from tests.contracts.floor import Floor, captioned, chained
from tests.contracts.scene import MINUTE, NOW, POOL, Scene, scene
from tests.contracts.stores import SQL, House

DAY = 24 * 60 * MINUTE


async def place(house: House, here: Scene, worker: int) -> Enrolment:
    found = await house.ledger.transact(lambda tx: tx.enrolment(here.campaign.id, here.workers[worker].id))
    assert found is not None
    return found


async def forgotten(house: House, here: Scene, worker: int, answers: bool) -> None:
    await house.ledger.transact(lambda tx: forget(tx, here.workers[worker], answers))


async def test_nobody_is_behind_a_forgotten_worker_and_who_comes_back_is_new(house: House) -> None:
    """Planted: the account only loses its channel, so that the second who is forgotten collides with the first."""
    here = await scene(house.ledger, workers=3)
    for at in (0, 1):
        await forgotten(house, here, at, answers=False)
        left = await house.ledger.transact(lambda tx, at=at: tx.person(here.workers[at].id))
        assert (left.account, left.language, left.consent) == (Account("forgotten", here.workers[at].id), "", 0)
        assert not left.reachable and left.campaign is None
        assert await house.ledger.transact(lambda tx, at=at: tx.worker(here.workers[at].account)) is None
    known = {worker.id for worker in here.workers}
    again = await house.ledger.transact(lambda tx: arrive(tx, here.workers[0].account, "en", NOW))
    assert again.id not in known and not again.agreed
    await house.ledger.transact(lambda tx: forget(tx, again, answers=False))
    numbers = [one.number for one in house.archive.accounts(here.campaign.id).values() if one.channel == "telegram"]
    assert numbers == [here.workers[2].account.number]


async def test_answers_stay_without_a_name(house: House) -> None:
    """Planted: the place goes with the person, and the answers of nobody fall out of the beliefs."""
    here = await scene(house.ledger)
    await here.take(await here.ask(0, "i0"), label=0)
    out = await here.ask(0, "i1")
    before, was = await here.see("i0"), await place(house, here, 0)
    await forgotten(house, here, 0, answers=False)
    assert await here.see("i0") == before
    assert await place(house, here, 0) == replace(was, admission=Admission.FORGOTTEN)
    assert len(house.archive.snapshot(here.campaign.id).answer_bits) == 1
    assert len(list(house.archive.answers(here.campaign.id))) == 1
    assert (await here.see("i1")).leases == 0
    assert await here.ledger.transact(lambda tx: [one.state for one in [tx.question(out.id)] if one]) == ["expired"]


async def test_withdrawn_answers_are_as_if_never_given(house: House) -> None:
    """Planted: the question stays answered; the item keeps its count, so that a refit under way overwrites it."""
    here = await scene(house.ledger)
    for worker, label in ((0, 0), (1, 2)):
        await here.take(await here.ask(worker, "i0"), label)
        await here.ledger.transact(lambda tx, w=worker: tx.transfer(f"a{w}", "c", f"worker:{w + 1}", 5, NOW))
    await here.take(await here.ask(0, "i1"), label=1)
    await here.take(await here.ask(0, "i2"), label=1, counted=False)
    stale = beliefs_of(house.archive.snapshot(here.campaign.id))
    await forgotten(house, here, 0, answers=True)
    both, alone = await here.see("i0"), await here.see("i1")
    (kept,) = await here.ledger.transact(lambda tx: tx.answers_of(both.id))
    assert kept[0].worker == here.workers[1].id
    assert both.posterior == absorb(prior_of(here.campaign, both), kept[0].evidence, kept[1], POOL)
    assert (both.answers, alone.answers, alone.posterior) == (1, 0, prior_of(here.campaign, alone))
    house.archive.publish(here.campaign.id, stale)
    assert (await here.see("i0"), await here.see("i1")) == (both, alone)
    assert (await place(house, here, 0)).reliability == Reliability.newcomer(POOL)
    found = house.archive.snapshot(here.campaign.id)
    assert found.workers == [here.workers[1].id] and found.withdrawn == 1
    assert found.retracted == {both.id, alone.id}
    assert [answer.worker for _, _, answer, _ in house.archive.answers(here.campaign.id)] == [here.workers[1].id]
    gone = await place(house, here, 0)
    assert (gone.admission, gone.answered) == (Admission.WITHDRAWN, 0)
    assert await here.ledger.transact(lambda tx: (tx.balance("worker:1"), tx.balance("worker:2"))) == (5, 5)
    assert (await here.ledger.transact(lambda tx: tx.progress(here.campaign.id))).answers == 1


async def test_an_item_that_loses_its_only_answer_is_open(ledger: Ledger) -> None:
    """Planted: settled by people, then without an answer, it passes for one that a version settled alone."""
    here = await scene(ledger)
    alone = replace(await here.see("i0"), answers=1, verdict=Verdict.SETTLED, spoken=VersionId("v"))
    assert retracted(here.campaign, alone, [], out_again=False).verdict is Verdict.OPEN
    gone = replace(alone, verdict=Verdict.WITHDRAWN)
    assert retracted(here.campaign, gone, [], out_again=False).verdict is Verdict.WITHDRAWN


async def test_who_never_answered_has_withdrawn_nothing(house: House) -> None:
    """Planted: everybody who asks for it is counted as one whose answers were left out."""
    here = await scene(house.ledger)
    await forgotten(house, here, 0, answers=True)
    assert (await place(house, here, 0)).admission is Admission.FORGOTTEN
    assert house.archive.snapshot(here.campaign.id).withdrawn == 0


async def test_what_an_item_became_comes_back_with_it(floor: Floor) -> None:
    """Planted: no `follow` after an answer was taken out: the next task stays fed by a label that nobody gives."""
    reviews, products, _ = await chained(floor)
    await floor.settle(reviews, 1)
    assert [one.state for one in await floor.fed(reviews)] == [FedState.FED]
    await floor.ledger.transact(lambda tx: forget(tx, floor.people[0], answers=True))
    item = await floor.named(reviews, "i0")
    assert (item.verdict, item.answers) == (Verdict.OPEN, 1)
    assert [one.state for one in await floor.fed(reviews)] == [FedState.WITHDRAWN]
    assert (await floor.named(products, "reviews/i0")).verdict is Verdict.WITHDRAWN


async def test_words_go_with_the_answers(house: House, floor: Floor) -> None:
    """Planted: written words stay in their table; the trigger lets anybody change words."""
    captions, _ = await captioned(floor)
    await floor.write(0, captions, "my name is Ann")
    await floor.write(1, captions, "a cat")
    await floor.ledger.transact(lambda tx: forget(tx, floor.people[0], answers=True))
    assert list(house.archive.texts(captions.id).words.values()) == ["a cat"]
    if house.database is not None:
        assert sorted(house.sql("SELECT text FROM written")) == [("",), ("a cat",)]
        for change in ("UPDATE written SET text = ''", "UPDATE written SET text = 'x' WHERE text = ''"):
            with pytest.raises(Exception, match="append-only"):
                house.sql(change)
        with pytest.raises(Exception, match="append-only"):
            house.sql("DELETE FROM written WHERE text = ''")


async def concluded(house: House, here: Scene, at: int, beliefs: Beliefs, id_: str = "") -> None:
    now = NOW + at * DAY
    claim = house.archive.claim(here.campaign.id, date(2026, 11, 22 + at), now)
    assert claim is not None
    version = Version(VersionId(id_ or f"v{at}"), here.campaign.id, VersionState.CANDIDATE, now, 9, None)
    house.archive.conclude(claim, NightResult(beliefs, version, False, []), now)


async def test_versions_know_how_many_have_withdrawn_since(house: House) -> None:
    """Planted: every version is marked; who asks to be forgotten while a version is made is not counted; a rewritten
    version begins anew."""
    here = await scene(house.ledger, workers=3)
    nothing = Beliefs(POOL, [], {})
    await concluded(house, here, -1, nothing)
    for worker in (0, 1):
        await here.take(await here.ask(worker, "i0"), label=worker)
    await concluded(house, here, 1, nothing)
    snapshot = house.archive.snapshot(here.campaign.id)
    await forgotten(house, here, 0, answers=True)
    await forgotten(house, here, 2, answers=True)  # who has never answered
    await concluded(house, here, 2, beliefs_of(snapshot))
    await concluded(house, here, 3, beliefs_of(house.archive.snapshot(here.campaign.id)))
    assert [one.withdrawn for one in house.archive.versions(here.campaign.id)] == [0, 1, 1, 0]
    await forgotten(house, here, 1, answers=False)
    await concluded(house, here, 4, nothing, "v1")
    found = {one.id: one.withdrawn for one in house.archive.versions(here.campaign.id)}
    assert found == {"v-1": 0, "v1": 1, "v2": 1, "v3": 0}


async def test_forgetting_is_no_way_round_a_ban(house: House) -> None:
    """Planted: nothing is kept; what is kept holds in every campaign; it still holds after an admin let them back."""
    here = await scene(house.ledger)
    account, campaign = here.workers[0].account, here.campaign
    other = await house.ledger.transact(lambda tx: tx.add_campaign(replace(campaign.draft, slug="birds"), POOL, NOW))

    async def back() -> tuple[Worker, Enrolment, Enrolment]:
        def work(tx: Transaction) -> tuple[Worker, Enrolment, Enrolment]:
            worker = arrive(tx, account, "en", NOW)
            for slug in ("birds", "pets"):
                worker = enrol(tx, worker, slug, NOW).worker
            here_, there = tx.enrolment(campaign.id, worker.id), tx.enrolment(other.id, worker.id)
            assert here_ is not None and there is not None
            return worker, here_, there

        return await house.ledger.transact(work)

    pseudonym = (await place(house, here, 0)).pseudonym
    await house.ledger.transact(lambda tx: ban(tx, "pets", pseudonym))
    await forgotten(house, here, 0, answers=False)
    if house.database is not None:
        assert len(house.sql("SELECT * FROM bar")) == 1
    with pytest.raises(Refused, match="asked to be forgotten"):
        await house.ledger.transact(lambda tx: unban(tx, "pets", pseudonym))
    worker, barred, free = await back()
    assert (barred.admission, free.admission) == (Admission.BANNED, Admission.OPEN)
    await house.ledger.transact(lambda tx: unban(tx, "pets", barred.pseudonym))
    await house.ledger.transact(lambda tx: forget(tx, worker, answers=True))
    _, barred, _ = await back()
    assert barred.admission is Admission.OPEN
    assert await house.ledger.transact(lambda tx: tx.recall_bar(campaign.id, Account("telegram", 9))) is None


def pressed(tx: Transaction, account: Account, question: Question) -> Outcome | None:
    worker = tx.worker(account)
    return tap(tx, worker, Tap(question.id, question.lease, 0), NOW).outcome if worker else None


def asked(tx: Transaction, account: Account, answers: bool) -> bool:
    worker = tx.worker(account)
    if worker is not None:
        forget(tx, worker, answers)
    return worker is not None


@pytest.mark.parametrize("answers", [False, True])
async def test_a_tap_in_flight_ends_in_one_of_two_clean_states(house: House, answers: bool) -> None:
    """Planted: the account is looked up without a lock, so that on PostgreSQL both find the worker; two confirmations
    both forget."""
    here = await scene(house.ledger, items=12, workers=12)
    for at, worker in enumerate(here.workers):
        await here.ledger.transact(lambda tx, w=worker: tx.save_worker(replace(w, campaign=here.campaign.id)))
        question = await here.ask(at, f"i{at}")
        turns = [
            here.ledger.transact(lambda tx, w=worker: asked(tx, w.account, answers)),
            here.ledger.transact(lambda tx, w=worker, q=question: pressed(tx, w.account, q)),
            here.ledger.transact(lambda tx, w=worker: asked(tx, w.account, answers)),
        ]
        outcomes = await asyncio.gather(*(turns if at % 2 else reversed(turns)))
        once, outcome, twice = outcomes if at % 2 else reversed(outcomes)
        assert {once, twice} == {True, False} and outcome in (None, Outcome.SAVED)
        left = await here.ledger.transact(lambda tx, q=question: tx.question(q.id))
        ends = {None: QuestionState.EXPIRED, Outcome.SAVED: QuestionState.WITHDRAWN if answers else "answered"}
        assert left is not None and left.state == ends[outcome]
    items = [await here.see(f"i{n}") for n in range(12)]
    stand = await here.ledger.transact(lambda tx: [len(tx.answers_of(item.id)) for item in items])
    assert [(item.answers, item.leases) for item in items] == [(count, 0) for count in stand]
    assert not answers or stand == [0] * 12


@pytest.mark.parametrize("house", SQL, indirect=True)
async def test_a_forgotten_account_may_be_added_again_only_once(house: House) -> None:
    """Planted: the unique account is given up with the person, so that two messages make two workers."""
    here = await scene(house.ledger)
    await forgotten(house, here, 0, answers=False)
    account = here.workers[0].account
    found = await asyncio.gather(
        *(house.ledger.transact(lambda tx: tx.add_worker(account, "en", NOW)) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(one, Worker) for one in found) == 1
    assert all(isinstance(one, Worker | Conflict) for one in found)
    assert not any(str(account.number) in str(one) for one in found if isinstance(one, Conflict))
