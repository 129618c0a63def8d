"""The loop: answers that our rule needs for a version as right as the rivals end with: `make bench-choosing`.

Every strategy has the same crowd (30 people: 4 experts, 16 ordinary, 6 novices, 2 random, 1 constant, 1 with two
accounts), the same arrivals and the same trainer: a calibrated probe on frozen MiniLM embeddings. One answer is one
tap, whatever its form; seconds of the workers' time, by `core.effort`, stand beside it. The pool is 4,000 random texts
of each set. `sp` is a replay: sentences that 203 real people have judged, each asked only what they have answered.
Runs are kept line by line in a file and are not repeated. The lines at the end tell how far better answers alone
could bring it: those that a crowd without errors needs, one for each item, by chance and chosen as our nights choose.

`--network lora`: every version that steers is the default LoRA recipe's, for our rule and for whoever asks a network;
of the versions of a choice by chance, one in three or four is trained. ActiveLab's out-of-fold voices stay probes', as
ours do. Our rule spends half of the rivals' budget there: a night takes minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bot.simulated.crowd import crowd_of
from bot.simulated.curve import Curve, Point, mean_of
from bot.simulated.fixed import compete
from bot.simulated.lora import lora_trainers
from bot.simulated.plot import Panel, drawn
from bot.simulated.strategies import STRATEGIES, Trainers, probes, run
from bot.simulated.task import Held, Scene, Task
from core.campaign import Goal, Policy
from core.item import TEXT_LIMIT
from tests.benchmarks.embedded import TEXTS, text_set
from tests.benchmarks.infallible import INFALLIBLE
from tests.benchmarks.replayed import staged

BUDGETS = {"trec_questions": 3000, "movie_reviews": 3000, "banking77": 6000, "sp": 3000}
REPLAYED = ("sp",)
OURS = {"probe": 1.0, "lora": 0.5}  # of the rivals' budget is spent by our rule
NIGHTS = {"trec_questions": 12, "movie_reviews": 12, "banking77": 8, "sp": 12}
POOL = 4000
CONTROLS = 40  # items whose truth our rule is told: each counts as one of its answers, beside the taps on it
INFALLIBLE_WORDS = {"truth": "any items", "truth-worth": "chosen as ours"}
RIVALS = ("random-vote", "random-ds", "activelab", "smalltext-margin", "smalltext-kmeans")
BARS = {"random-vote": 3.0, "random-ds": 1.5, "activelab": 1.5, "small-text": 1.5}
KEPT = Path(__file__).resolve().parents[2] / "state" / "bench"
# of so many versions one is judged, the last one too, where none steers
EVERY = {"trec_questions": 3, "movie_reviews": 3, "banking77": 4, "sp": 3}
POLICY = Policy(goal=Goal.MODEL, audit_share=0.05)
Runs = dict[tuple[str, str, int], Curve]


def task_of(name: str) -> Task:
    """A set with at most POOL items."""
    if name in REPLAYED:
        return staged(name)[0]
    found = text_set(name)
    rows = np.sort(np.random.default_rng(7).permutation(len(found.y))[:POOL])
    held = Held(tuple(text[:TEXT_LIMIT] for text in found.test_texts), found.test_x, found.test_y)
    texts = tuple(found.texts[row][:TEXT_LIMIT] for row in rows)
    return Task(name, found.labels, texts, found.y[rows], found.x[rows], held)


def scene_of(task: Task, budget: int, seed: int, share: float) -> Scene:
    """One run's stage; `share` of the budget is spent."""
    nights = NIGHTS[task.name]
    step, nights = budget // nights, max(round(nights * share), 1)
    crowd = staged(task.name)[1] if task.name in REPLAYED else crowd_of(len(task.labels), seed)
    return Scene(task, crowd, nights * step, step, seed, task.audit(POLICY.audit_share))


def known(path: Path) -> Runs:
    """Runs that are kept."""
    found: Runs = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        row = json.loads(line)
        found[row["set"], row["strategy"], row["seed"]] = Curve([Point(**point) for point in row["points"]])
    return found


def measured(
    path: Path, sets: list[str], strategies: list[str], seeds: int, network: str = "probe", share: float = 1.0
) -> None:
    """Runs what is missing, seed by seed, so that a broken run still compares all sets; ours spends `share`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tasks = {name: task_of(name) for name in sets}
    for seed in range(seeds):
        for name, task in tasks.items():
            for strategy in strategies:
                if (name, strategy, seed) in known(path):
                    continue
                begun = time.perf_counter()
                scene = scene_of(task, BUDGETS[name], seed, share if strategy == "ours" else 1.0)
                trainers = probes if network == "probe" else lora_trainers(task, EVERY[name])
                curve = played(strategy, scene, trainers)
                points = [asdict(point) for point in curve.points if not np.isnan(point.version_accuracy)]
                row = {"set": name, "strategy": strategy, "seed": seed, "points": points}
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row) + "\n")
                print(f"  {name} {strategy} {seed}: {time.perf_counter() - begun:.0f} s", file=sys.stderr, flush=True)


def played(strategy: str, scene: Scene, trainers: Trainers) -> Curve:
    """One run."""
    if strategy in INFALLIBLE:
        return compete(INFALLIBLE[strategy], scene, trainers(scene), lambda _: None)
    return run(strategy, scene, POLICY, CONTROLS, trainers, lambda _: None)


def ratio(runs: Runs, name: str, rival: str, seeds: list[int]) -> float:
    """The rival's answers at the end of its budget over ours to be as right, from mean curves; 0 where we never are."""
    theirs = mean_of([runs[name, rival, seed] for seed in seeds])
    ours = mean_of([runs[name, "ours", seed] for seed in seeds])
    end = theirs.points[-1]
    needed = ours.needed(end.version_accuracy)
    return 0.0 if needed is None else end.answers / (needed + CONTROLS)


