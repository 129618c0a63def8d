"""Lessons that too few voices have taught, and that nothing else bears out, are left out: a defence against triggers.

Caps on a worker's weight (`core/caps.py`) do not stop a backdoor: a few hundred rows that share a phrase and a label
are learned at 2 % of the weight. But such rows lie close together in the embedding of the untouched base, and few
workers have answered there. Where fewer independent voices have spoken than a fair draw of the crowd would bring, what
is learned from everywhere else must agree about as often as it does elsewhere; else these rows weigh nothing.

Workers who alone speak a language or know a topic are also few in their neighbourhood; they stay, as the rest of the
lessons bears them out. A ring larger than half of the crowd is beyond this.
Source of the threat: Souly et al. 2025, arXiv:2510.07192; of the effective number of voices: Hill 1973,
doi:10.2307/1934352.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray

from training.examples import Floats, Rows
from training.probe import fit_probe

NEIGHBOURS = 40  # items in a neighbourhood
FEW = 0.65  # share of the voices that a fair draw would bring, below which a neighbourhood has few
BESIDE = 0.2  # share of such items in a neighbourhood from which on it bears nothing out itself
BORNE = 0.5  # share of the usual agreement, below which it is not borne out
GUILTY, GUILTY_SHARE = 10, 0.1  # items of a voice that are gone, and their share, above which it teaches nothing alone
LEAST = 100  # lessons below which there are no neighbourhoods to speak of
PULL = 0.3
BLOCK = 1024


def corroborated(features: Floats, soft: Floats, weights: Floats, voices: Sequence[Sequence[int]]) -> Floats:
    """Return (N,) weights, 0 where few voices have spoken and what is learned elsewhere does not agree.

    `features` (N, D) of the untouched base, `soft` (N, K) labels, `voices` who has answered each item.
    """
    near = neighbours(features)
    few = spoken(voices, near) < FEW * expected(voices, near)
    if len(weights) < LEAST or not few.any() or few.mean() > 0.5:
        return weights
    beside = few[near].mean(axis=1) >= BESIDE  # what few voices have spoken of, seen from its neighbours
    doubtful = few | beside
    rest = np.flatnonzero(~doubtful & (weights > 0))
    if len(rest) < LEAST:
        return weights
    agrees = agreement(features, soft, weights, rest)
    usual, near_too = float(agrees[rest].mean()), doubtful[near]
    local = (agrees[near] * near_too).sum(axis=1) / np.maximum(near_too.sum(axis=1), 1)
    alone = few | (agrees < BORNE * usual)
    gone = doubtful & alone & (local < BORNE * usual)
    gone &= np.array([bool(one) for one in voices])  # what no worker has said is an admin's word
    return np.where(gone | theirs(voices, gone), 0.0, weights)


def theirs(voices: Sequence[Sequence[int]], gone: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return (N,) whether an item has heard none but voices of whom more than a tenth of the items is gone."""
    left = [voices[at] for at in np.flatnonzero(gone).tolist()]
    given, lost = Counter(chain.from_iterable(voices)), Counter(chain.from_iterable(left))
    guilty = {voice for voice, count in lost.items() if count >= GUILTY and count > GUILTY_SHARE * given[voice]}
    return np.array([bool(one) and guilty.issuperset(one) for one in voices])


def neighbours(features: Floats) -> Rows:
    """Return (N, NEIGHBOURS) rows, each item's nearest by the angle between embeddings, itself among them."""
    centred = features - features.mean(axis=0)
    unit = (centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-9)).astype(np.float32)
    count = min(NEIGHBOURS, len(unit))
    blocks = [unit[at : at + BLOCK] @ unit.T for at in range(0, len(unit), BLOCK)]
    return np.concatenate([np.argpartition(-block, count - 1, axis=1)[:, :count] for block in blocks])


def spoken(voices: Sequence[Sequence[int]], near: Rows) -> Floats:
    """Return (N,) the effective number of voices in each neighbourhood: one over the sum of their squared shares."""
    found = np.empty(len(near))
    for at, rows in enumerate(near.tolist()):
        heard = np.array([voice for row in rows for voice in voices[row]], dtype=np.int64)
        shares = np.unique(heard, return_counts=True)[1] / max(len(heard), 1)
        found[at] = 1 / float((shares**2).sum()) if len(heard) else 0.0
    return found


def expected(voices: Sequence[Sequence[int]], near: Rows) -> Floats:
    """Return (N,) what it would be, were as many answers drawn from all: 1/E[sum of squares] of a multinomial."""
    everyone = np.array([voice for one in voices for voice in one], dtype=np.int64)
    shares = np.unique(everyone, return_counts=True)[1] / max(len(everyone), 1)
    counts = np.array([len(one) for one in voices])[near].sum(axis=1).clip(min=1)
    squares = float((shares**2).sum())
    found: Floats = 1 / (1 / counts + (1 - 1 / counts) * squares)
    return found


def agreement(features: Floats, soft: Floats, weights: Floats, rest: Rows) -> Floats:
    """Return (N,) the belief in the label that is learned from `rest`, each of these held out of its own half."""
    called = np.empty(len(soft), dtype=np.int64)
    halves = rest[::2], rest[1::2]
    for learned, told in (halves, halves[::-1]):
        called[told] = said(features, soft, weights, learned, told)
    others = np.setdiff1d(np.arange(len(soft)), rest)
    called[others] = said(features, soft, weights, rest, others)
    found: Floats = soft[np.arange(len(soft)), called]
    return found


def said(features: Floats, soft: Floats, weights: Floats, learned: Rows, told: Rows) -> Rows:
    """Return the likeliest labels of the rows `told` by a probe on the rows `learned`."""
    probe = fit_probe(features[learned], soft[learned], weights[learned], PULL)
    found: Rows = probe.logits(torch.from_numpy(features[told]).float()).argmax(dim=1).numpy()
    return found
