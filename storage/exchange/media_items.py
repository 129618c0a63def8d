"""A ZIP of images or of sounds, with a table beside them or without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from core.errors import BadInput
from core.item import Content, Medium
from storage.exchange.found import Found, sha_of
from storage.exchange.images import image_type, side_by_side
from storage.exchange.rows import RowOf, Truths, items_of, sides_of
from storage.exchange.sounds import sound_type
from storage.exchange.tables import table_rows
from storage.exchange.unpacking import files_of

TABLE = "items.csv"


@dataclass(slots=True)
class _Shelf:
    """The files of an archive, and what is shown of them."""

    place: str
    files: Mapping[str, bytes]
    types: Mapping[str, str]
    medium: Medium
    named: set[str] = field(default_factory=set)  # by the rows so far
    shown: dict[str, tuple[bytes, str]] = field(default_factory=dict)  # sha256 -> (content, type)

    def content(self, row: RowOf) -> Content:
        """What a row shows: a file, or two images in one."""
        name, caption = self._named(row, self.medium.value), row.values.get("text", "").strip()
        if self.medium is Medium.AUDIO or not row.values.get("image2", "").strip():
            return Content(self.medium, caption, self._shown(self.files[name], self.types[name]))
        other = self._named(row, "image2")
        both = side_by_side(f"{self.place}, {name} and {other}", self.files[name], self.files[other])
        return Content(self.medium, caption, self._shown(both, "image/png"), sides=sides_of(row))

    def _named(self, row: RowOf, column: str) -> str:
        name = row.values.get(column, "").strip()
        if name not in self.files:
            raise BadInput(f"column {column}", f"'{name}' is not in the archive.")
        self.named.add(name)
        return name

    def _shown(self, content: bytes, type_: str) -> str:
        sha = sha_of(content)
        self.shown[sha] = (content, type_)
        return sha


def media_items(place: str, content: bytes, truths: Truths | None = None) -> Found:
    """Items with their images or sounds; BadInput names the file in the archive.

    With a table `items.csv` (column `image` or `audio`, and where they are there `id`, `text`, `truth` or `label`,
    `reason`) its rows are the items; with a column `image2` an item is two images side by side, and `id_a` and `id_b`
    name what they show. Without a table every file is one, named by its path; the truth of a control is its folder's
    name.
    """
    files = files_of(place, content)
    table = files.pop(TABLE, None)
    shelf = _shelf(place, files)
    column = shelf.medium.value
    rows = _paths(shelf) if table is None else table_rows(f"{place}, {TABLE}", table, column, truths)
    items = items_of(rows, shelf.content, truths, lambda row, _: _name(row, column))
    left = [name for name in files if name not in shelf.named]
    if left:
        raise BadInput(f"{place}, {TABLE}", f"leaves out {len(left)} files, such as '{left[0]}'.")
    return Found(items, list(shelf.shown.values()))


def _shelf(place: str, files: Mapping[str, bytes]) -> _Shelf:
    """The files with their types; BadInput where they are not all images, or not all sounds."""
    types: dict[str, str] = {}
    for name, file in files.items():
        sound = sound_type(file)
        types[name] = sound.mime if sound else image_type(f"{place}, {name}", file)
    kinds = {type_.partition("/")[0] for type_ in types.values()}
    if not kinds:
        raise BadInput(place, "holds no images (PNG, JPEG or WebP) and no sounds (MP3, OGG, WAV or M4A).")
    if len(kinds) > 1:
        raise BadInput(place, "holds images and sounds; send each kind in an archive of its own.")
    return _Shelf(place, files, types, Medium(kinds.pop()))


def _paths(shelf: _Shelf) -> Iterator[RowOf]:
    for name in sorted(shelf.files):
        yield RowOf(f"{shelf.place}, {name}", {shelf.medium.value: name, "truth": PurePosixPath(name).parent.name})


def _name(row: RowOf, column: str) -> str:
    names = [row.values.get(one, "").strip() for one in (column, "image2")]
    return " + ".join(filter(None, names))
