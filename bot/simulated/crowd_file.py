"""crowd.toml: the workers of a simulation, kind by kind."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from bot.simulated.crowd import CROWD, HABITS, Kind
from core.errors import BadInput

EXAMPLE = """\
# A crowd for `crowdloop simulate --crowd crowd.toml`: one [[workers]] table for each kind of worker.
# Only `name` and `count` are needed; a key that is left out has the value written here.

[[workers]]
name = "expert"
count = 4                 # people
habit = "honest"          # honest: right as often as `accuracy` says | random | constant: always the same label
                          # | ring: the same random answer from all accounts of one person
accuracy = 0.97           # share right on every label; errors are spread unevenly over the others
spread = 0.01             # accuracies of these people lie evenly within accuracy - spread .. accuracy + spread
pace = 1.0                # their seconds are those of an average worker times this

[[workers]]
name = "ordinary"
count = 16
accuracy = 0.85
spread = 0.05

[[workers]]
name = "novice"
count = 6
accuracy = 0.65
spread = 0.05
pace = 1.3

[[workers]]
name = "random"
count = 2
habit = "random"
pace = 0.4

[[workers]]
name = "constant"
count = 1
habit = "constant"
pace = 0.4

[[workers]]
name = "ring"
count = 1
habit = "ring"
accounts = 2              # of each person
pace = 0.6

# Known confusions instead of an accuracy: one row for each label in alphabetical order, P(answer | true label).
# [[workers]]
# name = "translator"
# count = 2
# confusion = [[0.9, 0.1], [0.3, 0.7]]
"""


def read_crowd(path: Path | None, labels: int) -> tuple[Kind, ...]:
    """The kinds in a file, the crowd of the benchmark where there is none; BadInput names the table and the key."""
    if path is None:
        return CROWD
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(str(path), f"cannot be read ({error.strerror}); `--crowd example` prints one.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(path.name, f"is not TOML: {error}.") from error
    unknown = sorted(found.keys() - {"workers"})
    if unknown:
        raise BadInput(path.name, f"has the unknown key '{unknown[0]}'; a crowd holds [[workers]] tables only.")
    tables = found.get("workers")
    if not isinstance(tables, list) or not tables:
        raise BadInput(path.name, "needs at least one [[workers]] table; `--crowd example` prints one.")
    return tuple(_kind(f"{path.name}, [[workers]] {at}", table, labels) for at, table in enumerate(tables, 1))


def _kind(place: str, table: dict[str, Any], labels: int) -> Kind:
    known = [field.name for field in fields(Kind)]
    unknown = sorted(table.keys() - set(known))
    if unknown:
        raise BadInput(place, f"has the unknown key '{unknown[0]}'; known: {', '.join(known)}.")
    for key in ("name", "count"):
        if key not in table:
            raise BadInput(place, f"has no '{key}'.")
    rows = table.get("confusion")
    if rows is not None:
        table = table | {"confusion": _rows(place, rows, labels)}
    kind = Kind(**{key: _typed(place, key, value) for key, value in table.items()})
    _check(place, kind)
    return kind


def _typed(place: str, key: str, value: Any) -> Any:
    whole, real = ("count", "accounts"), ("accuracy", "spread", "pace")
    if key in whole and (not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10_000):
        raise BadInput(f"{place}, {key}", f"must be a whole number from 1 to 10,000, not {value!r}.")
    if key in real and (not isinstance(value, (int, float)) or isinstance(value, bool)):
        raise BadInput(f"{place}, {key}", f"must be a number, not {value!r}.")
    if key in ("name", "habit") and not isinstance(value, str):
        raise BadInput(f"{place}, {key}", f"must be a word in quotes, not {value!r}.")
    return value


def _rows(place: str, rows: Any, labels: int) -> tuple[tuple[float, ...], ...]:
    place = f"{place}, confusion"
    square = isinstance(rows, list) and len(rows) == labels and all(
        isinstance(row, list) and len(row) == labels and all(isinstance(p, (int, float)) for p in row) for row in rows
    )  # fmt: skip
    if not square:
        raise BadInput(place, f"must have {labels} rows of {labels} numbers, one for each label.")
    for at, row in enumerate(rows, 1):
        if min(row) < 0 or abs(sum(row) - 1) > 1e-6:
            raise BadInput(f"{place}, row {at}", f"must be chances that sum to 1, not {sum(row):.4g}.")
    return tuple(tuple(map(float, row)) for row in rows)


def _check(place: str, kind: Kind) -> None:
    if kind.habit not in HABITS:
        raise BadInput(f"{place}, habit", f"must be one of {', '.join(HABITS)}, not '{kind.habit}'.")
    if kind.spread < 0 or kind.accuracy < kind.spread or kind.accuracy + kind.spread > 1:
        raise BadInput(f"{place}, accuracy", "with its spread must lie between 0 and 1.")
    if kind.pace <= 0:
        raise BadInput(f"{place}, pace", "must be above 0.")
