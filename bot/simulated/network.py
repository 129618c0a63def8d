"""The network inside a simulation: a calibrated linear probe on vectors that were computed once.

The objective is that of `training/probe.py`; float32, a few L-BFGS steps and a warm start make a night a matter of
milliseconds. Strength and temperature are fitted on a held-out fifth, as the trainer does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bot.simulated.task import Held
from core.ids import VersionId
from core.item import Content
from core.version import Lessons, Scores
from training.calibrate import fit_temperature, log_losses, softmax
from training.examples import split

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
PULLS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
FIRST_PULL = 3  # index from which the search for the best strength begins
STEPS, SEARCH_STEPS = 80, 40  # of L-BFGS


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


def fitted(vectors: Singles, soft: Floats, weights: Floats, pull: float, steps: int, start: Linear | None) -> Linear:
    """The weighted soft cross-entropy plus pull / 2 * |weight|^2, as in `training.probe.fit_probe`."""
    centre = vectors.mean(axis=0) if start is None else start.centre
    scale = float(np.sqrt(((vectors - centre) ** 2).sum(axis=1).mean())) if start is None else start.scale
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

    begin = np.zeros(shape) if start is None else start.weight
    found = minimize(cost, begin.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": steps})
    return Linear(centre, scale, found.x.astype(np.float32).reshape(shape))


def taught(
    vectors: Singles, soft: Floats, weights: Floats, rng: np.random.Generator, near: int = FIRST_PULL
) -> tuple[Linear, int]:
    """A calibrated probe, and the index of its strength, looked for downhill from `near`."""
    kept, held = split(len(vectors), 0.2, rng)
    if not len(held):
        return fitted(vectors, soft, weights, PULLS[near], STEPS, None), near
    tried: dict[int, tuple[float, Linear]] = {}

    def loss(at: int) -> float:
        if at not in tried:
            probe = fitted(vectors[kept], soft[kept], weights[kept], PULLS[at], SEARCH_STEPS, None)
            losses = log_losses(softmax(probe.logits(vectors[held])), soft[held])
            tried[at] = (float((weights[held] * losses).sum()), probe)
        return tried[at][0]

    best = near
    while True:
        around = [at for at in (best - 1, best + 1) if 0 <= at < len(PULLS)]
        better = min(around, key=loss)
        if loss(better) >= loss(best):
            break
        best = better
    temperature = fit_temperature(tried[best][1].logits(vectors[held]), soft[held], weights[held])
    whole = fitted(vectors, soft, weights, PULLS[best], STEPS, None)
    return Linear(whole.centre, whole.scale, whole.weight, temperature), best


@dataclass(slots=True, eq=False)
class ProbeTrainer:
    """`core.ports.Trainer` over known texts."""

    texts: Sequence[str]
    vectors: Singles  # (N, D)
    rng: np.random.Generator
    versions: dict[VersionId, Linear] = field(default_factory=dict)
    near: int = FIRST_PULL
    _rows: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rows = {text: row for row, text in enumerate(self.texts)}

    def train(self, lessons: Lessons, tell: Callable[[str], None]) -> VersionId:
        """The id of a new version."""
        rows = self._rows_of(lessons.contents)
        probe, self.near = taught(self.vectors[rows], lessons.targets, lessons.weights, self.rng, self.near)
        version = VersionId(f"probe {len(self.versions) + 1}")
        self.versions[version] = probe
        return version

    def score(self, version: VersionId, contents: Sequence[Content]) -> Iterator[Scores]:
        """What a version thinks of contents, in one piece."""
        if contents:
            seen = self.vectors[self._rows_of(contents)]
            yield Scores(self.versions[version](seen), seen.astype(np.float64))

    def accuracy(self, version: VersionId, held: Held) -> float:
        """Share of held-out texts that a version gets right."""
        return float((self.versions[version](held.vectors).argmax(axis=1) == held.truth).mean())

    def _rows_of(self, contents: Sequence[Content]) -> NDArray[np.int64]:
        return np.array([self._rows[content.text] for content in contents], dtype=np.int64)
