"""Which column of a table of answers is what: the headers of the tools that people come from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import BadInput
from storage.exchange.gathered import AnswerKind

TASK = ("task", "assignment:task_id", "hitid", "item", "id")
WORKER = ("worker", "performer", "assignment:worker_id", "workerid", "annotator")
LABEL = ("label", "choice", "rating", "sentiment")
SECONDS = {"seconds": 1.0, "latency_ms": 1e-3, "worktimeinseconds": 1.0, "lead_time": 1.0}
YES, NO = ("true", "1", "yes", "on"), ("false", "0", "no", "off", "")


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns by number, -1 where there is none."""

    source: str
    task: int
    worker: int
    label: int
    seconds: int = -1
    unit: float = 1.0  # seconds in one unit of the column `seconds`
    left: int = -1
    right: int = -1
    status: int = -1  # MTurk: rejected assignments are left out
    marks: tuple[tuple[int, str], ...] = ()  # MTurk: one column of true and false for each label
    nested: int = -1  # MTurk: a column of JSON
    kind: AnswerKind | None = None
    sets: bool = False

    def skipped(self, cells: Sequence[str]) -> bool:
        return self.status >= 0 and cells[self.status].strip().lower() == "rejected"

    def seconds_of(self, cells: Sequence[str]) -> float:
        """nan where there is no column or nothing in it; ValueError where it is no number."""
        if self.seconds < 0 or not cells[self.seconds].strip():
            return float("nan")
        try:
            return float(cells[self.seconds]) * self.unit
        except ValueError:
            raise ValueError(f"'{cells[self.seconds]}' is no number of seconds.") from None

    def chosen(self, cells: Sequence[str]) -> str:
        """The marked labels, joined by bars."""
        if self.nested >= 0:
            return _from_json(cells[self.nested])
        found = []
        for at, label in self.marks:
            word = cells[at].strip().lower()
            if word not in YES + NO:
                raise ValueError(f"'{cells[at]}' is neither true nor false, under '{label}'.")
            if word in YES:
                found.append(label)
        return "|".join(found)


def layout_of(place: str, header: Sequence[str], field: str = "") -> Layout:
    """The layout that a header (in small letters) tells, or BadInput with what is there and what is needed."""
    here, field = f"{place}, line 1", field.strip().lower()
    twice = {name for name in header if name and header.count(name) > 1}
    if twice:
        raise BadInput(here, f"has the column '{min(twice)}' twice.")
    if field and field not in header:
        raise BadInput(here, f"has no column '{field}'; found: {_shown(header)}.")
    if {"form", "p_select", "words"} <= set(header):
        raise BadInput(here, "holds stretches of texts, which are aggregated where the texts are: by the bot.")
    worker = _first(header, WORKER)
    if {"hitid", "workerid"} <= set(header):
        return _mturk(here, header, worker, field)
    if worker >= 0 and {"left", "right"} <= set(header):
        label = header.index(field) if field else _first(header, LABEL)
        if label >= 0:
            at = header.index
            return Layout("pairs", at("left"), worker, label, left=at("left"), right=at("right"), kind=AnswerKind.PAIRS)
    task = _first(header, TASK)
    outputs = [name for name in header if name.startswith("output:")]
    label = header.index(field) if field else _first(header, (*LABEL, *(outputs if len(outputs) == 1 else ())))
    if min(task, worker, label) < 0:
        raise BadInput(here, f"needs the columns 'task', 'worker' and 'label'; found: {_shown(header)}.")
    source = "Toloka" if "assignment:worker_id" in header else "long table"
    return _timed(Layout(source, task, worker, label, sets={"form", "p_select"} <= set(header)), header)


def _mturk(here: str, header: Sequence[str], worker: int, field: str) -> Layout:
    """Batch results: the item's own id among the inputs, else the HIT; one answer column, or one for each label."""
    task = _first(header, ("input.task", "input.id", "input.task_id", "input.item_id", "hitid"))
    status = _first(header, ("assignmentstatus",))
    answers = [name for name in header if name.startswith("answer.")]
    base = Layout("MTurk batch results", task, worker, -1, status=status)
    if field or len(answers) == 1:
        at = header.index(field or answers[0])
        nested = header[at] == "answer.taskanswers"
        return _timed(_with(base, label=-1 if nested else at, nested=at if nested else -1), header)
    groups = {name.rpartition(".")[0] for name in answers}
    if len(groups) == 1 and groups != {"answer"}:
        marks = tuple((header.index(name), name.rpartition(".")[2]) for name in answers)
        return _timed(_with(base, marks=marks), header)
    raise BadInput(here, f"has several answers; name one of them with --field: {_shown(answers)}.")


def _with(base: Layout, label: int = -1, nested: int = -1, marks: tuple[tuple[int, str], ...] = ()) -> Layout:
    return Layout(base.source, base.task, base.worker, label, status=base.status, nested=nested, marks=marks)


def _timed(base: Layout, header: Sequence[str]) -> Layout:
    name = next((name for name in SECONDS if name in header), "")
    if not name:
        return base
    return Layout(
        base.source, base.task, base.worker, base.label, header.index(name), SECONDS[name],
        status=base.status, marks=base.marks, nested=base.nested, sets=base.sets,
    )  # fmt: skip


def _from_json(cell: str) -> str:
    """Crowd HTML elements: [{"animal": {"label": "cat"}}] or [{"animal": {"cat": true, "dog": false}}]."""
    try:
        found = json.loads(cell)
        (answer,) = found if isinstance(found, list) else [found]
        (value,) = answer.values()
    except (ValueError, AttributeError, RecursionError):
        raise ValueError("its answer is not one JSON object with one field.") from None
    if isinstance(value, dict) and "label" in value:
        value = value["label"]
    if isinstance(value, dict):
        return "|".join(label for label, on in value.items() if on is True)
    if isinstance(value, list):
        return "|".join(map(str, value))
    return str(value)


def _first(header: Sequence[str], names: Sequence[str]) -> int:
    return next((header.index(name) for name in names if name in header), -1)


def _shown(header: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in header) or "none"
