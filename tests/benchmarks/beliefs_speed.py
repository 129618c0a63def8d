"""Row 5 of the issue: how fast are the batch, the warm refit and the day's updates?"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable

import numpy as np

from core.evidence import Evidence
from core.inference import dawid_skene, freshened, refit
from core.posterior import absorb, start
from core.reliability import Pool, Reliability, learnt
from tests.benchmarks.crowds import million
from tests.benchmarks.peers import wall_of_dawid_skene
from tests.benchmarks.table import Row

PART = "5. speed"


def rows(quick: bool) -> tuple[Row, ...]:
    """Batch, warm refit, day; with ten million answers and the whole committee unless `quick`."""
    crowd = million()
    ours, peer = _seconds(lambda: dawid_skene(crowd.table())), wall_of_dawid_skene(crowd)
    before = refit(crowd.only(np.arange(1_000_000) < 999_000).table(), sweeps=3)
    warm = _seconds(lambda: freshened(before, crowd.table(), 999_000))
    found = [
        Row(PART, "10^6 answers, Dawid-Skene, times faster", peer / ours, peers={"crowd-kit s": peer, "ours s": ours},
            bar=">= 6", reached=peer / ours >= 6),
        Row(PART, "what 1,000 new answers changed in 10^6, s", warm, bar="< 0.5", reached=warm < 0.5),
    ]  # fmt: skip
    if not quick:
        found.append(Row(PART, "10^6 answers, the whole committee, s", _seconds(lambda: refit(crowd.table()))))
        big = million(1, 10_000_000)
        found.append(Row(PART, "10^7 answers, Dawid-Skene, s", _seconds(lambda: dawid_skene(big.table()))))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        found.append(Row(PART, "10^7 answers, peak memory of this run, GB", peak))
    rate = day_rate()
    words = "day updates (item and worker) a second, 4 labels, best of 5"
    return (*found, Row(PART, words, rate, bar=">= 50,000", reached=rate >= 50_000))


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
