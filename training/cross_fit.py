"""What probes that did not learn a content say of it: the second reading of tonight's lessons."""

from __future__ import annotations

import numpy as np
import torch

from training.calibrate import fit_temperature, log_losses, softmax
from training.examples import Floats
from training.probe import PULLS, fit_probe

FOLDS = 5
FIRST_PULL = 4  # index into PULLS from which the search for the best strength begins


def cross_fit(features: Floats, soft_labels: Floats, weights: Floats, seed: int) -> Floats:
    """Return (N, K) calibrated probabilities of each of N rows, by a probe on frozen embeddings of the other folds.

    `features` (N, D), `soft_labels` (N, K), `weights` (N,) as in `training.probe.fit_probe`. Fewer rows than folds, or
    one fold that holds all the weight, leave a row at the class shares. The temperature is by the soft labels alone:
    surer voices put lessons wrong where workers and probe err on the same texts (`sp`, three seeds of the loop: its
    versions right on 0.5 points less).
    """
    fold = np.random.default_rng(seed).permutation(len(features)) % FOLDS
    tried: dict[int, Floats] = {}

    def loss(at: int) -> float:
        if at not in tried:
            tried[at] = _logits(features, soft_labels, weights, fold, PULLS[at])
        return float((weights * log_losses(softmax(tried[at]), soft_labels)).sum())

    best, better = -1, FIRST_PULL
    while best != better:
        best = better
        better = min((at for at in (best, best - 1, best + 1) if 0 <= at < len(PULLS)), key=loss)
    found: Floats = softmax(tried[best] / fit_temperature(tried[best], soft_labels, weights))
    return found


def _logits(features: Floats, soft_labels: Floats, weights: Floats, fold: np.ndarray, pull: float) -> Floats:
    """(N, K) by the probes of the other folds."""
    shares = (weights[:, None] * soft_labels).sum(axis=0)
    logits = np.tile(np.log(np.maximum(shares / shares.sum(), 1e-6)), (len(features), 1))
    for one in range(FOLDS):
        kept = fold != one
        if weights[kept].sum() > 0 and not kept.all():
            probe = fit_probe(features[kept], soft_labels[kept], weights[kept], pull)
            logits[~kept] = probe.logits(torch.from_numpy(features[~kept]).float()).double().numpy()
    return logits
