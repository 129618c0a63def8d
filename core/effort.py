"""How many seconds of a worker a question costs, by its form.

    seconds = read the item + find the choice + tap, times what this campaign's own answer times say of the form

- reading: 238 words a minute (Brysbaert 2019, doi:10.1016/j.jml.2019.104047): 0.25 s a word, so 3 s for an item of a
  dozen words, and 0.25 s for each wording of a choice that is looked at.
- finding it: a few choices in fixed places are known by heart after some questions, then the time grows with the
  logarithm of their number (Hick 1952, doi:10.1080/17470215208416600). What is shuffled, or too long to be known by
  heart, is read one by one until it is found: half of the list on average, all of it where it is not there (Cockburn,
  Gutwin and Greenberg 2007, doi:10.1145/1240624.1240723).
- the thumb: tap and swipe as the touch models have them, to a tenth of a second (Goguey et al. 2018,
  doi:10.1145/3173574.3174019); a page that turns goes through the messenger's network.

Deviations: one reading time for all items of a campaign; a choice counts as one word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.forms import FORMS, Form
from core.grouping import Group

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ITEM = 3.0  # seconds to read an item of a dozen words
WORDING = 0.25  # to read the words on a choice
HICK = 0.15  # for each bit of choice among places that are known by heart
TAP = 0.4
SWIPE = 0.5  # to the next screen of a long list
TURN = 0.5  # until a page has turned
SCREEN = 8  # choices on one screen
ENOUGH = 30  # answers of a form before its own times are believed
SLOWEST = 120.0  # seconds: more is a pause, not an answer
MOST = 8.0  # no form is ever thought faster or slower than the model by more


def of_all(labels: int, known: bool = True) -> float:
    """One button for each label; `known`: by heart. A long list costs its swipes."""
    find = HICK * math.log2(labels + 1) if known and labels <= SCREEN else WORDING * (labels + 1) / 2
    return ITEM + find + SWIPE * _screens(labels) + TAP


def of_yes_no() -> float:
    """One wording to read, and yes or no."""
    return ITEM + WORDING + HICK * math.log2(3) + TAP


def of_short(shown: int, beyond: float | Floats) -> float | Floats:
    """A shuffled list of `shown` labels; `beyond` is the chance that the choice is not among them."""
    return ITEM + WORDING * ((1 - beyond) * (shown + 1) / 2 + beyond * (shown + 1)) + TAP


def of_groups(shown: int, beyond: float | Floats, stages: float) -> float | Floats:
    """A list, and pages for what is beyond it; `stages`: see there."""
    if shown == 0:
        return ITEM + stages
    return of_short(shown, beyond) + beyond * (TURN + stages)


def of_toggle(labels: int, marked: float) -> float:
    """Each label is considered, `marked` of them are tapped, and "done"; no tap waits for the page."""
    return ITEM + WORDING * labels + SWIPE * _screens(labels) + TAP * (marked + 1)


def of_stages(groups: Sequence[Group]) -> float:
    """From the list of groups to a label: find the group, turn the page, find the label."""
    labels = sum(len(group.labels) for group in groups)
    page = sum(len(group.labels) ** 2 for group in groups) / labels  # labels on the page of an average label
    found = WORDING * ((len(groups) + 1) / 2 + (page + 1) / 2) + SWIPE * (_screens(len(groups)) + _screens(page))
    return found + 2 * TAP + TURN


def usual(form: Form, shown: int, groups: Sequence[Group], beyond: float = 0.3, labels: int = 0) -> float:
    """Seconds of a question as asked, where nothing is known of its item; `beyond` as in `of_short`; of toggles `shown`
    are marked out of `labels`."""
    match form:
        case Form.ALL:
            return of_all(shown)
        case Form.YES_NO:
            return of_yes_no()
        case Form.SHORT:
            return float(of_short(shown, beyond))
        case Form.TOGGLE:
            return of_toggle(labels, shown)
        case _:
            return float(of_groups(shown, beyond, of_stages(groups) if groups else 0.0))


def _screens(choices: float) -> float:
    """Swipes to the average choice of a list."""
    return max(math.ceil(choices / SCREEN) - 1, 0) / 2


def pace(form: Ints, modelled: Floats, seconds: Floats) -> tuple[float, ...]:
    """(F,) how much longer than modelled each form takes in a campaign: medians of ratios, which pauses do not move.

    `form` (A,) indexes `FORMS`; forms with too few answers take the pace of all, and none where all are too few.
    """
    usable = (seconds > 0) & (seconds < SLOWEST)
    ratio = seconds[usable] / modelled[usable]
    if len(ratio) < ENOUGH:
        return ()
    overall = float(np.median(ratio))
    by_form = [ratio[form[usable] == at] for at in range(len(FORMS))]
    found = [float(np.median(one)) if len(one) >= ENOUGH else overall for one in by_form]
    return tuple(min(max(one, 1 / MOST), MOST) for one in found)


def factor(pace: Sequence[float], form: Form) -> float:
    """What a campaign's pace says of a form; 1 where it says nothing."""
    return pace[FORMS.index(form)] if pace else 1.0
