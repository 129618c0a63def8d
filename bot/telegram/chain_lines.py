"""Chains as an admin writes them: "complaint -> products", in /new or behind /then."""

from __future__ import annotations

import re

from core.feeding import Link

LINE = re.compile(
    r"(?P<label>.*?)\s*(?:->|=>|→|>)\s*(?P<target>[A-Za-z0-9][A-Za-z0-9_-]{0,31})"
    r"(?:\s*[,，]\s*(?P<apart>others?|other workers|其他人))?",
    re.IGNORECASE,
)
EXAMPLE = "/then reviews: complaint -> products"


def read_links(source: str, text: str) -> list[Link]:
    """One chain for each line, or between semicolons; ValueError where one is not "label -> campaign"."""
    found = []
    for part in re.split(r"[\n;；]", text):
        if part.strip():
            line = LINE.fullmatch(part.strip())
            if line is None:
                raise ValueError(part)
            found.append(Link(source, line["label"], line["target"].lower(), line["apart"] is not None))
    if not found:
        raise ValueError(text)
    return found


def read_command(text: str) -> list[Link]:
    """The chains of "/then reviews: complaint -> products"; ValueError where it is none."""
    rest = text.split(maxsplit=1)[1]
    source, colon, chains = rest.replace("：", ":").partition(":")
    if not colon or not source.strip():
        raise ValueError(text)
    return read_links(source.strip().lower(), chains)
