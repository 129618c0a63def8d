"""The versions of a campaign, and which one serves."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict

from sqlalchemy import select, text, update

from core.ids import CampaignId, VersionId, WorkerId
from core.version import Judgement, Version, VersionState
from storage import mapping
from storage.part import Part
from storage.reading import GONE
from storage.sql import Cursor, DbRow, Statement, fixed, given, insert
from storage.tables import TABLES

CAMPAIGN, VERSION, ITEM = (TABLES[name] for name in ("campaign", "version", "item"))

# What is open, and what the version settled by itself: the next refit opens that again.
HEARD = "(verdict = 'open' OR (verdict = 'settled' AND answers = 0 AND truth IS NULL))"
SERVING = Statement(
    select(VERSION)
    .join(CAMPAIGN, (CAMPAIGN.c.serving == VERSION.c.id) & (CAMPAIGN.c.id == VERSION.c.campaign))
    .where(CAMPAIGN.c.id == given("campaign"))
)
VERSIONS = Statement(
    select(VERSION).where(VERSION.c.campaign == given("campaign")).order_by(VERSION.c.created_at, VERSION.c.id)
)
RETIRE = Statement(
    update(VERSION)
    .where(VERSION.c.campaign == given("campaign"), VERSION.c.id != given("of"), text("state = 'serving'"))
    .values(state=fixed("'retired'"))
)
_version = insert("version")
WRITE_VERSION = Statement(
    _version.on_conflict_do_update(
        index_elements=[VERSION.c.id, VERSION.c.campaign],
        set_={name: _version.excluded[name] for name in ("taught", "judgement")},
    )
)
SERVE = Statement(
    update(CAMPAIGN)
    .where(CAMPAIGN.c.id == given("campaign"))
    .values(serving=given("of"), revision=fixed("revision + 1"))
)
SERVES = Statement(
    update(VERSION)
    .where(VERSION.c.campaign == given("campaign"), VERSION.c.id == given("of"))
    .values(state=fixed("'serving'"))
)
MARK = Statement(
    update(VERSION)
    .where(VERSION.c.campaign == given("campaign"), VERSION.c.id == given("of"), text("state <> 'serving'"))
    .values(state=given("mark"))
)
SILENCE = Statement(
    update(ITEM)
    .where(ITEM.c.campaign == given("campaign"), ITEM.c.spoken == given("version"), text(HEARD))
    .values(suggestion=fixed("NULL"), spoken=fixed("NULL"))
)


class Versions(Part):
    __slots__ = ()

    def serving(self, campaign: CampaignId) -> Version | None:
        return find_serving(self.cursor, campaign)

    def versions(self, campaign: CampaignId) -> list[Version]:
        return find_versions(self.cursor, campaign)

    def serve(self, campaign: CampaignId, version: VersionId) -> None:
        self.altered = True
        serve(self.cursor, campaign, version)

    def silence(self, campaign: CampaignId, version: VersionId) -> int:
        return self.cursor.change(SILENCE, {"campaign": campaign, "version": version})


def find_serving(cursor: Cursor, campaign: CampaignId) -> Version | None:
    row = cursor.row(SERVING, campaign=campaign)
    return None if row is None else version_of(row)


def find_versions(cursor: Cursor, campaign: CampaignId) -> list[Version]:
    """Oldest first."""
    return [version_of(row) for row in cursor.rows(VERSIONS, campaign=campaign)]


def write_version(cursor: Cursor, version: Version, promote: bool, learnt_from: Collection[WorkerId] = ()) -> None:
    """A version that is known already keeps its state, unless it serves from now on. Of whom it learnt, some may have
    withdrawn their answers while it was made."""
    gone = {row[0] for row in cursor.rows(GONE, campaign=version.campaign)} & set(learnt_from)
    values = values_of(version) | {"state": VersionState.CANDIDATE.value, "withdrawn": len(gone)}
    cursor.change(WRITE_VERSION, values)
    if promote:
        serve(cursor, version.campaign, version.id)


def mark_versions(cursor: Cursor, campaign: CampaignId, marks: Mapping[VersionId, VersionState]) -> None:
    """New states of versions; SERVING moves the pointer."""
    for version, state in marks.items():
        if state is VersionState.SERVING:
            serve(cursor, campaign, version)
        else:
            cursor.change(MARK, {"campaign": campaign, "of": version, "mark": state.value})


def serve(cursor: Cursor, campaign: CampaignId, version: VersionId) -> None:
    """One pointer: this version serves from now on, and the one that did is retired."""
    for statement in (RETIRE, SERVES, SERVE):
        cursor.change(statement, {"campaign": campaign, "of": version})


def version_of(row: DbRow) -> Version:
    id_, campaign_, state, created_at, taught, judgement, withdrawn = row
    judged = None if judgement is None else Judgement(**json.loads(judgement))
    made = mapping.moment(created_at)
    return Version(VersionId(id_), campaign_, VersionState(state), made, taught, judged, withdrawn)


def values_of(version: Version) -> mapping.Values:
    return {
        "id": version.id,
        "campaign": version.campaign,
        "state": version.state.value,
        "created_at": mapping.micros(version.created_at),
        "taught": version.taught,
        "judgement": None if version.judgement is None else json.dumps(asdict(version.judgement)),
        "withdrawn": version.withdrawn,
    }
