"""What a worker reads behind the “?” of a question."""

from __future__ import annotations

from collections.abc import Sequence

from bot.telegram.paper import TOAST, Block, note
from bot.telegram.visit import Reply
from bot.telegram.words import Tongue
from core.glossary import Term, occurring
from core.item import Item


def meanings(terms: Sequence[Term], item: Item, say: Tongue, chat: int) -> Reply:
    """What the terms of an item mean: over the chat where it is short enough, else as a message."""
    found = occurring(terms, item.content.words)
    text = "\n".join(f"{one.term}: {one.meaning}" for one in found)
    if not found:
        return Reply(toast=say("This button is out of date. /next shows the open question."))
    return Reply(toast=text, alert=True) if len(text) <= TOAST else Reply(note(chat, [Block(text)]))
