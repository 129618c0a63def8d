"""What a message is written on: blocks of plain text with one tag each, in pages that the Bot API takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from bot.telegram.keyboards import Markup, markup
from core.ports import Letter, Repeat

PAGE = 4096  # letters of a message, counted in UTF-16 units: never more than Telegram counts
CAPTION = 1024  # letters under a file
TOAST = 200  # letters of the answer to a tap
NO_PREVIEW = {"is_disabled": True}


@dataclass(frozen=True, slots=True)
class Block:
    """Plain text under one tag: "" or i, b, pre, blockquote."""

    text: str
    tag: str = ""
    mark: str = ""  # in bold above it, wherever it goes

    @property
    def html(self) -> str:
        inner = escape(self.text, quote=False)
        above = f"<b>{escape(self.mark, quote=False)}</b>\n" if self.mark else ""
        return above + (f"<{self.tag}>{inner}</{self.tag}>" if self.tag else inner)

    @property
    def units(self) -> int:
        """Letters that it takes, as `_units` counts them."""
        return _units(self.text) + (_units(self.mark) + 1 if self.mark else 0)


@dataclass(frozen=True, slots=True)
class Bubble:
    """A message of ours that stands in the chat."""

    number: int
    file: bool  # a picture or a sound, perhaps with a caption; a message of words never becomes one, nor the other way


def length(blocks: Sequence[Block]) -> int:
    """Letters that blocks take on a page, the gaps between them included."""
    return sum(block.units + 2 for block in blocks)


def html(blocks: Iterable[Block]) -> str:
    """The blocks as one text, a blank line between them (none before a quote, which stands out by itself)."""
    text = ""
    for block in blocks:
        gap = "" if not text else "\n" if block.tag == "blockquote" and not block.mark else "\n\n"
        text += gap + block.html
    return text


def pages(blocks: Iterable[Block], limit: int = PAGE) -> list[list[Block]]:
    """All blocks on as few pages as their order allows; a block longer than a page is split, never cut."""
    found: list[list[Block]] = [[]]
    for block in blocks:
        for piece in _pieces(block, limit - 2):
            if found[-1] and length([*found[-1], piece]) > limit:
                found.append([])
            found[-1].append(piece)
    return [page for page in found if page]


def _pieces(block: Block, limit: int) -> Iterator[Block]:
    rest = block.text.strip("\n") if block.tag != "pre" else block.text
    limit -= block.units - _units(block.text)
    while _units(rest) > limit:
        head = _within(rest, limit)
        at = max(head.rfind("\n"), head.rfind(" ")) if len(head) < len(rest) else -1
        head = head[:at] if at > len(head) // 2 else head
        yield replace(block, text=head)
        rest = rest[len(head) :].lstrip()
    if rest.strip():
        yield replace(block, text=rest)


def shortened(text: str, limit: int) -> str:
    """`text`, or as much of it as fits with a sign that there is more."""
    return text if _units(text) <= limit else _within(text, limit - 1).rstrip() + "…"


def _within(text: str, limit: int) -> str:
    return text.encode("utf-16-le", "surrogatepass")[: 2 * limit].decode("utf-16-le", "ignore")


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def note(chat: int, blocks: Sequence[Block], keyboard: Markup | None = None) -> list[Letter]:
    """New messages that say `blocks`; the last one carries the keyboard."""
    sheets = pages(blocks)
    letters = [Letter(chat, "sendMessage", _body(sheet, None)) for sheet in sheets[:-1]]
    return [*letters, Letter(chat, "sendMessage", _body(sheets[-1], keyboard))]


def rewritten(chat: int, number: int, blocks: Sequence[Block], keyboard: Markup | None = None) -> Letter:
    """A message of ours says something else now; `blocks` fit one page."""
    return Letter(chat, "editMessageText", _body(blocks, keyboard), Repeat.FREELY, message=number)


def bare(chat: int, number: int) -> Letter:
    """A message of ours loses its buttons."""
    return Letter(chat, "editMessageReplyMarkup", {"reply_markup": markup([])}, Repeat.FREELY, message=number)


def _body(blocks: Sequence[Block], keyboard: Markup | None) -> dict[str, Any]:
    body: dict[str, Any] = {"text": html(blocks), "parse_mode": "HTML", "link_preview_options": NO_PREVIEW}
    return body if keyboard is None else {**body, "reply_markup": keyboard}
