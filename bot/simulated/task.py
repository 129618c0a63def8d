"""What is simulated: texts with their true labels, a crowd, and the vectors that the network sees."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.simulated.crowd import Simulated
from bot.simulated.embeddings import Vectors, embedded
from core.errors import BadInput
from core.item import TEXT_LIMIT, Content, Medium, NewItem, Role, role_of
from storage.exchange.rows import RowOf
from storage.exchange.tables import table_rows

Ints = NDArray[np.int64]
LEAST_ITEMS = 50
SLUG = "simulated"


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """T texts on which versions are judged."""

    texts: tuple[str, ...]  # T
    vectors: Vectors  # (T, D)
    truth: Ints  # (T,)


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """N items whose truth the simulation knows. Where there are no held-out texts the audit items judge versions."""

    name: str
    labels: tuple[str, ...]  # K
    texts: tuple[str, ...]  # N
    truth: Ints  # (N,)
    vectors: Vectors  # (N, D)
    held: Held | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def audit(self, share: float) -> Ints:
        """Items that a campaign with this audit share never teaches, by the hash of their names."""
        rows = (row for row in range(len(self)) if role_of(SLUG, self.item(row), share) is Role.AUDIT)
        return np.fromiter(rows, dtype=np.int64)

    def item(self, row: int, control: bool = False) -> NewItem:
        """An item as it is imported, named by its row."""
        content = Content(Medium.TEXT, self.texts[row])
        return NewItem(str(row), content, int(self.truth[row]) if control else None)

    def judged_on(self, audit: Ints) -> Held:
        """The held-out texts, else the audit items."""
        if self.held is not None:
            return self.held
        return Held(tuple(self.texts[row] for row in audit), self.vectors[audit], self.truth[audit])


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """One run: the task, who answers, what may be spent and how often a night comes."""

    task: Task
    crowd: Sequence[Simulated]
    budget: int  # answers
    step: int  # answers between nights
    seed: int
    audit: Ints  # items that our rule never teaches

    def judged_on(self) -> Held:
        """What versions are judged on."""
        return self.task.judged_on(self.audit)

    @property
    def unasked(self) -> Ints:
        """Items that a strategy without audit leaves out, so that its versions can be judged on them."""
        return self.audit if self.task.held is None else np.zeros(0, dtype=np.int64)


def read_task(
    items: Path, label: str, text: str, test: Path | None, keep: Path, tell: Callable[[str, float], None]
) -> Task:
    """The task of a file; BadInput names file, line and column. `tell` hears what is done and its share."""
    rows = _rows(items, label, text)
    words = sorted({word for _, word in rows})
    if len(rows) < LEAST_ITEMS:
        raise BadInput(items.name, f"has {len(rows)} items; a simulation needs at least {LEAST_ITEMS}.")
    if len(words) < 2:
        raise BadInput(f"{items.name}, column '{label}'", f"has the one label '{words[0]}'; there must be two or more.")
    place = {word: at for at, word in enumerate(words)}
    held = _rows(test, label, text) if test else []
    for at, (_, word) in enumerate(held):
        if word not in place:
            raise BadInput(
                f"{test.name if test else ''}, item {at + 1}", f"has the label '{word}', unknown to {items}."
            )
    texts, held_texts = tuple(one for one, _ in rows), tuple(one for one, _ in held)
    vectors = embedded(texts, keep, lambda done: tell("reading items", done / len(texts)))
    truth = np.array([place[word] for _, word in rows], dtype=np.int64)
    task = Task(items.stem, tuple(words), texts, truth, vectors)
    if not held:
        return task
    seen = embedded(held_texts, keep, lambda done: tell("reading test texts", done / len(held_texts)))
    return replace(task, held=Held(held_texts, seen, np.array([place[word] for _, word in held], dtype=np.int64)))


def _rows(path: Path, label: str, text: str) -> list[tuple[str, str]]:
    """(text, label) of every row."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(str(path), f"cannot be read ({error.strerror}).") from error
    column = text.strip().lower()
    rows = table_rows(path.name, content, column, None)
    found = [(_cell(row, column)[:TEXT_LIMIT], _cell(row, label.strip().lower())) for row in rows]
    if not found:
        raise BadInput(path.name, "holds no items.")
    return found


def _cell(row: RowOf, column: str) -> str:
    if column not in row.values:
        shown = ", ".join(f"'{name}'" for name in row.values)
        raise BadInput(row.place, f"has no column '{column}'; found: {shown}.")
    word = row.values[column].strip()
    if not word:
        raise BadInput(f"{row.place}, column '{column}'", "is empty.")
    return word
