"""`crowdloop aggregate` and `crowdloop replay`: for people with files."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from bot.aggregated import Aggregate, remarks
from bot.aggregated import aggregate as aggregated
from core.errors import BadInput, NotFound
from core.replay import Comparison, Recorded, compared
from core.stopping import StopRule
from storage.exchange.answer_tables import known_labels, single_table, words_of
from storage.exchange.answers_in import Known, read_answers, read_known
from storage.exchange.answers_out import labels_csv, workers_csv
from storage.exchange.gathered import AnswerFile, AnswerKind


def aggregate(
    answers: Path,
    truth: Path | None,
    controls: Path | None,
    out: Path | None,
    workers: Path | None,
    kind: AnswerKind | None,
    scale: str,
    field: str,
    as_json: bool,
) -> int:
    """Prints figures and writes the files that are asked for; 0, or an error of `core.errors`."""
    begun = time.perf_counter()
    file = read_answers(answers.name, content_of(answers), kind, field)
    order = tuple(word.strip() for word in scale.split(",") if word.strip())
    with Console(stderr=True).status(f"{len(file):,} answers"):
        found = aggregated(answers.name, file, _known(truth), _known(controls), order)
    if out:
        rows = zip(found.tasks, found.labels, found.confidence.tolist(), found.answers.tolist(), strict=True)
        _write(out, labels_csv(rows))
    if workers:
        _write(workers, workers_csv(found.workers))
    seconds = time.perf_counter() - begun
    if as_json:
        print(json.dumps(_aggregate_json(file, found, seconds)))
        for remark in remarks(file):
            print(f"note: {remark}", file=sys.stderr)
    else:
        _show_aggregate(file, found, seconds)
    return 0


def _aggregate_json(file: AnswerFile, found: Aggregate, seconds: float) -> dict[str, int | float | str | None]:
    return {
        "tasks": len(found.tasks),
        "answers": len(file),
        "workers": len(file.workers),
        "labels": found.distinct,
        "seconds": round(seconds, 3),
        "method": found.method,
        "accuracy": found.accuracy,
        "log_loss": found.log_loss,
        "ece": found.ece,
    }


def _show_aggregate(file: AnswerFile, found: Aggregate, seconds: float) -> None:
    table = Table("", "", show_header=False)
    for name, value in _aggregate_json(file, found, seconds).items():
        if value is not None:
            table.add_row(name.replace("_", " "), _figure(value))
    if found.error is not None:
        table.add_row("error", _figure(found.error))
    table.add_row("format", f"{file.source}, {file.kind}")
    flagged = [row for row in found.workers if row.flags]
    if flagged:
        table.add_row("suspicions", f"{len(flagged)} workers, such as {flagged[0].worker}: {flagged[0].flags[0]}")
    for remark in remarks(file):
        table.add_row("note", remark)
    Console().print(table)


def replay(
    answers: Path,
    truth: Path,
    confidence: float,
    controls_share: float,
    max_overlap: int,
    seed: int,
    field: str,
    as_json: bool,
) -> int:
    """Replays recorded answers as if live and prints what they would have cost; 0, or an error of `core.errors`."""
    if not 0.5 <= confidence < 1:
        raise BadInput("--confidence", f"must be at least 0.5 and under 1, not {confidence}.")
    if not 0 <= controls_share < 1:
        raise BadInput("--controls-share", f"must be at least 0 and under 1, not {controls_share}.")
    if max_overlap == 1 or max_overlap < 0:
        raise BadInput("--max-overlap", "must be at least 2: one answer alone settles nothing.")
    file = read_answers(answers.name, content_of(answers), AnswerKind.CATEGORICAL, field)
    known = read_known(truth.name, content_of(truth))
    recorded = _recorded(answers.name, file, known)
    if not (recorded.truth >= 0).any():
        raise BadInput(truth.name, f"knows none of the tasks of {answers.name}.")
    rule = StopRule(confidence, 2, max_overlap or max(int(np.bincount(file.item).max()), 2))
    with Console(stderr=True).status(f"{len(file):,} answers"):
        found = compared(recorded, rule, controls_share, seed)
    figures = _replay_json(found)
    if as_json:
        print(json.dumps(figures))
    else:
        _show_replay(figures)
    return 0


def _recorded(place: str, file: AnswerFile, truth: Known) -> Recorded:
    asked = set(file.tasks)
    extra = [label for task, label in truth.labels.items() if task in asked]
    words = words_of(place, file, extra, (), file.sets)
    blank, plain = np.full(len(file.tasks), -1, dtype=np.int64), np.ones(len(file))
    return Recorded(single_table(file, words, blank, file.worker, plain), known_labels(file, words, truth))


def _replay_json(found: Comparison) -> dict[str, int | float | None]:
    run = found.run
    figures: dict[str, int | float | None] = {
        "answers_all": found.answers_all,
        "answers_spent": run.spent,
        "accuracy": run.accuracy,
        "settled_share": run.settled_share,
        "settled_accuracy": run.settled_accuracy,
        "claimed": run.claimed,
        "vote_accuracy_all": found.vote_all,
        "dawid_skene_accuracy_all": found.dawid_skene_all,
        "vote_accuracy_same_cost": found.vote_same_cost,
        "answers_to_reach_vote_all": found.to_reach_vote,
    }
    return {name: None if value != value else value for name, value in figures.items()}


def _show_replay(figures: dict[str, int | float | None]) -> None:
    table = Table("", "", show_header=False)
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), "-" if value is None else _figure(value))
    Console().print(table)


def _figure(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def _known(path: Path | None) -> Known | None:
    return read_known(path.name, content_of(path)) if path else None


def content_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise NotFound("file", path) from None
    except OSError as error:
        raise BadInput(str(path), f"cannot be read ({error.strerror}).") from None


def _write(path: Path, lines: Iterable[str]) -> None:
    """All of the file or none of it."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="") as file:
            file.writelines(lines)
        part.replace(path)
    except OSError as error:
        raise BadInput(str(path), f"cannot be written ({error.strerror}).") from None
