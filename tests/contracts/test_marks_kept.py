"""A campaign with several labels for each item, on every store: ticks, answers, beliefs, files there and back.

Planted bugs seen to fail: a control's set read as a label's number when it is added; an export of ours whose "cat|dog"
is read back as "cat or dog"; "(none)" as a label of its own.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from bot.aggregated import aggregate
from core.administration import create_campaign, import_items
from core.campaign import Campaign, Draft, Kind, Policy
from core.errors import BadInput
from core.forms import Form
from core.ids import Account
from core.marking import mark
from core.ports import Archive, Ledger, Transaction
from core.question import Press, Tap
from core.refit import beliefs_of
from core.service import Asked, arrive, ask, consent, enrol
from core.tapping import Outcome, tap
from storage.exchange.answers_csv import answers_csv, consensus_csv
from storage.exchange.answers_in import read_answers, read_known
from storage.exchange.gathered import AnswerKind
from storage.exchange.items import read_items
from tests.contracts.scene import NOW

LABELS = ("noise", "smell", "price")
TABLE = b"id,text,truth\nk,loud and dear,noise; Price\nn,fine,(none)\n"
PLAIN = b"id,text\na,loud and smelly\nb,all fine\n"
TRUE = {"a": (0, 1), "b": (), "k": (0, 2), "n": ()}


async def opened(ledger: Ledger) -> Campaign:
    policy = Policy(control_share=0.5, audit_share=0.0, confidence=0.995)
    draft = Draft("visits", "Visits", "What is wrong?", LABELS, Kind.MULTI, policy)

    def work(tx: Transaction) -> Campaign:
        made = create_campaign(tx, draft, NOW)
        import_items(tx, "visits", "a.csv", read_items("a.csv", PLAIN, LABELS, kind=Kind.MULTI).items)
        import_items(tx, "visits", "k.csv", read_items("k.csv", TABLE, LABELS, True, Kind.MULTI).items)
        return made

    return await ledger.transact(work)


async def answered(ledger: Ledger, of: Campaign, person: int, dice: random.Random) -> int:
    """Everything that somebody can answer, rightly; the second person is never sure."""

    def work(tx: Transaction) -> bool:
        worker = consent(tx, enrol(tx, arrive(tx, Account("telegram", person), "en", NOW), "visits", NOW).worker)
        asked = ask(tx, worker, of.id, NOW, dice)
        if not isinstance(asked, Asked):
            return False
        question, true = asked.question, TRUE[asked.item.name]
        assert question.layout.form is Form.TOGGLE
        for label in true:
            found = mark(tx, worker, question.id, question.lease, label, True)
            assert isinstance(found, Asked) and label in found.question.layout.shown
        press = Press.NOT_SURE if person == 1 else Press.DONE if true else Press.NONE
        return tap(tx, worker, Tap(question.id, question.lease, press), NOW).outcome is Outcome.SAVED

    count = 0
    while await ledger.transact(work):
        count += 1
    return count


async def test_ticks_answers_and_beliefs_come_back(ledger: Ledger, archive: Archive) -> None:
    of = await opened(ledger)
    found = {item.name: item for item in archive.snapshot(of.id).items}
    assert (found["k"].truth, found["n"].truth, found["a"].truth) == (0b101, 0, None)
    assert (found["k"].posterior, found["n"].posterior) == ((1.0, 0.0, 1.0), (0.0, 0.0, 0.0))
    assert found["a"].posterior == of.pool.prior and archive.campaign_named("visits") == of
    for person in range(6):
        assert await answered(ledger, of, person, random.Random(person)) >= 2
    snapshot = archive.snapshot(of.id)
    archive.publish(of.id, beliefs_of(snapshot))
    after = archive.snapshot(of.id)
    assert after.campaign.pool != of.pool and after.campaign.pool.labels == 3
    believed = {item.name: item.posterior for item in after.items}
    assert [p > 0.5 for p in believed["a"]] == [True, True, False] and max(believed["b"]) < 0.5
    for person in (0, 1):
        worker = await ledger.transact(lambda tx, n=person: tx.worker(Account("telegram", n)))
        assert worker is not None
        enrolment = await ledger.transact(lambda tx, w=worker: tx.enrolment(of.id, w.id))
        assert enrolment is not None and len(enrolment.reliability.counts) == 12
        assert bool(sum(enrolment.reliability.counts) > 1) == (person == 0), "who is never sure is a newcomer"


async def test_files_go_there_and_back(ledger: Ledger, archive: Archive) -> None:
    of = await opened(ledger)
    for person in range(6):
        await answered(ledger, of, person, random.Random(person))
    archive.publish(of.id, beliefs_of(archive.snapshot(of.id)))
    of = archive.campaign_named("visits")
    file = read_answers("a.csv", "".join(answers_csv(of, archive.answers(of.id))).encode())
    assert file.kind is AnswerKind.MULTI and {"noise|smell", "(none)", ""} <= set(file.cells)
    known = read_known("k.csv", b"task,label\nk,noise|price\nn,(none)\n")
    found = aggregate("a.csv", file, known, None)
    rows = dict(zip(found.tasks, found.labels, strict=True))
    assert rows == {"a": "noise|smell", "b": "(none)", "k": "noise|price", "n": "(none)"}
    assert found.distinct == 3 and found.accuracy == 1.0 and np.isfinite(found.log_loss or 0.0)
    lines = [line.split(",") for line in "".join(consensus_csv(of, archive.consensus(of.id))).splitlines()]
    cells = {line[0]: dict(zip(lines[0], line, strict=True)) for line in lines[1:]}
    assert {name: line["label"] for name, line in cells.items()} == rows
    assert cells["k"]["confidence"] == "1" and cells["k"]["chance of price"] == "1.0000"
    for name in "ab":
        sure = [max(p, 1 - p) for p in (float(cells[name][f"chance of {label}"]) for label in LABELS)]
        assert min(sure) == pytest.approx(float(cells[name]["confidence"]), abs=1e-4)


@pytest.mark.parametrize(
    ("content", "truth"),
    [
        ('{"text": "x", "truth": ["noise", "price"]}', 0b101),
        ('{"text": "x", "truth": []}', 0),
        ('{"text": "x", "label": "smell"}', 0b10),
    ],
)
def test_json_may_list_the_labels(content: str, truth: int) -> None:
    assert read_items("a.jsonl", content.encode(), LABELS, True, Kind.MULTI).items[0].truth == truth


def test_a_set_is_refused_where_one_label_is_asked_for_and_an_unknown_one_is_named() -> None:
    with pytest.raises(BadInput, match="'noise; Price' is no label of this campaign"):
        read_items("k.csv", TABLE, LABELS, True)
    with pytest.raises(BadInput, match="'wolf' is no label of this campaign; known: noise, smell, price"):
        read_items("k.csv", b"id,text,truth\nk,x,noise|wolf\n", LABELS, True, Kind.MULTI)
