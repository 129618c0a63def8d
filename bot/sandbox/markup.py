"""Telegram's HTML into plain text and entities, and the checks on inline keyboards.

The page draws text from entities, never from HTML, so no message can bring live markup into the browser.
Deviation: of the three parse modes only HTML is known here.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from bot.sandbox.wire import Json, bad_request

Keyboard = tuple[tuple[Json, ...], ...]
ENTITY_OF_TAG = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
    "span": "spoiler", "code": "code", "pre": "pre", "a": "text_link", "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}  # fmt: skip
TAG = re.compile(r"""<(/?)([^\s<>/]*)((?:[^<>"']|"[^"]*"|'[^']*')*)>""")
ESCAPE = re.compile(r"&(lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")  # all that Telegram knows
ATTRIBUTE = re.compile(r"""([\w-]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s>]+))?""")
FOUND = (
    ("bot_command", re.compile(r"(?<![\w/<])/[A-Za-z0-9_]{1,64}\b")),
    ("url", re.compile(r"https?://[^\s<>]+")),
)
MOST_BUTTONS = 100


def units(text: str) -> int:
    """Length of `text` in UTF-16 code units, the unit of Telegram's offsets and (here) of its limits."""
    return len(text.encode("utf-16-le")) // 2


@dataclass(slots=True)
class _Open:
    tag: str
    attributes: dict[str, str]
    offset: int  # UTF-16 units


def _cannot(words: str) -> Exception:
    return bad_request(f"can't parse entities: {words}")


def _entity(opened: _Open, end: int, text: str) -> Json | None:
    """The entity that `opened` becomes when it closes at `end`; None where Telegram shows plain text."""
    kind = ENTITY_OF_TAG[opened.tag]
    entity: Json = {"type": kind, "offset": opened.offset, "length": end - opened.offset}
    if entity["length"] == 0:
        return None
    if kind == "text_link":
        url = opened.attributes.get("href") or text[-(end - opened.offset) :]
        return entity | {"url": url} if re.match(r"(https?|tg|mailto):", url) else None
    if kind == "custom_emoji":
        return entity | {"custom_emoji_id": opened.attributes.get("emoji-id", "0")}
    if opened.tag == "blockquote" and "expandable" in opened.attributes:
        return entity | {"type": "expandable_blockquote"}
    return entity


def _opened(match: re.Match[str], at: int, offset: int) -> _Open:
    tag = match[2].lower()
    pairs = {name.lower(): value.strip("\"'") for name, value in ATTRIBUTE.findall(match[3])}
    if tag not in ENTITY_OF_TAG:
        raise _cannot(f'Unsupported start tag "{tag}" at byte offset {at}')
    if tag == "span" and pairs.get("class") != "tg-spoiler":
        raise _cannot(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    return _Open(tag, pairs, offset)


def _pieces(source: str) -> Iterator[tuple[str, re.Match[str] | None, int]]:
    """Plain text, the tag after it (None at the end), and where that tag is, in bytes."""
    position = 0
    while (bracket := source.find("<", position)) >= 0:
        at = len(source[:bracket].encode())
        match = TAG.match(source, bracket)
        if match is None:
            side = "end" if source.startswith("</", bracket) else "start"
            raise _cannot(f"Unclosed {side} tag at byte offset {at}")
        yield ESCAPE.sub(lambda escape: html.unescape(escape[0]), source[position:bracket]), match, at
        position = match.end()
    yield ESCAPE.sub(lambda escape: html.unescape(escape[0]), source[position:]), None, 0


def _closed(stack: list[_Open], tag: str, at: int) -> _Open:
    if not stack:
        raise _cannot(f"Unexpected end tag at byte offset {at}")
    opened = stack.pop()
    if tag not in ("", opened.tag):
        raise _cannot(f'Unmatched end tag at byte offset {at}, expected "</{opened.tag}>", found "</{tag}>"')
    return opened


def parse_html(source: str) -> tuple[str, tuple[Json, ...]]:
    """Plain text and entities of Telegram's HTML; raises Refusal "can't parse entities: ..."."""
    text, offset, entities, stack = "", 0, list[Json](), list[_Open]()
    for plain, tag, at in _pieces(source):
        text, offset = text + plain, offset + units(plain)
        if tag is None:
            break
        if not tag[1]:
            stack.append(_opened(tag, at, offset))
            continue
        entity = _entity(_closed(stack, tag[2].lower(), at), offset, text)
        entities.extend([entity] if entity else [])
    if stack:
        raise _cannot(f'Can\'t find end tag corresponding to start tag "{stack[-1].tag}"')
    return text, tuple(sorted(entities, key=lambda entity: (entity["offset"], -entity["length"])))


def found_entities(text: str) -> tuple[Json, ...]:
    """Commands and links that Telegram finds in plain text by itself."""
    hits = [(kind, match) for kind, pattern in FOUND for match in pattern.finditer(text)]
    links = [match.span() for kind, match in hits if kind == "url"]
    return tuple(
        {"type": kind, "offset": units(text[: match.start()]), "length": units(match[0])}
        for kind, match in sorted(hits, key=lambda hit: hit[1].start())
        if kind == "url" or not any(start <= match.start() < end for start, end in links)
    )


def _overlap(one: Json, other: Json) -> bool:
    return bool(one["offset"] < other["offset"] + other["length"] and other["offset"] < one["offset"] + one["length"])


def formatted(source: str, parse_mode: str | None, given: Sequence[Json] | None) -> tuple[str, tuple[Json, ...]]:
    """Text and entities as Telegram stores them: parsed, joined with what it finds itself, trimmed."""
    if parse_mode and parse_mode.lower() != "html":
        raise bad_request("unsupported parse_mode")
    text, entities = parse_html(source) if parse_mode else (source, tuple(given or ()))
    lead, text = units(text) - units(text.lstrip()), text.strip()
    size = units(text)
    kept = []
    for entity in entities:
        start = max(entity["offset"] - lead, 0)
        end = min(entity["offset"] + entity["length"] - lead, size)
        if start < end:
            kept.append(entity | {"offset": start, "length": end - start})
    free = [entity for entity in found_entities(text) if not any(_overlap(entity, other) for other in kept)]
    return text, tuple(sorted(kept + free, key=lambda e: (e["offset"], -e["length"])))


def _button(button: Any) -> Json:
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    if not button["text"].strip():
        raise bad_request("can't parse inline keyboard button: Text must be non-empty")
    data, url, app = button.get("callback_data"), button.get("url"), button.get("web_app")
    if data is not None and not 1 <= len(str(data).encode()) <= 64:
        raise bad_request("BUTTON_DATA_INVALID")
    if url is not None and not re.match(r"(https?|tg|mailto)://?\S+", str(url)):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    if app is not None and not str(app.get("url", "")).startswith("https://"):
        words = f"inline keyboard button Web App URL '{app.get('url')}' is invalid"
        raise bad_request(f"{words}: Only HTTPS links are allowed")
    if len(button) < 2:
        words = "Text buttons are unallowed in the inline keyboard"
        raise bad_request(f"can't parse inline keyboard button: {words}")
    return button


def keyboard(markup: Any) -> Keyboard:
    """The inline keyboard of a `reply_markup`, checked; other markups are accepted and show no buttons."""
    if markup is None:
        return ()
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    rows = tuple(tuple(_button(button) for button in row) for row in markup.get("inline_keyboard") or () if row)
    if sum(map(len, rows)) > MOST_BUTTONS or len(json.dumps(rows)) > 10_000:
        raise bad_request("reply markup is too long")
    return rows
