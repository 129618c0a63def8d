"""The glossary of a campaign in chat: an admin's file, and /glossary."""

from __future__ import annotations

from collections.abc import Sequence

from bot.telegram.admin_replies import chosen
from bot.telegram.paper import Block, note
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import Tongue
from core.errors import Refused
from core.glossary import Term
from core.ports import Transaction
from core.worker import Worker

OFF = "off"


def glossary(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/glossary pets: its terms; /glossary pets off: removes them."""
    off = len(names) > 0 and names[-1].lower() == OFF
    campaign = chosen(tx, names[:-1] if off else names)
    terms = campaign.draft.glossary
    if not terms:
        raise Refused("This campaign has no glossary: send a CSV with term and meaning, “glossary” below it.")
    if off:
        tx.set_glossary(campaign.id, ())
        return Reply(note(visit.chat, [Block(say("The glossary of {name} is removed.", name=campaign.slug))]))
    lines = [f"{one.term}: {one.meaning}" for one in terms]
    removal = say("/glossary {name} off removes it.", name=campaign.slug)
    return Reply(note(visit.chat, [Block("\n".join(lines)), Block(removal, "i")]))


def set_glossary(
    tx: Transaction, visit: Visit, worker: Worker, say: Tongue, slug: str, terms: tuple[Term, ...]
) -> Reply:
    """An admin's file: it takes the place of the glossary before."""
    campaign = tx.campaign_named(slug)
    tx.set_glossary(campaign.id, terms)
    sentence = say(
        "{n} terms for {name}. Workers see them behind “?”, the network reads them from the next night on.",
        n=say.number(len(terms)),
        name=slug,
    )
    return Reply(note(visit.chat, [Block(sentence)]))
