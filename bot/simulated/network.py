"""The network inside a simulation: a calibrated linear probe on vectors that were computed once.

The objective is that of `training/probe.py`; float32, a few L-BFGS steps make a night a matter of seconds. Strength
and temperature are fitted on held-out folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bot.simulated.task import Held
from core.ids import VersionId
from core.item import Content
from core.version import Lessons, Scores, Trainer
from training.calibrate import fit_temperature, log_losses, softmax

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
PULLS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
FIRST_PULL = 3  # index from which the search for the best strength begins
STEPS, SEARCH_STEPS = 60, 30  # of L-BFGS
FOLDS, LEAST_HELD = 5, 4
SMALL = 15_000  # numbers in the targets, up to which every fold is held out once; beyond, one fold tells enough


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """Logits of vectors (N, D)."""

    centre: Singles  # (D,)
    scale: float
    weight: Singles  # (D + 1, K), the last row is the bias
    temperature: float = 1.0

    def __call__(self, vectors: Singles) -> Floats:
        """(N, K) calibrated probabilities."""
        return softmax(self.logits(vectors) / self.temperature)

    def logits(self, vectors: Singles) -> Floats:
        seen: Singles = (vectors - self.centre) / self.scale
        return np.asarray(seen @ self.weight[:-1] + self.weight[-1], dtype=np.float64)


def fitted(vectors: Singles, soft: Floats, weights: Floats, pull: float, steps: int) -> Linear:
    """The weighted soft cross-entropy plus pull / 2 * |weight|^2, as in `training.probe.fit_probe`."""
    centre = vectors.mean(axis=0)
    scale = float(np.sqrt(((vectors - centre) ** 2).sum(axis=1).mean()))
    seen, target = (vectors - centre) / max(scale, 1e-6), soft.astype(np.float32)
    w = (weights / weights.mean()).astype(np.float32)[:, None]
    shape = (vectors.shape[1] + 1, soft.shape[1])

    def cost(flat: Floats) -> tuple[float, Floats]:
        weight = flat.astype(np.float32).reshape(shape)
        z = seen @ weight[:-1] + weight[-1]
        z -= z.max(axis=1, keepdims=True)
        raised = np.exp(z)
        total = raised.sum(axis=1, keepdims=True)
        loss = -(w * target * (z - np.log(total))).sum() + 0.5 * pull * np.square(weight[:-1]).sum()
        slope = w * (raised / total - target)
        gradient = np.vstack([seen.T @ slope + pull * weight[:-1], slope.sum(axis=0)])
        return float(loss), gradient.astype(np.float64).ravel()

    found = minimize(cost, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return Linear(centre, scale, found.x.astype(np.float32).reshape(shape))


def taught(
    vectors: Singles, soft: Floats, weights: Floats, rng: np.random.Generator, near: int = FIRST_PULL,
    likelihoods: Floats | None = None,
) -> tuple[Linear, int]:  # fmt: skip
    """A calibrated probe, and the index of its strength, looked for downhill from `near`."""
    fold = rng.permutation(len(vectors)) % FOLDS
    folds = range(FOLDS if soft.size <= SMALL else 1) if len(vectors) >= LEAST_HELD * FOLDS else range(0)
    if not folds:
        return fitted(vectors, soft, weights, PULLS[near], STEPS), near
    held = fold < len(folds)
    tried: dict[int, Floats] = {}

    def loss(at: int) -> float:
        if at not in tried:
            tried[at] = np.zeros(soft.shape)
            for one in folds:
                kept = fold != one
                probe = fitted(vectors[kept], soft[kept], weights[kept], PULLS[at], SEARCH_STEPS)
                tried[at][~kept] = probe.logits(vectors[~kept])
        return float((weights * log_losses(softmax(tried[at]), soft))[held].sum())

    best, better = -1, near
    while better != best:
        best = better
        better = min((at for at in (best, best - 1, best + 1) if 0 <= at < len(PULLS)), key=loss)
    likely = None if likelihoods is None else likelihoods[held]
    temperature = fit_temperature(tried[best][held], soft[held], weights[held], likely)
    whole = fitted(vectors, soft, weights, PULLS[best], STEPS)
    return Linear(whole.centre, whole.scale, whole.weight, temperature), best


def foretold(
    vectors: Singles, soft: Floats, weights: Floats, rng: np.random.Generator, near: int
) -> tuple[Floats, int]:
    """(N, K) calibrated probabilities of each row by a probe of the other folds, and the index of its strength."""
    whole, near = taught(vectors, soft, weights, rng, near)
    fold, logits = rng.permutation(len(vectors)) % FOLDS, np.zeros(soft.shape)
    for one in range(FOLDS):
        kept = fold != one
        probe = fitted(vectors[kept], soft[kept], weights[kept], PULLS[near], SEARCH_STEPS)
        logits[~kept] = probe.logits(vectors[~kept])
    return softmax(logits / whole.temperature), near


class Network(Trainer, Protocol):
    """A trainer that can be asked what it knows without a campaign around it."""

    def said(self, version: VersionId, rows: NDArray[np.int64]) -> Floats:
        """(n, K) what a version thinks of these texts of the task."""
        ...

    def accuracy(self, version: VersionId, held: Held) -> float:
        """Share of held-out texts that a version gets right; nan where that was not measured."""
        ...


@dataclass(slots=True, eq=False)
class ProbeTrainer:
    """`Network` by probes."""

    texts: Sequence[str]
    vectors: Singles  # (N, D)
    rng: np.random.Generator
    versions: dict[VersionId, Linear] = field(default_factory=dict)
    near: int = FIRST_PULL
    _rows: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rows = {text: row for row, text in enumerate(self.texts)}

    def cross_fit(self, lessons: Lessons) -> Floats:
        """(N, K) what probes that did not learn a row say of it."""
        rows = self._rows_of(lessons.contents)
        found, self.near = foretold(self.vectors[rows], lessons.targets, lessons.weights, self.rng, self.near)
        return found

    def train(self, lessons: Lessons, tell: Callable[[str], None]) -> VersionId:
        """The id of a new version."""
        rows = self._rows_of(lessons.contents)
        said = self.vectors[rows], lessons.targets, lessons.weights, self.rng, self.near, lessons.likelihoods
        probe, self.near = taught(*said)
        version = VersionId(f"probe {len(self.versions) + 1}")
        self.versions[version] = probe
        return version

    def score(self, version: VersionId, contents: Sequence[Content]) -> Iterator[Scores]:
        """What a version thinks of contents, in one piece."""
        if contents:
            seen = self.vectors[self._rows_of(contents)]
            yield Scores(self.versions[version](seen), seen.astype(np.float64))

    def said(self, version: VersionId, rows: NDArray[np.int64]) -> Floats:
        """(n, K) what a version thinks of these texts."""
        return self.versions[version](self.vectors[rows])

    def accuracy(self, version: VersionId, held: Held) -> float:
        """Share of held-out texts that a version gets right."""
        return float((self.versions[version](held.vectors).argmax(axis=1) == held.truth).mean())

    def _rows_of(self, contents: Sequence[Content]) -> NDArray[np.int64]:
        return np.array([self._rows[content.text] for content in contents], dtype=np.int64)
