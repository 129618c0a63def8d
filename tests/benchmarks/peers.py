"""crowd-kit, as it comes, on the same tables (the extra `bench` installs it)."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from crowdkit.aggregation import GLAD, MACE, DawidSkene, MajorityVote, OneCoinDawidSkene, Wawa, ZeroBasedSkill
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from tests.benchmarks.crowds import Crowd, Ints

Floats = NDArray[np.float64]


class _Vote(BaseEstimator, MajorityVote): ...  # newer scikit-learn asks for its own base class


class _Wawa(BaseEstimator, Wawa): ...


class _Zero(BaseEstimator, ZeroBasedSkill): ...


PEERS = {
    "vote": _Vote,
    "Dawid-Skene": lambda: DawidSkene(n_iter=100),
    "ZBS": _Zero,
    "Wawa": _Wawa,
    "OneCoin": lambda: OneCoinDawidSkene(n_iter=100),
    "GLAD": GLAD,
    "MACE": lambda: MACE(random_state=0),
}


def frame(crowd: Crowd) -> pd.DataFrame:
    return pd.DataFrame({"task": crowd.item, "worker": crowd.worker, "label": crowd.label})


def labelled(peer: str, crowd: Crowd, among: Ints | None = None) -> float:
    """The peer's accuracy in percent, over the items of known truth (or those of `among`)."""
    found = PEERS[peer]().fit_predict(frame(crowd))
    label = np.zeros(len(crowd.truth), dtype=np.int64)
    label[found.index.to_numpy()] = found.to_numpy()
    return crowd.right(np.eye(crowd.labels)[label], among)


def skills(crowd: Crowd) -> dict[str, Floats]:
    """(W,) what each peer that has one thinks of each worker's skill."""
    rows, everyone = frame(crowd), range(crowd.workers)
    found = {"ZBS": _Zero().fit(rows).skills_, "Wawa": _Wawa().fit(rows).skills_}
    if len(rows) < 12_000:
        found["GLAD"] = GLAD().fit(rows).alphas_
    return {name: skill.reindex(everyone).to_numpy(dtype=float) for name, skill in found.items()}


def wall_of_dawid_skene(crowd: Crowd) -> float:
    """Seconds that crowd-kit's Dawid-Skene takes."""
    rows = frame(crowd)
    begun = time.perf_counter()
    DawidSkene(n_iter=100).fit_predict(rows)
    return time.perf_counter() - begun
