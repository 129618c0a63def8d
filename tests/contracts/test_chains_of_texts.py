"""Chains of written answers on every store: texts become candidates, and a winner is known to exports."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from core import service
from core.campaign import TEXT_LABELS
from core.chains import FedState, Proposal
from core.errors import NothingToLearn
from core.item import Verdict
from core.planning import plan
from core.question import Press, QuestionState
from core.refit import beliefs_of
from core.tapping import Outcome
from core.teaching import lessons_of
from core.writing import write
from tests.contracts.floor import Floor, captioned
from tests.contracts.scene import NOW
from tests.contracts.stores import SQL, House


async def test_texts_become_candidates_and_the_same_words_one(floor: Floor) -> None:
    captions, check = await captioned(floor, people=3)
    await floor.write(0, captions, "A cat  sleeps.")
    await floor.write(1, captions, "a CAT sleeps")
    assert await floor.open_in(check) == []
    await floor.write(2, captions, "Sleepy cat")
    proposals = await floor.ledger.transact(lambda tx: tx.proposals(tx.item_named(captions.id, "i0").id))
    assert proposals == [
        Proposal(floor.people[0].id, "A cat sleeps."),
        Proposal(floor.people[1].id, "a CAT sleeps"),
        Proposal(floor.people[2].id, "Sleepy cat"),
    ]
    texts = [(await floor.named(check, name)).content.text for name in ("captions/i0#1", "captions/i0#2")]
    assert texts == ["text 0\n\n✎ A cat sleeps.", "text 0\n\n✎ Sleepy cat"]
    assert len(await floor.fed(captions)) == 2
    for person in (0, 1, 2):
        assert await floor.open_in(check, person) == []
    assert len(await floor.open_in(check, 3)) == 2


async def test_a_text_that_is_taken_back_is_withdrawn_and_its_successor_judged(floor: Floor) -> None:
    captions, check = await captioned(floor)
    await floor.write(0, captions, "first")
    last = await floor.write(1, captions, "second")
    await floor.press(1, last, Press.UNDO)
    assert await floor.open_in(check) == []
    again = await floor.ask(1, captions)
    assert again is not None and again.id == last.id
    await floor.write(1, captions, "third")
    states = {one.candidate: one.state for one in await floor.fed(captions)}
    assert states == {"first": FedState.FED, "second": FedState.WITHDRAWN, "third": FedState.FED}
    assert sorted(await floor.open_in(check)) == ["captions/i0#1", "captions/i0#3"]


@pytest.mark.parametrize("house", SQL, indirect=True)
async def test_written_words_cannot_be_changed_even_by_hand(house: House, floor: Floor) -> None:
    captions, _ = await captioned(floor)
    await floor.write(0, captions, "first")
    for statement in ("UPDATE written SET text = 'forged'", "DELETE FROM written"):
        with pytest.raises(Exception, match="append-only"):
            house.sql(statement)
    assert house.sql("SELECT text FROM written") == [("first",)]


@pytest.mark.parametrize("house", SQL, indirect=True)
async def test_words_belong_to_an_answer_and_fed_items_to_campaigns(house: House, floor: Floor) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        house.sql("INSERT INTO written (question, lease, text) VALUES ('none', 0, 'words')")
    await floor.campaign("one")
    with pytest.raises(Exception, match="ck_chain_ends"):
        house.sql("INSERT INTO chain (source, label, target, apart) VALUES (1, 0, 1, false)")


async def test_a_late_text_becomes_a_candidate_only_while_the_item_is_open(floor: Floor) -> None:
    captions, check = await captioned(floor)
    late = await floor.ask(4, captions)
    assert late is not None
    await floor.ledger.transact(lambda tx: service.expire(tx, NOW + timedelta(hours=2)))
    await floor.write(0, captions, "first")
    await floor.write(1, captions, "second")
    now = NOW + timedelta(hours=3)
    worker = replace(floor.people[4], campaign=captions.id)
    expired = await floor.ledger.transact(lambda tx: tx.question(late.id))
    assert expired is not None and expired.state is QuestionState.EXPIRED
    tapped = await floor.ledger.transact(lambda tx: write(tx, worker, captions, expired, "late", now, now))
    assert tapped.outcome is Outcome.CREDITED
    assert len(await floor.open_in(check)) == 2 and await floor.open_in(check, 4) == []


async def test_exports_know_where_items_came_from_and_which_text_won(floor: Floor, house: House) -> None:
    captions, check = await captioned(floor)
    await floor.write(0, captions, "first")
    await floor.write(1, captions, "second")
    provenance = list(house.archive.provenance(check.id))
    assert [(one.source, one.task, one.label, one.fed_task, one.state) for one in provenance] == [
        ("captions", "i0", 0, "captions/i0#1", FedState.FED),
        ("captions", "i0", 0, "captions/i0#2", FedState.FED),
    ]
    assert list(house.archive.provenance(captions.id)) == provenance
    texts = house.archive.texts(captions.id)
    assert sorted(texts.words.values()) == ["first", "second"]
    (lot,) = texts.lots.values()
    assert [one.text for one in lot.proposals] == ["first", "second"]
    assert {key: (one.answers, one.verdict) for key, one in lot.judged.items()} == {
        "first": (0, Verdict.OPEN), "second": (0, Verdict.OPEN),
    }  # fmt: skip


async def test_the_sweep_of_an_unchained_campaign_finds_nothing(floor: Floor, house: House) -> None:
    plain = await floor.campaign("plain", 2)
    await floor.settle(plain, 0)
    assert house.archive.restless(plain.id) == [] and list(house.archive.provenance(plain.id)) == []


@pytest.mark.parametrize("house", ["memory"], indirect=True)
async def test_a_night_of_texts_has_nothing_to_learn(floor: Floor, house: House) -> None:
    """It says so in words, and the refit leaves the verdicts to the number of texts."""
    captions = await floor.campaign("captions", 24, TEXT_LABELS)
    for turn in range(24):
        for person in (0, 1):
            await floor.write(person, captions, f"text {turn} of {person}")
    snapshot = house.archive.snapshot(captions.id)
    beliefs = beliefs_of(snapshot)
    assert {item.verdict for item in beliefs.items} == {Verdict.SETTLED}
    with pytest.raises(NothingToLearn, match="same label"):
        lessons_of(snapshot, beliefs, plan(snapshot, beliefs).taught)
