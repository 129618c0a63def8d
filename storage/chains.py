"""Task chains, what they made, and written words."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Exists, FromClause, exists, func, not_, select, text, true, update

from core.chains import Chain, Fed, FedState, Proposal
from core.errors import Conflict
from core.ids import CampaignId, ChainId, ItemId, QuestionId
from storage.part import Part
from storage.questions import ANSWER, QUESTION, stands
from storage.sql import START, Cursor, DbRow, Kind, Statement, fixed, given, insert
from storage.tables import TABLES

CHAIN, FED, WRITTEN = TABLES["chain"], TABLES["fed"], TABLES["written"]
LOCK = 0x636861696E  # of PostgreSQL's advisory lock: one chain is added at a time

CHAINS = Statement(select(CHAIN).order_by(CHAIN.c.id))
FED_OF = Statement(select(FED).where(FED.c.source == given("source")).order_by(FED.c.item))
FED_COUNT = Statement(
    select(func.count()).select_from(FED).where(FED.c.chain == given("chain"), text("state <> 'withdrawn'"))
)
PROPOSALS = Statement(
    select(ANSWER.c.worker, WRITTEN.c.text)
    .join(QUESTION, stands)
    .join(WRITTEN, (WRITTEN.c.question == ANSWER.c.question) & (WRITTEN.c.lease == ANSWER.c.lease))
    .where(ANSWER.c.item == given("item"), ANSWER.c.counted)
    .order_by(ANSWER.c.seq)
)
ADD_CHAIN = Statement(insert("chain", "id").on_conflict_do_nothing().returning(CHAIN.c.id))
ADD_FED = Statement(insert("fed").on_conflict_do_nothing())
SAVE_FED = Statement(
    update(FED).where(FED.c.item == given("of")).values(chain=given("by"), apart=given("alone"), state=given("now"))
)
ADD_WRITTEN = Statement(insert("written"))

KEEPS_APART = Statement(
    select(CHAIN.c.id)
    .where(CHAIN.c.apart == true(), (CHAIN.c.source == given("campaign")) | (CHAIN.c.target == given("campaign")))
    .limit(fixed("1"))
    .offset(START)
)


def strangers(items: FromClause) -> ColumnElement[bool]:
    """A condition on `items` (a table or subquery with an id): who has met an item never gets what it became, nor the
    other way round, where a chain keeps the two apart."""

    def meets(here: Any, there: Any) -> Exists:
        theirs = (QUESTION.c.worker == given("worker"), QUESTION.c.item == there)
        return exists().where(here == items.c.id, FED.c.apart == true(), *theirs).correlate(items)

    return not_(meets(FED.c.item, FED.c.source)) & not_(meets(FED.c.source, FED.c.item))


def chain(row: DbRow) -> Chain:
    id_, source, label, target, apart = row
    return Chain(ChainId(id_), CampaignId(source), label, CampaignId(target), bool(apart))


def fed(row: DbRow) -> Fed:
    item, chain_, source, target, candidate, apart, state = row
    return Fed(ItemId(item), ChainId(chain_), ItemId(source), target, candidate, bool(apart), FedState(state))


def find_chains(cursor: Cursor) -> list[Chain]:
    return [chain(row) for row in cursor.rows(CHAINS)]


class Chains(Part):
    __slots__ = ()

    def chains(self, alone: bool = False) -> list[Chain]:
        if alone and self.cursor.kind is Kind.POSTGRESQL:  # SQLite has one writer anyway
            self.cursor.raw.execute(f"SELECT pg_advisory_xact_lock({LOCK})")
        return find_chains(self.cursor)

    def fed(self, source: ItemId) -> list[Fed]:
        return [fed(row) for row in self.cursor.rows(FED_OF, source=source)]

    def fed_count(self, chain: ChainId) -> int:
        return int(self.cursor.rows(FED_COUNT, chain=chain)[0][0])

    def proposals(self, item: ItemId) -> list[Proposal]:
        return [Proposal(worker, words) for worker, words in self.cursor.rows(PROPOSALS, item=item)]

    def add_written(self, question: QuestionId, lease: int, text: str) -> None:
        self.cursor.change(ADD_WRITTEN, {"question": question, "lease": lease, "text": text})

    def add_chain(self, source: CampaignId, label: int, target: CampaignId, apart: bool) -> Chain:
        values = {"source": source, "label": label, "target": target, "apart": apart}
        row = self.cursor.row(ADD_CHAIN, **values)
        if row is None:
            raise Conflict("This chain is there already.")
        return Chain(ChainId(row[0]), source, label, target, apart)

    def add_fed(self, fed: Fed) -> None:
        values = {
            "item": fed.item, "chain": fed.chain, "source": fed.source, "target": fed.target,
            "candidate": fed.candidate, "apart": fed.apart, "state": fed.state.value,
        }  # fmt: skip
        if not self.cursor.change(ADD_FED, values):
            raise Conflict("This item has gone on into this campaign already.")

    def save_fed(self, fed: Fed) -> None:
        self.cursor.change(SAVE_FED, {"of": fed.item, "by": fed.chain, "alone": fed.apart, "now": fed.state.value})
