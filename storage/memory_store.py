"""Dictionaries with a way back: what a transaction changed is undone where it fails."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from secrets import token_bytes
from threading import RLock
from typing import Any, TypeVar

from core.campaign import Campaign
from core.chains import Chain, Fed
from core.errors import Conflict, NotFound
from core.ids import Account, CampaignId, ChainId, ItemId, QuestionId, UpdateId, VersionId, WorkerId
from core.item import Item, NewItem, Role, Verdict
from core.marks import stretched
from core.ports import Letter, Progress
from core.posterior import certainty
from core.question import Answer, Question, QuestionState
from core.review import Review
from core.version import Version, VersionState
from core.worker import Admission, Enrolment, Worker
from storage.part import Posted

K = TypeVar("K")
V = TypeVar("V")
MISSING: Any = object()
Key = tuple[QuestionId, int]


@dataclass(frozen=True, slots=True)
class Night:
    """Who runs a night, until when, and how it ended."""

    fence: int
    lease_until: datetime
    stage: str
    outcome: str
    report: str = ""


class Store:
    """All facts and beliefs of a process."""

    def __init__(self) -> None:
        self.campaigns: dict[CampaignId, Campaign] = {}
        self.workers: dict[Account, Worker] = {}
        self.enrolments: dict[tuple[CampaignId, WorkerId], Enrolment] = {}
        self.items: dict[ItemId, Item] = {}
        self.names: dict[tuple[CampaignId, str], ItemId] = {}
        self.controls: defaultdict[CampaignId, dict[ItemId, None]] = defaultdict(dict)
        self.queues: defaultdict[CampaignId, list[tuple[float, ItemId]]] = defaultdict(
            list
        )  # (-priority, item), sorted
        self.questions: dict[QuestionId, Question] = {}
        self.met: dict[tuple[WorkerId, ItemId], QuestionId] = {}
        self.asked: defaultdict[tuple[CampaignId, WorkerId], dict[QuestionId, None]] = defaultdict(dict)
        self.live: dict[tuple[CampaignId, WorkerId], QuestionId] = {}
        self.answers: dict[Key, Answer] = {}
        self.facts: dict[ItemId, dict[Key, None]] = {}
        self.causes: dict[str, int] = {}
        self.balances: dict[str, int] = {}
        self.media: dict[str, bytes] = {}
        self.letters: dict[int, Letter] = {}
        self.bubbles: dict[QuestionId, int] = {}
        self.finished: dict[UpdateId, None] = {}
        self.reviews: dict[int, Review] = {}
        self.pulse: dict[int, datetime] = {}  # 1: when the bot was last known to hear
        self.chains: dict[ChainId, Chain] = {}
        self.fed: dict[ItemId, Fed] = {}
        self.became: dict[ItemId, dict[ItemId, None]] = {}  # source -> what it became
        self.written: dict[Key, str] = {}
        self.versions: dict[tuple[CampaignId, VersionId], Version] = {}
        self.nights: dict[tuple[CampaignId, date], Night] = {}
        self.bars: dict[tuple[CampaignId, str], Admission] = {}
        self.secret = token_bytes(32)
        self._back: list[Callable[[], None]] = []
        self._lock = RLock()  # a night may run in a thread

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        with self._lock:
            self._back.clear()
            try:
                yield
            except BaseException:
                for undo in reversed(self._back):
                    undo()
                raise
            finally:
                self._back.clear()

    def put(self, table: dict[K, V], key: K, value: V) -> None:
        self._back.append(partial(_restore, table, key, table.get(key, MISSING)))
        table[key] = value

    def drop(self, table: dict[K, V], key: K) -> None:
        if key in table:
            self._back.append(partial(_restore, table, key, table[key]))
            del table[key]

    def campaign(self, campaign: CampaignId) -> Campaign:
        if campaign not in self.campaigns:
            raise NotFound("campaign", campaign)
        return self.campaigns[campaign]

    def campaign_named(self, slug: str) -> Campaign:
        for campaign in self.campaigns.values():
            if campaign.slug == slug:
                return campaign
        raise NotFound("campaign", slug)

    def serving(self, campaign: CampaignId) -> Version | None:
        version = self.campaign(campaign).serving
        return None if version is None else self.versions[campaign, version]

    def stands(self, answer: Answer) -> bool:
        question = self.questions[answer.question]
        return question.state is QuestionState.ANSWERED and question.lease == answer.lease

    def seats(self, item: Item) -> int:
        return item.limit or self.campaigns[item.campaign].policy.max_overlap

    def askable(self, item: Item) -> bool:
        return item.verdict is Verdict.OPEN and item.role is not Role.CONTROL and item.seats < self.seats(item)

    def add_item(self, campaign: CampaignId, new: NewItem, role: Role, start: tuple[float, ...]) -> None:
        control, of = role is Role.CONTROL, self.campaigns[campaign]
        marks = of.marks(new.content)
        belief = certainty(new.truth or 0, of.pool, marks) if control else tuple(stretched(start, marks))
        verdict = Verdict.SETTLED if control else Verdict.OPEN
        id_ = ItemId(len(self.items) + 1)
        seats = None if control else self.campaigns[campaign].policy.max_overlap
        added = Item(
            id_, campaign, new.name, new.content, role, new.truth, new.reason, verdict, belief,
            worth=new.worth, priority=0.0 if control else new.worth, limit=seats,
        )  # fmt: skip
        self.put_item(added)
        self.put(self.names, (campaign, new.name), id_)
        if control:
            self.put(self.controls[campaign], id_, None)

    def put_item(self, item: Item) -> None:
        """Conflict where it would have more answers and leases than seats, or fewer than none."""
        full = item.role is not Role.CONTROL and item.seats > self.seats(item)
        if full or item.answers < 0 or item.leases < 0:
            raise Conflict(f"Item {item.name} has no seat for this.")
        old = self.items.get(item.id)
        self.put(self.items, item.id, item)
        self._place(old, item)
        self._back.append(partial(self._place, item, old))

    def _place(self, old: Item | None, new: Item | None) -> None:
        before = (-old.priority, old.id) if old and self.askable(old) else None
        after = (-new.priority, new.id) if new and self.askable(new) else None
        if before == after:
            return
        if old and before:
            queue = self.queues[old.campaign]
            del queue[bisect_left(queue, before)]
        if new and after:
            insort(self.queues[new.campaign], after)

    def add_question(self, question: Question) -> None:
        theirs = (question.campaign, question.worker)
        alive = question.state is QuestionState.LIVE and theirs in self.live
        if alive or (question.worker, question.item) in self.met or question.id in self.questions:
            raise Conflict("This worker has a live question already, or has met this item.")
        self.put(self.met, (question.worker, question.item), question.id)
        self.put(self.asked[theirs], question.id, None)
        self.put_question(question)

    def put_question(self, question: Question) -> None:
        """Conflict where its worker has another live one."""
        theirs = (question.campaign, question.worker)
        if question.state is QuestionState.LIVE:
            if self.live.get(theirs, question.id) != question.id:
                raise Conflict("This worker has a live question already.")
            self.put(self.live, theirs, question.id)
        elif self.live.get(theirs) == question.id:
            self.drop(self.live, theirs)
        self.put(self.questions, question.id, question)

    def post(self, letters: Sequence[Letter]) -> list[Posted]:
        posted = [Posted(len(self.letters) + 1 + at, letter) for at, letter in enumerate(letters)]
        for one in posted:
            self.put(self.letters, one.id, one.letter)
        return posted

    def versions_of(self, campaign: CampaignId) -> list[Version]:
        found = [version for (owner, _), version in self.versions.items() if owner == campaign]
        return sorted(found, key=lambda version: (version.created_at, version.id))

    def withdrawn(self, campaign: CampaignId) -> set[WorkerId]:
        """Who has asked that their answers count no more."""
        gone = Admission.WITHDRAWN
        return {who for (where, who), one in self.enrolments.items() if where == campaign and one.admission is gone}

    def serve(self, campaign: CampaignId, version: VersionId) -> None:
        """This version serves from now on, and the one that did is retired."""
        for other in self.versions_of(campaign):
            if other.id == version:
                self.set_version(other, state=VersionState.SERVING)
            elif other.state is VersionState.SERVING:
                self.set_version(other, state=VersionState.RETIRED)
        self.put(self.campaigns, campaign, replace(self.campaign(campaign), serving=version))

    def mark_versions(self, campaign: CampaignId, marks: Mapping[VersionId, VersionState]) -> None:
        """New states of versions; SERVING moves the pointer."""
        for id_, state in marks.items():
            if state is VersionState.SERVING:
                self.serve(campaign, id_)
            elif self.versions[campaign, id_].state is not VersionState.SERVING:
                self.set_version(self.versions[campaign, id_], state=state)

    def set_version(self, version: Version, **changes: Any) -> None:
        self.put(self.versions, (version.campaign, version.id), replace(version, **changes))

    def progress(self, campaign: CampaignId) -> Progress:
        items = [item for item in self.items.values() if item.campaign == campaign]
        plain = [item for item in items if item.role is not Role.CONTROL]
        enrolled = [one for one in self.enrolments.values() if one.campaign == campaign]
        return Progress(
            items=len(plain),
            open=sum(item.verdict is Verdict.OPEN for item in plain),
            settled=sum(item.verdict is Verdict.SETTLED for item in plain),
            disputed=sum(item.verdict is Verdict.DISPUTED for item in plain),
            controls=len(items) - len(plain),
            audits=sum(item.role is Role.AUDIT for item in plain),
            answers=sum(one.answered - one.controls for one in enrolled),
            workers=sum(one.answered > 0 for one in enrolled),
        )


def _restore(table: dict[Any, Any], key: Any, old: Any) -> None:
    if old is MISSING:
        del table[key]
    else:
        table[key] = old
