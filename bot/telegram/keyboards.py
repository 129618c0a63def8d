"""Rows of buttons for a thumb, as the Bot API wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from unicodedata import east_asian_width

from bot.telegram.callbacks import Agree, Go, Open, Pressed, Speak, pack
from bot.telegram.words import LANGUAGES, Tongue
from core.campaign import Campaign
from core.question import Tap
from core.worker import CONSENT_VERSION

PER_ROW = ((2, 5), (7, 4), (11, 3), (20, 2))  # (letters of the longest wording, buttons in a row)
ROW, MARGIN = 46, 6  # letters in a row of words, those of a margin and of the sign of a mark among them
MOST_IN_ROW = 5
TICK = "☑ "  # before what is marked
TITLE = 64  # letters of a campaign's title on a button
MOST = 50  # campaigns to choose from

Markup = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Button:
    """A wording and what it does."""

    text: str
    pressed: Pressed


def markup(rows: Sequence[Sequence[Button]]) -> Markup:
    """An inline keyboard; one without rows takes the buttons of a message away."""
    return {
        "inline_keyboard": [
            [{"text": button.text, "callback_data": pack(button.pressed)} for button in row] for row in rows if row
        ]
    }


@lru_cache(maxsize=4096)
def width(text: str) -> int:
    """Letters that a wording takes; a Chinese one counts twice."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def grid(buttons: Sequence[Button]) -> list[list[Button]]:
    """Rows of equal length, as many in a row as the longest wording allows: digits 5, sentences 1."""
    longest = max((width(button.text) for button in buttons), default=0)
    most = next((count for letters, count in PER_ROW if longest <= letters), 1)
    rows = -(-len(buttons) // most) or 1
    size = -(-len(buttons) // rows) or 1
    return [list(buttons[at : at + size]) for at in range(0, len(buttons), size)]


def lines(buttons: Sequence[Button]) -> list[list[Button]]:
    """Rows in the order of a text, each filled as far as its letters and their margins fit a phone. Buttons of a row
    are equally wide there, so that the longest counts for all. A mark does not move words to other rows: room for its
    sign is kept."""
    rows: list[list[Button]] = [[]]
    for button in buttons:
        longest = max([_room(one) for one in (*rows[-1], button)])
        full = len(rows[-1]) == MOST_IN_ROW
        if rows[-1] and (full or (len(rows[-1]) + 1) * longest > ROW):
            rows.append([])
        rows[-1].append(button)
    return rows


def _room(button: Button) -> int:
    return width(button.text.removeprefix(TICK)) + MARGIN


def of_rest(say: Tongue, undo: Tap | None, others: Sequence[Campaign] = ()) -> Markup:
    """Where there is no question: look again, take the last answer back, or open another campaign."""
    return markup([[Button(say("Look again"), Go.ON), *undo_row(say, undo)], *_doors(others)])


def undo_row(say: Tongue, undo: Tap | None) -> list[Button]:
    """The button that takes an answer back, where there is one to take."""
    return [] if undo is None else [Button(say("Undo"), undo)]


def of_consent(say: Tongue) -> Markup:
    """One button to agree, one to read it in another language."""
    return markup([[Button(say("I agree"), Agree(CONSENT_VERSION))], [Button("🌐 English / 中文", Go.LANGUAGES)]])


def of_languages() -> Markup:
    """Each language under its own name."""
    return markup(grid([Button(name, Speak(language)) for language, name in LANGUAGES.items()]))


def of_campaigns(campaigns: Sequence[Campaign]) -> Markup:
    """One button for each campaign, by its title."""
    return markup(_doors(campaigns))


def _doors(campaigns: Sequence[Campaign]) -> list[list[Button]]:
    return [[Button(campaign.draft.title[:TITLE], Open(campaign.slug))] for campaign in campaigns[:MOST]]
