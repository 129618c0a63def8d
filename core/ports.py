"""What the core needs from outside, as Protocols. Each port has two implementations and one contract test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.anchoring import Arm
from core.campaign import Campaign, CampaignState, Draft
from core.chain_ports import ChainArchive, ChainTransaction
from core.forgetting_ports import ForgettingTransaction
from core.glossary import Term
from core.ids import Account, CampaignId, ItemId, QuestionId, UpdateId, VersionId, WorkerId
from core.item import Content, Item, NewItem, Role, Verdict
from core.question import Answer, Question, QuestionState
from core.reliability import Pool, Reliability
from core.review import Review
from core.routing import Head
from core.version import Version, VersionState
from core.vigilance import Vigilance
from core.worker import Enrolment, Suspicion, Worker

T = TypeVar("T")


class Repeat(StrEnum):
    """What may be done when nobody knows whether a letter arrived."""

    FREELY = "freely"  # an edit: sending it again changes nothing
    ONCE = "once"  # a question: both copies carry the same lease
    NEVER = "never"  # money and broadcasts


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to a person: written in the transaction that causes it, sent after it. Its body is the messenger's."""

    chat: int
    method: str  # of the messenger's API
    body: Mapping[str, Any]  # JSON
    repeat: Repeat = Repeat.ONCE
    bulk: bool = False  # people before bulk
    media: str = ""  # sha256 of what goes along, from the media store
    filename: str = ""
    question: QuestionId | None = None  # that it shows
    message: int | None = None  # the messenger's number of the message, where it is known (an edit)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a campaign stands."""

    items: int  # without controls
    open: int
    settled: int
    disputed: int
    controls: int
    audits: int
    answers: int  # that stand, on items that are no controls
    workers: int  # who have answered


@dataclass(frozen=True, slots=True)
class Consensus:
    """One line of an export."""

    name: str
    content: Content
    role: Role
    verdict: Verdict
    truth: int | None
    posterior: tuple[float, ...]
    answers: int
    spoken: VersionId | None


