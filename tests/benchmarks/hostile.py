"""Crowds under attack: accounts injected into recorded and simulated crowds. Nobody's tuning has seen the simulated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tests.benchmarks.crowds import Crowd, Floats, Ints, simulated


@dataclass(frozen=True, slots=True)
class Attack:
    """What hostile accounts do, and how much of all answers is theirs."""

    kind: str
    share: float
    knows_controls: bool = False
    noise: float = 0.0  # share of a ring's answers that are each member's own random ones

    @property
    def words(self) -> str:
        told = ", knows the controls" if self.knows_controls else ""
        return f"{self.kind} {self.share:.0%} of the answers{told}"


SPAM = tuple(Attack(kind, 0.4) for kind in ("random spam", "constant spam", "prior spam", "mixed spam"))
RINGS = (Attack("ring", 0.3), Attack("ring", 0.4), Attack("ring", 0.3, knows_controls=True))
NOISY = Attack("ring, 20% noise,", 0.3, noise=0.2)


def under(attack: Attack, crowd: Crowd, told: Ints, seed: int) -> Crowd:
    """The crowd with accounts added until `share` of all answers are theirs, each as busy as the median worker (but at
    least ten answers): "ring" shares one random answer to each item, the others know nothing of each other."""
    rng = np.random.default_rng(seed)
    busy = min(max(int(np.median(np.bincount(crowd.worker))), 10), len(crowd.truth))
    accounts = max(int(np.ceil(len(crowd.item) * attack.share / (1 - attack.share) / busy)), 2)
    items = [rng.choice(len(crowd.truth), busy, replace=False) for _ in range(accounts)]
    if attack.kind.startswith("ring"):
        shared = rng.choice(crowd.labels, len(crowd.truth))
        shared = np.where(told >= 0, told, shared) if attack.knows_controls else shared
        own = rng.random((accounts, busy)) < attack.noise
        labels = [np.where(o, rng.choice(crowd.labels, busy), shared[mine]) for o, mine in zip(own, items, strict=True)]
    else:
        labels = [_spam(attack.kind, at, busy, crowd, rng) for at in range(accounts)]
    return replace(
        crowd,
        item=np.concatenate([crowd.item, *items]),
        worker=np.concatenate([crowd.worker, np.repeat(crowd.workers + np.arange(accounts), busy)]),
        label=np.concatenate([crowd.label, *labels]),
        workers=crowd.workers + accounts,
    )


def _spam(kind: str, account: int, busy: int, crowd: Crowd, rng: np.random.Generator) -> Ints:
    habit: Floats = np.bincount(crowd.label, minlength=crowd.labels) / len(crowd.label)
    turn = ("random spam", "constant spam", "prior spam")[account % 3] if kind == "mixed spam" else kind
    if turn == "random spam":
        return rng.choice(crowd.labels, busy)
    if turn == "constant spam":
        return np.full(busy, rng.integers(crowd.labels))
    return rng.choice(crowd.labels, busy, p=habit)


def made(seed: int) -> Crowd:
    """A simulated crowd: 2, 3, 4 or 6 labels, 3 to 9 answers an item, items that fool many, habits of all kinds."""
    rng = np.random.default_rng(10_000 + seed)
    return simulated(seed, (2, 3, 4, 6)[seed % 4], items=500, workers=50, overlap=int(rng.integers(3, 10)))
