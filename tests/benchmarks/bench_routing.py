"""What choosing by worth saves over choosing at random, at the same stop rule; and how long a choice takes.

    python -m tests.benchmarks.bench_routing [--quick] [--seeds 5] [--only crowd|clock] [--large]

Crowd: campaigns of `tests.benchmarks.campaigns` in the real core (30 workers: 4 experts, 16 ordinary, 6 novices, 2
random, 1 constant, 1 ring of 2; items of every difficulty), run until no item is open. All rules have the same controls
and the same stop rule, on the beliefs of the day (no refit between); only the draw differs. Peers: any open item at
random; any item of the head of the queue at random; the rise of the best guess (a knowledge gradient) on the same head.
Reliabilities are compared with the true ones as the day has moved them, as the night's refit finds them, and as they
would be were every answer graded by the truth.
Clock: `new_question` on 10^3 and 10^6 open items, in memory and in SQLite files; 10^7 in SQLite with `--large`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from core import routing
from core.campaign import Campaign, Policy
from core.ids import WorkerId
from core.item import Role, Verdict
from core.refit import beliefs_of
from core.reliability import Reliability, accuracy
from core.routing import FLOOR, Head
from core.worth import worker_matrix
from tests.benchmarks.campaigns import Setting, World, world
from tests.benchmarks.clock_routing import Clock, in_memory, in_sqlite
from tests.benchmarks.table import spread

EVERYTHING = 1_000_000
Chances = Callable[[Head, Reliability, Campaign], list[float]]


def at_random(head: Head, reliability: Reliability, campaign: Campaign) -> list[float]:
    return [1 / len(head.items)] * len(head.items)


def best_guess(head: Head, reliability: Reliability, campaign: Campaign) -> list[float]:
    """By E max q' - max q."""
    q = routing.claimed_all(head.posteriors, campaign.pool.temperature, campaign.pool.lapse)
    joint = q[:, :, None] * worker_matrix(reliability, campaign.pool)
    gain = np.maximum(joint.max(axis=1).sum(axis=1) - q.max(axis=1), 0.0)
    weight = gain + FLOOR * gain.mean() + 1e-9
    found: list[float] = (weight / weight.sum()).tolist()
    return found


RULES: dict[str, tuple[Chances, int]] = {
    "any open item at random": (at_random, EVERYTHING),
    "the head at random": (at_random, 32),
    "rise of the best guess": (best_guess, 32),
    "worth (ours)": (routing.chances_of, 32),
}


@dataclass(frozen=True, slots=True)
class Run:
    """One campaign to its end."""

    answers: int  # without controls
    half: int  # answers when half of the items were settled
    settled: float
    right: float  # of all items, the likeliest label
    ranks: tuple[float, float, float]  # Spearman's rho of reliabilities: `_ranks`
    connected: bool  # every worker has an item in common with some other, all in one graph


@contextmanager
def drawing(chances: Chances) -> Iterator[None]:
    ours = routing.chances_of
    routing.chances_of = chances
    try:
        yield
    finally:
        routing.chances_of = ours


def run(rule: str, seed: int, items: int) -> Run:
    chances, head = RULES[rule]
    policy = Policy(max_overlap=9, head=head, audit_share=0.1)
    with drawing(chances):
        made = world(Setting(items, 60, 4, policy, hard=0.08, refit_every=10**9), seed)
        half = 0
        for item in made.answers(10**9):
            if item.verdict is Verdict.SETTLED:
                made.settled.add(item.id)
            if not half and 2 * len(made.settled) >= items:
                half = made.spent
            if not made.tx.store.queues[made.id]:
                break
    return _summed_up(made, half)


def _summed_up(made: World, half: int) -> Run:
    items = [one for one in made.tx.store.items.values() if one.role is not Role.CONTROL]
    return Run(
        made.spent,
        half,
        float(np.mean([one.verdict is Verdict.SETTLED for one in items])),
        float(np.mean([int(np.argmax(one.posterior)) == made.truth[one.id] for one in items])),
        _ranks(made),
        _connected(made),
    )


