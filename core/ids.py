"""Names of things: a number or a token that cannot be taken for another kind of thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

CampaignId = NewType("CampaignId", int)
ItemId = NewType("ItemId", int)
WorkerId = NewType("WorkerId", int)
ChainId = NewType("ChainId", int)
QuestionId = NewType("QuestionId", str)  # opaque: 12 characters nobody can guess
VersionId = NewType("VersionId", str)  # sha256 of the version's manifest
UpdateId = NewType("UpdateId", int)  # a messenger's number of one incoming update


@dataclass(frozen=True, slots=True)
class Account:
    """A person as a messenger knows them."""

    channel: str  # "telegram"
    number: int  # the messenger's id of the person; in a private chat also of the chat
