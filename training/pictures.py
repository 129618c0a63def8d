"""Pictures for the admin chat: one report, as wide as a phone, readable at arm's length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.marks.night import tall as as_two
from core.night import NightReport
from training.charts import AFTER, BEFORE, FAINT, INK, PAPER, QUIET, as_png, clipped, greens, plain, title
from training.evaluate import Interval, Report, evaluate
from training.examples import Floats


@dataclass(frozen=True, slots=True)
class LearningPoint:
    """What one night's version reached."""

    labelled: int  # items it learned from
    accuracy: Interval


@dataclass(frozen=True, slots=True)
class NightWords:
    """The words on the picture, in the admin's language."""

    title: str = "Night report"
    before: str = "serving version"
    after: str = "tonight's version"
    accuracy: str = "Accuracy on audit items"
    reliability: str = "Is its confidence honest?"
    says: str = "confidence, %"
    right: str = "right, %"
    curve: str = "Accuracy by items learned"
    confusion: str = "Where it errs (rows: crowd, columns: version)"
    shares: str = "Label shares, % of items"
    crowd: str = "crowd"
    sure: str = "How sure it is, items"
    promoted: str = "Tonight's version is better and serves from now on."
    kept: str = "The serving version stays; tonight's is kept as a candidate."
    lacks: str = "no"  # where several labels may hold, each is a case of its own
    holds: str = "yes"
    cases: str = "How sure it is, labels"
    parts: str = "Yes and no, % of labels"
    nothing: str = "No audit item has enough answers yet: nothing to judge by."


@dataclass(frozen=True, slots=True)
class NightPicture:
    """Everything that the picture of one night shows."""

    campaign: str
    verdict: str  # one sentence
    labels: tuple[str, ...]
    before: Interval | None  # accuracy of the version that served; None on the first night
    after: Report
    accuracy: Interval  # of tonight's version
    sureness: Floats  # (n,) confidence of tonight's suggestions
    nights: tuple[LearningPoint, ...]  # oldest first, tonight last
    rival: Report | None = None  # the version that served, on the same items
    words: NightWords = NightWords()


def night_picture(report: NightReport, history: Sequence[LearningPoint] = (), words: NightWords | None = None) -> bytes:
    """Return the PNG of a night's report; `history` holds the nights before, oldest first."""
    words = words or NightWords()
    if report.after.items == 0:
        return draw_nothing(report.campaign.draft.title, words)
    now, several = report.after, report.campaign.draft.kind.marked
    said, crowd, rival = (as_two(one) if several and one is not None else one
                          for one in (report.candidate, report.truth, report.serving))  # fmt: skip
    assert said is not None and crowd is not None
    words = replace(words, sure=words.cases, shares=words.parts) if several else words
    accuracy = Interval(now.accuracy, now.low, now.high)
    before = report.before and Interval(report.before.accuracy, report.before.low, report.before.high)
    return draw_night(
        NightPicture(
            campaign=report.campaign.draft.title,
            verdict=words.promoted if report.promoted else words.kept,
            labels=(words.lacks, words.holds) if several else report.campaign.labels,
            before=before or None,
            after=replace(figures(said, crowd), items=now.items),
            accuracy=accuracy,
            sureness=said.max(axis=1),
            nights=(*history, LearningPoint(report.taught, accuracy)),
            rival=None if rival is None else figures(rival, crowd),
            words=words,
        )
    )


def figures(suggestions: Floats, truth: Floats) -> Report:
    """Return the figures that charts need; their intervals come from the core's judgement."""
    return evaluate(suggestions, truth, np.random.default_rng(0), draws=1)


def draw_night(night: NightPicture) -> bytes:
    """Return a PNG, 1080 pixels wide."""
    figure = Figure(figsize=(7.2, 11.6), dpi=150, facecolor=PAPER)
    grid = figure.add_gridspec(
        3, 2, left=0.14, right=0.95, top=0.835, bottom=0.09, hspace=0.42, wspace=0.42, height_ratios=(0.5, 1, 1.35)
    )
    write_heading(figure, night)
    draw_accuracy(figure.add_subplot(grid[0, :]), night)
    draw_reliability(figure.add_subplot(grid[1, 0]), night)
    (draw_curve if len(night.nights) > 1 else draw_sureness)(figure.add_subplot(grid[1, 1]), night)
    draw_confusion(figure.add_subplot(grid[2, 0]), night)
    draw_shares(figure.add_subplot(grid[2, 1]), night)
    return as_png(figure)


def draw_nothing(campaign: str, words: NightWords) -> bytes:
    """Return a PNG that says that there is nothing to judge by."""
    figure = Figure(figsize=(7.2, 1.8), dpi=150, facecolor=PAPER)
    figure.text(0.05, 0.66, f"{words.title} · {campaign}", size=13, color=QUIET, va="center")
    figure.text(0.05, 0.36, words.nothing, size=13, color=INK, va="center")
    return as_png(figure)


def write_heading(figure: Figure, night: NightPicture) -> None:
    """Write campaign, the one large figure, and the verdict."""
    accuracy = night.accuracy
    figure.text(0.05, 0.972, f"{night.words.title} · {night.campaign}", size=13, color=QUIET, va="center")
    figure.text(0.05, 0.935, f"{100 * accuracy.value:.1f} %", size=34, color=AFTER, weight="bold", va="center")
    figure.text(
        0.38,
        0.931,
        f"{100 * accuracy.low:.0f}-{100 * accuracy.high:.0f} %  ·  n = {night.after.items}",
        size=13,
        color=QUIET,
        va="center",
    )
    figure.text(0.05, 0.896, clipped(night.verdict, 84), size=12, color=INK, va="center")


