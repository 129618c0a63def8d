"""A small search for a better recipe inside a time budget; the recipe that serves stays unless it is clearly beaten.

Each trial is judged on the same grouped folds, so that near-duplicates never stand on both sides. A challenger must
beat the incumbent in the paired differences of log loss: the lower end of their 95 % interval is above zero.
Tuning after looking is paid for: the winner of the search is judged again on folds that the search did not see.
Akiba et al. 2019 (Optuna), DOI 10.1145/3292500.3330701; needs the extra `search`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from training.calibrate import fit_temperature, log_losses, softmax
from training.errors import TrainingFailed
from training.examples import Examples, Floats, Rows
from training.loop import lesson_of, teach
from training.recipe import STEPS, Recipe, recipe_from
from training.trainer import build_network, look_at

FOLDS = 3
EVERY = timedelta(days=7)
NOTE = "search.json"
Judge = Callable[[Recipe, int], Floats]
"""(recipe, seed of the folds) -> (N,) log losses of held-out examples, nats."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a search found."""

    recipe: Recipe
    trials: int
    gain: float  # nats an example, of the winner over the incumbent on fresh folds; 0 where the incumbent stays
    low: float  # lower end of its 95 % interval
    seconds: float


def groups_of(contents: Sequence[str]) -> Rows:
    """Return (N,) group numbers: texts that are equal but for case and spaces are one group."""
    keys = [hashlib.sha256(" ".join(content.lower().split()).encode()).digest() for content in contents]
    number = {key: at for at, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], dtype=np.int64)


def grouped_folds(groups: Rows, folds: int, rng: np.random.Generator) -> Rows:
    """Return (N,) fold numbers: a group is never cut, folds are as equal as its groups allow."""
    names, sizes = np.unique(groups, return_counts=True)
    order = rng.permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold, filled = np.zeros(len(names), dtype=np.int64), np.zeros(folds)
    for at in order:
        fold[at] = int(filled.argmin())
        filled[fold[at]] += sizes[at]
    return np.asarray(fold[np.searchsorted(names, groups)])


def judge_by_folds(examples: Examples, groups: Rows) -> Judge:
    """Return how recipes are judged: each fold by a network that learned the others, with one temperature for all."""

    def judge(recipe: Recipe, seed: int) -> Floats:
        recipe = recipe.suited_to(examples.kind, len(examples), examples.pairs)
        fold = grouped_folds(groups, FOLDS, np.random.default_rng(seed))
        network = build_network(examples.kind, recipe, examples.soft_labels.shape[1])
        inputs = network.settle(network.encode(examples.contents), recipe.batch_size)
        start = {name: weight.detach().clone() for name, weight in network.trained().items()}
        logits = np.zeros(examples.soft_labels.shape)
        for held in range(FOLDS):
            network.restore(start)
            rows = np.flatnonzero(fold != held)
            lesson = lesson_of(inputs, rows, examples.soft_labels, examples.weights)
            for member in network.members():
                teach(member, lesson, recipe)
            logits[fold == held] = look_at(inputs, recipe, network)[fold == held]
        heat = fit_temperature(logits, examples.soft_labels, examples.weights)
        losses = log_losses(softmax(logits / heat), examples.soft_labels)
        return np.asarray(losses * examples.weights / examples.weights.mean())

    return judge


def search(
    incumbent: Recipe,
    judge: Judge,
    hours: float,
    trials: int = 20,
    clock: Callable[[], float] = time.monotonic,
) -> Search:
    """Return the incumbent, or a recipe that beats it; raises TrainingFailed where Optuna is not installed."""
    try:
        import optuna
    except ImportError as error:  # the one import that waits: an extra
        raise TrainingFailed("The search for a recipe needs Optuna: install the extra `search`.") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    started, known = clock(), judge(incumbent, incumbent.seed)
    longest = clock() - started  # of a judgement so far: a trial begins only where one more and the last one fit
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=incumbent.seed, n_startup_trials=5))
    best, best_loss, tried = incumbent, float(known.mean()), 0
    while tried < trials and clock() - started + 3 * longest < hours * 3600:
        trial = study.ask()
        recipe, began = suggested(trial, incumbent), clock()
        loss = float(judge(recipe, incumbent.seed).mean())
        longest, tried = max(longest, clock() - began), tried + 1
        study.tell(trial, loss)
        if loss < best_loss:
            best, best_loss = recipe, loss
    gain, low = 0.0, 0.0
    if best != incumbent:
        gain, low = lead(judge(incumbent, incumbent.seed + 1), judge(best, incumbent.seed + 1))
    if low <= 0:
        best, gain = incumbent, 0.0
    return Search(best, tried, gain, low, clock() - started)


def weekly(settings: Recipe, home: Path, judge: Callable[[], Judge], hours: float, now: datetime) -> Recipe:
    """Return what the last search made of these settings, after a new search where the last one is a week old.

    A note under `home` keeps it; other settings than those of the note begin anew, at the next search.
    """
    note, chosen = home / NOTE, settings
    try:
        told = json.loads(note.read_text())
        last = datetime.fromisoformat(told["at"])
        if told["settings"] == settings.fingerprint:
            chosen = recipe_from(told["recipe"])
    except (OSError, ValueError, KeyError, TypeError):
        last = datetime.min.replace(tzinfo=UTC)
    if now - last < EVERY:
        return chosen
    found = search(chosen, judge(), hours)
    home.mkdir(parents=True, exist_ok=True)
    part = note.with_suffix(".part")
    kept = {"at": now.isoformat(), "settings": settings.fingerprint, "recipe": asdict(found.recipe)}
    part.write_text(json.dumps(kept | {"trials": found.trials, "gain": found.gain, "low": found.low}, indent=1))
    part.replace(note)
    return found.recipe


def suggested(trial: Any, incumbent: Recipe) -> Recipe:
    """Return a recipe near the incumbent: step sizes, passes, rank and trained layers."""
    usual = STEPS[incumbent.method]
    return replace(
        incumbent,
        learning_rate=trial.suggest_float("learning_rate", usual / 5, 4 * usual, log=True),
        head_learning_rate=trial.suggest_float("head_learning_rate", 1e-3, 3e-2, log=True),
        epochs=trial.suggest_int("epochs", 4, 20),
        rank=trial.suggest_categorical("rank", [32, 64, 128]),
        trained_layers=trial.suggest_int("trained_layers", 2, 6),
    )


def lead(theirs: Floats, ours: Floats) -> tuple[float, float]:
    """Return (mean, lower end of the 95 % interval) of how much less we lose, example by example."""
    gain = theirs - ours
    return float(gain.mean()), float(gain.mean() - 1.96 * gain.std(ddof=1) / np.sqrt(len(gain)))