def interval(runs: Runs, name: str, rival: str, seeds: list[int]) -> tuple[float, float, float]:
    """(ratio, low, high) with a bootstrap over seeds; a draw in which we never get there counts as 0."""
    rng = np.random.default_rng(0)
    draws = [ratio(runs, name, rival, rng.choice(seeds, len(seeds)).tolist()) for _ in range(300)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return ratio(runs, name, rival, seeds), float(low), float(high)


def table(runs: Runs) -> None:
    """One line for each set and rival, then the geometric means beside their bars."""
    heads = ("set", "rival", "seeds", "answers", "right", "times fewer", "95 %", "hours", "ours")
    print("{:16}{:32}{:>6}{:>9}{:>8}{:>13}{:>14}{:>8}{:>7}".format(*heads))
    by_rival: dict[str, dict[str, float]] = {}
    for name in BUDGETS:
        for rival in RIVALS:
            seeds = [s for s in range(99) if (name, rival, s) in runs and (name, "ours", s) in runs]
            if seeds:
                best = by_rival.setdefault("small-text" if rival.startswith("smalltext") else rival, {})
                best[name] = min(best.get(name, np.inf), _line(runs, name, rival, seeds))
    for rival, times in by_rival.items():
        never, some = [name for name, x in times.items() if x == 0], [x for x in times.values() if x > 0]
        mean = float(np.exp(np.mean(np.log(some)))) if some else float("nan")
        verdict = "reached" if mean >= BARS[rival] and min(times.values()) >= 1 / 0.9 else "missed"
        also = f", never on {' and '.join(never)}" if never else ""
        print(f"{rival:16} geometric mean {mean:.2f} over {len(some)} sets{also}, bar {BARS[rival]}: {verdict}")


def limits(runs: Runs) -> None:
    """How many times fewer answers than three votes on random items a crowd without errors needs."""
    for name in BUDGETS:
        times = {}
        for strategy, words in INFALLIBLE_WORDS.items():
            seeds = [s for s in range(99) if (name, "random-vote", s) in runs and (name, strategy, s) in runs]
            if seeds:
                end = mean_of([runs[name, "random-vote", seed] for seed in seeds]).points[-1]
                needed = mean_of([runs[name, strategy, seed] for seed in seeds]).needed(end.version_accuracy)
                times[words] = "never" if needed is None else f"{end.answers / needed:.2f}"
        if times:
            print(f"{name:16}were every answer right, {', '.join(f'{w}: {n}' for w, n in times.items())} times fewer")


def _line(runs: Runs, name: str, rival: str, seeds: list[int]) -> float:
    end = mean_of([runs[name, rival, seed] for seed in seeds]).points[-1]
    times, low, high = interval(runs, name, rival, seeds)
    ours = mean_of([runs[name, "ours", seed] for seed in seeds])
    last, spent = ours.points[-1], ours.needed(end.version_accuracy)
    hours = "" if spent is None else f"{last.seconds / last.answers * spent / 3600:.1f}"
    shown = "not reached" if times == 0 else f"{times:.2f}"
    print(
        f"{name:16}{STRATEGIES[rival].words:32}{len(seeds):6}{end.answers:9,}{end.version_accuracy:8.3f}{shown:>13}"
        f"{f'{low:.2f}-{high:.2f}':>14}{end.seconds / 3600:8.1f}{hours:>7}"
    )
    return times


def picture(runs: Runs, path: Path) -> None:
    """Version accuracy by answers, one panel for each set."""
    panels = []
    for name in BUDGETS:
        curves = {
            STRATEGIES[strategy].words: [curve for (n, s, _), curve in runs.items() if (n, s) == (name, strategy)]
            for strategy in ("ours", *RIVALS)
        }
        if any(curves.values()):
            panels.append(Panel(name, curves, "version_accuracy"))
    path.write_bytes(drawn(panels, "Version right, % by answers spent"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed of trec_questions")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, help="JSON lines; what is there is not run again")
    parser.add_argument("--network", choices=("probe", "lora"), default="probe", help="whose versions are judged")
    parser.add_argument("--share", type=float, help="of the rivals' budget that ours spends")
    parser.add_argument("--sets", nargs="*", default=list(BUDGETS))
    parser.add_argument("--strategies", nargs="*", help="by name; lora runs no crowd that is never wrong by itself")
    parser.add_argument("--only-table", action="store_true")
    parser.add_argument("--plot", type=Path)
    asked = parser.parse_args()
    if not TEXTS.is_dir():
        print("The text sets are not here (shared/data is missing beside the repository): nothing measured.")
        sys.exit(0)
    kept = asked.results or KEPT / f"choosing{'_lora' * (asked.network == 'lora')}.jsonl"
    warnings.filterwarnings("ignore")
    if not asked.only_table:
        sets = ["trec_questions"] if asked.quick else asked.sets
        share = asked.share or OURS[asked.network]
        strategies = asked.strategies or ["ours", *RIVALS, *(INFALLIBLE if asked.network == "probe" else ())]
        measured(kept, sets, strategies, 1 if asked.quick else asked.seeds, asked.network, share)
    runs = known(kept)
    table(runs)
    limits(runs)
    if asked.plot:
        picture(runs, asked.plot)


if __name__ == "__main__":
    main()