class Transaction(ChainTransaction, ForgettingTransaction, Protocol):
    """All or nothing. What `worker`, `question` and `item` return is locked until the end, in that order."""

    # gather
    def campaign(self, campaign: CampaignId) -> Campaign: ...  # NotFound
    def campaign_named(self, slug: str) -> Campaign: ...  # NotFound
    def campaigns(self) -> list[Campaign]: ...
    def worker(self, account: Account) -> Worker | None: ...
    def person(self, worker: WorkerId) -> Worker: ...  # NotFound; not locked
    def enrolment(self, campaign: CampaignId, worker: WorkerId) -> Enrolment | None: ...
    def enrolments(self, campaign: CampaignId) -> list[Enrolment]: ...  # in the order of the workers; not locked
    def question(self, question: QuestionId) -> Question | None: ...
    def answer(self, question: QuestionId, lease: int) -> Answer | None: ...
    def item(self, item: ItemId) -> Item: ...
    def latest(self, campaign: CampaignId, worker: WorkerId, state: QuestionState) -> Question | None: ...

    """The question in this state that was asked last."""

    def answers_of(self, item: ItemId) -> list[tuple[Answer, Reliability]]: ...  # counted ones that stand, oldest first
    def arms(self, campaign: CampaignId) -> tuple[Arm, Arm]: ...  # of `show_suggestion`: told, blind
    def settled_with(self, campaign: CampaignId, worker: WorkerId) -> int: ...  # settled items that they answered
    def head(self, campaign: CampaignId, worker: WorkerId, limit: int) -> Head: ...

    """Open items with a free seat that this worker has never met, highest priority first; no controls. Not locked.

    Nor what `apart` chains keep from this worker: who has met an item never gets what it became, nor the other way
    round.
    """

    def unmet_controls(self, campaign: CampaignId, worker: WorkerId, limit: int) -> list[ItemId]: ...
    def item_named(self, campaign: CampaignId, name: str) -> Item: ...  # NotFound; not locked
    def disputed(self, campaign: CampaignId, after: ItemId, limit: int) -> list[ItemId]: ...  # by id; no controls
    def reviews_of(self, item: ItemId) -> list[Review]: ...  # oldest first
    def overdue(self, now: datetime, limit: int) -> list[Question]: ...  # live, lease run out
    def progress(self, campaign: CampaignId) -> Progress: ...
    def known_names(self, campaign: CampaignId, names: Sequence[str]) -> set[str]: ...
    def balance(self, holder: str) -> int: ...  # thousandths of the currency's unit
    def serving(self, campaign: CampaignId) -> Version | None: ...
    def versions(self, campaign: CampaignId) -> list[Version]: ...  # oldest first
    def bubble(self, question: QuestionId) -> int | None: ...  # number of the message that shows it, once it is sent
    def out_between(self, since: datetime, until: datetime) -> list[tuple[Question, Worker]]: ...

    """Unanswered questions whose lease ran at some moment of that time, each with its reachable worker; by item."""

    # apply
    def add_campaign(self, draft: Draft, pool: Pool, now: datetime) -> Campaign: ...  # Conflict when the slug is taken
    def set_state(self, campaign: CampaignId, state: CampaignState) -> None: ...
    def set_glossary(self, campaign: CampaignId, glossary: tuple[Term, ...]) -> None: ...
    def serve(self, campaign: CampaignId, version: VersionId) -> None: ...  # from now on; the one that did is retired
    def silence(self, campaign: CampaignId, version: VersionId) -> int: ...

    """Open items no longer hear what a version thinks of them; how many. Their beliefs follow at the next refit."""

    def add_items(self, campaign: CampaignId, items: Sequence[tuple[NewItem, Role]], start: Sequence[float]) -> int: ...

    """Adds items with the belief `start` (of each word, where words are marked); controls come settled on their truth.
    Conflict names a known name.
    """

    def add_worker(self, account: Account, language: str, now: datetime) -> Worker: ...
    def save_worker(self, worker: Worker) -> None: ...
    def save_enrolment(self, enrolment: Enrolment) -> None: ...  # all but suspicions, the refit's; inserts a new one
    def take_seat(self, item: ItemId, priority: Callable[[Item], float] | None = None) -> Item | None: ...

    """Locks an open item, adds a lease and moves it to where `priority` then places it; None where no seat is free
    (on PostgreSQL also where it is locked).
    """

    def save_item(self, item: Item) -> None: ...  # verdict, posterior, answers, leases, problems, priority
    def save_ruled(self, item: Item) -> None: ...  # verdict, posterior, problems, priority, truth, limit
    def add_review(self, review: Review) -> None: ...
    def add_question(self, question: Question) -> None: ...  # Conflict: live one already, or item already met
    def save_question(self, question: Question) -> None: ...  # layout, lease, state, asked_at, expires_at
    def add_answer(self, answer: Answer) -> None: ...  # Conflict: this lease is answered already
    def transfer(self, cause: str, source: str, target: str, amount: int, now: datetime) -> None: ...

    """Double entry, append-only; a cause that is there already does nothing."""

    def add_media(self, content: bytes, type_: str) -> str: ...  # its sha256; the same content is kept once
    def post(self, letters: Sequence[Letter]) -> None: ...  # into the outbox
    def finish(self, update: UpdateId) -> None: ...  # marks the inbox row done
    def beat(self, now: datetime) -> datetime | None: ...  # notes that the bot hears; when it was noted before


