"""A campaign: a set of items, a label set, instructions, a policy."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from core.errors import BadInput
from core.forms import MAX_BUTTONS, MOST_TOGGLES, SCALE, Form
from core.glossary import Term
from core.grouping import Group, grouped, ranges
from core.ids import CampaignId, VersionId
from core.item import Content
from core.marks import NOTHING
from core.reliability import Pool
from core.stretches import MOST_WORDS, buttons_of, words_of

MOST_LABELS = 500  # in all
MOST_BUTTONS = 90  # below one message, where the messenger has room for a hundred
TEXT_LABELS = ("text",)  # of a campaign whose answers are written
SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class Kind(StrEnum):
    """What an answer is; each kind has its own belief."""

    SINGLE = "single"
    MULTI = "multi"  # several labels may hold, or none
    SPANS = "spans"  # words of the item's own text, or none of them; the only label is what they are
    RATING = "rating"  # labels in order
    TEXT = "text"  # the worker's own words; the only label stands for "written"

    @property
    def marked(self) -> bool:
        """Whether an answer marks some of many, perhaps none: labels, or words."""
        return self in (Kind.MULTI, Kind.SPANS)


class Goal(StrEnum):
    """What answers are for."""

    LABELS = "labels"  # a label that is right for each item: what is begun is settled first
    MODEL = "model"  # a network that is right: few answers about many items, again only where a lesson is doubted


class CampaignState(StrEnum):
    OPEN = "open"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Policy:
    """How many answers, how sure, how fast, how much."""

    goal: Goal = Goal.LABELS
    confidence: float = 0.95  # calibrated belief at which an item is settled
    min_overlap: int = 2  # answers before an item may be settled
    max_overlap: int = 7  # answers an item never exceeds
    lease: timedelta = timedelta(minutes=20)  # how long a question waits for its answer
    undo: timedelta = timedelta(minutes=10)  # how long an answer can be taken back
    control_share: float = 0.05  # share of questions to known workers whose truth is known
    newcomer_controls: int = 4  # controls among a newcomer's first answers
    suspension: float = 0.01  # share of honest workers that the test on controls may stop; 0 stops nobody
    audit_share: float = 0.1  # share of items kept from training, by hash of their name
    head: int = 32  # how many of the best open items a question is drawn from
    network_weight: float = 1.0  # most that is heard of the serving version, as learnt; 0 is silent, as with marks
    form: Form | None = None  # of every question; None: by worth
    auto_label: bool = False  # whether a version may settle items of which it is sure enough (`core/auto_label.py`)
    show_suggestion: float = 0.0  # share of questions that tell what a version thinks, to measure what that does
    pay: int = 0  # for each answer, in thousandths of the currency's unit
    currency: str = "EUR"
    shadow_nights: int = 0  # nights that a better version is watched on audit items before it serves

    def __post_init__(self) -> None:
        if not 0.5 <= self.confidence < 1:
            raise BadInput("policy.confidence", "must lie between 0.5 and 1.")
        if not 2 <= self.min_overlap <= self.max_overlap:
            raise BadInput(
                "policy.min_overlap", "must be at least 2 (one answer settles nothing) and at most max_overlap."
            )
        if self.shadow_nights < 0:
            raise BadInput("policy.shadow_nights", "must not be negative.")
        if self.lease <= timedelta(0) or self.pay < 0 or self.head < 1 or self.newcomer_controls < 0:
            raise BadInput("policy", "lease and head must be positive, pay and newcomer_controls not negative.")
        for name in ("control_share", "audit_share", "network_weight", "show_suggestion", "suspension"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"policy.{name}", "must lie between 0 and 1.")


@dataclass(frozen=True, slots=True)
class Draft:
    """A campaign that an admin describes, before it exists."""

    slug: str
    title: str
    instructions: str
    labels: tuple[str, ...]
    kind: Kind = Kind.SINGLE
    policy: Policy = Policy()
    wordings: dict[str, tuple[str, ...]] = field(default_factory=dict)  # language -> the labels' words there
    zone: str = "UTC"
    groups: tuple[Group, ...] = ()  # of the labels, where an admin names them
    glossary: tuple[Term, ...] = ()  # for workers and the network

    def __post_init__(self) -> None:
        if not SLUG.fullmatch(self.slug):
            raise BadInput("name", f"'{self.slug}' must be 1-32 of a-z, 0-9, - and _, as it becomes a link.")
        if self.kind is Kind.TEXT and self.labels != TEXT_LABELS:
            raise BadInput("labels", "are not for texts: workers write what they like.")
        if self.kind is Kind.SPANS and len(self.labels) != 1:
            raise BadInput("labels", "where words are marked there is one label; make a campaign for each of several.")
        if len(self.labels) < 2 and self.kind not in (Kind.TEXT, Kind.SPANS):
            raise BadInput("labels", "a campaign needs at least two labels.")
        if len(set(self.labels)) < len(self.labels) or any(not label.strip() for label in self.labels):
            raise BadInput("labels", "each label must be there once and not be empty.")
        if len(self.labels) > MOST_LABELS:
            raise BadInput("labels", f"a campaign has at most {MOST_LABELS} labels, not {len(self.labels)}.")
        if self.policy.form is Form.ALL and len(self.labels) > MOST_BUTTONS:
            raise BadInput("policy.form", f"more than {MOST_BUTTONS} labels do not fit below one message; use groups.")
        self._check_groups()
        self._check_toggles()
        if any(len(label) > 64 for label in self.labels):
            raise BadInput("labels", "a label is at most 64 characters long, to fit on a button.")
        for language, words in self.wordings.items():
            if len(words) != len(self.labels):
                raise BadInput(f"wordings.{language}", f"needs {len(self.labels)} words, one for each label.")

    @property
    def columns(self) -> int:
        """How many numbers a version says of an item: one for each label, or for each word that it may have."""
        return MOST_WORDS if self.kind is Kind.SPANS else len(self.labels)

    def _check_toggles(self) -> None:
        """Several labels are marked on one screen, and on no other."""
        several = self.kind.marked
        if several and len(self.labels) > MOST_TOGGLES:
            raise BadInput("labels", f"of which several may hold are all on one screen: at most {MOST_TOGGLES}.")
        if several and any("|" in label or ";" in label or label == NOTHING for label in self.labels):
            raise BadInput("labels", f"must not hold | or ; nor be {NOTHING}: that is how sets of them are written.")
        if several and self.groups:
            raise BadInput("groups", "are not for a campaign in which several labels may hold, or words are marked.")
        if several and self.policy.form not in (None, Form.TOGGLE):
            raise BadInput("policy.form", "must be toggle, or nothing, where labels or words are marked.")
        if self.policy.form is Form.TOGGLE and not several:
            raise BadInput("policy.form", "toggle is for campaigns in which several may hold (kind: multi or spans).")

    def _check_groups(self) -> None:
        """Each label lies in one group, each group has a name of its own and fits one message."""
        placed = [label for group in self.groups for label in group.labels]
        for at, label in enumerate(self.labels if self.groups else ()):
            if placed.count(at) != 1:
                raise BadInput("groups", f"“{label}” must be in exactly one group, not in {placed.count(at)}.")
        names = [group.name.strip() for group in self.groups]
        if len(set(names)) < len(names) or "" in names or any(len(name) > 64 for name in names):
            raise BadInput("groups", "each group needs a name of its own, at most 64 letters.")
        if len(names) == 1 or any(not 1 <= len(group.labels) <= MOST_BUTTONS for group in self.groups):
            raise BadInput("groups", f"there must be at least two, of 1 to {MOST_BUTTONS} labels each.")


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as it runs."""

    id: CampaignId
    draft: Draft
    state: CampaignState
    created_at: datetime
    pool: Pool  # the belief about its workers in common, from the last refit
    serving: VersionId | None = None

    @property
    def slug(self) -> str:
        return self.draft.slug

    @property
    def labels(self) -> tuple[str, ...]:
        return self.draft.labels

    @property
    def policy(self) -> Policy:
        return self.draft.policy

    @property
    def groups(self) -> tuple[Group, ...]:
        """The pages on which the labels lie; none where they fit one screen."""
        count = len(self.draft.labels)
        if self.draft.groups:
            return self.draft.groups
        if self.draft.kind.marked:
            return ()
        if self.draft.kind is Kind.RATING:
            return ranges(count, MAX_BUTTONS) if count > SCALE else ()
        return grouped(self.draft.labels) if count > MAX_BUTTONS else ()

    def marks(self, content: Content) -> int:
        """How many beliefs there are about an item: one for each label, or for each word where words are marked."""
        return len(words_of(content.text)) if self.draft.kind is Kind.SPANS else len(self.labels)

    def names(self, content: Content, language: str) -> tuple[str, ...]:
        """What each of these is called on a button: the labels' words, or the words of the text."""
        return buttons_of(content.text) if self.draft.kind is Kind.SPANS else self.choices(language)

    def choices(self, language: str) -> tuple[str, ...]:
        """(K,) the labels' words on buttons in a language."""
        return self.draft.wordings.get(language, self.draft.labels)
