"""Campaigns, and where they stand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, select, update

from core.campaign import Campaign, CampaignState, Draft
from core.errors import Conflict, NotFound
from core.glossary import Term
from core.ids import CampaignId
from core.item import Role, Verdict
from core.ports import Progress
from core.reliability import Pool
from storage import mapping
from storage.part import Part
from storage.sql import Cursor, Statement, fixed, given, insert
from storage.tables import TABLES

CAMPAIGN, ITEM, ENROLMENT = (TABLES[name] for name in ("campaign", "item", "enrolment"))

REVISION = Statement(select(CAMPAIGN.c.revision).where(CAMPAIGN.c.id == given("campaign")))
FIND_CAMPAIGN = Statement(select(CAMPAIGN).where(CAMPAIGN.c.id == given("campaign")))
FIND_SLUG = Statement(select(CAMPAIGN.c.id).where(CAMPAIGN.c.slug == given("slug")))
CAMPAIGNS = Statement(select(CAMPAIGN).order_by(CAMPAIGN.c.id))
ADD_CAMPAIGN = Statement(
    insert("campaign", "id", serving=fixed("NULL"), revision=fixed("1"))
    .on_conflict_do_nothing()
    .returning(CAMPAIGN.c.id)
)
SET_STATE = Statement(
    update(CAMPAIGN)
    .where(CAMPAIGN.c.id == given("campaign"))
    .values(state=given("state"), revision=fixed("revision + 1"))
)
SET_DRAFT = Statement(
    update(CAMPAIGN)
    .where(CAMPAIGN.c.id == given("campaign"))
    .values(draft=given("draft"), revision=fixed("revision + 1"))
)
COUNT_ITEMS = Statement(
    select(ITEM.c.role, ITEM.c.verdict, func.count())
    .where(ITEM.c.campaign == given("campaign"))
    .group_by(ITEM.c.role, ITEM.c.verdict)
)
COUNT_ANSWERS = Statement(
    select(
        func.coalesce(func.sum(ENROLMENT.c.answered - ENROLMENT.c.controls), fixed("0")),
        func.count().filter(ENROLMENT.c.answered > fixed("0")),
    ).where(ENROLMENT.c.campaign == given("campaign"))
)


def find_campaign(cursor: Cursor, campaign: CampaignId) -> Campaign:
    row = cursor.row(FIND_CAMPAIGN, campaign=campaign)
    if row is None:
        raise NotFound("campaign", campaign)
    return mapping.campaign(row)


def find_slug(cursor: Cursor, slug: str) -> CampaignId:
    row = cursor.row(FIND_SLUG, slug=slug)
    if row is None:
        raise NotFound("campaign", slug)
    return CampaignId(row[0])


class Campaigns(Part):
    __slots__ = ()

    def campaign(self, campaign: CampaignId) -> Campaign:
        if self.altered or campaign not in self.seen:
            self.seen[campaign] = self._campaign(campaign)
        return self.seen[campaign]

    def _campaign(self, campaign: CampaignId) -> Campaign:
        row = self.cursor.row(REVISION, campaign=campaign)
        known = self.remembered.get(campaign)
        if row and known and known[0] == row[0] and not self.altered:
            return known[1]
        found = find_campaign(self.cursor, campaign)
        if row and not self.altered:
            self.remembered[campaign] = (row[0], found)
        return found

    def campaign_named(self, slug: str) -> Campaign:
        return self.campaign(find_slug(self.cursor, slug))

    def campaigns(self) -> list[Campaign]:
        return [mapping.campaign(row) for row in self.cursor.rows(CAMPAIGNS)]

    def add_campaign(self, draft: Draft, pool: Pool, now: datetime) -> Campaign:
        self.altered = True
        row = self.cursor.row(
            ADD_CAMPAIGN,
            slug=draft.slug,
            draft=mapping.draft_text(draft),
            state=CampaignState.OPEN.value,
            created_at=mapping.micros(now),
            pool=pool.to_json(),
        )
        if row is None:
            raise Conflict(f"There is a campaign named {draft.slug} already.")
        return Campaign(CampaignId(row[0]), draft, CampaignState.OPEN, now, pool)

    def set_state(self, campaign: CampaignId, state: CampaignState) -> None:
        self.altered = True
        if not self.cursor.change(SET_STATE, {"campaign": campaign, "state": state.value}):
            raise NotFound("campaign", campaign)

    def set_glossary(self, campaign: CampaignId, glossary: tuple[Term, ...]) -> None:
        self.altered = True
        draft = replace(find_campaign(self.cursor, campaign).draft, glossary=glossary)
        self.cursor.change(SET_DRAFT, {"campaign": campaign, "draft": mapping.draft_text(draft)})

    def progress(self, campaign: CampaignId) -> Progress:
        """Answers and workers are counted by the enrolments, not one by one."""
        counts: dict[tuple[str, str], int] = {
            (role, verdict): count for role, verdict, count in self.cursor.rows(COUNT_ITEMS, campaign=campaign)
        }

        def items(verdict: Verdict | None = None, *roles: Role) -> int:
            wanted = roles or (Role.PLAIN, Role.AUDIT)
            return sum(n for (r, v), n in counts.items() if r in wanted and verdict in (None, v))

        answers, workers = self.cursor.rows(COUNT_ANSWERS, campaign=campaign)[0]
        return Progress(
            items(), items(Verdict.OPEN), items(Verdict.SETTLED), items(Verdict.DISPUTED),
            items(None, Role.CONTROL), items(None, Role.AUDIT), int(answers), workers,
        )  # fmt: skip