class Ledger(Protocol):
    """The day's store: facts in, beliefs along."""

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` in one transaction; returns when it is durable. `work` may run twice: it changes nothing else."""
        ...


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All facts of a campaign at one moment. N items, W workers, A counted answers that stand, controls' included."""

    campaign: Campaign
    items: list[Item]  # N, in id order; posterior is the cached belief
    workers: list[WorkerId]  # W
    answer_item: NDArray[np.int64]  # (A,), index into items
    answer_worker: NDArray[np.int64]  # (A,), index into workers
    answer_bits: list[int]  # (A,), evidence as bits
    latency_ms: NDArray[np.int64]  # (A,)
    asked_as: Sequence[tuple[str, int]] = ()  # (A,) form of each question, labels on its first page; () where unknown
    retracted: frozenset[ItemId] = frozenset()  # items of whom a counted answer no longer stands
    withdrawn: int = 0  # people who have withdrawn all their answers: none of them is here


@dataclass(frozen=True, slots=True)
class Beliefs:
    """What a refit found, written back where no newer answer has come since the snapshot."""

    pool: Pool
    items: Sequence[Item]  # no controls; `answers` as in the snapshot guards the write of posterior, verdict, priority
    reliabilities: Mapping[WorkerId, Reliability]
    seen: Mapping[WorkerId, int] = field(default_factory=dict)  # answers of each worker in the snapshot
    suspicions: Mapping[WorkerId, tuple[Suspicion, ...]] = field(default_factory=dict)  # none of whom it does not name
    vigilance: Vigilance | None = None  # of the snapshot's answers and workers


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run a campaign's night, until it expires; a higher fence makes a lower one void."""

    campaign: CampaignId
    night: date  # in the campaign's time zone
    fence: int


@dataclass(frozen=True, slots=True)
class NightResult:
    """What the transaction at the end of a night writes; its items bring worth, suggestion and spoken along."""

    beliefs: Beliefs
    version: Version  # may be known already: the same content has the same id
    promote: bool  # it serves from now on, and the one that did is retired
    letters: Sequence[Letter]
    marks: Mapping[VersionId, VersionState] = field(default_factory=dict)  # of versions written before, and tonight's


class Archive(ChainArchive, Protocol):
    """The night's store: whole campaigns at a time, synchronous, in a process or thread of its own."""

    def campaign_named(self, slug: str) -> Campaign: ...
    def campaigns(self) -> list[Campaign]: ...
    def snapshot(self, campaign: CampaignId) -> Snapshot: ...
    def publish(self, campaign: CampaignId, beliefs: Beliefs) -> None: ...  # a refit by day
    def claim(self, campaign: CampaignId, night: date, now: datetime, again: bool = False) -> Claim | None: ...

    """None where this night is done or runs elsewhere; `again` runs a done one once more (an admin asked)."""

    def keep(self, claim: Claim, stage: str, now: datetime) -> None: ...  # heartbeat; Conflict when the fence is void
    def conclude(self, claim: Claim, result: NightResult, now: datetime) -> None: ...  # Conflict when the fence is void
    def fail(self, claim: Claim, reason: str, letters: Sequence[Letter], now: datetime) -> None: ...
    def serving(self, campaign: CampaignId) -> Version | None: ...
    def versions(self, campaign: CampaignId) -> list[Version]: ...  # oldest first
    def accounts(self, campaign: CampaignId) -> Mapping[WorkerId, Account]: ...  # of its workers; never exported
    def language(self, account: Account) -> str: ...  # "" where nobody knows the person
    def media(self, sha: str) -> bytes: ...  # NotFound
    def add_media(self, content: bytes, type_: str) -> str: ...
    def consensus(self, campaign: CampaignId) -> Iterator[Consensus]: ...
    def tempo(self, campaign: CampaignId, now: datetime, days: int = 28) -> list[int]: ...

    """Answers of each of the last `days` times 24 hours, oldest first, from the first of them that has any."""

    def answers(self, campaign: CampaignId) -> Iterator[tuple[str, str, Answer, Question]]: ...

    """(item's name, worker's pseudonym, answer, question) of the answers that stand, in the order of their coming."""
