"""The buttons below a disputed item: a ruling, once, then the next item."""

from __future__ import annotations

from dataclasses import replace

from bot.telegram import views_rulings
from bot.telegram.callbacks import Rule
from bot.telegram.choices import truth
from bot.telegram.paper import Block, bare, note
from bot.telegram.views_marks import SETTLE, SHOW
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import Tongue
from core.campaign import Campaign
from core.errors import BadInput
from core.explain import Explanation, explain
from core.ids import ItemId, WorkerId
from core.item import Item, Verdict
from core.ports import Letter, Repeat, Transaction
from core.review import Reviewed, Ruling, review
from core.worker import Worker

RULINGS = {"w": Ruling.WITHDRAW, "m": Ruling.MORE}


def ruled(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, pressed: Rule) -> Reply:
    """A button below a disputed item: the ruling, once, and the next one."""
    if visit.account.number not in visit.house.admins:
        return Reply(toast=say("This button belongs to somebody else. /next shows your own question."))
    item = tx.item(ItemId(pressed.item))
    campaign = tx.campaign(item.campaign)
    if pressed.word.startswith(SHOW):
        return _shown(visit, item, campaign, int(pressed.word[1:]), say)
    toast = ""
    if pressed.word != "n":
        ruling = RULINGS.get(pressed.word, Ruling.LABEL)
        label = _truth(pressed.word, campaign) if ruling is Ruling.LABEL else None
        toast = _became(*review(tx, worker.id, item.id, ruling, label, visit.now), ruling, campaign, say)
    old = [] if visit.bubble is None else [bare(visit.chat, visit.bubble.number)]
    onward = next_disputed(tx, visit, campaign, item.id, say)
    return replace(onward, letters=[*old, *onward.letters], toast=toast)


def _shown(visit: Visit, item: Item, campaign: Campaign, marked: int, say: Tongue) -> Reply:
    """The card with another set marked; nothing is ruled by it."""
    if not campaign.draft.kind.marked or visit.bubble is None or item.verdict is not Verdict.DISPUTED:
        return Reply(toast=say("This item is not disputed any more."))
    body = {"reply_markup": views_rulings.rulings(item, campaign, say, marked)}
    return Reply([Letter(visit.chat, "editMessageReplyMarkup", body, Repeat.FREELY, message=visit.bubble.number)])


def _truth(word: str, campaign: Campaign) -> int:
    """A label, or a set where several may hold; BadInput for the word of another kind of campaign."""
    if word.startswith(SETTLE) != campaign.draft.kind.marked:
        raise BadInput("label", f"'{campaign.slug}' has no label of this number.")
    return int(word.removeprefix(SETTLE))


def _became(done: Reviewed, item: Item, ruling: Ruling, campaign: Campaign, say: Tongue) -> str:
    if done is Reviewed.ALREADY:
        return say("This item is not disputed any more.")
    if ruling is Ruling.LABEL and item.truth is not None:
        return say("Settled: “{label}”.", label=truth(campaign, item.truth, item.content, say))
    if ruling is Ruling.WITHDRAW:
        return say("Withdrawn: nobody is asked about it.")
    return say("It goes back to the workers.")


def next_disputed(tx: Transaction, visit: Visit, campaign: Campaign, after: ItemId, say: Tongue) -> Reply:
    """The next disputed item, from the first one again behind the last; or that there is none."""
    ids = tx.disputed(campaign.id, after, 1) or [one for one in tx.disputed(campaign.id, ItemId(0), 1) if one != after]
    if not ids:
        return Reply(note(visit.chat, [Block(say("No item of {name} waits for a ruling.", name=campaign.slug))]))
    item = tx.item(ids[0])
    found, known = explained(tx, campaign, item)
    return Reply(views_rulings.card(item, found, known, campaign, say, visit.chat), shown=item.id)


def explained(tx: Transaction, campaign: Campaign, item: Item) -> tuple[Explanation, dict[WorkerId, str]]:
    """The explanation, with the pseudonyms of those who answered."""
    found = explain(campaign, item, tx.answers_of(item.id))
    enrolments = [tx.enrolment(campaign.id, voice.worker) for voice in found.voices]
    return found, {one.worker: one.pseudonym for one in enrolments if one is not None}
