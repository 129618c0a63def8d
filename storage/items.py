"""Items: the queue, the seats, the import."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, not_, select, text, update

from core.campaign import Campaign
from core.errors import Conflict, NotFound
from core.ids import CampaignId, ItemId, WorkerId
from core.item import Item, NewItem, Role, Verdict, seat_taken
from core.marks import stretched
from core.posterior import certainty
from core.routing import NEAR, WINDOW, Head
from storage import mapping
from storage.campaigns import Campaigns
from storage.chains import KEEPS_APART, strangers
from storage.mapping import Values
from storage.sql import START, Statement, fixed, given, insert
from storage.tables import ASKABLE, CONTROL, TABLES

ITEM, QUESTION = TABLES["item"], TABLES["question"]
NAMES_AT_ONCE = 500

_unmet = not_(exists().where(QUESTION.c.worker == given("worker"), QUESTION.c.item == ITEM.c.id).correlate(ITEM))

FIND_ITEM = Statement(select(ITEM).where(ITEM.c.id == given("of")).with_for_update(key_share=True))
_learning = case((ITEM.c.answers == fixed("0"), ITEM.c.worth), else_=fixed("0.0")).label("learning")


def _queue(*where: ColumnElement[bool]) -> Select[Any]:
    """Open items with a free seat, as (id, posterior, worth to the network), the best first."""
    return (
        select(ITEM.c.id, ITEM.c.posterior, _learning)
        .where(ITEM.c.campaign == given("campaign"), text(ASKABLE), *where)
        .order_by(ITEM.c.priority.desc(), ITEM.c.id)
    )


def _within(queue: Select[Any], apart: bool) -> Statement:
    """Those that the worker has not met, among the first `window` only; of the rest no more than the index is read."""
    places = queue.with_only_columns(ITEM.c.id, ITEM.c.priority)
    first = places.limit(given("window")).offset(START).subquery("first")
    met = exists().where(QUESTION.c.worker == given("worker"), QUESTION.c.item == first.c.id).correlate(first)
    kept = (strangers(first),) if apart else ()
    unmet = select(first).where(not_(met), *kept).order_by(first.c.priority.desc(), first.c.id)
    chosen = unmet.limit(given("limit")).offset(START).subquery("chosen")
    joined = select(ITEM.c.id, ITEM.c.posterior, _learning).join_from(chosen, ITEM, ITEM.c.id == chosen.c.id)
    return Statement(joined.order_by(chosen.c.priority.desc(), chosen.c.id))


HEADS = {  # by whether chains keep workers apart here: the best, the best of what is fresh, and of all
    apart: (
        _within(_queue(), apart),
        _within(_queue(ITEM.c.priority <= fixed("1")), apart),
        Statement(_queue(_unmet, *((strangers(ITEM),) if apart else ())).limit(given("limit")).offset(START)),
    )
    for apart in (False, True)
}
UNMET_CONTROLS = Statement(
    select(ITEM.c.id)
    .where(ITEM.c.campaign == given("campaign"), text(CONTROL), _unmet)
    .order_by(ITEM.c.id)
    .limit(given("limit"))
    .offset(START)
)
KNOWN_NAMES = Statement(
    select(ITEM.c.name).where(
        ITEM.c.campaign == given("campaign"), ITEM.c.name.in_([given(f"n{n}") for n in range(NAMES_AT_ONCE)])
    )
)
ADD_ITEM = Statement(
    insert(
        "item", "id", answers=fixed("0"), leases=fixed("0"), problems=fixed("0"), suggestion=fixed("NULL"),
        spoken=fixed("NULL"),
    )
)  # fmt: skip
FREE = Statement(
    select(ITEM).where(ITEM.c.id == given("of"), text(ASKABLE)).with_for_update(key_share=True, skip_locked=True)
)
TAKE_SEAT = Statement(
    update(ITEM).where(ITEM.c.id == given("of")).values(leases=given("leases"), priority=given("priority"))
)
SAVED = ("verdict", "posterior", "answers", "leases", "problems", "priority")
SAVE_ITEM = Statement(update(ITEM).where(ITEM.c.id == given("of")).values({name: given(name) for name in SAVED}))


class Items(Campaigns):
    __slots__ = ()

    def item(self, item: ItemId) -> Item:
        row = self.cursor.row(FIND_ITEM, of=item)
        if row is None:
            raise NotFound("item", item)
        return mapping.item(row)

    def head(self, campaign: CampaignId, worker: WorkerId, limit: int) -> Head:
        given_ = {"campaign": campaign, "worker": worker, "limit": limit}
        window = WINDOW * limit
        best, fresh, all_ = HEADS[self.cursor.row(KEEPS_APART, campaign=campaign) is not None]
        rows = self.cursor.rows(best, window=NEAR * limit, **given_)
        if len(rows) < limit:  # this worker has met many of the best
            rows = self.cursor.rows(best, window=window, **given_)
        if len(rows) < limit:  # and most of what is begun
            known = {row[0] for row in rows}
            rows += [row for row in self.cursor.rows(fresh, window=window, **given_) if row[0] not in known]
        return mapping.head(rows[:limit] or self.cursor.rows(all_, **given_))

    def unmet_controls(self, campaign: CampaignId, worker: WorkerId, limit: int) -> list[ItemId]:
        rows = self.cursor.rows(UNMET_CONTROLS, campaign=campaign, worker=worker, limit=limit)
        return [ItemId(row[0]) for row in rows]

    def known_names(self, campaign: CampaignId, names: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for at in range(0, len(names), NAMES_AT_ONCE):
            some = names[at : at + NAMES_AT_ONCE]
            values = {f"n{n}": some[min(n, len(some) - 1)] for n in range(NAMES_AT_ONCE)}
            found.update(row[0] for row in self.cursor.rows(KNOWN_NAMES, campaign=campaign, **values))
        return found

    def add_items(self, campaign: CampaignId, items: Sequence[tuple[NewItem, Role]], start: Sequence[float]) -> int:
        known = self.known_names(campaign, [new.name for new, _ in items])
        if known:
            raise Conflict(f"There is an item named {min(known)} in this campaign already.")
        self.cursor.changes(ADD_ITEM, _added(self.campaign(campaign), items, start))
        return len(items)

    def take_seat(self, item: ItemId, priority: Callable[[Item], float] | None = None) -> Item | None:
        row = self.cursor.row(FREE, of=item)
        if row is None:
            return None
        taken = seat_taken(mapping.item(row), priority)
        self.cursor.change(TAKE_SEAT, {"of": item, "leases": taken.leases, "priority": taken.priority})
        return taken

    def save_item(self, item: Item) -> None:
        values = {
            "of": item.id,
            "verdict": item.verdict.value,
            "posterior": mapping.packed(item.posterior),
            "answers": item.answers,
            "leases": item.leases,
            "problems": item.problems,
            "priority": item.priority,
        }
        self.cursor.change(SAVE_ITEM, values)


def _added(
    campaign: Campaign, items: Sequence[tuple[NewItem, Role]], start: Sequence[float]
) -> Iterator[Values]:
    for new, role in items:
        control, marks = role is Role.CONTROL, campaign.marks(new.content)
        belief = certainty(new.truth or 0, campaign.pool, marks) if control else stretched(start, marks)
        yield {
            "campaign": campaign.id,
            "name": new.name,
            "medium": new.content.medium.value,
            "text": new.content.text,
            "media": new.content.media,
            "other": new.content.other,
            "sides": json.dumps(new.content.sides, ensure_ascii=False) if new.content.sides else "",
            "role": role.value,
            "truth": new.truth,
            "reason": new.reason,
            "worth": new.worth,
            "priority": 0.0 if control else new.worth,
            "verdict": (Verdict.SETTLED if control else Verdict.OPEN).value,
            "posterior": mapping.packed(belief),
            "seats": None if control else campaign.policy.max_overlap,
        }
