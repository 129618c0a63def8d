"""What all our charts share: few colours, no boxes, a font that knows Chinese."""

from __future__ import annotations

import io
from collections.abc import Sequence

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

INK, QUIET, FAINT, PAPER = "#1c2530", "#6b7785", "#e4e8ed", "#ffffff"
BEFORE, AFTER = "#a9b4c0", "#1f7a6d"
FONTS = ("Noto Sans CJK SC", "Noto Sans SC", "Noto Sans", "DejaVu Sans")


def as_png(figure: Figure) -> bytes:
    """Return the figure's picture."""
    FigureCanvasAgg(figure)
    use_font(figure)
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=PAPER)
    return out.getvalue()


def title(axes: Axes, text: str, wrap: int = 60) -> None:
    """Write a small heading above a chart, flush left."""
    lines: list[str] = [""]
    for word in text.split():
        lines = [*lines[:-1], f"{lines[-1]} {word}".strip()] if len(lines[-1]) + len(word) < wrap else [*lines, word]
    axes.set_title("\n".join(lines), loc="left", size=11.5, color=INK, weight="bold", pad=9)


def plain(axes: Axes, lines: str) -> None:
    """Leave thin guide lines and small numbers, no box."""
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.grid(True, axis=lines, color=FAINT, lw=1)  # type: ignore[arg-type]
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=10, labelcolor=QUIET)


def greens() -> LinearSegmentedColormap:
    """Return the colour map from paper to the colour of tonight."""
    return LinearSegmentedColormap.from_list("greens", [PAPER, AFTER])


def clipped(text: str, longest: int) -> str:
    """Cut a text with an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def fonts() -> list[str]:
    """Return which of our fonts are installed, the one that knows most languages first."""
    there = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in FONTS if name in there]


def use_font(figure: Figure) -> None:
    """Set every text in the first installed font that also knows Chinese."""
    families: Sequence[str] = fonts() or ["sans-serif"]
    for text in figure.findobj(lambda artist: hasattr(artist, "set_fontfamily")):
        text.set_fontfamily(families)  # type: ignore[attr-defined]
