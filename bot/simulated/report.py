"""The table that a simulation prints: what each strategy reaches, and which is best for how many answers."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from bot.simulated.curve import Curve, Point
from bot.simulated.strategies import STRATEGIES
from bot.simulated.task import Task

YARDSTICK = "random-vote"
NETWORKS = {
    "probe": "Versions are calibrated probes on frozen embeddings.",
    "lora": "The versions that steer the loop and are judged are the default LoRA recipe's.",
}


def report(task: Task, curves: Mapping[str, Curve], trainer: str, controls: int) -> None:
    """Prints both tables and what they were judged on."""
    console = Console()
    console.print(reached(task, curves))
    console.print(best(curves))
    judged = f"{len(task.held.truth):,} held-out texts" if task.held else "the true labels of the audit items"
    console.print(f"{NETWORKS[trainer]} Version accuracy is on {judged}.")
    console.print(f"Items without an answer count as wrong consensus. Our rule was told the truth of {controls} items.")


def reached(task: Task, curves: Mapping[str, Curve]) -> Table:
    """What each strategy has at the end of its budget, and how soon it was where the yardstick ends."""
    yard = curves.get(YARDSTICK)
    goal = yard.points[-1].version_accuracy if yard and yard.points else None
    heads = ["strategy", "answers", "consensus right", "version right", "settled", "thumb hours"]
    if goal is not None:
        heads.append(f"answers to {goal:.1%}")
    table = Table(*heads, title=f"{task.name}: {len(task):,} items, {len(task.labels)} labels", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, curve in curves.items():
        if curve.points:
            table.add_row(STRATEGIES[name].words, *_cells(curve.points[-1]), *_to(curve, goal))
    return table


def _cells(point: Point) -> tuple[str, ...]:
    return (
        f"{point.answers:,}",
        f"{point.consensus_accuracy:.1%}",
        f"{point.version_accuracy:.1%}",
        f"{point.settled:,}",
        f"{point.seconds / 3600:.1f}",
    )


def _to(curve: Curve, goal: float | None) -> tuple[str, ...]:
    if goal is None:
        return ()
    needed = curve.needed(goal)
    return ("never" if needed is None else f"{needed:,.0f}",)


def best(curves: Mapping[str, Curve]) -> Table:
    """Which strategy is best for how many answers."""
    table = Table("answers", "best consensus", "best version", title="Best for a budget of", title_justify="left")
    table.columns[0].justify = "right"
    at: dict[int, dict[str, Point]] = {}
    for name, curve in curves.items():
        for point in curve.points:
            at.setdefault(point.answers, {})[name] = point
    counts = sorted(at)
    for answers in counts[2::3] or counts:
        points = at[answers]
        labels = max(points, key=lambda name: points[name].consensus_accuracy)
        version = max(points, key=lambda name: points[name].version_accuracy)
        table.add_row(
            f"{answers:,}",
            f"{STRATEGIES[labels].words} ({points[labels].consensus_accuracy:.1%})",
            f"{STRATEGIES[version].words} ({points[version].version_accuracy:.1%})",
        )
    return table
