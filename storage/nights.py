"""Whether a night is due, and who runs it: a row for each local date, taken with a fencing number."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text, update

from core.errors import Conflict, NotFound
from core.ids import CampaignId
from core.ports import Claim
from storage import mapping
from storage.sql import Cursor, Statement, fixed, given, insert
from storage.tables import TABLES

NIGHT, CAMPAIGN = TABLES["night"], TABLES["campaign"]

LOCK = Statement(select(CAMPAIGN.c.id).where(CAMPAIGN.c.id == given("campaign")).with_for_update(key_share=True))
RUNNING = Statement(
    select(func.max(NIGHT.c.lease_until)).where(NIGHT.c.campaign == given("campaign"), text("outcome = 'running'"))
)
HIGHEST = Statement(
    select(func.coalesce(func.max(NIGHT.c.fence), fixed("0"))).where(NIGHT.c.campaign == given("campaign"))
)
OUTCOME = Statement(
    select(NIGHT.c.outcome).where(NIGHT.c.campaign == given("campaign"), NIGHT.c.night == given("night"))
)
_night = insert("night", stage=fixed("'claimed'"), outcome=fixed("'running'"), report=fixed("''"))
TAKE = Statement(
    _night.on_conflict_do_update(
        index_elements=[NIGHT.c.campaign, NIGHT.c.night],
        set_={name: _night.excluded[name] for name in ("fence", "lease_until", "stage", "outcome", "report")},
    )
)
_held = (
    NIGHT.c.campaign == given("campaign_of"),
    NIGHT.c.night == given("night_of"),
    NIGHT.c.fence == given("fence_of"),
    text("outcome = 'running'"),
)
KEEP = Statement(update(NIGHT).where(*_held).values(stage=given("stage"), lease_until=given("lease_until")))
END = Statement(update(NIGHT).where(*_held).values(outcome=given("outcome"), report=given("report")))


def claim(
    cursor: Cursor, campaign: CampaignId, night: date, now: datetime, lease: timedelta, again: bool
) -> Claim | None:
    """None where this night has ended (unless `again`) or one of this campaign runs anywhere, its lease alive."""
    if cursor.row(LOCK, campaign=campaign) is None:
        raise NotFound("campaign", campaign)
    alive = cursor.rows(RUNNING, campaign=campaign)[0][0]
    if alive is not None and alive > mapping.micros(now):
        return None
    outcome = cursor.row(OUTCOME, campaign=campaign, night=night.isoformat())
    if outcome is not None and outcome[0] != "running" and not again:
        return None
    fence = cursor.rows(HIGHEST, campaign=campaign)[0][0] + 1
    until = mapping.micros(now + lease)
    cursor.change(TAKE, {"campaign": campaign, "night": night.isoformat(), "fence": fence, "lease_until": until})
    return Claim(campaign, night, fence)


def keep(cursor: Cursor, claim: Claim, stage: str, until: datetime) -> None:
    """The heartbeat; Conflict when somebody else has taken over."""
    _check(cursor, claim, KEEP, stage=stage, lease_until=mapping.micros(until))


def end(cursor: Cursor, claim: Claim, outcome: str, report: str) -> None:
    """Conflict when somebody else has taken over."""
    _check(cursor, claim, END, outcome=outcome, report=report)


def _check(cursor: Cursor, claim: Claim, statement: Statement, **values: object) -> None:
    found = cursor.row(LOCK, campaign=claim.campaign)  # before the fence is read: nobody takes over in between
    highest = cursor.rows(HIGHEST, campaign=claim.campaign)[0][0]
    held = {"campaign_of": claim.campaign, "night_of": claim.night.isoformat(), "fence_of": claim.fence}
    if found is None or highest != claim.fence or not cursor.change(statement, held | values):
        raise Conflict(f"Somebody else runs the night of {claim.night} by now.")
