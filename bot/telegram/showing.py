"""An item as people see it: its words as blocks, and the kind of message that its file wants (pure)."""

from __future__ import annotations

from bot.telegram.paper import Block
from core.item import Content, Medium

SENT_AS = {"photo": "sendPhoto", "document": "sendDocument", "audio": "sendAudio", "video": "sendVideo"}
FILES = {Medium.IMAGE: "photo", Medium.AUDIO: "audio"}  # a sound is no "voice": such a message cannot be edited
SIDES = ("A", "B")  # what the texts of a pair are called, in every language, as on their labels


def file_of(content: Content) -> str:
    """What Telegram calls the kind of file that is shown, "" where only words are."""
    return FILES.get(content.medium, "")


def texts_of(content: Content) -> list[Block]:
    """The item's words; each text of a pair has its letter above it. None where a file comes without a caption."""
    if content.other:
        texts = zip(SIDES, (content.text, content.other), strict=True)
        return [Block(text, "blockquote", side) for side, text in texts]
    return [Block(content.text, "blockquote")] if content.text else []
