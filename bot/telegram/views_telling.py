"""Which words of an item the network went by (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.telegram.paper import Block, note
from bot.telegram.words import Tongue
from core.ports import Letter

LEAST = 0.1  # nats under which a word tells nothing worth reading


def told_by(words: Sequence[tuple[str, float]], label: str, item: str, say: Tongue, chat: int) -> list[Letter]:
    """The words that spoke for a label and those against it, each with its nats; nothing where none tells much."""
    pro = [f"“{word}”" for word, nats in words if nats >= LEAST]
    contra = [f"“{word}”" for word, nats in words if nats <= -LEAST]
    lines = []
    if pro:
        lines.append(say("{item}: for “{label}” the network goes by {words}.", item=item, label=label,
                         words=say.clauses(*pro)))  # fmt: skip
    if contra:
        lines.append(say("{item}: against “{label}” it goes by {words}.", item=item, label=label,
                         words=say.clauses(*contra)))  # fmt: skip
    return note(chat, [Block("\n".join(lines))]) if lines else []
