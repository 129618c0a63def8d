"""Files of answers: long tables (crowd-kit, Toloka, our own), MTurk batch results, Label Studio exports, pairs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from core.errors import BadInput
from core.forms import Form
from storage.exchange.answer_columns import Layout, layout_of
from storage.exchange.gathered import AnswerFile, AnswerKind, AnswerRow, gathered
from storage.exchange.label_studio import label_studio_rows
from storage.exchange.rows import text_of
from storage.exchange.tables import SEPARATORS


def read_answers(place: str, content: bytes, kind: AnswerKind | None = None, field: str = "") -> AnswerFile:
    """All answers of a file, or BadInput with the file and the line; its format is recognised by its content.

    `field` names the answer's column or control where there are several; a `kind` of None is detected.
    """
    text = text_of(place, content)
    if text.lstrip()[:1] in ("[", "{"):
        rows, source = label_studio_rows(place, text, field)
        return gathered(place, rows, source, kind, unit="entry")
    header, lines = table_of(place, text)
    layout, lines = toggled(layout_of(place, header, field), header, lines)
    if layout.kind is not None and kind not in (None, layout.kind):
        raise BadInput(place, f"is a file of {layout.kind}, not of {kind}.")
    rows = _rows(layout, len(header), lines)
    return gathered(place, rows, layout.source, layout.kind or kind, sets=layout.sets)


def toggled(
    layout: Layout, header: list[str], lines: Iterator[tuple[int, list[str]]]
) -> tuple[Layout, Iterator[tuple[int, list[str]]]]:
    """An export of ours whose questions were toggles holds sets of labels that all hold: "cat|dog" is cat and dog."""
    if not layout.sets:
        return layout, lines
    first = next(lines, None)
    if first is None:
        return layout, lines
    at, cells = header.index("form"), first[1]
    marks = at < len(cells) and cells[at].strip() == Form.TOGGLE
    return replace(layout, kind=AnswerKind.MULTI) if marks else layout, chain([first], lines)


def table_of(place: str, text: str) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header in small letters, and (line, cells) of every row below that is not empty."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(SEPARATORS, key=first.count)
    rows = _cells(place, text, separator)
    _, header = next(rows)
    return [cell.strip().lower() for cell in header], rows


def _cells(place: str, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    line, reader = 1, csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise BadInput(f"{place}, line {line}", f"cannot be read ({error}); check its quotes.") from None


def _rows(layout: Layout, width: int, lines: Iterator[tuple[int, list[str]]]) -> Iterator[AnswerRow]:
    task, worker, label = layout.task, layout.worker, layout.label
    plain = label >= 0 and layout.left < 0 and layout.status < 0 and layout.seconds < 0
    unknown = float("nan")
    for line, cells in lines:
        if len(cells) != width:
            yield AnswerRow(line, "", "", "", bad=f"has {len(cells)} cells where the header has {width}.")
        elif plain:
            yield AnswerRow(line, cells[task].strip(), cells[worker].strip(), cells[label].strip(), unknown)
        elif layout.left >= 0:
            yield _pair(layout, line, cells)
        elif not layout.skipped(cells):
            try:
                found = cells[label].strip() if label >= 0 else layout.chosen(cells)
                yield AnswerRow(line, cells[task].strip(), cells[worker].strip(), found, layout.seconds_of(cells))
            except ValueError as error:
                yield AnswerRow(line, "", "", "", bad=str(error))


def _pair(layout: Layout, line: int, cells: list[str]) -> AnswerRow:
    """Winner as the task, loser as the label."""
    left, right, label = (cells[at].strip() for at in (layout.left, layout.right, layout.label))
    winner = {"left": left, "right": right}.get(label.lower(), label) if label not in (left, right) else label
    if not left or not right or left == right:
        return AnswerRow(line, "", "", "", bad="needs two different items in 'left' and 'right'.")
    if winner not in (left, right):
        return AnswerRow(line, "", "", "", bad=f"the label '{label}' is neither '{left}' nor '{right}'.")
    return AnswerRow(line, winner, cells[layout.worker].strip(), right if winner == left else left)


@dataclass(frozen=True, slots=True)
class Known:
    """Labels that are known beforehand or afterwards, by task, and the lines that say so."""

    place: str
    labels: dict[str, str]
    lines: dict[str, int]


def read_known(place: str, content: bytes) -> Known:
    """A table with columns `task` and `label` (or `truth`); BadInput names the line."""
    header, lines = table_of(place, text_of(place, content))
    label = next((header.index(name) for name in ("label", "truth") if name in header), -1)
    if "task" not in header or label < 0:
        shown = ", ".join(f"'{name}'" for name in header)
        raise BadInput(f"{place}, line 1", f"needs the columns 'task' and 'label'; found: {shown}.")
    task, found = header.index("task"), Known(place, {}, {})
    for line, cells in lines:
        here = f"{place}, line {line}"
        if len(cells) != len(header):
            raise BadInput(here, f"has {len(cells)} cells where the header has {len(header)}.")
        name, word = cells[task].strip(), cells[label].strip()
        if not name or not word:
            raise BadInput(here, f"has no {'label' if name else 'task'}.")
        if found.labels.setdefault(name, word) != word:
            said = f"'{found.labels[name]}' (line {found.lines[name]})"
            raise BadInput(here, f"contradicts an earlier row: '{name}' is {said} and '{word}'.")
        found.lines.setdefault(name, line)
    if not found.labels:
        raise BadInput(place, "holds no labels, only a header.")
    return found
