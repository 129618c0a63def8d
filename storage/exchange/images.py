"""A ZIP of images, with a table beside them or without; hostile archives are refused before they are unpacked."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from PIL import Image, UnidentifiedImageError

from core.errors import BadInput
from core.item import Content, Medium, NewItem
from storage.exchange.csv_items import csv_rows
from storage.exchange.found import Found, sha_of
from storage.exchange.rows import RowOf, Truths, items_of

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}
MOST_FILES = 5_000
MOST_BYTES = 10_000_000  # of one image: Telegram's limit for photos
MOST_IN_ALL = 120_000_000
MOST_RATIO = 100  # unpacked to packed
MOST_PIXELS = 40_000_000
MOST_SIDES = 10_000  # width and height together, Telegram's limit for photos
TABLE = "items.csv"


def image_items(place: str, content: bytes, truths: Truths | None = None) -> Found:
    """Items with their images; BadInput names the file in the archive.

    With a table `items.csv` (column `image`, and where they are there `id`, `text`, `truth` or `label`, `reason`) its
    rows are the items. Without it every image is one, named by its path; the truth of a control is its folder's name.
    """
    files = _files(place, content)
    table = files.pop(TABLE, None)
    types = {name: _type(f"{place}, {name}", file) for name, file in files.items()}
    if not types:
        raise BadInput(place, "holds no images (PNG, JPEG or WebP).")
    rows = _rows_of_paths(place, files) if table is None else csv_rows(f"{place}, {TABLE}", table, "image", truths)
    items = items_of(rows, lambda row: _content(row, files), truths, lambda row, _: row.values["image"].strip())
    _all_named(place, items, files)
    return Found(items, list({sha_of(file): (file, types[name]) for name, file in files.items()}.values()))


def _rows_of_paths(place: str, files: Mapping[str, bytes]) -> Iterator[RowOf]:
    for name in sorted(files):
        yield RowOf(f"{place}, {name}", {"image": name, "truth": PurePosixPath(name).parent.name})


def _content(row: RowOf, files: Mapping[str, bytes]) -> Content:
    name = row.values.get("image", "").strip()
    if name not in files:
        raise BadInput("column image", f"'{name}' is not in the archive.")
    return Content(Medium.IMAGE, row.values.get("text", "").strip(), sha_of(files[name]))


def _all_named(place: str, items: list[NewItem], files: Mapping[str, bytes]) -> None:
    named = {item.content.media for item in items}
    left = [name for name, file in files.items() if sha_of(file) not in named]
    if left:
        raise BadInput(f"{place}, {TABLE}", f"leaves out {len(left)} images, such as '{left[0]}'.")


def _files(place: str, content: bytes) -> dict[str, bytes]:
    """Name -> bytes of what counts in an archive, within the bounds."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_FILES:
                raise BadInput(place, f"holds {len(entries):,} files; at most {MOST_FILES:,} are allowed.")
            wanted = [entry for entry in entries if _counts(entry)]
            for entry in wanted:
                _check(f"{place}, {entry.filename}", entry)
            if sum(entry.file_size for entry in wanted) > MOST_IN_ALL:
                raise BadInput(place, f"unpacks to more than {MOST_IN_ALL // 1_000_000} MB; split it.")
            return {entry.filename: _unpacked(place, archive, entry) for entry in wanted}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError) as error:
        raise BadInput(place, f"is no readable ZIP file ({error}).") from None


def _counts(entry: zipfile.ZipInfo) -> bool:
    """Folders and what operating systems leave behind do not count."""
    path = PurePosixPath(entry.filename)
    return not (entry.is_dir() or path.name.startswith(".") or path.parts[:1] == ("__MACOSX",))


def _check(place: str, entry: zipfile.ZipInfo) -> None:
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in entry.filename:
        raise BadInput(place, "has a path that leads out of the archive.")
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise BadInput(place, "is a link or a device, not a file.")
    if entry.flag_bits & 1:
        raise BadInput(place, "is encrypted; send the archive without a password.")
    if entry.file_size > MOST_BYTES:
        raise BadInput(place, f"has {entry.file_size / 1e6:.0f} MB; at most {MOST_BYTES // 1_000_000} are allowed.")
    if entry.file_size > MOST_RATIO * max(entry.compress_size, 1_000):
        raise BadInput(place, f"is packed more than {MOST_RATIO} to 1, as no image is.")


def _unpacked(place: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    with archive.open(entry) as file:
        found = file.read(entry.file_size + 1)
    if len(found) != entry.file_size:
        raise BadInput(f"{place}, {entry.filename}", "is not as long as the archive says.")
    return found


def _type(place: str, file: bytes) -> str:
    """The image's type; BadInput where it is none, or none that a messenger shows."""
    try:
        with Image.open(io.BytesIO(file), formats=list(TYPES)) as image:
            width, height = image.size
            if (
                width * height > MOST_PIXELS
                or width + height > MOST_SIDES
                or max(width, height) > 20 * min(width, height)
            ):
                raise BadInput(place, f"is {width} x {height} pixels, which Telegram does not show; make it smaller.")
            image.load()
            return TYPES[image.format or ""]
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise BadInput(place, "is not an image (PNG, JPEG or WebP).") from None
