"""What the archive reads of chains and written words."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import select, text

from core.chains import Fed, FedState, Proposal, Provenance, restless
from core.ids import CampaignId, ItemId
from core.item import Verdict
from core.posterior import claimed
from core.winning import GOOD, Judged, Lot, Texts
from storage import mapping
from storage.campaigns import find_campaign
from storage.chains import FED, WRITTEN, fed, find_chains
from storage.questions import ANSWER, ITEM, QUESTION, stands
from storage.sql import Cursor, Statement, given
from storage.tables import TABLES

CAMPAIGN, CHAIN = TABLES["campaign"], TABLES["chain"]
SOURCE, MADE = ITEM.alias("source_item"), ITEM.alias("made_item")
FROM, TO = CAMPAIGN.alias("from_campaign"), CAMPAIGN.alias("to_campaign")

FED_FROM = Statement(
    select(FED).join(ITEM, ITEM.c.id == FED.c.source).where(ITEM.c.campaign == given("campaign")).order_by(FED.c.item)
)
SETTLED = Statement(
    select(ITEM).where(ITEM.c.campaign == given("campaign"), text("verdict = 'settled'")).order_by(ITEM.c.id)
)
UNSETTLED = Statement(
    select(ITEM)
    .where(ITEM.c.campaign == given("campaign"), text("verdict <> 'settled'"), ITEM.c.id.in_(select(FED.c.source)))
    .order_by(ITEM.c.id)
)
_provenance = (
    select(FROM.c.slug, SOURCE.c.name, CHAIN.c.label, TO.c.slug, MADE.c.name, FED.c.state)
    .select_from(FED)
    .join(CHAIN, CHAIN.c.id == FED.c.chain)
    .join(SOURCE, SOURCE.c.id == FED.c.source)
    .join(FROM, FROM.c.id == SOURCE.c.campaign)
    .join(MADE, MADE.c.id == FED.c.item)
    .join(TO, TO.c.id == FED.c.target)
    .order_by(FED.c.item)
)
CAME_IN = Statement(_provenance.where(FED.c.target == given("campaign")))
WENT_OUT = Statement(_provenance.where(SOURCE.c.campaign == given("campaign")))
WORDS = Statement(
    select(ITEM.c.name, ANSWER.c.question, ANSWER.c.lease, ANSWER.c.worker, ANSWER.c.counted, WRITTEN.c.text)
    .select_from(ANSWER)
    .join(QUESTION, stands)
    .join(WRITTEN, (WRITTEN.c.question == ANSWER.c.question) & (WRITTEN.c.lease == ANSWER.c.lease))
    .join(ITEM, ITEM.c.id == ANSWER.c.item)
    .where(ANSWER.c.campaign == given("campaign"))
    .order_by(ANSWER.c.seq)
)
JUDGED = Statement(
    select(SOURCE.c.name, FED.c.candidate, FED.c.target, MADE.c.posterior, MADE.c.answers, MADE.c.verdict)
    .select_from(FED)
    .join(SOURCE, SOURCE.c.id == FED.c.source)
    .join(MADE, MADE.c.id == FED.c.item)
    .where(SOURCE.c.campaign == given("campaign"), text("fed.state = 'fed'"))
    .order_by(FED.c.item)
)


def find_restless(cursor: Cursor, campaign: CampaignId) -> list[ItemId]:
    chains = [one for one in find_chains(cursor) if one.source == campaign]
    if not chains:
        return []
    became: defaultdict[ItemId, list[Fed]] = defaultdict(list)
    for rows in cursor.chunks(FED_FROM, campaign=campaign):
        for row in rows:
            became[ItemId(row[2])].append(fed(row))
    found: list[ItemId] = []
    for statement in (SETTLED, UNSETTLED):
        for rows in cursor.chunks(statement, campaign=campaign):
            found += restless(map(mapping.item, rows), chains, became)
    return sorted(found)


def find_provenance(cursor: Cursor, campaign: CampaignId) -> list[Provenance]:
    rows = [row for statement in (CAME_IN, WENT_OUT) for row in cursor.rows(statement, campaign=campaign)]
    return [
        Provenance(source, task, label, target, fed_task, FedState(state))
        for source, task, label, target, fed_task, state in rows
    ]


def find_texts(cursor: Cursor, campaign: CampaignId) -> Texts:
    words, lots = {}, defaultdict[str, Lot](Lot)
    for name, question, lease, worker, counted, written in cursor.rows(WORDS, campaign=campaign):
        words[question, lease] = written
        if counted:
            lots[name].proposals.append(Proposal(worker, written))
    for name, candidate, target, posterior, answers, verdict in cursor.rows(JUDGED, campaign=campaign):
        good = claimed(mapping.unpacked(posterior), find_campaign(cursor, target).pool)[GOOD]
        lots[name].judged.setdefault(candidate, Judged(good, answers, Verdict(verdict)))
    return Texts(words, lots)
