"""What the network's voice saves: `python -m tests.benchmarks.bench_prior [--quick] [--only sp ...]`.

Consensus with and without the network's prior, on recorded crowds with texts and on texts with the simulated crowd of
thirty. The network is a linear softmax on frozen all-MiniLM-L6-v2 embeddings with a temperature, taught by the crowd's
own beliefs after two answers an item; five folds over items stand for a version that never saw an answer of the item.
CROWDLAB (cleanlab) hears the same suggestions. The prior is the rule of the product: `core.voice`, beta learnt.

Answers an item are those that the same asking rule spends with and without the prior: evenly (everybody gets m), and
by the product's stop rule (at least two, at most seven, until calibrated belief reaches a confidence).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from cleanlab.multiannotator import get_label_quality_multiannotator
from numpy.typing import NDArray

from bot.simulated.crowd import crowd_of
from core.inference import Refit, refit
from core.item import between
from core.teaching import weights_of
from core.voice import learnt_weight, starts
from tests.benchmarks.crowds import FOLDER, Crowd, Floats, Ints, load
from tests.benchmarks.embedded import crowd_features, rows_of, text_set
from training.calibrate import fit_temperature, softmax
from training.examples import Examples
from training.probe import fit_probe
from training.recipe import Kind, Recipe
from training.trainer import TransformerTrainer

RECORDED = ("sp", "product")
SIMULATED = ("trec_questions", "banking77", "movie_reviews")
MOST, FOLDS = 7, 5
PULL = {"banking77": 0.1, "trec_questions": 0.3}  # of the probe; 3.0 elsewhere. Chosen by held-out crowd beliefs
LADDER = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)  # confidences; at the first, two answers settle nearly all
TARGET = 95.0


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A crowd with the features of its items."""

    crowd: Crowd
    features: NDArray[np.float32]  # (N, F)
    target: float | None  # percent; None: what three answers an item give without the prior
    texts: tuple[str, ...] = ()  # N


@dataclass(frozen=True, slots=True)
class Curve:
    """Answers an item against percent right, answers rising."""

    spent: tuple[float, ...]
    right: tuple[float, ...]

    def reaching(self, target: float) -> float:
        """Answers an item at which the target is first reached, between points by a line; nan where never."""
        for at, right in enumerate(self.right):
            if right >= target:
                if at == 0:
                    return self.spent[0]
                share = (target - self.right[at - 1]) / (right - self.right[at - 1])
                return self.spent[at - 1] + share * (self.spent[at] - self.spent[at - 1])
        return float("nan")


def recorded(name: str, seed: int, most_items: int) -> Case:
    with (FOLDER / name / "answers.csv").open(encoding="utf-8") as file:
        tasks = sorted({row["task"] for row in csv.DictReader(file)})
    rows = {row.pop("task"): between(*row.values()) for row in rows_of(FOLDER / name / "items.csv")}
    return Case(load(name), crowd_features(name, tasks), None, tuple(rows[task] for task in tasks))


def simulated(name: str, seed: int, most_items: int) -> Case:
    """Texts of the pool, MOST answers each by different people of the thirty."""
    found, rng = text_set(name), np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(found.y))[:most_items])
    people, truth = crowd_of(len(found.labels), seed), found.y[rows]
    who = np.stack([rng.permutation(len(people))[:MOST] for _ in rows])
    said = np.array([[people[w].label(int(truth[i]), i, rng) for w in some] for i, some in enumerate(who)])
    item = np.repeat(np.arange(len(rows)), MOST)
    crowd = Crowd(name, item, who.reshape(-1), said.reshape(-1), truth, len(people), len(found.labels))
    return Case(crowd, found.x[rows], TARGET, tuple(found.texts[row] for row in rows))


def lessons_of(found: Refit) -> tuple[Floats, Floats, Floats]:
    """((N, K) soft labels, (N,) weights, (N, K) likelihoods) that a night is taught."""
    likelihoods = np.asarray(found.posteriors) / np.array(found.pool.prior)
    return found.calibrated, weights_of(found.calibrated), likelihoods


def foretold(case: Case, found: Refit, seed: int) -> Floats:
    """(N, K) calibrated suggestions, each by a probe that saw no answer about its item."""
    beliefs, weight, likelihoods = lessons_of(found)
    fold = np.random.default_rng([seed, 1]).permutation(len(beliefs)) % FOLDS
    logits = np.zeros(beliefs.shape)
    for k in range(FOLDS):
        taught = fold != k
        probe = fit_probe(case.features[taught], beliefs[taught], weight[taught], PULL.get(case.crowd.name, 3.0))
        logits[~taught] = probe.logits(torch.from_numpy(case.features[~taught])).double().numpy()
    return softmax(logits / fit_temperature(logits, beliefs, weight, likelihoods))


