"""What an admin reads of task chains (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.telegram.chain_lines import EXAMPLE
from bot.telegram.paper import Block, note
from bot.telegram.words import Tongue
from core.campaign import Campaign, Kind
from core.chains import Chain
from core.feeding import Linked
from core.ports import Letter
from core.winning import GOOD

NEW = """/new captions
kind: text
title: Captions
question: Write a short caption for this picture.
overlap: 2-3
then: -> check"""


def line(one: Linked, say: Tongue) -> str:
    """One chain with what it has done: "reviews: complaint -> products (12 fed)"."""
    way = f"{one.label} -> {one.target}" if one.label else f"-> {one.target}"
    apart = say("other workers") if one.apart else ""
    done = say.many("{n} fed", "{n} fed", one.fed)
    return f"{one.source}: {way} ({say.clauses(*filter(None, (done, apart)))})"


def added(found: Sequence[tuple[Campaign, Chain, Campaign]], say: Tongue, chat: int) -> list[Letter]:
    """Chains are there; what they do from now on."""
    return note(chat, [Block(_added(source, chain, target, say)) for source, chain, target in found])


def _added(source: Campaign, chain: Chain, target: Campaign, say: Tongue) -> str:
    if source.draft.kind is Kind.TEXT:
        return say(
            "What is written in {source} is judged in {target}; the text that is likeliest “{good}” wins. "
            "Who wrote for an item never judges it.",
            source=source.slug,
            target=target.slug,
            good=target.labels[GOOD],
        )
    goes = say(
        "What is settled on “{label}” in {source} goes on into {target}; what is settled already follows in a minute.",
        label=source.labels[chain.label],
        source=source.slug,
        target=target.slug,
    )
    return say.sentences(goes, say("Nobody gets an item twice on its way.")) if chain.apart else goes


def listed(found: Sequence[Linked], say: Tongue, chat: int) -> list[Letter]:
    """Bare /then: the chains that there are, and how to make one."""
    there = [Block("\n".join(line(one, say) for one in found))] if found else []
    how = [
        Block(say("A chain sends what is settled on a label on into another campaign. To add one:")),
        Block(EXAMPLE, "pre"),
        Block(say("With “, others” behind it, nobody gets an item twice. A campaign of texts, judged in another:")),
        Block(NEW, "pre"),
    ]
    return note(chat, [*there, *how])
