"""The archive over SQL: whole campaigns at a time, synchronous, on connections of its own."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from functools import partial

from core.campaign import Campaign
from core.chains import Provenance
from core.ids import Account, CampaignId, ItemId, WorkerId
from core.ports import Beliefs, Claim, Consensus, Letter, NightResult, Snapshot
from core.question import Answer, Question
from core.version import Version
from core.winning import Texts
from storage import mapping, nights, outbox
from storage.access import Access
from storage.campaigns import CAMPAIGNS, find_campaign, find_slug
from storage.chain_reading import find_provenance, find_restless, find_texts
from storage.engine import Database
from storage.people import ACCOUNTS, LANGUAGE
from storage.postings import UNBALANCED, add_media, post
from storage.publishing import publish_items, publish_people, write_queue
from storage.reading import ANSWERS, CONSENSUS, QUESTION_AT, consensus, snapshot, tempo
from storage.sql import Cursor
from storage.versions import find_serving, find_versions, mark_versions, write_version

NIGHT_LEASE = timedelta(minutes=15)  # a runner that is silent for so long is taken for dead
TURN = 2_000  # items written before the day has its turn


class SqlArchive:
    """`core.ports.Archive`; may be used by several threads."""

    def __init__(
        self,
        database: Database,
        lease: timedelta = NIGHT_LEASE,
        new_key: Callable[[], bytes] = lambda: secrets.token_bytes(16),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._access, self._lease, self._new_key, self._pause = Access(database), lease, new_key, pause

    def campaign_named(self, slug: str) -> Campaign:
        return self._access.read(lambda cursor: find_campaign(cursor, find_slug(cursor, slug)))

    def campaigns(self) -> list[Campaign]:
        return [mapping.campaign(row) for row in self._access.read(lambda cursor: cursor.rows(CAMPAIGNS))]

    def snapshot(self, campaign: CampaignId) -> Snapshot:
        return self._access.read(lambda cursor: snapshot(cursor, campaign))

    def publish(self, campaign: CampaignId, beliefs: Beliefs) -> None:
        """In small transactions with pauses, so that taps come between: beliefs are caches, guarded row by row."""
        self._access.write(lambda cursor: publish_people(cursor, campaign, beliefs))
        for at in range(0, len(beliefs.items), TURN):
            begun = time.monotonic()
            self._access.write(partial(publish_items, items=beliefs.items[at : at + TURN]))
            self._pause(time.monotonic() - begun)

    def claim(self, campaign: CampaignId, night: date, now: datetime, again: bool = False) -> Claim | None:
        return self._access.write(lambda cursor: nights.claim(cursor, campaign, night, now, self._lease, again))

    def keep(self, claim: Claim, stage: str, now: datetime) -> None:
        self._access.write(lambda cursor: nights.keep(cursor, claim, stage, now + self._lease))

    def conclude(self, claim: Claim, result: NightResult, now: datetime) -> None:
        def write(cursor: Cursor) -> None:
            nights.end(cursor, claim, "done", f"{result.version.id} {'serves' if result.promote else 'is a candidate'}")
            publish_people(cursor, claim.campaign, result.beliefs)
            publish_items(cursor, result.beliefs.items)
            write_queue(cursor, result.beliefs.items)
            write_version(cursor, result.version, result.promote, result.beliefs.seen)
            mark_versions(cursor, claim.campaign, result.marks)
            post(cursor, result.letters)

        self._access.write(write)

    def fail(self, claim: Claim, reason: str, letters: Sequence[Letter], now: datetime) -> None:
        def write(cursor: Cursor) -> None:
            nights.end(cursor, claim, "failed", reason)
            post(cursor, letters)

        self._access.write(write)

    def serving(self, campaign: CampaignId) -> Version | None:
        return self._access.read(lambda cursor: find_serving(cursor, campaign))

    def versions(self, campaign: CampaignId) -> list[Version]:
        return self._access.read(lambda cursor: find_versions(cursor, campaign))

    def accounts(self, campaign: CampaignId) -> dict[WorkerId, Account]:
        rows = self._access.read(lambda cursor: cursor.rows(ACCOUNTS, campaign=campaign))
        return {WorkerId(worker): Account(channel, number) for worker, channel, number in rows}

    def language(self, account: Account) -> str:
        def read(cursor: Cursor) -> str:
            row = cursor.row(LANGUAGE, channel=account.channel, number=account.number)
            return str(row[0]) if row else ""

        return self._access.read(read)

    def media(self, sha: str) -> bytes:
        return self._access.read(lambda cursor: outbox.media(cursor, sha))

    def add_media(self, content: bytes, type_: str) -> str:
        return self._access.write(lambda cursor: add_media(cursor, content, type_))

    def consensus(self, campaign: CampaignId) -> Iterator[Consensus]:
        return map(consensus, self._access.stream(CONSENSUS, campaign=campaign))

    def tempo(self, campaign: CampaignId, now: datetime, days: int = 28) -> list[int]:
        return self._access.read(lambda cursor: tempo(cursor, campaign, now, days))

    def answers(self, campaign: CampaignId) -> Iterator[tuple[str, str, Answer, Question]]:
        """Pseudonyms differ from export to export, so that two of them cannot be joined."""
        key = self._new_key()
        for row in self._access.stream(ANSWERS, campaign=campaign):
            answer, question = mapping.answer(row[1:QUESTION_AT]), mapping.question(row[QUESTION_AT:])
            yield row[0], pseudonym(key, answer.worker), answer, question

    def restless(self, campaign: CampaignId) -> list[ItemId]:
        return self._access.read(lambda cursor: find_restless(cursor, campaign))

    def provenance(self, campaign: CampaignId) -> Iterator[Provenance]:
        return iter(self._access.read(lambda cursor: find_provenance(cursor, campaign)))

    def texts(self, campaign: CampaignId) -> Texts:
        return self._access.read(lambda cursor: find_texts(cursor, campaign))

    def unbalanced(self) -> list[str]:
        """Causes of pay whose two legs do not cancel out: none, or something is very wrong."""
        return [row[0] for row in self._access.read(lambda cursor: cursor.rows(UNBALANCED))]


def pseudonym(key: bytes, worker: WorkerId) -> str:
    """A name that tells nothing to whoever lacks the key."""
    return "w" + hmac.digest(key, str(worker).encode(), "sha256").hex()[:12]
