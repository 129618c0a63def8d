"""Row 5 of the issue: how fast are the batch, the warm refit and the day's updates?"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Callable

import numpy as np

from core.evidence import Evidence
from core.inference import dawid_skene, freshened, refit
from core.inference.sparse import Sparse, softmax
from core.posterior import absorb, start
from core.reliability import Pool, Reliability, learnt
from tests.benchmarks.crowds import Crowd, Floats, million
from tests.benchmarks.peers import wall_of_dawid_skene
from tests.benchmarks.table import Row

PART = "5. speed"


def rows(quick: bool) -> tuple[Row, ...]:
    """Batch, warm refit, day; with ten million answers and the whole committee unless `quick`."""
    crowd = million(answers=200_000 if quick else 1_000_000)
    cut = len(crowd.item) - 1_000
    before = refit(crowd.only(np.arange(len(crowd.item)) < cut).table(), sweeps=3)
    warm = min(_seconds(lambda: freshened(before, crowd.table(), cut)) for _ in range(3))
    rate = day_rate()
    words = f"what 1,000 new answers changed in {len(crowd.item):,}, s, best of 3"
    return (
        *_batch(crowd),
        Row(PART, words, warm, bar="< 0.5", reached=warm < 0.5),
        *(() if quick else _large(crowd)),
        Row(PART, "day updates (item and worker) a second, 4 labels, best of 5", rate, bar=">= 50,000",
            reached=rate >= 50_000),
    )  # fmt: skip


def _batch(crowd: Crowd) -> tuple[Row, ...]:
    """Dawid-Skene by both, each to its own end, and the objective that each has reached by the same count."""
    begun = time.perf_counter()
    found, likelihoods = dawid_skene(crowd.table())
    ours = time.perf_counter() - begun
    theirs, peer = wall_of_dawid_skene(crowd)
    gain = objective(crowd, found) - objective(crowd, peer)
    seconds: dict[str, float | str] = {"crowd-kit s": theirs, "ours s": ours, "our sweeps": str(len(likelihoods))}
    answers = f"{len(crowd.item):,} answers, Dawid-Skene"
    return (
        Row(PART, f"{answers}, times faster", theirs / ours, peers=seconds, bar=">= 6", reached=theirs / ours >= 6),
        Row(PART, "log likelihood over crowd-kit's, nats an answer", gain, bar=">= -1e-6", reached=gain >= -1e-6),
    )


def objective(crowd: Crowd, posteriors: Floats) -> float:
    """Log likelihood of Dawid-Skene (nats an answer) at the parameters that follow from these posteriors (N, K)."""
    sparse = Sparse.of(crowd.table())
    q = np.ascontiguousarray(posteriors.T)
    counts = sparse.counts(sparse.by_pair(q), np.ones((crowd.labels, crowd.workers, crowd.labels))) + 1e-10
    log = sparse.by_item(sparse.pair_log(counts / counts.sum(axis=2, keepdims=True)))
    return float(softmax(log + np.log(np.maximum(q.mean(axis=1), 1e-300))[:, None])[1].sum() / len(crowd.item))


def _large(crowd: Crowd) -> tuple[Row, ...]:
    committee = _seconds(lambda: refit(crowd.table()))
    few = _seconds(lambda: refit(crowd.table(), sweeps=20))
    with multiprocessing.get_context("spawn").Pool(1) as alone:  # a process of its own: the peak is of this work only
        took, peak, made = alone.apply(_ten_million)
    return (
        Row(PART, "10^6 answers, the whole committee, s", committee, peers={"of at most 20 sweeps each": few}),
        Row(PART, "10^7 answers, Dawid-Skene, s", took),
        Row(PART, "10^7 answers, peak memory, GB", peak, peers={"the table alone": made}),
    )


def _ten_million() -> tuple[float, float, float]:
    """Seconds, peak memory in GB, and the peak before the work began."""
    table = million(1, 10_000_000).table()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    took = _seconds(lambda: dawid_skene(table))
    return took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, before


def day_rate() -> float:
    """Answers a second that one thread believes: the worker learns, the item moves."""
    pool = Pool.fresh(4)
    worker, evidence = Reliability.newcomer(pool), [Evidence.of(k) for k in range(4)]

    def day() -> None:
        mind = worker
        for turn in range(10_000):
            belief = start(pool)
            mind = learnt(mind, belief, evidence[turn % 4], pool)
            absorb(belief, evidence[turn % 4], mind, pool)

    return 10_000 / min(_seconds(day) for _ in range(5))


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
