"""A campaign whose words are marked, on every store: texts of any length, marks, beliefs, files there and back.

Planted bugs seen to fail: a head that takes all beliefs for equally long; one belief for a text instead of one a word;
a control of sixty words whose last one is lost; character ranges counted in words.
"""

from __future__ import annotations

import random

import numpy as np
import pytest

from core.administration import create_campaign, import_items
from core.campaign import Campaign, Draft, Kind, Policy
from core.errors import BadInput, Refused
from core.feeding import Link, add_chain
from core.forms import Form
from core.ids import Account
from core.item import NewItem, Verdict
from core.marking import mark
from core.ports import Archive, Ledger, Transaction
from core.question import Press, Tap
from core.refit import beliefs_of
from core.routing import chances_of
from core.service import Asked, arrive, ask, consent, enrol
from core.tapping import Outcome, tap
from storage.exchange.answers_csv import answers_csv, conll, consensus_csv
from storage.exchange.answers_in import read_answers
from storage.exchange.items import read_items
from tests.contracts.scene import NOW

LABELS = ("person",)
LONG = " ".join(f"w{n}" for n in range(60))
OTHER = LONG.replace("w59", "end")
PLAIN = f'id,text\na,"Yesterday Angela Merkel, in Berlin, met Bob."\nb,It rained.\nc,{LONG}\n'.encode()
KNOWN = f"id,text,truth,reason\nk,Then Ada spoke.,5-8,Hm\nn,Nobody spoke.,(none),\nl,{OTHER},0-2|226-229,\n".encode()
TRUE = {"a": (1, 2, 6), "b": (), "c": (59,), "k": (1,), "n": (), "l": (0, 59)}


def read(place: str, content: bytes, controls: bool = False) -> list[NewItem]:
    return list(read_items(place, content, LABELS, controls, Kind.SPANS).items)


async def opened(ledger: Ledger) -> Campaign:
    policy = Policy(control_share=0.5, audit_share=0.0, confidence=0.97)
    draft = Draft("people", "People", "Who is named?", LABELS, Kind.SPANS, policy)

    def work(tx: Transaction) -> Campaign:
        made = create_campaign(tx, draft, NOW)
        import_items(tx, "people", "a.csv", read("a.csv", PLAIN))
        import_items(tx, "people", "k.csv", read("k.csv", KNOWN, True))
        return made

    return await ledger.transact(work)


async def answered(ledger: Ledger, of: Campaign, person: int, dice: random.Random) -> int:
    """Everything that somebody can answer, rightly; the second person is never sure."""

    def work(tx: Transaction) -> bool:
        worker = consent(tx, enrol(tx, arrive(tx, Account("telegram", person), "en", NOW), "people", NOW).worker)
        asked = ask(tx, worker, of.id, NOW, dice)
        if not isinstance(asked, Asked):
            return False
        question, true = asked.question, TRUE[asked.item.name]
        assert question.layout.form is Form.TOGGLE
        for word in true:
            found = mark(tx, worker, question.id, question.lease, word, True)
            assert isinstance(found, Asked) and word in found.question.layout.shown
        press = Press.NOT_SURE if person == 1 else Press.DONE if true else Press.NONE
        return tap(tx, worker, Tap(question.id, question.lease, press), NOW).outcome is Outcome.SAVED

    count = 0
    while await ledger.transact(work):
        count += 1
    return count


async def test_marks_answers_and_beliefs_come_back(ledger: Ledger, archive: Archive) -> None:
    of = await opened(ledger)
    found = {item.name: item for item in archive.snapshot(of.id).items}
    assert {name: len(item.posterior) for name, item in found.items()} == {
        "a": 7, "b": 2, "c": 60, "k": 3, "n": 2, "l": 60,
    }  # fmt: skip
    assert (found["k"].truth, found["n"].truth, found["l"].truth) == (0b10, 0, 1 << 59 | 1)
    assert found["k"].posterior == (0.0, 1.0, 0.0) and found["a"].posterior == of.pool.prior * 7
    for person in range(3):
        assert await answered(ledger, of, person, random.Random(person)) >= 3
    snapshot = archive.snapshot(of.id)
    archive.publish(of.id, beliefs_of(snapshot))
    after = archive.snapshot(of.id)
    assert after.campaign.pool != of.pool and after.campaign.pool.labels == 1
    for item in after.items:
        assert [word for word, p in enumerate(item.posterior) if p > 0.5] == list(TRUE[item.name]), item.name
    for person in (0, 1):
        worker = await ledger.transact(lambda tx, n=person: tx.worker(Account("telegram", n)))
        assert worker is not None
        enrolment = await ledger.transact(lambda tx, w=worker: tx.enrolment(of.id, w.id))
        assert enrolment is not None and len(enrolment.reliability.counts) == 4
        assert bool(sum(enrolment.reliability.counts) > 1) == (person == 0), "who is never sure is a newcomer"


