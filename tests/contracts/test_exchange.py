"""Files in and out: one clear sentence with the file and the line, or all of it."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import stat
import wave
import zipfile

import pytest
from PIL import Image

from core.errors import BadInput
from core.evidence import Evidence
from core.item import Content, Medium, NewItem, Role
from storage.exchange.answers_csv import answers_csv, consensus_csv, line, named, safe
from storage.exchange.items import read_items
from storage.exchange.media_items import media_items
from storage.exchange.rows import Truths
from storage.exchange.sounds import name_of
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
    ("a.xlsx", "x", "a.xlsx: is of no kind that is read here"),
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


def picture(kind: str = "PNG", size: tuple[int, int] = (6, 4), colour: int = 0) -> bytes:
    out = io.BytesIO()
    Image.new("L", size, colour).save(out, kind)
    return out.getvalue()


def archive(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return out.getvalue()


PICTURES = {"b.png": picture(), "cat/a.jpg": picture("JPEG", colour=9), "dog/c.webp": picture("WEBP", colour=90)}


def test_a_zip_of_images() -> None:
    found = media_items("a.zip", archive(PICTURES | {"__MACOSX/x.png": b"?", ".DS_Store": b"?"}))
    assert [item.name for item in found.items] == ["b.png", "cat/a.jpg", "dog/c.webp"]
    assert {item.content.medium for item in found.items} == {Medium.IMAGE}
    assert {type_ for _, type_ in found.media} == {"image/png", "image/jpeg", "image/webp"}
    foldered = {name: file for name, file in PICTURES.items() if "/" in name}
    assert [item.truth for item in media_items("a.zip", archive(foldered), Truths(LABELS)).items] == [0, 1]


def test_a_zip_with_a_table() -> None:
    table = "id,image,text,label\nx,b.png,what is this?,fox\n,cat/a.jpg,,cat\nz,dog/c.webp,,dog\n"
    found = media_items("a.zip", archive(PICTURES | {"items.csv": table.encode()}), Truths(LABELS))
    shown = [(item.name, item.content.text, item.truth) for item in found.items]
    assert shown == [("x", "what is this?", 2), ("cat/a.jpg", "", 0), ("z", "", 1)]


def sound(seconds: float = 0.05) -> bytes:
    """A WAV of a falling tone."""
    out = io.BytesIO()
    with wave.open(out, "wb") as made:
        made.setparams((1, 1, 8000, 0, "NONE", ""))
        made.writeframes(bytes(int(128 + 100 * math.sin(at**1.2 / 9)) for at in range(int(8000 * seconds))))
    return out.getvalue()


SOUNDS = {
    "b.wav": sound(), "cat/a.mp3": b"ID3\4" + bytes(range(99)), "dog/c.ogg": b"OggS" + bytes(range(99)),
    "fox/d.m4a": b"\0\0\0\x20ftypM4A \0\0\2\0", "cat/e.mp3": b"\xff\xfb\x90\x64" + bytes(range(99)),
}  # fmt: skip


def test_a_zip_of_sounds() -> None:
    """Seen to fail: a WAV taken for an image; MP3 known by its tag alone."""
    found = media_items("a.zip", archive(SOUNDS))
    assert [item.name for item in found.items] == sorted(SOUNDS)
    assert {item.content.medium for item in found.items} == {Medium.AUDIO}
    assert sorted(type_ for _, type_ in found.media) == [
        "audio/mp4", "audio/mpeg", "audio/mpeg", "audio/ogg", "audio/wav",
    ]  # fmt: skip
    table = "audio,id,text,label\nb.wav,w,who is it?,fox\n"
    (item,) = media_items("a.zip", archive({"b.wav": sound(), "items.csv": table.encode()}), Truths(LABELS)).items
    assert (item.name, item.truth, item.content.text) == ("w", 2, "who is it?")
    assert [name_of(file) for file in SOUNDS.values()] == [f"sound.{name[-3:]}" for name in SOUNDS]
    assert name_of(picture()) is None


def test_two_images_of_a_row_become_one() -> None:
    """Side by side under their letters, the first on the left. Seen to fail: both halves showed the first image."""
    table = "image,image2,id_a,id_b\nred.png,blue.png,x,y\nblue.png,red.png,y,x\n"
    files = {}
    for colour, height in (("red", 40), ("blue", 80)):
        Image.new("RGB", (30, height), colour).save(out := io.BytesIO(), "PNG")
        files[f"{colour}.png"] = out.getvalue()
    found = media_items("a.zip", archive(files | {"items.csv": table.encode()}))
    assert [(item.name, item.content.sides) for item in found.items] == [
        ("red.png + blue.png", ("x", "y")), ("blue.png + red.png", ("y", "x")),
    ]  # fmt: skip
    assert [type_ for _, type_ in found.media] == ["image/png"] * 2
    sheet = Image.open(io.BytesIO(found.media[0][0]))
    assert sheet.size == (60 + 24 + 30, 72 + 80)
    assert [sheet.getpixel(at) for at in ((3, 100), (110, 100), (70, 100))] == [
        (255, 0, 0), (0, 0, 255), (255, 255, 255),
    ]  # fmt: skip
    assert sheet.convert("L").crop((0, 0, 60, 72)).getextrema() == (0, 255)  # a letter


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a.png": picture(), "b.wav": sound()}, r"a.zip: holds images and sounds; send each kind"),
        ({"a.wav": bytes(51_000_000)}, r"a.zip, a.wav: has 51 MB; at most 50 are allowed"),
        (
            {"a.wav": sound(), "items.csv": b"audio\nb.wav\n"},
            r"items.csv, line 2, column audio: 'b.wav' is not in the archive",
        ),
        ({"a.wav": sound(), "items.csv": b"image\na.wav\n"}, r"items.csv, line 1: needs a column named 'audio'"),
        (
            {"a.png": picture(size=(1600, 80)), "items.csv": b"image,image2\na.png,a.png\n"},
            r"a.png and a.png: would be 3224 x 152",
        ),
        ({"a.png": b"no image"}, r"a.zip, a.png: is not an image"),
        ({"a.png": picture()[:40]}, r"a.zip, a.png: is not an image"),
        ({"a.gif": b"GIF89a" + bytes(20)}, r"a.zip, a.gif: is not an image"),
        ({}, r"a.zip: holds no images"),
        ({"../a.png": picture()}, r"a.zip, ../a.png: has a path that leads out"),
        ({"/a.png": picture()}, r"a.zip, /a.png: has a path that leads out"),
        ({"a\\..\\b.png": picture()}, r"leads out"),
        ({"a.zip": archive({"b.png": picture()})}, r"a.zip, a.zip: is not an image"),
        ({"a.png": bytes(9_000_000)}, r"a.zip, a.png: is packed more than 100 to 1"),
        ({"a.png": bytes(11_000_000)}, r"a.zip, a.png: has 11 MB; at most 10"),
        ({"a.png": picture(size=(9000, 2000))}, r"a.zip, a.png: is 9000 x 2000 pixels"),
        ({"a.png": picture(size=(500, 5))}, r"a.zip, a.png: is 500 x 5 pixels"),
        ({f"{n}.png": b"" for n in range(5001)}, r"a.zip: holds 5,001 files"),
        (
            PICTURES | {"items.csv": b"image\nb.png\nnone.png\n"},
            r"items.csv, line 3, column image: 'none.png' is not in",
        ),
        (PICTURES | {"items.csv": b"image\nb.png\n"}, r"a.zip, items.csv: leaves out 2 files, such as 'cat/a.jpg'"),
        (PICTURES | {"items.csv": b"file\nb.png\n"}, r"items.csv, line 1: needs a column named 'image'"),
    ],
)
def test_a_bad_zip_is_one_sentence(files: dict[str, bytes], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        read_items("a.zip", archive(files), LABELS)


def test_hostile_entries_are_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        link = zipfile.ZipInfo("a.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
    with pytest.raises(BadInput, match=r"a\.png: is a link"):
        read_items("a.zip", out.getvalue(), LABELS)
    whole = archive({"a.png": picture(size=(60, 40))}, zipfile.ZIP_STORED)
    damaged = whole.replace(b"IDAT", b"JDAT")
    with pytest.raises(BadInput, match="no readable ZIP"):
        read_items("a.zip", damaged, LABELS)
    size = re.escape(b"a.png")
    assert re.search(size, whole)
    with pytest.raises(BadInput, match="no readable ZIP"):
        read_items("a.zip", whole[: len(whole) // 2], LABELS)


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
