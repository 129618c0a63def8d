"""`crowdloop simulate`: what a budget of answers would buy, by strategy, before anybody is asked."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from bot.simulated.crowd import crowd_of
from bot.simulated.crowd_file import EXAMPLE, read_crowd
from bot.simulated.curve import Curve, mean_of
from bot.simulated.lora import lora_trainers
from bot.simulated.plot import Panel, drawn
from bot.simulated.report import report
from bot.simulated.strategies import STRATEGIES, Trainers, chosen, probes, run
from bot.simulated.task import Scene, Task, read_task
from core.campaign import Policy
from core.errors import BadInput

NIGHTS, LEAST_STEP = 12, 50  # in a simulation; answers between two of them, at least
KEPT = Path("state/embeddings")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks to be simulated."""

    items: Path | None
    label_column: str = "label"
    text_column: str = "text"
    test_file: Path | None = None
    crowd: Path | None = None
    budget: int = 0  # answers; 0: three for each item, at most 3,000
    strategies: str = ""
    controls: int = 40  # at most a tenth of the items
    seed: int = 0
    runs: int = 1
    trainer: str = "probe"


def simulate(wish: Wish, policy: Policy, as_json: bool, plot: Path | None) -> int:
    """Runs, prints and draws; 0, or an error of `core.errors`."""
    if str(wish.crowd) == "example":
        print(EXAMPLE, end="")
        return 0
    if wish.trainer not in ("probe", "lora"):
        raise BadInput("--trainer", f"is probe or lora, not '{wish.trainer}'.")
    names = chosen(wish.strategies)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = _read(wish, bar)
        found = _curves(wish, policy, names, task, bar)
    told = controls_of(wish, task)
    means = {name: mean_of(curves) for name, curves in found.items()}
    if plot is not None:
        _draw(plot, task, found)
    if as_json:
        print(json.dumps({name: curve.columns() for name, curve in means.items()}))
    else:
        report(task, means, wish.trainer, told)
    return 0


def _read(wish: Wish, bar: Progress) -> Task:
    shown = bar.add_task("reading items", total=1.0)
    keep = KEPT if KEPT.parent.is_dir() else Path(tempfile.gettempdir()) / "crowdloop-embeddings"

    def tell(stage: str, share: float) -> None:
        bar.update(shown, description=stage, completed=share)

    if wish.items is None:
        raise BadInput("ITEMS", "is missing: name a CSV file with a text and its true label in each row.")
    task = read_task(wish.items, wish.label_column, wish.text_column, wish.test_file, keep, tell)
    bar.remove_task(shown)
    return task


def controls_of(wish: Wish, task: Task) -> int:
    """Items whose truth our rule is told."""
    return min(wish.controls, len(task) // 10)


def scene_of(wish: Wish, policy: Policy, task: Task, seed: int) -> Scene:
    """The stage of one run."""
    if wish.budget < 0 or wish.runs < 1 or wish.controls < 0:
        raise BadInput("--budget, --runs, --controls", "must not be negative, and --runs at least 1.")
    budget = wish.budget or min(3 * len(task), 3000)
    step = max(round(budget / NIGHTS), LEAST_STEP)
    crowd = crowd_of(len(task.labels), seed, read_crowd(wish.crowd, len(task.labels)))
    audit = task.audit(policy.audit_share)
    if not len(audit) and task.held is None:
        raise BadInput("--test-file", "is needed: without audit items there is nothing to judge versions on.")
    return Scene(task, crowd, max(budget // step, 1) * step, step, seed, audit)


def _curves(wish: Wish, policy: Policy, names: Sequence[str], task: Task, bar: Progress) -> Mapping[str, list[Curve]]:
    scenes = [scene_of(wish, policy, task, wish.seed + at) for at in range(wish.runs)]
    trainers: Trainers = probes if wish.trainer == "probe" else lora_trainers(task)
    found: dict[str, list[Curve]] = {}
    for name in names:
        shown = bar.add_task(STRATEGIES[name].words, total=len(scenes) * scenes[0].budget)
        for at, scene in enumerate(scenes):
            done = at * scene.budget

            def tell(spent: int, done: int = done) -> None:
                bar.update(shown, completed=done + spent)  # noqa: B023

            found.setdefault(name, []).append(run(name, scene, policy, controls_of(wish, task), trainers, tell))
    return found


def _draw(path: Path, task: Task, found: Mapping[str, list[Curve]]) -> None:
    words = {STRATEGIES[name].words: curves for name, curves in found.items()}
    panels = [Panel("Consensus", words, "consensus_accuracy"), Panel("Version", words, "version_accuracy")]
    try:
        path.write_bytes(drawn(panels, f"{task.name}: right, % by answers spent"))
    except OSError as error:
        raise BadInput(str(path), f"cannot be written ({error.strerror}).") from error
