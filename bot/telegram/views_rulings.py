"""The card of a disputed item: the reasons, and a button for each ruling (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from bot.telegram import views_marks
from bot.telegram.callbacks import Rule
from bot.telegram.keyboards import Button, Markup, grid, markup
from bot.telegram.paper import CAPTION, Block, html, length, note, shortened
from bot.telegram.showing import SENT_AS, file_of, texts_of
from bot.telegram.views_reports import VOICES, reasons
from bot.telegram.words import Tongue
from core.campaign import Campaign
from core.explain import Explanation
from core.ids import WorkerId
from core.item import Item
from core.ports import Letter


def card(
    item: Item, found: Explanation, names: Mapping[WorkerId, str], campaign: Campaign, say: Tongue, chat: int
) -> list[Letter]:
    """A disputed item with the reasons, and a button for each ruling."""
    title = say("Disputed in {name}: {item}", name=campaign.slug, item=item.name)
    blocks = [Block(title, "b"), *texts_of(item.content), *reasons(item, found, names, campaign, say)]
    if not (file := file_of(item.content)):
        return note(chat, blocks, rulings(item, campaign, say))
    long = length(blocks) > CAPTION
    caption = html([Block(shortened(title, CAPTION), "b")] if long else blocks)
    body = {"caption": caption, "parse_mode": "HTML", "reply_markup": rulings(item, campaign, say)}
    shown = Letter(chat, SENT_AS[file], body, media=item.content.media)
    return [*(note(chat, blocks) if long else []), shown]


def rulings(item: Item, campaign: Campaign, say: Tongue, marked: int | None = None) -> Markup:
    """One button for each label, then: withdraw, ask more, the next one. `marked`: the set that is looked at."""
    others = [
        Button(say("Withdraw it"), Rule(item.id, "w")),
        Button(say("Ask more"), Rule(item.id, "m")),
        Button(say("Next"), Rule(item.id, "n")),
    ]
    if campaign.draft.kind.marked:
        return markup([*views_marks.toggles(item, campaign, say, marked), others])
    likely = sorted(range(len(campaign.labels)), key=lambda k: -item.posterior[k])[:VOICES]
    labels = [Button(campaign.choices(say.language)[k], Rule(item.id, str(k))) for k in sorted(likely)]
    return markup([*grid(labels), others])
