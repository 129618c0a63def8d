"""What a person taps who has a label in mind: they read the buttons of a phone, and turn pages until they find it.

No question of ours is known here but by its wordings, in the languages of the demo: every form that the bot sends has
to be understood as it looks. Nothing is known of the likeliest label, of groups, or of what a button carries.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from bot.sandbox.people import Button, Shown
from core.grouping import words_of

YES, NO = re.compile(r"yes|是", re.IGNORECASE), re.compile(r"no|不是", re.IGNORECASE)
IS_IT = re.compile(r"“([^”]+)”(?:\?|吗)")
NONE_OF_THESE = re.compile(r"none of|都不是|以上都", re.IGNORECASE)
TICKED, LEFT = "☑", "☐"  # before a label that is marked, and one that may be
DONE = re.compile(r"done|完成", re.IGNORECASE)
NOT_SURE = re.compile(r"not sure|不确定", re.IGNORECASE)
ANOTHER = re.compile(r"(another|其他)…? ›", re.IGNORECASE)
BACK = re.compile(r"‹")
ONWARD = "›"  # at the end of a button that only turns a page


class Step(NamedTuple):
    """A button to tap; whether that is the answer, or turns a page."""

    key: Button
    answers: bool


def step(bubble: Shown, label: int, choices: Sequence[str], looked: Collection[str] = ()) -> Step | None:
    """The next tap of somebody who thinks of `label`; None where the bubble asks nothing.

    `choices` are the labels' wordings, `looked` the texts of the pages that were opened for this question in vain.
    """
    named, groups = named_keys(bubble, choices), pages(bubble)
    asked = asked_of(bubble, choices)
    if asked is not None:
        return _answer(_key(bubble, YES if asked == label else NO, whole=True))
    if label in named:
        return _answer(named[label])
    if another := next((key for key in groups if ANOTHER.fullmatch(key.text)), None):
        return Step(another, False)
    if unread := [key for key in groups if key.text not in looked]:
        return Step(max(unread, key=lambda key: likeness(key.text, choices[label])), False)
    if named and (back := _key(bubble, BACK)):
        return Step(back, False)
    if not (named or groups):
        return None
    return _answer(_key(bubble, NONE_OF_THESE) or _key(bubble, NOT_SURE) or next(iter(named.values()), None))


def ticks(bubble: Shown, choices: Sequence[str]) -> dict[int, tuple[Button, bool]]:
    """The labels that can be marked, each with its button and whether it is; nothing where one label is asked for."""
    boxes = named_keys(bubble, choices)
    return {
        label: (key, key.text.startswith(TICKED)) for label, key in boxes.items() if key.text[:1] in (TICKED, LEFT)
    }


def step_of_set(bubble: Shown, wanted: int, choices: Sequence[str]) -> Step | None:
    """The next tap of somebody who thinks of a set of labels, as bits."""
    for label, (key, marked) in ticks(bubble, choices).items():
        if marked != bool(wanted >> label & 1):
            return Step(key, False)
    return _answer(_key(bubble, DONE, whole=True) or _key(bubble, NONE_OF_THESE))


def asks(bubble: Shown, choices: Sequence[str]) -> bool:
    """Whether there is a question to answer in it."""
    return bool(named_keys(bubble, choices) or pages(bubble)) or asked_of(bubble, choices) is not None


def named_keys(bubble: Shown, choices: Sequence[str]) -> dict[int, Button]:
    """The buttons that stand for labels, by label, whatever their order and ornaments."""
    wording = {plain(choice): label for label, choice in enumerate(choices)}
    keys = [key for key in bubble.keys if not key.text.endswith(ONWARD)]
    return {wording[plain(key.text)]: key for key in keys if plain(key.text) in wording}


def pages(bubble: Shown) -> list[Button]:
    """The buttons that only turn a page onward."""
    return [key for key in bubble.keys if key.text.endswith(ONWARD)]


def asked_of(bubble: Shown, choices: Sequence[str]) -> int | None:
    """The label of a question that is to be answered by yes or no."""
    if not (_key(bubble, YES, whole=True) and _key(bubble, NO, whole=True)):
        return None
    wording = {plain(choice): label for label, choice in enumerate(choices)}
    found = [wording[plain(name)] for name in IS_IT.findall(bubble.words) if plain(name) in wording]
    return found[0] if found else None


def likeness(title: str, wording: str) -> float:
    """How much the title of a page promises a label, in [0, 1]: its words that the title has."""
    said, own = words_of(title), words_of(wording)
    return 1.0 if plain(wording) in plain(title) else len(said.keys() & own.keys()) / max(len(own), 1) / 2


def plain(words: str) -> str:
    """The wording without ornaments: numbers, emoji, tick marks and case."""
    return re.sub(r"^\d+[.):]\s*(?=\S)", "", words.strip()).strip("".join(set(re.findall(r"[^\w]", words)))).casefold()


def _key(bubble: Shown, words: re.Pattern[str], whole: bool = False) -> Button | None:
    match = words.fullmatch if whole else words.search
    return next((key for key in bubble.keys if match(key.text)), None)


def _answer(key: Button | None) -> Step | None:
    return None if key is None else Step(key, True)