def draw_accuracy(axes: Axes, night: NightPicture) -> None:
    """Draw both versions' accuracies with their intervals."""
    title(axes, night.words.accuracy)
    rows = [(night.words.after, night.accuracy, AFTER)]
    if night.before is not None:
        rows.insert(0, (night.words.before, night.before, BEFORE))
    low = min(100 * value.low for _, value, _ in rows)
    left = max(0.0, np.floor((low - 5) / 10) * 10)
    for at, (name, value, colour) in enumerate(reversed(rows)):
        axes.plot([100 * value.low, 100 * value.high], [at, at], color=colour, lw=7, solid_capstyle="round", alpha=0.4)
        axes.plot(100 * value.value, at, "o", color=colour, ms=12)
        axes.text(left, at + 0.34, name, size=11, color=QUIET, va="center")
        axes.text(
            100 * value.value,
            at + 0.34,
            f"{100 * value.value:.1f}",
            size=12,
            color=INK,
            ha="center",
            va="center",
            weight="bold",
        )
    axes.set(xlim=(left, 101), ylim=(-0.35, len(rows) - 0.4), yticks=[])
    plain(axes, "x")


def draw_reliability(axes: Axes, night: NightPicture) -> None:
    """Draw how often each confidence was right; on the diagonal it is honest."""
    title(axes, night.words.reliability)
    axes.plot([0, 100], [0, 100], color=FAINT, lw=2, zorder=0)
    for report, colour in ((night.rival, BEFORE), (night.after, AFTER)):
        if report is not None:
            said, right, items = np.array(report.reliability).T
            axes.plot(100 * said, 100 * right, color=colour, lw=2.2)
            axes.scatter(100 * said, 100 * right, s=20 + 160 * items / items.sum(), color=colour, zorder=3)
    axes.set(xlim=(0, 104), ylim=(0, 104), xticks=(0, 50, 100), yticks=(0, 50, 100))
    axes.set_xlabel(night.words.says, size=10.5, color=QUIET)
    axes.set_ylabel(night.words.right, size=10.5, color=QUIET)
    plain(axes, "both")


def draw_curve(axes: Axes, night: NightPicture) -> None:
    """Draw accuracy against the items that each night learned from."""
    title(axes, night.words.curve)
    x = [point.labelled for point in night.nights]
    reached = [point.accuracy for point in night.nights]
    low, mid, high = 100 * np.array([(one.low, one.value, one.high) for one in reached]).T
    axes.fill_between(x, low, high, color=AFTER, alpha=0.15, lw=0)
    axes.plot(x, mid, color=AFTER, lw=2.4, marker="o", ms=7)
    axes.set_ylim(max(0.0, np.floor((low.min() - 3) / 10) * 10), 102)
    axes.set_xlim(0, 1.08 * max(x))
    axes.locator_params(axis="x", nbins=3)
    plain(axes, "y")


def draw_sureness(axes: Axes, night: NightPicture) -> None:
    """Draw how many audit items got which confidence: what stands there until there are two nights to compare."""
    title(axes, night.words.sure)
    axes.hist(100 * night.sureness, bins=list(range(0, 101, 10)), color=AFTER, rwidth=0.86)
    axes.set(xlim=(0, 104), xticks=(0, 50, 100))
    axes.set_xlabel(night.words.says, size=10.5, color=QUIET)
    plain(axes, "y")


def draw_confusion(axes: Axes, night: NightPicture) -> None:
    """Draw the row shares of the confusion matrix; a number stands where a cell matters and there is room."""
    title(axes, night.words.confusion, wrap=26)
    counts = np.array(night.after.confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-9)
    axes.imshow(shares, cmap=greens(), vmin=0, vmax=1)
    k = len(shares)
    for row, column in zip(*np.nonzero(shares >= 0.03), strict=True):
        if k <= 12:
            axes.text(
                column,
                row,
                f"{100 * shares[row, column]:.0f}",
                size=max(6.5, 12 - 0.5 * k),
                ha="center",
                va="center",
                color=PAPER if shares[row, column] > 0.5 else INK,
            )
    names = [clipped(name, 9) for name in night.labels] if k <= 20 else []
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor", size=9.5)
    axes.set_yticks(range(len(names)), names, size=9.5)
    axes.tick_params(labelcolor=INK)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def draw_shares(axes: Axes, night: NightPicture) -> None:
    """Draw how often the crowd and tonight's version give each label; the commonest twelve."""
    title(axes, night.words.shares)
    counts = np.array(night.after.confusion)
    crowd, version = 100 * counts.sum(axis=1) / counts.sum(), 100 * counts.sum(axis=0) / counts.sum()
    shown = np.argsort(-crowd, kind="stable")[:12]
    at = np.arange(len(shown))
    axes.barh(at - 0.2, crowd[shown], height=0.36, color=BEFORE, label=night.words.crowd)
    axes.barh(at + 0.2, version[shown], height=0.36, color=AFTER, label=night.words.after)
    axes.set_yticks(at, [clipped(night.labels[k], 9) for k in shown], size=9.5, color=INK)
    axes.invert_yaxis()
    axes.legend(
        frameon=False, fontsize=9.5, labelcolor=QUIET, loc="upper left", bbox_to_anchor=(-0.1, -0.06), borderaxespad=0.4
    )
    plain(axes, "x")
