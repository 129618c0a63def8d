"""An item: the thing to be labelled, and what is believed of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256

from core.errors import BadInput
from core.ids import CampaignId, ItemId, VersionId

TEXT_LIMIT = 3500  # characters: with its question it fits one message of 4,096
CAPTION_LIMIT = 700  # characters under a file, where a message holds 1,024
NAME_LIMIT = 200  # characters of an id
BETWEEN = "\x1f"  # "unit separator": between the texts of a pair where they travel as one


class Medium(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    PAIR = "pair"  # two texts side by side

    @property
    def is_file(self) -> bool:
        """Whether a file is shown, with a caption at most."""
        return self in (Medium.IMAGE, Medium.AUDIO)


class Role(StrEnum):
    PLAIN = "plain"
    CONTROL = "control"  # truth known: asked to measure workers
    AUDIT = "audit"  # labelled by the crowd, never trained on


class Verdict(StrEnum):
    OPEN = "open"
    SETTLED = "settled"
    DISPUTED = "disputed"  # needs an admin
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Content:
    """What a worker sees."""

    medium: Medium
    text: str = ""
    media: str = ""  # sha256 of the file in the media store
    other: str = ""  # the second text of a pair
    sides: tuple[str, ...] = ()  # ids of the two things that it compares, where they have any

    def __post_init__(self) -> None:
        if (self.medium is Medium.PAIR) < bool(self.other):
            raise ValueError(f"a second text beside {self.medium}")
        if self.medium.is_file and not self.media:
            raise BadInput(self.medium.value, "is missing.")
        if not self.medium.is_file and not self.text.strip():
            raise BadInput("text", "is empty.")
        if self.medium is Medium.PAIR and not self.other.strip():
            raise BadInput("text2", "is empty, but a pair has two texts.")
        limit = CAPTION_LIMIT if self.medium.is_file else TEXT_LIMIT
        if len(self.text) > limit:
            raise BadInput("text", f"has {len(self.text):,} characters; at most {limit:,} fit one message.")
        if (both := len(self.text) + len(self.other)) > limit:
            raise BadInput("text2", f"has {both:,} characters with the first text; at most {limit:,} fit one message.")
        if self.sides and not (len(set(self.sides)) == 2 and all(0 < len(one) <= NAME_LIMIT for one in self.sides)):
            raise BadInput("id_b", f"and id_a must be two different names of at most {NAME_LIMIT} characters.")

    @property
    def words(self) -> str:
        """All its text: what a network reads, and what terms occur in; the texts of a pair with BETWEEN between."""
        return between(self.text, *([self.other] if self.other else []))


def between(*texts: str) -> str:
    """Texts as one string that can be split again."""
    return BETWEEN.join(text.replace(BETWEEN, " ") for text in texts)


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item about to be imported."""

    name: str  # unique in its campaign
    content: Content
    truth: int | None = None  # makes it a control; a label, or where several may hold their set as bits
    reason: str = ""  # why this is the truth; shown to a worker who misses it
    worth: float = 0.5  # of labelling it, in [0, 1], until a night knows better


@dataclass(frozen=True, slots=True)
class Item:
    """An item with its belief. answers + leases <= max_overlap, always."""

    id: ItemId
    campaign: CampaignId
    name: str
    content: Content
    role: Role
    truth: int | None  # a label; where several may hold, their set as bits (`core.marks.set_of`)
    reason: str
    verdict: Verdict
    posterior: tuple[float, ...]  # (K,), not yet calibrated; sums to 1, or the chance of each where several may hold
    answers: int = 0  # counted ones; a control's are not
    leases: int = 0  # questions out now; a control's are not
    problems: int = 0  # workers who say that it cannot be answered
    worth: float = 0.5  # of labelling it, in [0, 1], from the last night's acquisition
    priority: float = 0.5  # place in the queue, higher first
    suggestion: tuple[float, ...] | None = None  # (K,) what the version `spoken` thought before any answer
    spoken: VersionId | None = None  # the version whose suggestion is in its prior
    limit: int | None = None  # answers that it may have; the campaign's max_overlap where None

    @property
    def seats(self) -> int:
        """Answers and questions out: what max_overlap bounds."""
        return self.answers + self.leases

    @property
    def by_network(self) -> bool:
        """Settled by a version alone: nobody answered, no admin ruled."""
        alone = self.verdict is Verdict.SETTLED and self.answers == 0 and self.truth is None
        return alone and self.spoken is not None


def seat_taken(item: Item, priority: Callable[[Item], float] | None = None) -> Item:
    """The item with one more lease, and the place in the queue that `priority` then gives it."""
    taken = replace(item, leases=item.leases + 1)
    return taken if priority is None else replace(taken, priority=priority(taken))


def role_of(campaign: str, new: NewItem, audit_share: float) -> Role:
    """Control where truth is known, else audit for a fixed share by hash of the name: no import order biases it."""
    if new.truth is not None:
        return Role.CONTROL
    return Role.AUDIT if _draw("audit", campaign, new.name) < audit_share else Role.PLAIN


def place_of(campaign: str, name: str) -> float:
    """A place in the queue by chance, in [0, 1), the same for ever: no order of a file decides who comes first."""
    return _draw("place", campaign, name)


def still_asked(campaign: str, name: str, share: float = 0.05) -> bool:
    """Whether people are asked although a version may settle the item: a fixed share, by hash of the name."""
    return _draw("asked", campaign, name) < share


def _draw(salt: str, campaign: str, name: str) -> float:
    return int.from_bytes(sha256(f"{salt}:{campaign}:{name}".encode()).digest()[:8], "big") / 2**64
