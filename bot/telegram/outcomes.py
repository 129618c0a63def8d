"""What became of a letter: pure rules from Telegram's answer to what is done next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from telegram import InputFile
from telegram.error import BadRequest, ChatMigrated, Forbidden, RetryAfter, TelegramError

from bot.telegram.showing import SENT_AS
from bot.telegram.transport import Sending, seconds_to_wait, verdict_of
from core.ports import Letter, Repeat

PAUSES = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)  # seconds after the first, second... failure
TRIES = 12  # of an edit that Telegram keeps failing on: after about five minutes it is given up
GONE = ("message to edit not found", "message can't be edited", "message_id_invalid", "there is no text in the message",
        "there is no media in the message", "there is no caption in the message")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sent:
    """It is there, as this message."""

    message: int | None
    file_id: str | None = None  # of a file that was new to Telegram


@dataclass(frozen=True, slots=True)
class Again:
    """To be sent once more: after so many seconds, and as this letter."""

    seconds: float
    letter: Letter
    doubtful: bool = False  # nobody knows whether the first copy arrived
    refused_copy: bool = False  # Telegram no longer takes its own copy of the file


@dataclass(frozen=True, slots=True)
class Failed:
    """Refused for good; `unreachable` when the person cannot be written to at all."""

    reason: str
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody knows, and it must not be repeated."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Somebody else has sent it."""


Outcome = Sent | Again | Failed | Unknown | Taken


def is_new(letter: Letter) -> bool:
    """Whether sending it twice would show it twice."""
    return not letter.method.startswith(("edit", "delete", "answer"))


def outcome_of(error: TelegramError, letter: Letter, doubts: int, failures: int) -> Outcome:
    """What a failed call means for its letter, after so many doubtful calls and failures before this one."""
    match error:
        case RetryAfter():
            return Again(seconds_to_wait(error), letter)
        case ChatMigrated():
            return Again(0.0, replace(letter, chat=error.new_chat_id))
        case BadRequest() if "message is not modified" in error.message.lower():
            return Sent(letter.message)
        case BadRequest() if letter.question is not None and any(words in error.message.lower() for words in GONE):
            fresh = as_new(letter)
            return Failed(error.message) if fresh is None else Again(0.0, fresh)
        case Forbidden():
            return Failed(error.message, unreachable=True)
        case BadRequest():
            return Failed(error.message, unreachable="chat not found" in error.message.lower())
    pause = PAUSES[min(failures, len(PAUSES) - 1)]
    match verdict_of(error), letter.repeat:
        case Sending.UNSENT, _:
            return Again(pause, letter)
        case Sending.DECIDED, _:
            return Failed(error.message)
        case Sending.AMBIGUOUS, Repeat.FREELY:
            return Again(pause, letter) if failures + 1 < TRIES else Failed(error.message)
        case Sending.AMBIGUOUS, Repeat.ONCE if doubts == 0:
            return Again(pause, letter, doubtful=True)
    return Unknown()


def as_new(letter: Letter) -> Letter | None:
    """An edit as the new message that shows the same, or None where the edit did not hold all of it."""
    body = {name: value for name, value in letter.body.items() if name != "message_id"}
    if letter.method == "editMessageText":
        return replace(letter, method="sendMessage", body=body, repeat=Repeat.ONCE, message=None)
    medium = body.pop("media", None)
    if letter.method != "editMessageMedia" or not isinstance(medium, dict) or medium.get("type") not in SENT_AS:
        return None
    kind, file = medium["type"], medium.get("media")
    words = {name: value for name, value in medium.items() if name not in ("type", "media")}
    if file is not None and not letter.media:
        words[kind] = file
    return replace(letter, method=SENT_AS[kind], body=body | words, repeat=Repeat.ONCE, message=None)


def kind_of(letter: Letter) -> str:
    """The sort of file that goes along: "photo", "document"..."""
    if letter.method == "editMessageMedia":
        return str(letter.body["media"]["type"])
    return letter.method.removeprefix("send").lower()


def parameters(letter: Letter, file: InputFile | str | None) -> dict[str, Any]:
    """The call's parameters; `file` is new, or the `file_id` of one that Telegram has."""
    body: dict[str, Any] = {**letter.body, "chat_id": letter.chat}
    if letter.message is not None and not is_new(letter):
        body["message_id"] = letter.message
    if file is None:
        return body
    if letter.method != "editMessageMedia":
        return body | {kind_of(letter): file}
    reference = file if isinstance(file, str) else "attach://file"
    body["media"] = {**letter.body["media"], "media": reference}
    return body if isinstance(file, str) else body | {"file": file}


def file_id_in(result: Any, kind: str) -> str | None:
    """Telegram's name of the file in a message that it returned."""
    found = result.get(kind) if isinstance(result, dict) else None
    found = found[-1] if isinstance(found, list) and found else found
    return found.get("file_id") if isinstance(found, dict) else None