def foretold_by_recipe(case: Case, found: Refit, seed: int) -> Floats:
    """The same by versions of the default recipe, adapters and probe, as the night trains them."""
    beliefs, weight, likelihoods = lessons_of(found)
    said = np.zeros(beliefs.shape)
    fold, trainer = np.random.default_rng([seed, 1]).permutation(len(beliefs)) % FOLDS, TransformerTrainer()
    for k in range(FOLDS):
        taught, asked = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        texts = tuple(case.texts[row] for row in taught)
        with tempfile.TemporaryDirectory() as folder:
            examples = Examples(
                Kind.TEXT, texts, beliefs[taught], weight[taught], likelihoods=likelihoods[taught]
            )
            version = trainer.train(examples, Recipe(seed=seed), Path(folder))
            scores = trainer.score(version.folder, [case.texts[row] for row in asked])
            said[asked] = np.concatenate([part for part, _ in scores])
        print(f"  fold {k + 1} of {FOLDS} taught", file=sys.stderr, flush=True)
    return said


def heard(part: Crowd, suggestions: Floats | None, before: Refit | None = None) -> Refit:
    """The refit with the network's voice, as loud as the answers say by the refit before; without it where there is
    none."""
    if suggestions is None:
        return refit(part.table())
    known = before or refit(part.table())
    everyone = np.ones(len(suggestions), dtype=bool)
    beta = learnt_weight(part.table(), everyone, suggestions, known, 1.0)
    return refit(part.table(suggestion=starts(known.pool, suggestions, beta)), known.pool)


def crowdlab(part: Crowd, suggestions: Floats) -> float:
    """Percent right of CROWDLAB's consensus (Goh, Tkachenko and Mueller 2022, arXiv:2210.06812)."""
    table = np.full((len(part.truth), part.workers), np.nan)
    table[part.item, part.worker] = part.label
    rows = ~np.isnan(table).all(axis=1)
    answers = pd.DataFrame(table[rows][:, ~np.isnan(table[rows]).all(axis=0)])
    found = get_label_quality_multiannotator(answers, suggestions[rows], verbose=False)["label_quality"]
    return 100 * float((found["consensus_label"].to_numpy() == part.truth[rows]).mean())


def evenly(case: Case, turn: Ints, suggestions: Floats | None, most: int) -> Curve:
    points = []
    for m in range(1, most + 1):
        part = case.crowd.only(turn < m)
        points.append((len(part.item) / len(part.truth), part.right(heard(part, suggestions).posteriors)))
    return Curve(*zip(*points, strict=True))


def stopping(case: Case, turn: Ints, suggestions: Floats | None, ladder: Sequence[float]) -> Curve:
    """One point for each confidence at which asking stops; it is raised step by step, and asking goes on."""
    points, found = [], None
    have = np.minimum(np.bincount(case.crowd.item, minlength=len(case.crowd.truth)), MOST)
    got = np.minimum(2, have)
    for confidence in ladder:
        while True:
            part = case.crowd.only(turn < got[case.crowd.item])
            found = heard(part, suggestions, found)
            asking = (found.calibrated.max(axis=1) < confidence) & (got < have)
            if not asking.any():
                break
            got = got + asking
        points.append((len(part.item) / len(part.truth), part.right(found.posteriors)))
    return Curve(*zip(*points, strict=True))


@dataclass(frozen=True, slots=True)
class Outcome:
    """One seed of one case."""

    network: float  # percent right of the suggestions alone
    target: float
    even: tuple[Curve, Curve]  # without, with
    stop: tuple[Curve, Curve]
    lab: tuple[float, ...]  # CROWDLAB, from two answers an item


NETWORKS = {"probe": foretold, "recipe": foretold_by_recipe}


class Kept:
    """What is measured, in a file where one is given, so that a long run goes on where it was."""

    def __init__(self, place: Path | None) -> None:
        self.place = place
        self.found: dict[str, Any] = json.loads(place.read_text()) if place and place.exists() else {}

    def get(self, key: str, work: Callable[[], Any]) -> Any:
        if key not in self.found:
            self.found[key] = work()
            if self.place:
                self.place.write_text(json.dumps(self.found))
        return self.found[key]


