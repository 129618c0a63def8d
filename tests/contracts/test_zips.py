"""ZIP files of pictures and sounds: all of it, or one clear sentence."""

from __future__ import annotations

import io
import math
import re
import stat
import wave
import zipfile

import pytest
from PIL import Image

from core.errors import BadInput
from core.item import Medium
from storage.exchange.items import read_items
from storage.exchange.media_items import media_items
from storage.exchange.rows import Truths
from storage.exchange.sounds import name_of
from tests.contracts.scene import LABELS


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
