"""What a button carries: at most 64 bytes, packed here, and refused here where anybody else packed it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from core.campaign import SLUG
from core.ids import QuestionId
from core.question import Press, Tap

LIMIT = 64  # bytes, Telegram's
_TAP = re.compile(r"a:([A-Za-z0-9_-]{1,32}):(0|[1-9][0-9]{0,8}):([a-z]|0|[1-9][0-9]{0,2})")
_TURN = re.compile(r"o:([A-Za-z0-9_-]{1,32}):(0|[1-9][0-9]{0,8}):(0|[1-9][0-9]{0,2})")
_MARK = re.compile(r"m:([A-Za-z0-9_-]{1,32}):(0|[1-9][0-9]{0,8}):(0|[1-9][0-9]?):([01])")
_RULE = re.compile(r"r:([1-9][0-9]{0,17}):(0|[1-9][0-9]{0,2}|[wmn]|[st](?:0|[1-9][0-9]{0,18}))")
_FORGET = re.compile(r"f:([1-9][0-9]{0,17}):([1-9][0-9]{0,10}):([kan])")
_AGREE = re.compile(r"y:(0|[1-9][0-9]{0,3})")
_SPEAK = re.compile(r"l:([a-z]{2,3})")


class Go(StrEnum):
    """Buttons that need nothing but themselves."""

    ON = "n"  # the next question
    LANGUAGES = "g"  # the choice of languages


@dataclass(frozen=True, slots=True)
class Agree:
    """"I agree" to one version of the consent text."""

    version: int


@dataclass(frozen=True, slots=True)
class Speak:
    """A choice of language."""

    language: str


@dataclass(frozen=True, slots=True)
class Open:
    """A choice of campaign, by its name."""

    slug: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Another page of a question's choices: 0 the first, 1 the groups of labels, 2 and on one group each."""

    question: QuestionId
    lease: int
    page: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A label of a question that shall be marked, or left: what it shall be, so that a double tap changes nothing."""

    question: QuestionId
    lease: int
    label: int
    on: bool


@dataclass(frozen=True, slots=True)
class Dispute:
    """An objection to being kept out of a campaign, by its name."""

    slug: str


@dataclass(frozen=True, slots=True)
class Rule:
    """An admin's word on a disputed item: a label's number, "w" withdraw, "m" ask more, "n" only the next one; where
    several are marked "s6" settles on a set (its bits), "t6" only shows it as marked."""

    item: int
    word: str


@dataclass(frozen=True, slots=True)
class Forget:
    """The answer to /forget_me: of whom and when it was asked, and "k" keep the answers, "a" with them, "n" no."""

    worker: int
    asked: int  # seconds since 1970
    word: str


Pressed = Dispute | Forget | Rule | Tap | Turn | Mark | Go | Agree | Speak | Open


def pack(pressed: Pressed) -> str:
    """The text behind a button; ValueError where it could not be read back."""
    text = _packed(pressed)
    # a question has a dozen buttons: their form is enough, which the tests compare with what is read back
    read = _TAP.fullmatch(text) if isinstance(pressed, Tap) else unpack(text) == pressed
    if not read or len(text.encode()) > LIMIT:
        raise ValueError(f"no button can carry {pressed}")
    return text


def _packed(pressed: Pressed) -> str:
    match pressed:
        case Tap(question, lease, choice):
            return f"a:{question}:{lease}:{choice}"
        case Turn(question, lease, page):
            return f"o:{question}:{lease}:{page}"
        case Mark(question, lease, label, on):
            return f"m:{question}:{lease}:{label}:{int(on)}"
        case Agree(version):
            return f"y:{version}"
        case Speak(language):
            return f"l:{language}"
        case Open(slug):
            return f"c:{slug}"
        case Dispute(slug):
            return f"d:{slug}"
        case Rule(item, word):
            return f"r:{item}:{word}"
        case Forget(worker, asked, word):
            return f"f:{worker}:{asked}:{word}"
        case Go():
            return pressed.value


def unpack(text: str) -> Pressed | None:
    """What was pressed, or None for anything that `pack` never wrote; never raises."""
    if found := _TAP.fullmatch(text):
        return _tap(*found.groups())
    if found := _TURN.fullmatch(text):
        return Turn(QuestionId(found[1]), int(found[2]), int(found[3]))
    if found := _MARK.fullmatch(text):
        return Mark(QuestionId(found[1]), int(found[2]), int(found[3]), found[4] == "1")
    if found := _AGREE.fullmatch(text):
        return Agree(int(found[1]))
    if found := _SPEAK.fullmatch(text):
        return Speak(found[1])
    if found := _RULE.fullmatch(text):
        return Rule(int(found[1]), found[2])
    if found := _FORGET.fullmatch(text):
        return Forget(int(found[1]), int(found[2]), found[3])
    if text.startswith("c:") and SLUG.fullmatch(text[2:]):
        return Open(text[2:])
    if text.startswith("d:") and SLUG.fullmatch(text[2:]):
        return Dispute(text[2:])
    return Go(text) if text in {go.value for go in Go} else None


def _tap(question: str, lease: str, choice: str) -> Tap | None:
    if choice.isdecimal():
        return Tap(QuestionId(question), int(lease), int(choice))
    if choice in {press.value for press in Press}:
        return Tap(QuestionId(question), int(lease), Press(choice))
    return None
