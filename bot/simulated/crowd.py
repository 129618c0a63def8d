"""A crowd with known confusions and delays, for any number of labels: from crowd.toml, or the crowd of the benchmark.

Everything that a worker answers is drawn from the row of the true label in their own confusion matrix, whatever the
form: on a short list they look for the label in their mind and tap the button that holds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bot.minds import Confusion, at_random, by_accuracy, constant, thought
from core.forms import Layout, choice_of

HABITS = ("honest", "random", "constant", "ring")


@dataclass(frozen=True, slots=True)
class Kind:
    """Workers of one kind."""

    name: str
    count: int  # people
    habit: str = "honest"  # one of HABITS
    accuracy: float = 0.85  # of honest ones, on every label
    spread: float = 0.0  # accuracies of honest ones lie evenly within +- spread
    accounts: int = 1  # of each person: a ring is one person, or several who talk, with the same answers
    pace: float = 1.0  # their seconds are those of the cost model times this
    confusion: tuple[tuple[float, ...], ...] | None = None  # (K, K) known rows instead of an accuracy


CROWD: tuple[Kind, ...] = (
    Kind("expert", 4, accuracy=0.97, spread=0.01),
    Kind("ordinary", 16, accuracy=0.85, spread=0.05),
    Kind("novice", 6, accuracy=0.65, spread=0.05, pace=1.3),
    Kind("random", 2, habit="random", pace=0.4),
    Kind("constant", 1, habit="constant", pace=0.4),
    Kind("ring", 1, habit="ring", accounts=2, pace=0.6),
)
"""Thirty people: the crowd of the benchmark, and of `crowdloop simulate` where none is given."""


@dataclass(frozen=True, slots=True, eq=False)
class Simulated:
    """One account of one simulated worker."""

    name: str
    kind: str
    confusion: Confusion
    pace: float
    ring: int = -1  # accounts with the same number, from 0, give the same answer to the same item
    recorded: Mapping[int, int] | None = None  # labels by item, of a real person: nothing else can be asked of them

    @property
    def accuracy(self) -> float:
        """How often they are right where labels are equally frequent."""
        return float(np.diag(self.confusion).mean())

    def knows(self, item: int) -> bool:
        """Whether they have an answer about an item."""
        return self.recorded is None or item in self.recorded

    def choice(self, truth: int, item: int, layout: Layout, rng: np.random.Generator) -> int:
        """The button that they tap, counted from 0."""
        return button_of(layout, self.label(truth, item, rng), len(self.confusion))

    def label(self, truth: int, item: int, rng: np.random.Generator) -> int:
        """The label in their mind; members of a ring have the same one for an item."""
        if self.recorded is not None:
            return self.recorded[item]
        dice = rng if self.ring < 0 else np.random.default_rng([self.ring, item])
        return thought(self.confusion, truth, dice)

    def seconds(self, usual: float, rng: np.random.Generator, sigma: float = 0.5) -> float:
        """How long they take where an average worker takes `usual` seconds: log-normal, with this mean."""
        return float(usual * self.pace * np.exp(sigma * rng.standard_normal() - sigma**2 / 2))


def button_of(layout: Layout, label: int, labels: int) -> int:
    """The first button whose evidence holds the label; ValueError where the form has none."""
    return choice_of(layout, label, labels)


def crowd_of(labels: int, seed: int, kinds: Sequence[Kind] = CROWD) -> list[Simulated]:
    """The accounts of a crowd, by kind; equal seeds give equal crowds."""
    found: list[Simulated] = []
    rings = 0
    for at, kind in enumerate(kinds):
        for n, accuracy in enumerate(_accuracies(kind)):
            theta = _confusion(kind, accuracy, labels, np.random.default_rng([seed, at, n]))
            ring = rings if kind.habit == "ring" else -1
            rings += kind.habit == "ring"
            names = [f"{kind.name} {n + 1}" + (f"{'abcdefghij'[a % 10]}" if kind.accounts > 1 else "")
                     for a in range(kind.accounts)]  # fmt: skip
            found += [Simulated(name, kind.name, theta, kind.pace, ring) for name in names]
    return found


def _accuracies(kind: Kind) -> list[float]:
    found: list[float] = np.linspace(kind.accuracy - kind.spread, kind.accuracy + kind.spread, kind.count).tolist()
    return found


def _confusion(kind: Kind, accuracy: float, labels: int, rng: np.random.Generator) -> Confusion:
    if kind.confusion is not None:
        return np.array(kind.confusion, dtype=np.float64)
    if kind.habit == "constant":
        return constant(labels, rng)
    if kind.habit in ("random", "ring"):
        return at_random(labels)
    return by_accuracy(labels, accuracy, rng)
