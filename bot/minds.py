"""What simulated workers think, on a phone of the sandbox or in a simulation: confusions, and draws from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Confusion = NDArray[np.float64]  # (K, K), rows are the truth and sum to 1


def by_accuracy(labels: int, accuracy: float, rng: np.random.Generator) -> Confusion:
    """A confusion matrix with this accuracy for every label, errors spread unevenly (Dirichlet, concentration 1)."""
    theta = np.zeros((labels, labels))
    for truth in range(labels):
        others = [label for label in range(labels) if label != truth]
        theta[truth, others] = (1 - accuracy) * rng.dirichlet(np.ones(labels - 1))
        theta[truth, truth] = accuracy
    return theta


def at_random(labels: int) -> Confusion:
    """Whatever is shown, any label."""
    return np.full((labels, labels), 1 / labels)


def constant(labels: int, rng: np.random.Generator) -> Confusion:
    """Whatever is shown, the same label."""
    return np.tile(np.eye(labels)[rng.integers(labels)], (labels, 1))


def thought_of_set(confusion: Confusion, truth: int, rng: np.random.Generator) -> int:
    """The labels that come to mind of an item with several, as bits: each as often as it comes where it is the truth,
    or where another label is."""
    labels = len(confusion)
    sees = confusion.diagonal()
    imagines = (confusion.sum(axis=0) - sees) / (labels - 1)
    holds = np.array([truth >> k & 1 for k in range(labels)], dtype=bool)
    marked = rng.random(labels) < np.where(holds, sees, imagines)
    return sum(1 << k for k in np.flatnonzero(marked).tolist())


def thought(confusion: Confusion, truth: int, rng: np.random.Generator) -> int:
    """The label that comes to mind, whatever form the question has."""
    return int(rng.choice(len(confusion), p=confusion[truth]))
