"""What an admin reads and taps where several labels may hold, or words are marked: the set, its least sure part, a
ruling (pure)."""

from __future__ import annotations

from bot.telegram.callbacks import Rule
from bot.telegram.choices import faces, laid, listed
from bot.telegram.keyboards import Button
from bot.telegram.words import Tongue
from core.campaign import Campaign, Kind
from core.evidence import Evidence
from core.explain import Explanation
from core.item import Item
from core.marks import bits_of, likeliest, marked_by, set_of

SHOW, SETTLE = "t", "s"  # of a ruling's word, before a set as bits: look at it, and rule that it is the truth


def crowd(item: Item, found: Explanation, campaign: Campaign, say: Tongue) -> tuple[str, str]:
    """What the crowd believes, and the odds of which label follow."""
    least = campaign.names(item.content, say.language)[found.label]
    believed = listed(likeliest(item.posterior), campaign, item.content, say)
    if campaign.draft.kind is Kind.SPANS:
        return _words(least, believed, found, say)
    share = say.percent(found.claimed)
    if found.holds:
        first = say("The crowd: {labels}. Least sure: that “{label}” holds, {share}.", labels=believed, label=least,
                    share=share)  # fmt: skip
        return first, say("Odds that “{label}” holds:", label=least)
    first = say("The crowd: {labels}. Least sure: that “{label}” does not hold, {share}.", labels=believed, label=least,
                share=share)  # fmt: skip
    return first, say("Odds that “{label}” does not hold:", label=least)


def _words(least: str, believed: str, found: Explanation, say: Tongue) -> tuple[str, str]:
    share = say.percent(found.claimed)
    if found.holds:
        first = say("The crowd: {words}. Least sure: that the word “{word}” is marked, {share}.", words=believed,
                    word=least, share=share)  # fmt: skip
        return first, say("Odds that the word “{word}” is marked:", word=least)
    first = say("The crowd: {words}. Least sure: that the word “{word}” is not marked, {share}.", words=believed,
                word=least, share=share)  # fmt: skip
    return first, say("Odds that the word “{word}” is not marked:", word=least)


def answer(evidence: Evidence, item: Item, campaign: Campaign, say: Tongue) -> str:
    """What somebody marked."""
    marked = marked_by(evidence, len(item.posterior))
    return say("not sure") if marked is None else listed(marked, campaign, item.content, say)


def alike(percent: str, campaign: Campaign, say: Tongue) -> str:
    """How often two answers agree, in a campaign of any kind."""
    if campaign.draft.kind is Kind.SPANS:
        return say("Two answers say the same of a word {percent} of the time.", percent=percent)
    if campaign.draft.kind is Kind.MULTI:
        return say("Two answers say the same of a label {percent} of the time.", percent=percent)
    return say("Two answers to an item are alike {percent} of the time.", percent=percent)


def right(share: str, campaign: Campaign, say: Tongue) -> str:
    """How right what is settled is, in a campaign of any kind."""
    if campaign.draft.kind is Kind.SPANS:
        return say("What is settled of a word is right: {share}.", share=share)
    if campaign.draft.kind is Kind.MULTI:
        return say("What is settled of a label is right: {share}.", share=share)
    return say("Settled items are right: {share}.", share=share)


def toggles(item: Item, campaign: Campaign, say: Tongue, marked: int | None = None) -> list[list[Button]]:
    """Each label or word as it stands, and the button that settles the set; at first it is the crowd's."""
    now = bits_of(likeliest(item.posterior)) if marked is None else marked
    texts = faces(campaign, item.content, set_of(now), say)
    keys = [Button(text, Rule(item.id, f"{SHOW}{now ^ 1 << at}")) for at, text in enumerate(texts)]
    return [*laid(campaign, keys), [Button(say("Settle it so"), Rule(item.id, f"{SETTLE}{now}"))]]
