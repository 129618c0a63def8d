"""/cost, /why and /review: each runs inside the update's one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from bot.telegram import views_reports
from bot.telegram.admin_replies import chosen
from bot.telegram.admin_rulings import explained, next_disputed
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import Tongue
from core.errors import Refused
from core.ids import ItemId
from core.ports import Transaction
from core.worker import Worker


def cost(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/cost CAMPAIGN: what is still to come, as of the last refit."""
    campaign = chosen(tx, names)
    found = visit.house.figures(campaign.id)
    if found is None:
        raise Refused("There is no forecast yet: it comes with the first answers.")
    return Reply(views_reports.cost(found.forecast, campaign, say, visit.chat))


def why(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/why CAMPAIGN ITEM: what speaks for its consensus; the only campaign need not be named."""
    if not names:
        raise Refused("Write the campaign and the item behind the command: /why pets i17.")
    campaign = chosen(tx, names[:1] if len(names) > 1 else [])
    item = tx.item_named(campaign.id, " ".join(names[1:] or names))
    found, known = explained(tx, campaign, item)
    return Reply(views_reports.why(item, found, known, campaign, say, visit.chat), shown=item.id)


def disputed(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/review CAMPAIGN: the first disputed item."""
    return next_disputed(tx, visit, chosen(tx, names), ItemId(0), say)