def _ranks(made: World) -> tuple[float, float, float]:
    """How the workers' reliabilities agree in rank with the true ones: as the day has moved them, as the night's refit
    finds them, and as they would be were every answer graded by the truth."""
    pool, refitted = made.tx.campaign(made.id).pool, beliefs_of(made.archive.snapshot(made.id))
    graded: dict[WorkerId, list[bool]] = {}
    for answer in made.tx.store.answers.values():
        graded.setdefault(answer.worker, []).append(answer.evidence.labels() == (made.truth[answer.item],))
    found = []
    for worker, mind in made.people:
        enrolled = made.tx.enrolment(made.id, worker.id)
        if enrolled and worker.id in refitted.reliabilities and worker.id in graded:
            day, night = enrolled.reliability, refitted.reliabilities[worker.id]
            told = float(np.mean(graded[worker.id]))
            found.append((mind.accuracy, accuracy(day, pool)[0], accuracy(night, refitted.pool)[0], told))
    true, *others = zip(*found, strict=True)
    day, night, told = (float(spearmanr(true, other).statistic) for other in others)
    return day, night, told


def _connected(made: World) -> bool:
    """Whether the graph of workers, joined where they answered the same item, hangs together."""
    by_item: dict[int, list[int]] = {}
    for answer in made.tx.store.answers.values():
        by_item.setdefault(answer.item, []).append(answer.worker)
    home = {worker: worker for met in by_item.values() for worker in met}

    def root(worker: int) -> int:
        while home[worker] != worker:
            worker = home[worker]
        return worker

    for item, met in by_item.items():
        if made.tx.item(item).role is not Role.CONTROL:  # type: ignore[arg-type]
            for other in met[1:]:
                home[root(other)] = root(met[0])
    return len({root(worker) for worker in home}) == 1


def crowd(seeds: int, items: int) -> None:
    """Each rule beside drawing any open item at random, seed by seed."""
    print(f"four labels, {items} items, 30 workers, {seeds} seeds; answers without controls\n")
    print("draw                      answers  saved [95 %]      to half settled  settled  right"
          "  Spearman: day, night, graded  connected")
    base: list[Run] = []
    for rule in RULES:
        runs = [run(rule, seed, items) for seed in range(seeds)]
        base = base or runs
        saved = [1 - one.answers / other.answers for one, other in zip(runs, base, strict=True)]
        low, high = spread(saved)
        print(f"{rule:25} {np.mean([r.answers for r in runs]):7.0f}  {np.mean(saved):+6.1%} [{low:+.1%}, {high:+.1%}]"
              f" {np.mean([r.half for r in runs]):18.0f} {np.mean([r.settled for r in runs]):8.3f}"
              f" {np.mean([r.right for r in runs]):6.3f}"
              f"  {'  '.join(f'{rank:.2f}' for rank in np.mean([r.ranks for r in runs], axis=0)):>28}"
              f"  {all(r.connected for r in runs)}", flush=True)  # fmt: skip


def clock(quick: bool, large: bool) -> None:
    """Milliseconds of a choice as open items grow; wall time of a busy machine, and the time of its own thread."""
    print("\nopen items  store        labels   p50 ms   p99 ms   own p50  own p99")
    sizes = [1_000] if quick else [1_000, 1_000_000]
    with tempfile.TemporaryDirectory() as folder:
        for n in sizes:
            for labels in (6, 77):
                _told(in_memory(n, labels, 1000))
                _told(in_sqlite(n, labels, 1000, Path(folder)))
        if large:
            _told(in_sqlite(10_000_000, 6, 1000, Path(folder)))


def _told(one: Clock) -> None:
    print(f"{one.items:10,}  {one.store:12} {one.labels:6} {one.p50:8.2f} {one.p99:8.2f} {one.own_p50:9.2f}"
          f" {one.own_p99:8.2f}", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--items", type=int, default=300)
    parser.add_argument("--only", choices=["crowd", "clock"])
    parser.add_argument("--quick", action="store_true", help="two seeds, 80 items, a thousand open ones")
    parser.add_argument("--large", action="store_true", help="10^7 open items too, in SQLite: some minutes and 3 GB")
    options = parser.parse_args()
    if options.only != "clock":
        crowd(2 if options.quick else options.seeds, 80 if options.quick else options.items)
    if options.only != "crowd":
        clock(options.quick, options.large)


if __name__ == "__main__":
    main()
