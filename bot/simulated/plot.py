"""Curves of strategies as a picture: direct labels, bands where there are several runs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from bot.simulated.curve import Curve

OURS = "#0b6e4f"
OTHERS = ("#7a8793", "#c28f2c", "#8a63a8", "#b0563f", "#4a78a8", "#5f8f8f", "#a06080")
INK, FAINT = "#22282e", "#d9dde1"
GAP = 0.045  # of the axis between two direct labels, at least


@dataclass(frozen=True, slots=True)
class Panel:
    """One plot: strategies by their words, the runs of each, and which column is drawn."""

    title: str
    curves: Mapping[str, Sequence[Curve]]
    column: str


def drawn(panels: Sequence[Panel], title: str) -> bytes:
    """A PNG with the panels side by side."""
    figure = Figure(figsize=(5.6 * len(panels) + 1.2, 4.8), dpi=160, facecolor="white")
    FigureCanvasAgg(figure)
    for axes, panel in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
        _panel(axes, panel)
    figure.suptitle(title, x=0.02, ha="left", color=INK, fontsize=12, fontweight="bold")
    figure.tight_layout(rect=(0, 0, 1, 0.97), w_pad=3)
    stream = io.BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _panel(axes: Axes, panel: Panel) -> None:
    ends: list[tuple[float, float, str, str]] = []
    for at, (words, runs) in enumerate(panel.curves.items()):
        color = OURS if at == 0 else OTHERS[(at - 1) % len(OTHERS)]
        length = min((len(run.points) for run in runs), default=0)
        if not length:
            continue
        x = np.array([point.answers for point in runs[0].points[:length]])
        y = 100 * np.array([[getattr(point, panel.column) for point in run.points[:length]] for run in runs])
        mean = y.mean(axis=0)
        if len(runs) > 1:
            half = 1.96 * y.std(axis=0, ddof=1) / np.sqrt(len(runs))
            axes.fill_between(x, mean - half, mean + half, color=color, alpha=0.15, linewidth=0)
        axes.plot(x, mean, color=color, linewidth=2.4 if at == 0 else 1.5, zorder=3 if at == 0 else 2)
        ends.append((float(x[-1]), float(mean[-1]), words, color))
    _dressed(axes, panel.title)
    _named(axes, ends)


def _dressed(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", color=INK, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    axes.grid(axis="y", color=FAINT, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("answers", color=INK, fontsize=9, loc="right")


def _named(axes: Axes, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """The name of each curve at its end, moved apart where they would touch."""
    low, high = axes.get_ylim()
    place, step = -np.inf, GAP * (high - low)
    for x, y, words, color in sorted(ends, key=lambda end: end[1]):
        place = max(y, place + step)
        axes.annotate(
            words, (x, y), (x + 0.02 * (axes.get_xlim()[1]), place), color=color, fontsize=8.5, va="center",
            annotation_clip=False, fontweight="bold" if color == OURS else "normal",
        )  # fmt: skip
