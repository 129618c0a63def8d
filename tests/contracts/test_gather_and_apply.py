"""Every method of a transaction, on every store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.campaign import CampaignState
from core.errors import Conflict, NotFound
from core.ids import Account, CampaignId, ItemId, QuestionId
from core.item import Role, Verdict
from core.ports import Ledger, Progress
from core.question import QuestionState
from core.reliability import Pool, Reliability
from core.worker import Enrolment
from tests.contracts.scene import MINUTE, NOW, POOL, draft, new, scene


async def test_a_campaign_comes_back_as_it_was_described(ledger: Ledger) -> None:
    added = await ledger.transact(lambda tx: tx.add_campaign(draft(), POOL, NOW))
    assert (added.draft, added.state, added.created_at, added.pool) == (draft(), CampaignState.OPEN, NOW, POOL)
    assert await ledger.transact(lambda tx: tx.campaign(added.id)) == added
    assert await ledger.transact(lambda tx: tx.campaign_named("pets")) == added
    assert await ledger.transact(lambda tx: tx.campaigns()) == [added]


async def test_what_is_not_there_is_named(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="no campaign named birds"):
        await ledger.transact(lambda tx: tx.campaign_named("birds"))
    with pytest.raises(NotFound, match="no campaign named 7"):
        await ledger.transact(lambda tx: tx.campaign(CampaignId(7)))
    with pytest.raises(NotFound, match="no item named 7"):
        await ledger.transact(lambda tx: tx.item(ItemId(7)))
    assert await ledger.transact(lambda tx: tx.worker(Account("telegram", 1))) is None
    assert await ledger.transact(lambda tx: tx.question(QuestionId("none"))) is None
    assert await ledger.transact(lambda tx: tx.answer(QuestionId("none"), 1)) is None
    assert await ledger.transact(lambda tx: tx.bubble(QuestionId("none"))) is None


async def test_a_slug_is_taken_once(ledger: Ledger) -> None:
    await ledger.transact(lambda tx: tx.add_campaign(draft(), POOL, NOW))
    with pytest.raises(Conflict, match="pets"):
        await ledger.transact(lambda tx: tx.add_campaign(draft(), POOL, NOW))
    other = await ledger.transact(lambda tx: tx.add_campaign(draft("birds"), POOL, NOW))
    assert other.slug == "birds"


async def test_a_pause_is_seen_by_the_next_transaction_and_by_its_own(ledger: Ledger) -> None:
    here = await scene(ledger)
    id_ = here.campaign.id
    assert (await ledger.transact(lambda tx: tx.campaign(id_))).state is CampaignState.OPEN
    seen = await ledger.transact(lambda tx: (tx.set_state(id_, CampaignState.PAUSED), tx.campaign(id_))[1])
    assert seen.state is CampaignState.PAUSED
    assert (await ledger.transact(lambda tx: tx.campaign(id_))).state is CampaignState.PAUSED


async def test_a_pause_that_is_rolled_back_is_never_remembered(ledger: Ledger) -> None:
    here = await scene(ledger)
    id_ = here.campaign.id

    def pause_and_fail(tx: object) -> None:
        tx.set_state(id_, CampaignState.PAUSED)  # type: ignore[attr-defined]
        assert tx.campaign(id_).state is CampaignState.PAUSED  # type: ignore[attr-defined]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ledger.transact(pause_and_fail)
    await ledger.transact(lambda tx: tx.set_state(id_, CampaignState.OPEN))
    assert (await ledger.transact(lambda tx: tx.campaign(id_))).state is CampaignState.OPEN


async def test_workers_and_enrolments_are_saved(ledger: Ledger) -> None:
    here = await scene(ledger)
    worker = here.workers[0]
    assert await ledger.transact(lambda tx: tx.worker(worker.account)) == worker
    changed = replace(worker, language="zh", consent=1, campaign=here.campaign.id, reachable=False)
    await ledger.transact(lambda tx: tx.save_worker(changed))
    assert await ledger.transact(lambda tx: tx.worker(worker.account)) == changed
    with pytest.raises(Conflict):
        await ledger.transact(lambda tx: tx.add_worker(worker.account, "en", NOW))

    counts = tuple(float(n) / 3 for n in range(9))
    enrolment = Enrolment(here.campaign.id, worker.id, Reliability(counts), NOW, 5, 2, 1, 3)
    await ledger.transact(lambda tx: tx.save_enrolment(enrolment))
    assert await ledger.transact(lambda tx: tx.enrolment(here.campaign.id, worker.id)) == enrolment


async def test_items_come_as_they_were_added(ledger: Ledger) -> None:
    here = await scene(ledger)
    item, control = await here.see("i0"), await here.see("c0")
    assert (item.role, item.verdict, item.posterior, item.seats) == (Role.PLAIN, Verdict.OPEN, POOL.prior, 0)
    assert (item.content, item.truth, item.suggestion) == (new("i0").content, None, None)
    assert (control.role, control.verdict, control.truth, control.reason) == (
        Role.CONTROL,
        Verdict.SETTLED,
        1,
        "because",
    )
    assert control.posterior == (0.0, 1.0, 0.0)
    assert (await here.see("i2")).role is Role.AUDIT


async def test_an_import_is_all_or_nothing(ledger: Ledger) -> None:
    here = await scene(ledger)
    id_ = here.campaign.id
    some = [(new("fresh"), Role.PLAIN), (new("i1"), Role.PLAIN)]
    with pytest.raises(Conflict, match="i1"):
        await ledger.transact(lambda tx: tx.add_items(id_, some, POOL.prior))
    twice = [(new("fresh"), Role.PLAIN), (new("fresh"), Role.PLAIN)]
    with pytest.raises(Conflict):
        await ledger.transact(lambda tx: tx.add_items(id_, twice, POOL.prior))
    assert await ledger.transact(lambda tx: tx.known_names(id_, ["fresh", "i0", "c0", "none"])) == {"i0", "c0"}


async def test_many_names_are_looked_up(ledger: Ledger) -> None:
    here = await scene(ledger, items=700)
    names = [f"i{n}" for n in range(1200)]
    found = await ledger.transact(lambda tx: tx.known_names(here.campaign.id, names))
    assert found == {f"i{n}" for n in range(700)}
    assert await ledger.transact(lambda tx: tx.known_names(here.campaign.id, [])) == set()


async def test_saving_an_item_keeps_what_is_not_the_days(ledger: Ledger) -> None:
    here = await scene(ledger)
    item = await here.see("i0")
    moved = replace(item, verdict=Verdict.DISPUTED, posterior=(0.1, 0.2, 0.7), answers=1, problems=2, priority=0.9)
    await ledger.transact(lambda tx: tx.save_item(replace(moved, name="other", worth=0.1)))
    assert await here.see("i0") == moved


async def test_the_head_is_open_free_unmet_and_in_order(ledger: Ledger) -> None:
    here = await scene(ledger, items=5, seats=2)
    mine, other = here.workers
    for name, priority in (("i0", 0.1), ("i1", 0.9), ("i2", 0.9), ("i3", 0.7)):
        item = await here.see(name)
        await ledger.transact(lambda tx, item=item, p=priority: tx.save_item(replace(item, priority=p)))
    settled = await here.see("i3")
    await ledger.transact(lambda tx: tx.save_item(replace(settled, verdict=Verdict.SETTLED)))
    await here.ask(1, "i1")

    async def head(worker: object, limit: int = 10) -> list[str]:
        id_ = worker.id  # type: ignore[attr-defined]
        found = await ledger.transact(lambda tx: tx.head(here.campaign.id, id_, limit))
        items = [await ledger.transact(lambda tx, one=one: tx.item(one)) for one in found.items]
        assert found.posteriors.tolist() == [list(item.posterior) for item in items]
        return [item.name for item in items]

    assert await head(mine) == ["i1", "i2", "i4", "i0"]
    assert await head(mine, 2) == ["i1", "i2"]
    assert await head(other) == ["i2", "i4", "i0"]
    full = await here.see("i1")
    await ledger.transact(lambda tx: tx.save_item(replace(full, answers=1)))
    assert await head(mine) == ["i2", "i4", "i0"]


async def test_controls_are_met_once_and_can_be_withdrawn(ledger: Ledger) -> None:
    here = await scene(ledger, controls=3)
    question = here.question(0, "c0")
    await ledger.transact(lambda tx: tx.add_question(question))
    gone = await here.see("c1")
    await ledger.transact(lambda tx: tx.save_item(replace(gone, verdict=Verdict.WITHDRAWN)))

    async def unmet(worker: int, limit: int = 9) -> list[str]:
        id_ = here.workers[worker].id
        found = await ledger.transact(lambda tx: tx.unmet_controls(here.campaign.id, id_, limit))
        return [name for item in found for name, id_ in here.items.items() if id_ == item]

    assert (await unmet(0), await unmet(1), await unmet(1, 1)) == (["c2"], ["c0", "c2"], ["c0"])


async def test_a_question_comes_back_and_changes(ledger: Ledger) -> None:
    here = await scene(ledger)
    question = await here.ask(0, "i0")
    assert await ledger.transact(lambda tx: tx.question(question.id)) == question
    again = replace(question, lease=2, asked_at=NOW + MINUTE, expires_at=NOW + 9 * MINUTE, state=QuestionState.EXPIRED)
    await ledger.transact(lambda tx: tx.save_question(again))
    assert await ledger.transact(lambda tx: tx.question(question.id)) == again


async def test_the_latest_question_in_a_state(ledger: Ledger) -> None:
    here = await scene(ledger)
    campaign, worker = here.campaign.id, here.workers[0].id

    async def latest(state: QuestionState) -> str | None:
        found = await ledger.transact(lambda tx: tx.latest(campaign, worker, state))
        return found and found.id

    assert await latest(QuestionState.LIVE) is None
    first = await here.ask(0, "i0")
    assert await latest(QuestionState.LIVE) == first.id
    await here.take(first)
    second = await here.ask(0, "i1")  # at the same time, but later
    await here.take(second)
    assert (await latest(QuestionState.ANSWERED), await latest(QuestionState.LIVE)) == (second.id, None)
    shown_again = replace(first, state=QuestionState.ANSWERED, asked_at=NOW + MINUTE)
    await ledger.transact(lambda tx: tx.save_question(shown_again))
    assert await latest(QuestionState.ANSWERED) == first.id


async def test_overdue_questions_the_oldest_first(ledger: Ledger) -> None:
    here = await scene(ledger, workers=3)
    late = await here.ask(0, "i0", NOW + MINUTE)
    early = await here.ask(1, "i0", NOW)
    await here.take(await here.ask(2, "i1", NOW - MINUTE))
    due = NOW + 20 * MINUTE
    assert await ledger.transact(lambda tx: tx.overdue(due - MINUTE / 60, 9)) == []
    assert await ledger.transact(lambda tx: tx.overdue(due, 9)) == [early]
    assert await ledger.transact(lambda tx: tx.overdue(due + MINUTE, 9)) == [early, late]
    assert await ledger.transact(lambda tx: tx.overdue(due + MINUTE, 1)) == [early]


async def test_answers_that_stand_come_with_their_workers_reliability(ledger: Ledger) -> None:
    here = await scene(ledger, workers=3)
    first = await here.take(await here.ask(1, "i0"), label=2)
    undone = await here.ask(0, "i0")
    await here.take(undone)
    await ledger.transact(lambda tx: tx.save_question(replace(undone, lease=2)))
    await here.take(await here.ask(2, "i0"), counted=False)
    newcomer = Reliability.newcomer(POOL)
    assert await ledger.transact(lambda tx: tx.answers_of(here.items["i0"])) == [(first, newcomer)]
    assert await ledger.transact(lambda tx: tx.answer(first.question, 1)) == first

    item = await here.see("i0")
    mine = (here.campaign.id, here.workers[1].id)
    assert await ledger.transact(lambda tx: tx.settled_with(*mine)) == 0
    await ledger.transact(lambda tx: tx.save_item(replace(item, verdict=Verdict.SETTLED)))
    assert await ledger.transact(lambda tx: tx.settled_with(*mine)) == 1
    assert await ledger.transact(lambda tx: tx.settled_with(here.campaign.id, here.workers[0].id)) == 0


async def test_evidence_of_more_labels_than_a_machine_word(ledger: Ledger) -> None:
    here = await scene(ledger)
    question = await here.ask(0, "i0")
    await here.take(question, label=200)
    answer = await ledger.transact(lambda tx: tx.answer(question.id, 1))
    assert answer is not None and answer.evidence.labels() == (200,)


async def test_progress_counts_what_it_says(ledger: Ledger) -> None:
    here = await scene(ledger, items=4, controls=2)
    await here.take(await here.ask(0, "i0"))
    item = await here.see("i0")
    await ledger.transact(lambda tx: tx.save_item(replace(item, verdict=Verdict.SETTLED)))
    found = await ledger.transact(lambda tx: tx.progress(here.campaign.id))
    assert found == Progress(items=4, open=3, settled=1, disputed=0, controls=2, audits=1, answers=1, workers=1)


async def test_a_transfer_happens_once(ledger: Ledger) -> None:
    async def balances() -> tuple[int, int]:
        return await ledger.transact(lambda tx: (tx.balance("campaign:1"), tx.balance("worker:1")))

    for _ in range(3):
        await ledger.transact(lambda tx: tx.transfer("answer:q:1", "campaign:1", "worker:1", 5, NOW))
    assert await balances() == (-5, 5)
    await ledger.transact(lambda tx: tx.transfer("undo:q:1", "worker:1", "campaign:1", 5, NOW))
    await ledger.transact(lambda tx: tx.transfer("nothing", "worker:1", "campaign:1", 0, NOW))
    assert await balances() == (0, 0)
    with pytest.raises(ValueError, match="turn source and target round"):
        await ledger.transact(lambda tx: tx.transfer("less", "worker:1", "campaign:1", -1, NOW))


async def test_nothing_is_kept_of_a_transaction_that_fails(ledger: Ledger) -> None:
    here = await scene(ledger)
    question = here.question(0, "i0")

    def work(tx: object) -> None:
        tx.take_seat(question.item)  # type: ignore[attr-defined]
        tx.add_question(question)  # type: ignore[attr-defined]
        tx.transfer("cause", "a", "b", 5, NOW)  # type: ignore[attr-defined]
        tx.add_worker(Account("telegram", 999), "en", NOW)  # type: ignore[attr-defined]
        tx.add_campaign(draft("birds"), Pool.fresh(3), NOW)  # type: ignore[attr-defined]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ledger.transact(work)
    assert (await here.see("i0")).leases == 0
    assert await ledger.transact(lambda tx: tx.question(question.id)) is None
    assert await ledger.transact(lambda tx: tx.balance("b")) == 0
    assert await ledger.transact(lambda tx: tx.worker(Account("telegram", 999))) is None
    assert len(await ledger.transact(lambda tx: tx.campaigns())) == 1
    head = await ledger.transact(lambda tx: tx.head(here.campaign.id, here.workers[0].id, 9))
    assert list(head.items) == [here.items[name] for name in ("i0", "i1", "i2")]
