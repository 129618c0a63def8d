"""The in-memory twin of the archive."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256

import numpy as np

from core.campaign import Campaign
from core.errors import Conflict, NotFound
from core.ids import Account, CampaignId, WorkerId
from core.item import Item, Verdict
from core.ports import Beliefs, Claim, Consensus, Letter, NightResult, Snapshot
from core.question import Answer, Question
from core.version import Version, VersionState
from storage.archive import NIGHT_LEASE, pseudonym
from storage.memory_chains import MemoryChainReading
from storage.memory_store import Night, Store
from storage.reading import by_age


class MemoryArchive(MemoryChainReading):
    """`core.ports.Archive` over the store of a `MemoryLedger`."""

    def __init__(
        self,
        store: Store,
        lease: timedelta = NIGHT_LEASE,
        new_key: Callable[[], bytes] = lambda: secrets.token_bytes(16),
    ) -> None:
        self._store, self._lease, self._new_key = store, lease, new_key

    def campaign_named(self, slug: str) -> Campaign:
        return self._store.campaign_named(slug)

    def campaigns(self) -> list[Campaign]:
        return list(self._store.campaigns.values())

    def snapshot(self, campaign: CampaignId) -> Snapshot:
        found, items = self._store.campaign(campaign), self._items(campaign)
        rows = {item.id: row for row, item in enumerate(items)}
        facts = [answer for answer in self._standing(campaign) if answer.counted]
        layouts = [self._store.questions[answer.question].layout for answer in facts]
        workers = sorted({answer.worker for answer in facts})
        columns = {worker: column for column, worker in enumerate(workers)}
        return Snapshot(
            campaign=found,
            items=items,
            workers=workers,
            answer_item=np.array([rows[answer.item] for answer in facts], dtype=np.int64),
            answer_worker=np.array([columns[answer.worker] for answer in facts], dtype=np.int64),
            answer_bits=[answer.evidence.bits for answer in facts],
            latency_ms=np.array([answer.latency_ms for answer in facts], dtype=np.int64),
            asked_as=[(one.form.value, len(one.shown)) for one in layouts],
            retracted=frozenset(
                one.item
                for one in self._store.answers.values()
                if one.campaign == campaign and one.counted and not self._store.stands(one)
            ),
            withdrawn=len(self._store.withdrawn(campaign)),
        )

    def publish(self, campaign: CampaignId, beliefs: Beliefs) -> None:
        with self._store.all_or_nothing():
            self._publish(campaign, beliefs, queue=False)

    def claim(self, campaign: CampaignId, night: date, now: datetime, again: bool = False) -> Claim | None:
        with self._store.all_or_nothing():
            self._store.campaign(campaign)
            theirs = {day: one for (whose, day), one in self._store.nights.items() if whose == campaign}
            if any(one.outcome == "running" and one.lease_until > now for one in theirs.values()):
                return None
            if night in theirs and theirs[night].outcome != "running" and not again:
                return None
            fence = max((one.fence for one in theirs.values()), default=0) + 1
            self._store.put(
                self._store.nights, (campaign, night), Night(fence, now + self._lease, "claimed", "running")
            )
            return Claim(campaign, night, fence)

    def keep(self, claim: Claim, stage: str, now: datetime) -> None:
        with self._store.all_or_nothing():
            self._held(claim, stage=stage, lease_until=now + self._lease)

    def conclude(self, claim: Claim, result: NightResult, now: datetime) -> None:
        with self._store.all_or_nothing():
            self._held(claim, outcome="done", report=result.version.id)
            self._publish(claim.campaign, result.beliefs, queue=True)
            gone = self._store.withdrawn(claim.campaign) & result.beliefs.seen.keys()
            self._write_version(replace(result.version, withdrawn=len(gone)), result.promote)
            self._store.mark_versions(claim.campaign, result.marks)
            self._store.post(result.letters)

    def fail(self, claim: Claim, reason: str, letters: Sequence[Letter], now: datetime) -> None:
        with self._store.all_or_nothing():
            self._held(claim, outcome="failed", report=reason)
            self._store.post(letters)

    def serving(self, campaign: CampaignId) -> Version | None:
        return self._store.serving(campaign)

    def versions(self, campaign: CampaignId) -> list[Version]:
        return self._store.versions_of(campaign)

    def accounts(self, campaign: CampaignId) -> dict[WorkerId, Account]:
        here = {worker for owner, worker in self._store.enrolments if owner == campaign}
        return {worker.id: account for account, worker in self._store.workers.items() if worker.id in here}

    def language(self, account: Account) -> str:
        worker = self._store.workers.get(account)
        return worker.language if worker else ""

    def media(self, sha: str) -> bytes:
        if sha not in self._store.media:
            raise NotFound("file", sha)
        return self._store.media[sha]

    def add_media(self, content: bytes, type_: str) -> str:
        sha = sha256(content).hexdigest()
        self._store.media[sha] = content
        return sha

    def consensus(self, campaign: CampaignId) -> Iterator[Consensus]:
        for item in self._items(campaign):
            yield Consensus(
                item.name, item.content, item.role, item.verdict, item.truth, item.posterior, item.answers, item.spoken
            )

    def tempo(self, campaign: CampaignId, now: datetime, days: int = 28) -> list[int]:
        ages = [(now - one.answered_at) for one in self._store.answers.values() if one.campaign == campaign]
        return by_age(Counter(max(age.days, 0) for age in ages if age < timedelta(days=days)))

    def answers(self, campaign: CampaignId) -> Iterator[tuple[str, str, Answer, Question]]:
        key = self._new_key()
        for answer in self._standing(campaign):
            name = self._store.items[answer.item].name
            yield name, pseudonym(key, answer.worker), answer, self._store.questions[answer.question]

    def _items(self, campaign: CampaignId) -> list[Item]:
        return [item for item in self._store.items.values() if item.campaign == campaign]

    def _standing(self, campaign: CampaignId) -> list[Answer]:
        facts = self._store.answers.values()
        return [one for one in facts if one.campaign == campaign and self._store.stands(one)]

    def _publish(self, campaign: CampaignId, beliefs: Beliefs, queue: bool) -> None:
        found = self._store.campaign(campaign)
        for new in beliefs.items:
            old = self._store.items.get(new.id)
            if new.verdict is Verdict.WITHDRAWN:  # it may be back by now
                continue
            if old and old.answers == new.answers and old.verdict is not Verdict.WITHDRAWN and old.truth is None:
                self._store.put_item(_merged(old, new, queue))
        standing: dict[WorkerId, int] = {}
        for answer in self._standing(campaign):
            standing[answer.worker] = standing.get(answer.worker, 0) + answer.counted
        for worker, reliability in beliefs.reliabilities.items():
            enrolment = self._store.enrolments.get((campaign, worker))
            if enrolment and beliefs.seen.get(worker, standing.get(worker, 0)) == standing.get(worker, 0):
                changed = replace(enrolment, reliability=reliability)
                self._store.put(self._store.enrolments, (campaign, worker), changed)
        for worker, suspicions in beliefs.suspicions.items():
            enrolment = self._store.enrolments.get((campaign, worker))
            if enrolment:
                changed = replace(enrolment, suspicions=suspicions)
                self._store.put(self._store.enrolments, (campaign, worker), changed)
        self._store.put(self._store.campaigns, campaign, replace(found, pool=beliefs.pool))

    def _held(self, claim: Claim, **changes: object) -> None:
        """Conflict where somebody else has taken over."""
        night = self._store.nights.get((claim.campaign, claim.night))
        highest = max((one.fence for (c, _), one in self._store.nights.items() if c == claim.campaign), default=0)
        if night is None or night.outcome != "running" or not night.fence == claim.fence == highest:
            raise Conflict(f"Somebody else runs the night of {claim.night} by now.")
        self._store.put(self._store.nights, (claim.campaign, claim.night), replace(night, **changes))  # type: ignore[arg-type]

    def _write_version(self, version: Version, promote: bool) -> None:
        key = (version.campaign, version.id)
        known = self._store.versions.get(key)
        state = known.state if known else VersionState.CANDIDATE
        self._store.set_version(version, state=state, withdrawn=known.withdrawn if known else version.withdrawn)
        if promote:
            self._store.serve(version.campaign, version.id)


def _merged(old: Item, new: Item, queue: bool) -> Item:
    merged = replace(old, posterior=new.posterior, verdict=new.verdict, priority=new.priority)
    if queue:
        merged = replace(merged, worth=new.worth, suggestion=new.suggestion, spoken=new.spoken)
    return merged
