"""The shape in which a question is put, and what a tap on it is evidence of.

One question has one answer, whatever its form. Where the labels lie on pages (`Form.GROUPS`), opening a group only
turns a page: nothing is kept of it until a label is tapped, or "one of these, cannot tell which".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.evidence import Evidence
from core.grouping import Group

MAX_BUTTONS = 8  # choices that a thumb finds on one screen
MOST_TOGGLES = 30  # labels that are each marked or left on one screen
SCALE = 12  # steps of a rating that fit one screen: digits are short, and their order is known


class Form(StrEnum):
    ALL = "all"  # one button for each label
    SHORT = "short"  # a few labels and "none of these"
    YES_NO = "yes_no"  # "is it a cat?"
    GROUPS = "groups"  # a few likely labels or none, then every label by its group
    TOGGLE = "toggle"  # several labels may hold: each is marked or left, then "done"
    TEXT = "text"  # no buttons: the answer is a message of the worker's own words


FORMS = tuple(form for form in Form if form is not Form.TEXT)  # those that are tapped
BARE = (Form.GROUPS, Form.TOGGLE)  # those that may show no label, or none as marked


@dataclass(frozen=True, slots=True)
class Layout:
    """A form with the labels on its first page, in the order of their buttons; of toggles, those marked so far."""

    form: Form
    shown: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(set(self.shown)) < len(self.shown) or not (self.shown or self.form in BARE):
            raise ValueError("a layout shows each of its labels once")
        if self.form is Form.YES_NO and len(self.shown) != 1:
            raise ValueError("yes or no is asked of one label")


WORDS = Layout(Form.TEXT, (0,))  # words stand for the only label of a campaign of texts: they tell of no other


def choices(layout: Layout, labels: int, groups: int = 0) -> int:
    """How many answers a layout can get, apart from "not sure"; they are counted from 0.

    First the labels shown. Then "no" or "none of these" (`SHORT`, `YES_NO`); or each of all `labels` by its number, as
    it lies on its group's page, then "one of these" for each group (`GROUPS`).
    """
    match layout.form:
        case Form.ALL:
            return len(layout.shown)
        case Form.SHORT | Form.YES_NO:
            return len(layout.shown) + 1
        case Form.GROUPS:
            return len(layout.shown) + labels + groups
        case Form.TOGGLE | Form.TEXT:
            return 0  # a message, or "done" with what is marked (`core/marking.py`)


def evidence_of(layout: Layout, choice: int, labels: int, groups: Sequence[Group] = ()) -> Evidence:
    """What a tap on choice `choice` leaves possible; ValueError where there is no such choice."""
    if not 0 <= choice < choices(layout, labels, len(groups)):
        raise ValueError(f"there is no choice {choice} of {layout.form}")
    beyond = choice - len(layout.shown)
    if beyond < 0:
        return Evidence.of(layout.shown[choice])
    if layout.form is not Form.GROUPS:
        return Evidence.among(layout.shown).complement(labels)
    return Evidence.of(beyond) if beyond < labels else Evidence.among(groups[beyond - labels].labels)


def choice_of(layout: Layout, label: int, labels: int) -> int:
    """The first choice whose evidence holds a label: what somebody taps who thinks of it; ValueError for no label."""
    if not 0 <= label < labels:
        raise ValueError(f"label {label} of {labels}")
    if label in layout.shown:
        return layout.shown.index(label)
    if layout.form is Form.ALL:
        raise ValueError(f"label {label} is not shown")
    return len(layout.shown) + (label if layout.form is Form.GROUPS else 0)


def choice_of_label(layout: Layout, label: int) -> int:
    """The choice of a label on its group's page."""
    return len(layout.shown) + label


def choice_of_group(layout: Layout, group: int, labels: int) -> int:
    """The choice "one of these, cannot tell which" on a group's page."""
    return len(layout.shown) + labels + group