def measured(name: str, case: Case, seed: int, ladder: Sequence[float], kept: Kept, network: str) -> Outcome:
    """One seed; the steps are kept one by one."""
    turn, key = case.crowd.turn(seed), f"{name}/{len(case.crowd.truth)}/{seed}" + "/recipe" * (network == "recipe")
    two, speaker = case.crowd.only(turn < 2), NETWORKS[network]
    said = np.array(kept.get(f"{key}/said", lambda: speaker(case, refit(two.table()), seed).tolist()))
    most = 5 if name != "product" else 3

    def curve(words: str, work: Callable[[], Curve]) -> Curve:
        return Curve(*map(tuple, kept.get(f"{key}/{words}", lambda: astuple(work()))))

    even = (
        curve("even without", lambda: evenly(case, turn, None, most)),
        curve("even with", lambda: evenly(case, turn, said, most)),
    )
    lab = kept.get(f"{key}/lab", lambda: [crowdlab(case.crowd.only(turn < m), said) for m in range(2, most + 1)])
    step = "/".join(map(str, ladder))
    stop = (
        curve(f"stop without {step}", lambda: stopping(case, turn, None, ladder)),
        curve(f"stop with {step}", lambda: stopping(case, turn, said, ladder)),
    )
    target = even[0].right[2] if case.target is None else case.target
    return Outcome(case.crowd.right(said), target, even, stop, tuple(lab))


def interval(values: Sequence[float]) -> str:
    """Mean with a 95 % t interval over seeds."""
    found = np.array(values)
    t = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78}.get(len(found), 2.0)
    spread = t * found.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else float("nan")
    return f"{found.mean():.2f} +- {spread:.2f}"


def show(name: str, outcomes: Sequence[Outcome], bar: float) -> None:
    one = outcomes[0]
    print(f"\n{name}: network alone {interval([o.network for o in outcomes])} % right, {len(outcomes)} seeds")
    print(f"  {'answers an item':18s}{'without':>10s}{'with prior':>12s}{'CROWDLAB':>10s}")
    for at in range(len(one.even[0].spent)):
        figures = [float(np.mean([o.even[arm].right[at] for o in outcomes])) for arm in (0, 1)]
        lab = f"{np.mean([o.lab[at - 1] for o in outcomes]):10.2f}" if at else " " * 10
        print(f"  {one.even[0].spent[at]:<18.2f}{figures[0]:10.2f}{figures[1]:12.2f}{lab}")
    worst = min(o.even[1].right[at] - o.even[0].right[at] for o in outcomes for at in range(len(o.even[0].right)))
    print(f"  worst difference at any number of answers, any seed: {worst:+.2f} points")
    for words, pick in (("everybody m answers", "even"), ("product's stop rule", "stop")):
        pairs = [tuple(c.reaching(o.target) for c in getattr(o, pick)) for o in outcomes]
        ratios = [without / with_ for without, with_ in pairs]
        mark = "reached" if np.nanmean(ratios) >= bar else "MISSED "
        spent = np.nanmean(np.array(pairs), axis=0)
        target = float(np.mean([o.target for o in outcomes]))
        figures = f"{spent[0]:.2f} answers without, {spent[1]:.2f} with it: {interval(ratios)} times fewer"
        print(f"  {mark} {words}: {target:.1f} % right at {figures} (bar {bar})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, 1,500 items of each simulated set")
    parser.add_argument("--only", nargs="*", default=[*RECORDED, *SIMULATED], help="sets")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--network", choices=list(NETWORKS), default="probe", help="recipe: minutes a fold, texts only")
    parser.add_argument("--results", type=Path, help="file that keeps what is measured")
    asked = parser.parse_args()
    if not FOLDER.is_dir():
        print(f"The recorded crowds are not here ({FOLDER.name} is missing beside the repository): nothing measured.")
        sys.exit(0)
    warnings.filterwarnings("ignore")
    kept = Kept(asked.results)
    for name in asked.only:
        source: Callable[[str, int, int], Case] = recorded if name in RECORDED else simulated
        seeds, items = (1, 1500) if asked.quick else (asked.seeds, 4000)
        outcomes = [
            measured(name, source(name, seed, items), seed, LADDER, kept, asked.network) for seed in range(seeds)
        ]
        show(name, outcomes, 1.15 if name in RECORDED else 1.3)


if __name__ == "__main__":
    main()
