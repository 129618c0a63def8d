"""/then: chains from one campaign into another."""

from __future__ import annotations

from bot.telegram import views_chains
from bot.telegram.chain_lines import read_command
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import Tongue
from core import feeding
from core.errors import Refused
from core.ports import Transaction
from core.worker import Worker


def then(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, text: str) -> Reply:
    """/then: adds chains; bare, lists them."""
    if len(text.split()) < 2:
        return Reply(views_chains.listed(feeding.linked(tx), say, visit.chat))
    try:
        links = read_command(text)
    except ValueError:
        raise Refused("Write it as “/then reviews: complaint -> products”. /then alone lists all chains.") from None
    return Reply(views_chains.added([feeding.add_chain(tx, link) for link in links], say, visit.chat))
