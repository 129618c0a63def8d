"""A campaign as an admin describes it in one message: the name, then a line for each key."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.telegram.chain_lines import read_links
from core.campaign import TEXT_LABELS, Draft, Goal, Kind, Policy
from core.errors import BadInput
from core.feeding import Link
from core.forms import Form
from core.grouping import Group

KEY = re.compile(r"([A-Za-z][A-Za-z_.]*)[ \t]*[:：][ \t]*(.*)", re.DOTALL)
TITLE = 100  # letters
SHARES = ("confidence", "control_share", "suspension", "audit_share", "network_weight", "show_suggestion")
EXAMPLE = """/new pets
title: Cats and dogs
question: Which animal is this about?
labels: cat, dog, neither
confidence: 0.95
overlap: 2-7"""


@dataclass(frozen=True, slots=True)
class Line:
    """One key with its value, which may go over several lines."""

    number: int  # of the message, from 1
    key: str
    value: str

    @property
    def place(self) -> str:
        return f"line {self.number}, {self.key}"


@dataclass(slots=True)
class _Sheet:
    """What has been read so far."""

    title: str = ""
    instructions: str = ""
    labels: tuple[str, ...] = ()
    kind: Kind = Kind.SINGLE
    zone: str = "UTC"
    groups: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)  # name, labels
    wordings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    policy: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, Line] = field(default_factory=dict)


def read_draft(text: str, policy: Policy) -> Draft:
    """The campaign behind a /new message; BadInput names line and key. `policy` holds where nothing is said."""
    first, _, rest = text.strip().partition("\n")
    name = first.split(maxsplit=1)[1].strip() if len(first.split(maxsplit=1)) == 2 else ""
    sheet = _Sheet()
    for line in lines_of(rest):
        _write(sheet, line)
    if sheet.kind is Kind.TEXT and "labels" not in sheet.lines:
        sheet.labels = TEXT_LABELS
    for key, value in (("title", sheet.title), ("question", sheet.instructions), ("labels", sheet.labels)):
        if not value:
            raise BadInput(key, "is missing; bare /new shows an example to copy.")
    try:
        return Draft(
            slug=name.lower(),
            title=sheet.title,
            instructions=sheet.instructions,
            labels=sheet.labels,
            kind=sheet.kind,
            policy=replace(policy, **sheet.policy),
            wordings=sheet.wordings,
            zone=sheet.zone,
            groups=tuple(_group(sheet, name, members) for name, members in sheet.groups),
        )
    except BadInput as error:
        raise _at_its_line(error, sheet.lines) from error


def links_in(text: str, source: str) -> list[Link]:
    """The chains of a /new message that `read_draft` has taken."""
    lines = lines_of(text.strip().partition("\n")[2])
    return [link for line in lines if line.key == "then" for link in read_links(source, line.value)]


def _group(sheet: _Sheet, name: str, members: Sequence[str]) -> Group:
    unknown = [label for label in members if label not in sheet.labels]
    if unknown:
        raise BadInput("groups", f"“{unknown[0]}” in {name} is not one of the labels.")
    return Group(name, tuple(sheet.labels.index(label) for label in members))


def _at_its_line(error: BadInput, lines: Mapping[str, Line]) -> BadInput:
    """The same error with the line that caused it."""
    if error.place == "name":
        return BadInput("line 1, name", error.reason)
    name = error.place.removeprefix("policy.").replace("wordings.", "labels.")
    sources = {"min_overlap": ("min_overlap", "max_overlap", "overlap"), "policy": ("lease", "pay")}.get(name, (name,))
    line = next((lines[key] for key in sources if key in lines), None)
    return BadInput(line.place, error.reason) if line else error


def lines_of(text: str) -> Iterator[Line]:
    """Keys with their values; a line that does not begin with a key goes on with the value above it."""
    now: Line | None = None
    for number, raw in enumerate(text.splitlines(), 2):
        found = KEY.fullmatch(raw)
        if found:
            if now is not None:
                yield now
            now = Line(number, found[1].lower(), found[2].strip())
        elif now is not None:
            now = replace(now, value=f"{now.value}\n{raw}".strip())
        elif raw.strip():
            raise BadInput(f"line {number}", "needs a key and a colon, such as “title: Cats and dogs”.")
    if now is not None:
        yield now


def _write(sheet: _Sheet, line: Line) -> None:
    key, _, language = line.key.partition(".")
    if key not in KEYS or bool(language) != (key == "labels" and language.isalpha()):
        raise BadInput(line.place, f"is not a key; known keys: {', '.join(KEYS)}, labels.zh.")
    if line.key in sheet.lines:
        raise BadInput(line.place, f"is there already, in line {sheet.lines[line.key].number}.")
    if not line.value:
        raise BadInput(line.place, "has no value.")
    sheet.lines[line.key] = line
    try:
        if language:
            sheet.wordings[language] = _labels(line.value)
        else:
            KEYS[key](sheet, line.value)
    except (ValueError, ArithmeticError, KeyError, OSError):
        raise BadInput(line.place, f"“{line.value[:40]}” is not {MEANINGS.get(key, 'a number')}.") from None


def _labels(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in re.split(r"[,，、;；\n]", value) if part.strip())


def _title(sheet: _Sheet, value: str) -> None:
    if len(value) > TITLE:
        raise BadInput(sheet.lines["title"].place, f"has {len(value)} characters; at most {TITLE}.")
    sheet.title = " ".join(value.split())


def _instructions(sheet: _Sheet, value: str) -> None:
    sheet.instructions = value


def _names(sheet: _Sheet, value: str) -> None:
    sheet.labels = _labels(value)


def _kind(sheet: _Sheet, value: str) -> None:
    sheet.kind = Kind(value.lower())


def _zone(sheet: _Sheet, value: str) -> None:
    sheet.zone = ZoneInfo(value).key


def _then(sheet: _Sheet, value: str) -> None:
    read_links("", value)


def _overlap(sheet: _Sheet, value: str) -> None:
    low, _, high = value.replace("–", "-").partition("-")
    sheet.policy["min_overlap"] = int(low)
    sheet.policy["max_overlap"] = int(high or low)


def _pay(sheet: _Sheet, value: str) -> None:
    amount, *currency = value.replace(",", ".").split()
    if currency and not re.fullmatch(r"[A-Za-z]{3}", currency[0]):
        raise ValueError(value)
    sheet.policy["pay"] = round(float(amount) * 1000)
    sheet.policy.update({"currency": currency[0].upper()} if currency else {})


def _form(sheet: _Sheet, value: str) -> None:
    sheet.policy["form"] = None if value.lower() == "auto" else Form(value.lower())


def _groups(sheet: _Sheet, value: str) -> None:
    """“cards = lost card, new card; money = refund, fee”: a group for each part, its labels behind the sign."""
    for part in filter(str.strip, re.split(r"[;；\n]", value)):
        name, equals, members = part.partition("=")
        if not equals or not _labels(members):
            raise ValueError(part)
        sheet.groups.append((name.strip(), _labels(members)))
    sheet.labels = sheet.labels or tuple(label for _, members in sheet.groups for label in members)


def _share(name: str) -> Callable[[_Sheet, str], None]:
    def write(sheet: _Sheet, value: str) -> None:
        share = float(value.rstrip("% ").replace(",", "."))
        sheet.policy[name] = share / 100 if value.rstrip().endswith("%") else share

    return write


def _count(name: str) -> Callable[[_Sheet, str], None]:
    return lambda sheet, value: sheet.policy.update({name: int(value)})


def _minutes(name: str) -> Callable[[_Sheet, str], None]:
    return lambda sheet, value: sheet.policy.update({name: timedelta(minutes=float(value))})


KEYS: dict[str, Callable[[_Sheet, str], None]] = {
    "title": _title,
    **dict.fromkeys(("question", "instructions"), _instructions),
    **{name: _count(name) for name in ("min_overlap", "max_overlap", "newcomer_controls", "shadow_nights")},
    **{name: _share(name) for name in SHARES},
    "labels": _names,
    "kind": _kind,
    "goal": lambda sheet, value: sheet.policy.update({"goal": Goal(value.lower())}),
    "overlap": _overlap,
    "pay": _pay,
    "form": _form,
    "groups": _groups,
    "auto_label": lambda sheet, value: sheet.policy.update({"auto_label": ("off", "on").index(value.lower()) == 1}),
    "lease": _minutes("lease"),
    "undo": _minutes("undo"),
    "zone": _zone,
    "then": _then,
}
MEANINGS = {
    "auto_label": "on or off",
    "goal": "a goal: labels or model",
    "kind": "a kind: single, multi, spans, rating or text",
    "then": "a label, an arrow and a campaign, such as complaint -> products",
    "form": "a form: auto, all, short, yes_no, groups or toggle",
    "groups": "groups such as “cards = lost card, new card; money = refund, fee”",
    "zone": "a time zone such as Europe/Berlin",
    "overlap": "a range such as 2-7",
    "pay": "an amount such as 0.02 EUR",
    **dict.fromkeys(("lease", "undo"), "a number of minutes"),
}