async def test_texts_of_any_length_are_drawn_from_one_queue(ledger: Ledger) -> None:
    of = await opened(ledger)

    def work(tx: Transaction) -> tuple[list[list[float]], list[float]]:
        worker = enrol(tx, arrive(tx, Account("telegram", 9), "en", NOW), "people", NOW).worker
        enrolment = tx.enrolment(of.id, worker.id)
        assert enrolment is not None
        head = tx.head(of.id, worker.id, 9)
        fewer = head.without(head.items[0])
        assert len(fewer.items) == len(fewer.posteriors) == 2
        chances = chances_of(head, enrolment.reliability, of)
        return [row[~np.isnan(row)].tolist() for row in head.posteriors], chances

    rows, chances = await ledger.transact(work)
    assert sorted(map(len, rows)) == [2, 7, 60] and {p for row in rows for p in row} == set(of.pool.prior)
    assert sum(chances) == pytest.approx(1.0) and min(chances) > 0.05


async def test_files_go_there_and_back(ledger: Ledger, archive: Archive) -> None:
    of = await opened(ledger)
    for person in range(6):
        await answered(ledger, of, person, random.Random(person))
    archive.publish(of.id, beliefs_of(archive.snapshot(of.id)))
    of, found = archive.campaign_named("people"), list(archive.consensus(archive.campaign_named("people").id))
    table = "".join(consensus_csv(of, found)).encode()
    again = {item.name: item.truth for item in read("again.csv", table, True)}
    assert again == {name: sum(1 << word for word in words) for name, words in TRUE.items()}
    shown = {one.name: one.content.text for one in found}
    answers = "".join(answers_csv(of, archive.answers(of.id), shown=shown)).splitlines()
    assert answers[0].endswith("version,words")
    with pytest.raises(BadInput, match="aggregated where the texts are"):
        read_answers("a.csv", "\n".join(answers).encode())
    assert {line.split(",")[2] for line in answers if line.startswith("k,")} == {"5-8", ""}, "one is never sure"
    tagged = "".join(conll(of, found)).encode()
    back = {item.content.text: item.truth for item in read("again.conll", tagged, True)}
    done = {one.name for one in found if one.verdict is Verdict.SETTLED}
    assert done >= {"k", "n", "l", "a"}, "what nobody is sure of is not in it"
    assert back == {shown[name]: sum(1 << word for word in TRUE[name]) for name in done}


@pytest.mark.parametrize(
    ("place", "content", "controls", "reason"),
    [
        ("a.csv", b"id,text\na,fine\nb,- .\n", False, "line 3: has no word that could be marked"),
        ("a.csv", f"text\n{LONG} more\n".encode(), False, "line 2: has 61 words, and at most 60 fit one screen"),
        ("a.csv", b"text,text2\none,two\n", False, "line 2: is no single text"),
        ("a.csv", b"text,truth\nAda spoke,Ada\n", True, "line 2: 'Ada' is no stretch of the text"),
        ("a.csv", b"text,truth\nAda spoke,4-99\n", True, "line 2: '4-99' is no stretch of the text"),
        ("a.conll", b"Ada\tB-PER\nspoke\n", True, "line 2: needs a word, a tab and a tag"),
        ("a.conll", b"Ada\tB-PER\nRome\tB-LOC\n", True, "tags of several kinds, and none is 'person': LOC, PER"),
        ("a.conll", b"\n" + b"a\tO\n" * 61, False, "line 2: has 61 words"),
        ("a.zip", b"PK", False, "words are marked in texts only"),
    ],
)
def test_what_cannot_be_marked_is_refused_by_line(place: str, content: bytes, controls: bool, reason: str) -> None:
    with pytest.raises(BadInput) as found:
        read(place, content, controls)
    assert reason in f"{found.value.place.rpartition(', ')[2]}: {found.value.reason}"


def test_a_conll_file_gives_texts_or_controls() -> None:
    """Columns between the word and its tag are left out, as the shared task of 2003 has them; a kind of tags that the
    label names is taken from among others."""
    lines = ["-DOCSTART- -X- O O", "", "Ada N B B-PER", "King N I I-PER", ", , O O", "of O B-person", "Bath N B-LOC"]
    content = "\n".join(lines).encode()
    plain = read("a.bio", content.replace(b"B-person", b"O"))
    assert [(item.content.text, item.truth) for item in plain] == [("Ada King , of Bath", None)]
    known = read("a.bio", content, True)
    assert [item.truth for item in known] == [0b100], "of the kinds the one that the campaign asks for"
    with pytest.raises(BadInput, match="for campaigns of kind spans"):
        read_items("a.bio", content, ("a", "b"))


async def test_no_chain_leads_to_or_from_marked_words(ledger: Ledger) -> None:
    await opened(ledger)
    draft = Draft("animals", "Animals", "Which?", ("cat", "dog"))
    await ledger.transact(lambda tx: create_campaign(tx, draft, NOW))
    for link in (Link("people", "person", "animals"), Link("animals", "cat", "people")):
        with pytest.raises(Refused, match="marks words in texts"):
            await ledger.transact(lambda tx, link=link: add_chain(tx, link))
