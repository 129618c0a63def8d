"""Files in and out: one clear sentence with the file and the line, or all of it."""

from __future__ import annotations

import csv
import io
import json

import pytest

from core.errors import BadInput
from core.evidence import Evidence
from core.item import Content, Medium, NewItem, Role
from storage.exchange.answers_csv import answers_csv, consensus_csv, line, named, safe
from storage.exchange.items import read_items
from tests.contracts.scene import LABELS, scene
from tests.contracts.stores import House


def read(name: str, text: str | bytes, controls: bool = False) -> list[tuple[str, str, int | None, str]]:
    content = text if isinstance(text, bytes) else text.encode()
    found = read_items(name, content, LABELS, controls).items
    return [(item.name, item.content.text, item.truth, item.reason) for item in found]


GOOD = [("a", "first", None, ""), ("b", "second, with\na break", None, "")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", 'id,text\na,first\nb,"second, with\na break"\n'),
        ("a.csv", b'\xef\xbb\xbfid,text\r\na,first\r\n\r\nb,"second, with\na break"\r\n'),
        ("a.csv", 'ID; Text ;label\na;first;cat\nb;"second, with\na break";\n'),
        ("a.TSV", 'text\tid\nfirst\ta\n"second, with\na break"\tb'),
        (
            "a.jsonl",
            '{"id": "a", "text": "first", "label": "x"}\n\n{"text": "second, with\\na break", "id": "b", "x": [1]}\n',
        ),
        ("a.json", '[{"id": "a", "text": "first"},\n {"id": "b", "text": "second, with\\na break"}]'),
    ],
)
def test_items_of_every_kind(name: str, text: str | bytes) -> None:
    assert read(name, text) == GOOD


def test_numbers_are_ids_and_nothing_is_an_id_of_the_content() -> None:
    assert read("a.jsonl", '{"id": 7, "text": "x"}') == [("7", "x", None, "")]
    first, second = read("a.csv", "text\nsame\nother\n")
    assert read("b.jsonl", '{"text": "same"}')[0][0] == first[0] != second[0]


PAIRS = 'id,text,text2,id_a,id_b,label\np,"first, with\na break",second,x,=y,cat\nq,third,fourth,,,\n'


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", PAIRS),
        ("a.csv", PAIRS.replace("id,", "task,", 1)),
        ("a.tsv", 'text2\tid\ttext\tid_a\tid_b\nsecond\tp\t"first, with\na break"\tx\t=y\nfourth\tq\tthird\t\t'),
        (
            "a.jsonl",
            '{"id": "p", "text": "first, with\\na break", "text2": "second", "id_a": "x", "id_b": "=y"}\n'
            '{"task": "q", "text": "third", "text2": "fourth"}',
        ),
    ],
)
def test_a_second_text_makes_a_pair(name: str, text: str) -> None:
    """Seen to fail: JSON lines that drop unknown keys dropped `text2` and made texts; `task` was no id."""
    found = read_items(name, text.encode(), LABELS).items
    first = Content(Medium.PAIR, "first, with\na break", other="second", sides=("x", "=y"))
    assert [(item.name, item.content) for item in found] == [
        ("p", first), ("q", Content(Medium.PAIR, "third", other="fourth")),
    ]  # fmt: skip


def test_pairs_that_share_a_text_have_names_of_their_own() -> None:
    """Seen to fail: named by their first text alone, pairs of one thing with many others were one item twice."""
    items = read_items("a.csv", b"text,text2\nsame,one\nsame,two\none,same\n", LABELS).items
    assert len({item.name for item in items}) == 3


def test_controls_know_their_truth() -> None:
    text = "id,text,label,reason\na,first,dog,it barks\nb,second, FOX ,\n"
    assert read("a.csv", text, controls=True) == [("a", "first", 1, "it barks"), ("b", "second", 2, "")]
    assert [row[2] for row in read("a.csv", text)] == [None, None]


BAD = [
    ("a.csv", "", "a.csv: is empty"),
    ("a.csv", " \n\n", "a.csv: is empty"),
    ("a.csv", "text\n", "a.csv: holds no items"),
    ("a.csv", "id,sentence\na,b\n", "a.csv, line 1: needs a column named 'text'; found: 'id', 'sentence'"),
    ("a.csv", "text,Text\na,b\n", "a.csv, line 1: has the column 'text' twice"),
    ("a.csv", "text\nfine\nn\xe9\n".encode("latin-1"), r"a.csv, line 3: is not UTF-8 \(byte 0xE9\); save it as UTF-8"),
    ("a.csv", "text\nfine\n".encode("utf-16"), "a.csv, line 1: is written in UTF-16"),
    ("a.csv", "text\nfine\nb\0ad\n", "a.csv, line 3: has a NUL"),
    ("a.csv", 'id,text\na,"two\nlines"\nb,c\na,d\n', "a.csv, line 5: has the same id as line 2 .'a'"),
    ("a.csv", "text\nsame\nother\nsame\n", "a.csv, line 4: has the same content as line 2"),
    ("a.csv", f"text\nfine\n{'x' * 5000}\n", "a.csv, line 3, text: has 5,000 characters; at most 3,500 fit"),
    ("a.csv", "id,text\na,fine\nb,\n", "a.csv, line 3, text: is empty"),
    ("a.csv", "id,text\na,b,c\n", "a.csv, line 2: has 3 cells where the header has 2"),
    ("a.csv", 'text\nfine\n"open\n', "a.csv, line 3: cannot be read"),
    ("a.csv", "text,text2\nfine,fine too\nb,\n", "a.csv, line 3, text2: is empty, but a pair has two texts"),
    ("a.csv", "text,text2\nfine,fine too\nb\n", "a.csv, line 3, text2: is empty, but a pair has two texts"),
    ("a.csv", f"text,text2\n{'x' * 1800},{'y' * 1800}\n", "a.csv, line 2, text2: has 3,600 characters with the first"),
    ("a.csv", "text,text2,id_a,id_b\na,b,x,x\n", "a.csv, line 2, id_b: and id_a must be two different names"),
    ("a.csv", "text,text2,id_a,id_b\na,b,x,\n", "a.csv, line 2, id_b: and id_a must be two different names"),
    ("a.jsonl", '{"text": "a"}\n{"text": \n', "a.jsonl, line 2: is not JSON"),
    ("a.jsonl", '{"text": "a"}\n["b"]\n', "a.jsonl, line 2: must be an object"),
    ("a.jsonl", '{"sentence": "a"}\n', "a.jsonl, line 1: needs a column named 'text'; found: 'sentence'"),
    ("a.jsonl", '{"text": {"x": 1}}\n', "a.jsonl, line 1: 'text' must be a text"),
    ("a.jsonl", '{"text": "\\ud800"}\n', "a.jsonl, line 1: 'text' has a character in it"),
    ("a.jsonl", "[" * 100_000, "a.jsonl: is nested too deeply"),
    ("a.json", '[{"text": "a"},\n{"text"]', "a.json, line 2: is not JSON"),
    ("a.xls", "x", "a.xls: is of no kind that is read here"),
    ("a.xlsx", "x", "a.xlsx: is no readable XLSX file"),
    ("a.zip", "x", "a.zip: is no readable ZIP file"),
]


