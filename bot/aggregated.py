"""A file of answers into labels, one function for each kind of answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core import multilabel, numeric, ordinal, pairs
from core.beta import beta_quantile
from core.errors import BadInput
from core.inference import refit
from core.marks import parts_of, written
from core.reliability import MATRIX_LABELS
from core.scoring import accuracy, calibration_error, log_loss
from core.suspicion import suspected
from core.vigilance import Flag, Vigilance, watch
from core.worker import Reason
from storage.exchange.answer_tables import (
    Words,
    known_labels,
    mark_table,
    marks_known,
    number_table,
    numbers_known,
    pair_table,
    single_table,
    words_of,
)
from storage.exchange.answers_in import Known
from storage.exchange.answers_out import WorkerLine
from storage.exchange.gathered import AnswerFile, AnswerKind

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
MANY_MEETINGS = 1_000  # above which a crowd that never differs cannot be a crowd: thumbs slip
LARGE, FEW_SWEEPS = 300_000, 20  # answers from which the committee sweeps less; it has settled by then


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate:
    """Consensus on every task. Scores are None where no truth is known or where they mean nothing."""

    method: str
    tasks: Sequence[str]
    labels: Sequence[str]
    confidence: Floats
    answers: Ints
    workers: Sequence[WorkerLine]
    distinct: int  # labels
    accuracy: float | None = None
    log_loss: float | None = None
    ece: float | None = None
    error: float | None = None  # of numbers: root mean square; of ratings: mean absolute, in steps


def aggregate(
    place: str, file: AnswerFile, truth: Known | None, controls: Known | None, scale: Sequence[str] = ()
) -> Aggregate:
    """Consensus, confidence and workers of a file; BadInput where what is known is about other tasks."""
    for known in (truth, controls):
        if known and not known.labels.keys() & set(file.tasks):
            raise BadInput(known.place, f"knows none of the tasks of {place}.")
    if file.kind is AnswerKind.PAIRS:
        if truth or controls:
            raise BadInput(place, "holds pairs, which know neither truth nor controls.")
        return _pairs(file)
    if file.kind is AnswerKind.MULTI:
        return _marks(place, file, truth, controls)
    if file.kind is AnswerKind.RATING and not scale and len(file.cells) > MATRIX_LABELS:
        return _numbers(place, file, truth, controls)
    words = words_of(place, file, _words(file, truth, controls), scale, file.sets)
    told, truths = known_labels(file, words, controls), known_labels(file, words, truth)
    judged = np.flatnonzero((truths >= 0) & (told < 0))
    if file.kind is AnswerKind.RATING:
        return _ratings(file, words, told, judged, truths[judged])
    return _categories(file, words, told, judged, truths[judged])


def _words(file: AnswerFile, *known: Known | None) -> list[str]:
    asked = set(file.tasks)
    return [label for one in known if one for task, label in one.labels.items() if task in asked]


def _categories(file: AnswerFile, words: Words, told: Ints, judged: Ints, truth: Ints) -> Aggregate:
    seen = _watched(file, words)
    as_one = seen.one_vote(file.worker)
    sweeps = FEW_SWEEPS if len(file) > LARGE else 60
    found = refit(single_table(file, words, told, as_one, seen.weight), sweeps=sweeps)
    sure = found.calibrated
    first = seen.one_vote(np.arange(len(file.workers)))
    told_of = suspected(single_table(file, words, told, file.worker, np.ones(len(file))), found)
    flags = [*seen.flags, *(flag for flag in told_of if flag.reason is not Reason.RUNS)]  # no order of coming here
    return Aggregate(
        found.method,
        file.tasks,
        [words.labels[k] for k in sure.argmax(axis=1)],
        sure.max(axis=1),
        np.bincount(file.item, minlength=len(file.tasks)),
        _lines(file, found.accuracy[first], seen.weight, flags),
        len(words.labels),
        *_scores(sure[judged], truth),
    )


def remarks(file: AnswerFile) -> list[str]:
    """What whoever reads the result must know: answers that cannot be what they seem."""
    met = np.bincount(file.item).astype(np.float64)
    found = []
    if file.kind is not AnswerKind.PAIRS and (met * (met - 1)).sum() / 2 >= MANY_MEETINGS and not _differs(file):
        found.append("no two answers to a task differ: these are labels already, no confidence can be had from them")
    return found


def _differs(file: AnswerFile) -> bool:
    first = np.zeros(len(file.tasks), dtype=np.int64)
    first[file.item[::-1]] = file.cell[::-1]
    return bool((file.cell != first[file.item]).any())


def _watched(file: AnswerFile, words: Words) -> Vigilance:
    label = np.where(words.sets.sum(axis=1) == 1, words.sets.argmax(axis=1), -1)[file.cell]
    n, w, k = len(file.tasks), len(file.workers), len(words.labels)
    return watch(file.item, file.worker, label, n, w, k, file.seconds)


def _scores(sure: Floats, truth: Ints) -> tuple[float | None, float | None, float | None]:
    if not len(truth):
        return None, None, None
    error = calibration_error(sure.max(axis=1), sure.argmax(axis=1) == truth)
    return accuracy(sure, truth), log_loss(sure, truth), error


def _ratings(file: AnswerFile, words: Words, told: Ints, judged: Ints, truth: Ints) -> Aggregate:
    plain = np.ones(len(file))
    found = ordinal.refit(single_table(file, words, told, file.worker, plain))
    median = found.median()
    _, loss, ece = _scores(found.calibrated[judged], truth)
    right = float((median[judged] == truth).mean()) if len(truth) else None
    return Aggregate(
        "ordinal committee, posterior median",
        file.tasks,
        [words.labels[k] for k in median],
        found.calibrated[np.arange(len(median)), median],
        np.bincount(file.item, minlength=len(file.tasks)),
        _lines(file, _beta(found.accuracy(), file)),
        len(words.labels),
        right,
        loss,
        ece,
        float(np.abs(median[judged] - truth).mean()) if len(truth) else None,
    )


def _numbers(place: str, file: AnswerFile, truth: Known | None, controls: Known | None) -> Aggregate:
    found = numeric.refit(number_table(place, file, controls))
    gap = (found.mean - numbers_known(file, truth))[~np.isfinite(numbers_known(file, controls))]
    gap = gap[np.isfinite(gap)]
    share = found.spread**2 / (found.spread**2 + found.noise**2 + 1e-300)
    rows = np.stack([share, np.full_like(share, np.nan), np.full_like(share, np.nan)], axis=1)
    return Aggregate(
        "precision-weighted mean",
        file.tasks,
        [f"{value:.6g}" for value in found.mean],
        found.certainty(),
        np.bincount(file.item, minlength=len(file.tasks)),
        _lines(file, rows),
        len(file.cells),
        error=float(np.sqrt((gap**2).mean())) if len(gap) else None,
    )


def _marks(place: str, file: AnswerFile, truth: Known | None, controls: Known | None) -> Aggregate:
    extra = [part for cell in _words(file, truth, controls) for part in parts_of(cell)]
    words = words_of(place, file, extra, (), split=True)
    found = multilabel.refit(mark_table(file, words, controls))
    holds, sure = found.consensus(), found.confidence()
    known = marks_known(file, words, truth)
    judged = np.isfinite(known[:, 0]) & ~np.isfinite(marks_known(file, words, controls)[:, 0])
    right = (holds[judged] == (known[judged] == 1)).all(axis=1)
    told = np.maximum(np.where(known[judged] == 1, found.holds[judged], 1 - found.holds[judged]), 1e-12)
    scored = bool(judged.any())
    return Aggregate(
        "binary beliefs under one worker belief",
        file.tasks,
        [written(np.flatnonzero(row), words.labels) for row in holds],
        sure,
        np.bincount(file.item, minlength=len(file.tasks)),
        _lines(file, _beta(found.accuracy(), file)),
        len(words.labels),
        float(right.mean()) if scored else None,
        float(-np.log(told).sum(axis=1).mean()) if scored else None,
        calibration_error(sure[judged], right) if scored else None,
    )


def _pairs(file: AnswerFile) -> Aggregate:
    """Items by score, the best first; confidence is the chance to beat an average item."""
    table, names = pair_table(file)
    found = pairs.refit(table)
    order = found.ranking()
    met = np.bincount(table.winner, minlength=len(names)) + np.bincount(table.loser, minlength=len(names))
    chance = 1 / (1 + np.exp(-found.mean))
    return Aggregate(
        "Bradley-Terry with worker reliability",
        [names[i] for i in order],
        [f"{found.mean[i]:.4f}" for i in order],
        chance[order],
        met[order],
        _lines(file, _beta(found.eta, file)),
        2,
    )


def _beta(mean: Floats, file: AnswerFile) -> Floats:
    """(W, 3) means with the 95 % interval that so many answers give."""
    size = np.bincount(file.worker, minlength=len(file.workers)) + 2
    rows = [
        (m, beta_quantile(0.025, m * s, (1 - m) * s), beta_quantile(0.975, m * s, (1 - m) * s))
        for m, s in zip(np.clip(mean, 1e-3, 1 - 1e-3).tolist(), size.tolist(), strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 3)


def _lines(
    file: AnswerFile, figures: Floats, weight: Floats | None = None, suspicions: Sequence[Flag] = ()
) -> list[WorkerLine]:
    count = np.bincount(file.worker, minlength=len(file.workers))
    weight = np.ones(len(file)) if weight is None else weight
    mean = np.bincount(file.worker, weight, len(file.workers)) / np.maximum(count, 1)
    flags: dict[int, list[str]] = {}
    for flag in suspicions:
        flags.setdefault(flag.worker, []).append(flag.reason.value)
    rows = zip(file.workers, count.tolist(), figures.tolist(), mean.tolist(), strict=True)
    return [
        WorkerLine(name, n, right, low, high, w, flags.get(at, []))
        for at, (name, n, (right, low, high), w) in enumerate(rows)
    ]
