"""The libraries, as they come, on the same tables (the extra `bench` installs them).

cleanlab has no aggregator without a model: its majority vote is one peer, its CROWDLAB with the posteriors of
crowd-kit's Dawid-Skene in the model's place another. peerannot's are its Dawid-Skene and its vote weighted by it (WDS).
A peer that would outlast its budget on a set, or fails there, is a `-` with the reason, never a row left out.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from crowdkit.aggregation import GLAD, MACE, MMSR, DawidSkene, MajorityVote, OneCoinDawidSkene, Wawa, ZeroBasedSkill
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from tests.benchmarks.crowds import Crowd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class _Vote(BaseEstimator, MajorityVote): ...  # type: ignore[misc]  # newer scikit-learn asks for its own base class


class _Wawa(BaseEstimator, Wawa): ...  # type: ignore[misc]


class _Zero(BaseEstimator, ZeroBasedSkill): ...  # type: ignore[misc]


def frame(crowd: Crowd) -> pd.DataFrame:
    return pd.DataFrame({"task": crowd.item, "worker": crowd.worker, "label": crowd.label})


def _crowdkit(make: Callable[[], Any]) -> Callable[[Crowd], Ints]:
    def labels(crowd: Crowd) -> Ints:
        found = make().fit_predict(frame(crowd))
        label = np.zeros(len(crowd.truth), dtype=np.int64)
        label[found.index.to_numpy()] = found.to_numpy()
        return label

    return labels


def _sheet(crowd: Crowd) -> pd.DataFrame:
    """(N, W) labels, nan where there is none, as cleanlab reads them."""
    sheet = np.full((len(crowd.truth), crowd.workers), np.nan)
    sheet[crowd.item, crowd.worker] = crowd.label
    heard = ~np.isnan(sheet).all(axis=0)
    return pd.DataFrame(sheet[:, heard])


def _cleanlab_vote(crowd: Crowd) -> Ints:
    from cleanlab.multiannotator import get_majority_vote_label  # slow to import, and not everybody has it

    return np.asarray(get_majority_vote_label(_sheet(crowd), verbose=False), dtype=np.int64)


def _crowdlab(crowd: Crowd) -> Ints:
    from cleanlab.multiannotator import get_label_quality_multiannotator

    model: Any = DawidSkene(n_iter=100).fit(frame(crowd)).probas_
    chances = model.reindex(index=range(len(crowd.truth)), columns=range(crowd.labels), fill_value=0.0).to_numpy()
    chances = (chances + 1e-6) / (chances + 1e-6).sum(axis=1, keepdims=True)
    found = get_label_quality_multiannotator(_sheet(crowd), chances, verbose=False)
    return np.asarray(found["label_quality"]["consensus_label"], dtype=np.int64)


def _peerannot(name: str, model: str) -> Callable[[Crowd], Ints]:
    def labels(crowd: Crowd) -> Ints:
        if "peerannot.models" not in sys.modules:  # its own __init__ wants torchvision for models not asked for here
            package = ModuleType("peerannot.models")
            found = find_spec("peerannot")
            package.__path__ = [f"{place}/models" for place in (found and found.submodule_search_locations) or ()]
            sys.modules["peerannot.models"] = package
        answers: dict[int, dict[int, int]] = {task: {} for task in range(len(crowd.truth))}
        for task, worker, label in zip(crowd.item, crowd.worker, crowd.label, strict=True):
            answers[int(task)][int(worker)] = int(label)
        aggregator = getattr(importlib.import_module(f"peerannot.models.aggregation.{name}"), model)
        fitted = aggregator(answers, n_classes=crowd.labels, n_workers=crowd.workers)
        fitted.run()
        return np.asarray(fitted.get_probas().argmax(axis=1), dtype=np.int64)

    return labels


PEERS: dict[str, Callable[[Crowd], Ints]] = {
    "vote": _crowdkit(_Vote),
    "Dawid-Skene": _crowdkit(lambda: DawidSkene(n_iter=100)),
    "ZBS": _crowdkit(_Zero),
    "Wawa": _crowdkit(_Wawa),
    "OneCoin": _crowdkit(lambda: OneCoinDawidSkene(n_iter=100)),
    "MMSR": _crowdkit(lambda: MMSR(random_state=0)),
    "cleanlab vote": _cleanlab_vote,
    "CROWDLAB on DS": _crowdlab,
    "GLAD": _crowdkit(GLAD),
    "MACE": _crowdkit(lambda: MACE(random_state=0)),
    "peerannot DS": _peerannot("DS", "Dawid_Skene"),
    "peerannot WDS": _peerannot("WDS", "WDS"),
}
MOST = {"GLAD": 12_000, "MACE": 12_000, "peerannot DS": 9_000, "peerannot WDS": 9_000}  # answers, the budget of a set


def labelled(peer: str, crowd: Crowd) -> tuple[float, str]:
    """The peer's accuracy in percent, or nan with the reason."""
    if len(crowd.item) > MOST.get(peer, len(crowd.item)):
        return float("nan"), f"over {MOST[peer]:,} answers"
    try:
        return crowd.right(np.eye(crowd.labels)[PEERS[peer](crowd)]), ""
    except Exception as error:  # a peer's failure is a figure of that peer
        return float("nan"), type(error).__name__


def skills(crowd: Crowd) -> dict[str, Floats]:
    """(W,) what each peer that has one thinks of each worker's skill."""
    rows, everyone = frame(crowd), range(crowd.workers)
    found: dict[str, Any] = {"ZBS": _Zero().fit(rows).skills_, "Wawa": _Wawa().fit(rows).skills_}
    if len(rows) < 12_000:
        found["GLAD"] = GLAD().fit(rows).alphas_
    return {name: skill.reindex(everyone).to_numpy(dtype=float) for name, skill in found.items()}


def wall_of_dawid_skene(crowd: Crowd, sweeps: int = 100) -> tuple[float, Floats]:
    """Seconds that crowd-kit's Dawid-Skene takes, and its posteriors (N, K)."""
    rows = frame(crowd)
    begun = time.perf_counter()
    found: Any = DawidSkene(n_iter=sweeps).fit(rows).probas_
    took = time.perf_counter() - begun
    return took, found.reindex(range(len(crowd.truth)), fill_value=1 / crowd.labels).to_numpy()
