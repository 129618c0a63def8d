"""The shape in which a question is put, and what a tap on it is evidence of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.evidence import Evidence

MAX_BUTTONS = 12  # choices a thumb still finds


class Form(StrEnum):
    ALL = "all"  # one button for each label
    SHORT = "short"  # a few labels and "none of these"
    YES_NO = "yes_no"  # "is it a cat?"


@dataclass(frozen=True, slots=True)
class Layout:
    """A form with the labels it shows, in the order of the buttons."""

    form: Form
    shown: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.shown or len(set(self.shown)) < len(self.shown):
            raise ValueError("a layout shows each of its labels once")
        if self.form is Form.YES_NO and len(self.shown) != 1:
            raise ValueError("yes or no is asked of one label")

    @property
    def buttons(self) -> int:
        """Choices to tap: the labels, then "none of these", or yes and no."""
        return len(self.shown) + (self.form is not Form.ALL)


def evidence_of(layout: Layout, choice: int, labels: int) -> Evidence:
    """What a tap on button `choice` (from 0) leaves possible; ValueError where there is no such button."""
    if not 0 <= choice < layout.buttons:
        raise ValueError(f"button {choice} of {layout.buttons}")
    if choice < len(layout.shown):
        return Evidence.of(layout.shown[choice])
    return Evidence.among(layout.shown).complement(labels)


def layout_for(labels: int, posterior: tuple[float, ...]) -> Layout:
    """All labels where they fit a screen, else the likeliest ones and "none of these"."""
    if labels <= MAX_BUTTONS:
        return Layout(Form.ALL, tuple(range(labels)))
    likeliest = sorted(range(labels), key=lambda label: -posterior[label])[: MAX_BUTTONS - 1]
    return Layout(Form.SHORT, tuple(sorted(likeliest)))
