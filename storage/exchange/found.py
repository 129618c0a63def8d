"""What a file of items holds, whatever its kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from core.item import NewItem


@dataclass(frozen=True, slots=True)
class Found:
    """Items, and the files that go into the media store with them."""

    items: list[NewItem]
    media: list[tuple[bytes, str]] = field(default_factory=list)  # (content, type)


def sha_of(content: bytes) -> str:
    return sha256(content).hexdigest()
