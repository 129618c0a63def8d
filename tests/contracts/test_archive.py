"""The night's store: snapshots of one moment, writes that lose to newer facts, one runner."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from core.errors import Conflict, NotFound
from core.ids import CampaignId, VersionId, WorkerId
from core.item import Item, Role, Verdict
from core.ports import Beliefs, Claim, Letter, NightResult
from core.question import QuestionState
from core.refit import beliefs_of
from core.reliability import Reliability
from core.version import Judgement, Version, VersionState
from tests.contracts.scene import MINUTE, NOW, POOL, Scene, scene
from tests.contracts.stores import House

NIGHT = date(2026, 11, 22)
SURE = (0.01, 0.98, 0.01)


async def answered(house: House) -> Scene:
    """Worker 0 answered i0 and a control, worker 1 answered i0 and i1; one answer undone, one not counted."""
    here = await scene(house.ledger, items=4, workers=3)
    await here.take(await here.ask(0, "i0"), label=1)
    await here.take(await here.ask(1, "i0"), label=2)
    await here.take(await here.ask(1, "i1"), label=2)
    control = here.question(0, "c0")
    await house.ledger.transact(lambda tx: tx.add_question(control))
    answer = here.answer(control, label=1)

    def take(tx: object) -> None:
        tx.add_answer(answer)  # type: ignore[attr-defined]
        tx.save_question(replace(control, state=QuestionState.ANSWERED))  # type: ignore[attr-defined]
        enrolment = tx.enrolment(here.campaign.id, control.worker)  # type: ignore[attr-defined]
        tx.save_enrolment(replace(enrolment, answered=2, controls=1))  # type: ignore[attr-defined]

    await house.ledger.transact(take)
    undone = await here.ask(2, "i2")
    await here.take(undone)
    await house.ledger.transact(lambda tx: tx.save_question(replace(undone, lease=2)))
    item = await here.see("i2")
    await house.ledger.transact(lambda tx: tx.save_item(replace(item, answers=0, leases=1)))
    await here.take(await here.ask(1, "i3"), counted=False)
    return here


async def test_a_snapshot_has_the_facts_that_stand(house: House) -> None:
    here = await answered(house)
    shot = house.archive.snapshot(here.campaign.id)
    assert [item.name for item in shot.items] == ["i0", "i1", "i2", "i3", "c0"]
    assert shot.items[0] == await here.see("i0")
    assert shot.workers == [here.workers[0].id, here.workers[1].id]
    facts = zip(shot.answer_item, shot.answer_worker, shot.answer_bits, shot.latency_ms, strict=True)
    assert [tuple(map(int, fact)) for fact in facts] == [
        (0, 0, 0b010, 1500), (0, 1, 0b100, 1500), (1, 1, 0b100, 1500), (4, 0, 0b010, 1500),
    ]  # fmt: skip
    assert (shot.answer_item.dtype, shot.answer_worker.dtype) == (np.int64, np.int64)
    assert shot.retracted == {shot.items[2].id}  # undone; not i3, whose answer never counted


async def test_a_snapshot_of_nothing(house: House) -> None:
    here = await scene(house.ledger)
    shot = house.archive.snapshot(here.campaign.id)
    assert (len(shot.items), shot.workers, len(shot.answer_item), shot.answer_bits) == (4, [], 0, [])
    assert shot.retracted == set()
    with pytest.raises(NotFound):
        house.archive.snapshot(CampaignId(99))


async def test_the_core_can_refit_what_it_is_given(house: House) -> None:
    here = await answered(house)
    beliefs = beliefs_of(house.archive.snapshot(here.campaign.id))
    house.archive.publish(here.campaign.id, beliefs)
    stored = {item.id: item for item in house.archive.snapshot(here.campaign.id).items}
    assert {item.id: stored[item.id].posterior for item in beliefs.items} == {
        item.id: item.posterior for item in beliefs.items
    }
    campaign = house.archive.campaign_named("pets")
    assert campaign.pool == beliefs.pool != POOL
    assert await house.ledger.transact(lambda tx: tx.campaign(campaign.id)) == campaign
    for worker, reliability in beliefs.reliabilities.items():
        enrolment = await house.ledger.transact(lambda tx, w=worker: tx.enrolment(campaign.id, w))
        assert enrolment is not None and enrolment.reliability == reliability


def moved(item: Item) -> Item:
    return replace(item, posterior=SURE, verdict=Verdict.SETTLED, priority=0.25, worth=0.75, suggestion=SURE)


async def test_publishing_loses_to_newer_facts(house: House) -> None:
    here = await answered(house)
    shot = house.archive.snapshot(here.campaign.id)
    changed = [moved(item) for item in shot.items if item.role is not Role.CONTROL]
    trusted = Reliability((1.0,) * 9)
    seen = {here.workers[0].id: 2, here.workers[1].id: 2, here.workers[2].id: 0}
    beliefs = Beliefs(POOL, changed, dict.fromkeys(seen, trusted), seen)

    await here.take(await here.ask(0, "i1"))  # newer than the snapshot
    gone = await here.see("i2")
    await house.ledger.transact(lambda tx: tx.save_item(replace(gone, verdict=Verdict.WITHDRAWN)))
    house.archive.publish(here.campaign.id, beliefs)

    old, new = await here.see("i1"), await here.see("i0")
    assert (old.posterior, old.verdict) == (POOL.prior, Verdict.OPEN)
    assert (await here.see("i2")).verdict is Verdict.WITHDRAWN
    assert (new.posterior, new.verdict, new.priority) == (SURE, Verdict.SETTLED, 0.25)
    assert (new.worth, new.suggestion) == (0.5, None)  # the night's, not a refit's

    async def reliability(worker: int) -> Reliability:
        found = await house.ledger.transact(lambda tx: tx.enrolment(here.campaign.id, here.workers[worker].id))
        assert found is not None
        return found.reliability

    assert await reliability(0) == Reliability.newcomer(POOL)  # has answered since
    assert await reliability(1) == trusted  # has an answer that does not count, in both


async def test_a_night_is_run_once(house: House) -> None:
    here = await scene(house.ledger)
    archive, id_ = house.archive, here.campaign.id
    claim = archive.claim(id_, NIGHT, NOW)
    assert claim == Claim(id_, NIGHT, 1)
    assert archive.claim(id_, NIGHT, NOW) is None
    assert archive.claim(id_, NIGHT, NOW, again=True) is None
    assert archive.claim(id_, NIGHT + timedelta(days=1), NOW) is None  # one runner for each campaign
    archive.keep(claim, "train", NOW + 14 * MINUTE)
    assert archive.claim(id_, NIGHT, NOW + 28 * MINUTE) is None
    archive.fail(claim, "too few", [], NOW + 28 * MINUTE)
    assert archive.claim(id_, NIGHT, NOW + 29 * MINUTE) is None
    assert archive.claim(id_, NIGHT, NOW + 29 * MINUTE, again=True) == Claim(id_, NIGHT, 2)
    with pytest.raises(NotFound):
        archive.claim(CampaignId(99), NIGHT, NOW)


async def test_a_runner_that_was_silent_has_lost_its_night(house: House) -> None:
    here = await scene(house.ledger)
    archive = house.archive
    silent = archive.claim(here.campaign.id, NIGHT, NOW)
    assert silent is not None
    takeover = archive.claim(here.campaign.id, NIGHT, NOW + 16 * MINUTE)
    assert takeover == Claim(here.campaign.id, NIGHT, 2)
    for late in (
        lambda: archive.keep(silent, "train", NOW),
        lambda: archive.conclude(silent, result(here, []), NOW),
        lambda: archive.fail(silent, "why", [Letter(1, "sendMessage", {})], NOW),
    ):
        with pytest.raises(Conflict, match="Somebody else"):
            late()
    assert archive.serving(here.campaign.id) is None
    archive.keep(takeover, "train", NOW)


def result(here: Scene, items: list[Item], name: str = "v1", promote: bool = True) -> NightResult:
    judgement = Judgement(10, 0.9, 0.8, 0.95, 0.3, 0.02)
    version = Version(VersionId(name), here.campaign.id, VersionState.CANDIDATE, NOW, 17, judgement)
    beliefs = Beliefs(POOL, items, {}, {})
    return NightResult(beliefs, version, promote, [Letter(7, "sendPhoto", {"caption": name})])


async def test_a_night_is_lost_to_the_next_one_too(house: House) -> None:
    here = await scene(house.ledger)
    silent = house.archive.claim(here.campaign.id, NIGHT, NOW)
    assert silent is not None
    assert house.archive.claim(here.campaign.id, NIGHT + timedelta(days=1), NOW + 16 * MINUTE) is not None
    with pytest.raises(Conflict, match="Somebody else"):
        house.archive.conclude(silent, result(here, []), NOW)


async def test_an_answer_that_was_undone_and_given_again_stands_once(house: House) -> None:
    here = await scene(house.ledger)
    question = await here.ask(0, "i0")
    await here.take(question, label=0)
    again = replace(question, lease=2)
    item = await here.see("i0")
    await house.ledger.transact(lambda tx: (tx.save_question(again), tx.save_item(replace(item, answers=0, leases=1))))
    await here.take(again, label=2)
    assert house.archive.snapshot(here.campaign.id).answer_bits == [0b100]
    assert [answer.lease for _, _, answer, _ in house.archive.answers(here.campaign.id)] == [2]
    facts = await house.ledger.transact(lambda tx: tx.answers_of(item.id))
    assert [answer.lease for answer, _ in facts] == [2]


async def test_a_night_is_concluded_in_one_piece(house: House) -> None:
    here = await answered(house)
    archive, id_ = house.archive, here.campaign.id
    claim = archive.claim(id_, NIGHT, NOW)
    assert claim is not None
    items = [replace(moved(item), spoken=VersionId("v1")) for item in archive.snapshot(id_).items[:2]]
    await here.take(await here.ask(0, "i1"))
    archive.conclude(claim, result(here, items), NOW)

    assert await here.see("i0") == items[0]
    unmoved = await here.see("i1")
    assert (unmoved.suggestion, unmoved.worth, unmoved.spoken) == (None, 0.5, None)
    serving = archive.serving(id_)
    assert serving == replace(result(here, []).version, state=VersionState.SERVING)
    assert await house.ledger.transact(lambda tx: tx.serving(id_)) == serving
    assert (await house.ledger.transact(lambda tx: tx.campaign(id_))).serving == "v1"
    with pytest.raises(Conflict):
        archive.conclude(claim, result(here, items), NOW)
    if house.writer:
        assert [one.letter.body for one in await house.outbox.due(NOW, 9)] == [{"caption": "v1"}]


async def test_versions_take_turns(house: House) -> None:
    here = await scene(house.ledger)
    archive, id_ = house.archive, here.campaign.id

    def night(day: int, name: str, promote: bool) -> None:
        claim = archive.claim(id_, NIGHT + timedelta(days=day), NOW)
        assert claim is not None
        archive.conclude(claim, result(here, [], name, promote), NOW)

    night(0, "v1", promote=True)
    night(1, "v2", promote=False)
    assert archive.serving(id_).id == "v1"  # type: ignore[union-attr]
    night(2, "v1", promote=False)  # the same content again: it serves on
    assert archive.serving(id_).state is VersionState.SERVING  # type: ignore[union-attr]
    night(3, "v2", promote=True)
    assert archive.serving(id_).id == "v2"  # type: ignore[union-attr]
    if house.writer:
        assert house.sql("SELECT id, state FROM version ORDER BY id") == [("v1", "retired"), ("v2", "serving")]


async def test_exports_have_what_stands_under_new_pseudonyms_each_time(house: House) -> None:
    here = await answered(house)
    first, second = (list(house.archive.answers(here.campaign.id)) for _ in range(2))
    assert [(name, answer.evidence.labels(), answer.counted) for name, _, answer, _ in first] == [
        ("i0", (1,), True), ("i0", (2,), True), ("i1", (2,), True), ("c0", (1,), True), ("i3", (0,), False),
    ]  # fmt: skip
    assert all(question.id == answer.question for _, _, answer, question in first)
    names = [pseudonym for _, pseudonym, _, _ in first]
    assert names[0] == names[3] != names[1] == names[2]
    assert not set(names) & {pseudonym for _, pseudonym, _, _ in second}
    lines = list(house.archive.consensus(here.campaign.id))
    assert [line.name for line in lines] == ["i0", "i1", "i2", "i3", "c0"]
    assert (lines[0].answers, lines[0].posterior, lines[4].truth) == (2, POOL.prior, 1)
    assert WorkerId(1) not in names