@pytest.mark.parametrize(("name", "text", "sentence"), BAD)
def test_a_bad_file_is_one_sentence(name: str, text: str | bytes, sentence: str) -> None:
    with pytest.raises(BadInput, match=f"^{sentence}") as refusal:
        read(name, text)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 250


def test_bad_controls_are_one_sentence() -> None:
    with pytest.raises(BadInput, match="line 3: 'wolf' is no label of this campaign; known: cat, dog, fox"):
        read("a.csv", "text,truth\na,cat\nb,wolf\n", controls=True)
    with pytest.raises(BadInput, match="line 2: a control needs its label"):
        read("a.csv", "text,truth\na,\n", controls=True)
    with pytest.raises(BadInput, match="line 1: controls need a column named 'truth' or 'label'; found: 'text'"):
        read("a.csv", "text\na\n", controls=True)


async def test_exports_read_like_tables(house: House) -> None:
    here = await scene(house.ledger, items=2)
    await here.take(await here.ask(0, "i0"), label=1)
    campaign = house.archive.campaign_named("pets")
    rows = list(csv.DictReader(io.StringIO("".join(answers_csv(campaign, house.archive.answers(campaign.id))))))
    assert list(rows[0])[:3] == ["task", "worker", "label"]
    assert (rows[0]["task"], rows[0]["label"], rows[0]["form"], rows[0]["p_select"]) == ("i0", "dog", "short", "0.125")
    assert rows[0]["answered_at"] == "2026-11-22T12:30:15.123456+00:00"

    lines = list(csv.DictReader(io.StringIO("".join(consensus_csv(campaign, house.archive.consensus(campaign.id))))))
    assert [(one["task"], one["label"], one["answers"], one["role"]) for one in lines] == [
        ("i0", "cat", "1", "plain"), ("i1", "", "0", "audit"), ("c0", "dog", "0", "control"),
    ]  # fmt: skip
    assert [named(campaign, Evidence(bits)) for bits in (0b001, 0b101, 0b111)] == ["cat", "cat|fox", ""]
    assert json.dumps(lines[0]["text"]) == json.dumps("text of i0 ✓")


async def test_pairs_are_kept_and_an_export_is_an_import(house: House) -> None:
    """Every store gives back what came in; the file that goes out comes in again as the same items.

    Seen to fail: a store that forgets the sides; an export whose `text2` stood under `text`.
    """
    here = await scene(house.ledger, items=1)
    contents = [
        Content(Medium.PAIR, "one | 1 €", other="two\nlines", sides=("Ann, \"A\"", "Bob")),
        Content(Medium.PAIR, "one | 1 €", other="three"),
        Content(Medium.IMAGE, "side by side", "sha", sides=("left", "right")),
    ]
    new = [NewItem(f"p{at}", content) for at, content in enumerate(contents)]
    start = (0.5, 0.25, 0.25)
    await here.ledger.transact(lambda tx: tx.add_items(here.campaign.id, [(one, Role.PLAIN) for one in new], start))
    snapshot = house.archive.snapshot(here.campaign.id)
    assert [item.content for item in snapshot.items][-3:] == contents
    kept = await here.ledger.transact(lambda tx: tx.item_named(here.campaign.id, "p0"))
    assert kept.content == contents[0]
    out = list(house.archive.consensus(here.campaign.id))
    table = "".join(consensus_csv(here.campaign, [one for one in out if one.content.medium is Medium.PAIR]))
    assert table.splitlines()[0].startswith("task,text,text2,id_a,id_b,label,")
    assert [(item.name, item.content) for item in read_items("a.csv", table.encode(), LABELS).items] == [
        ("p0", contents[0]), ("p1", contents[1]),
    ]  # fmt: skip
    plain = "".join(consensus_csv(here.campaign, [one for one in out if one.content.medium is Medium.TEXT]))
    assert plain.splitlines()[0].startswith("task,text,label,")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\0"])
def test_no_cell_is_a_formula(first: str) -> None:
    assert safe(f"{first}1+1") == f"'{first}1+1"
    assert line([f"{first}1+1", "a=b", 5]).lstrip('"').startswith("'")
    assert safe("plain - text") == "plain - text"
