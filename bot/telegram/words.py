"""The bot's words: gettext catalogues, one file for each language, read once at the first word."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from gettext import c2py
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal, format_percent

FOLDER = Path(__file__).parent / "locales"
LANGUAGES = {"en": "English", "zh": "中文"}  # each by its own name; the first is spoken to everybody else

CORE = "core"  # the context of sentences that are made in core or storage


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language: called with a message of the catalogue and the values of its {placeholders}."""

    language: str
    catalogue: Catalog

    def __call__(self, msgid: str, **values: object) -> str:
        """The sentence in this language; English where nobody has translated it."""
        return _filled(self._found(msgid) or msgid, values)

    def many(self, singular: str, plural: str, n: int, **values: object) -> str:
        """The sentence for `n` things, with {n} in it, by the language's own plural rule."""
        message = self.catalogue.get(singular)
        forms = message.string if message and isinstance(message.string, tuple | list) else ()
        at = c2py(self.catalogue.plural_expr)(n)
        text = forms[at] if at < len(forms) and forms[at] else (singular if n == 1 else plural)
        return _filled(text, {"n": self.number(n), **values})

    def clauses(self, *parts: str) -> str:
        """Parts of one line, with the language's comma between them."""
        return ("，" if self.language == "zh" else ", ").join(parts)

    def sentences(self, *parts: str) -> str:
        """Sentences one after the other; Chinese puts no space between them."""
        return ("" if self.language == "zh" else " ").join(parts)

    def core(self, sentence: str) -> str:
        """A sentence of core's or storage's, which speak English: translated where its pattern is in the catalogue."""
        for pattern, translation in _patterns(self.language):
            if found := pattern.fullmatch(sentence):
                return translation.format(**found.groupdict())
        return sentence

    def number(self, n: float) -> str:
        """A number with the language's separators."""
        return format_decimal(n, locale=self.language)

    def percent(self, share: float) -> str:
        """A share of 1 in whole percent."""
        return format_percent(share, locale=self.language)

    def money(self, thousandths: int, currency: str) -> str:
        """An amount in its currency, to the thousandth where it has one."""
        amount = Decimal(thousandths) / 1000
        return format_currency(amount, currency, "¤#,##0.00#", locale=self.language, currency_digits=False)

    def _found(self, msgid: str) -> str | None:
        message: Message | None = self.catalogue.get(msgid)
        return message.string if message and isinstance(message.string, str) else None


class Words:
    """All languages."""

    @staticmethod
    def of(language: str | None) -> Tongue:
        """The tongue for a language code of Telegram's ("zh-hans", "en", None); English for others."""
        code = (language or "").replace("_", "-").split("-")[0].lower()
        return _tongue(code if code in LANGUAGES else next(iter(LANGUAGES)))


@cache
def _tongue(language: str) -> Tongue:
    return Tongue(language, catalogue_of(language))


def catalogue_of(language: str) -> Catalog:
    """A language's file, read anew; OSError where there is none."""
    with (FOLDER / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


@cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """(what core says, its translation), the most particular first."""
    catalogue = _tongue(language).catalogue
    found = {str(message.id): str(message.string) for message in catalogue if message.context == CORE}
    return [(_pattern(msgid), found[msgid]) for msgid in sorted(found, key=len, reverse=True)]


def _pattern(msgid: str) -> re.Pattern[str]:
    parts = [(re.escape(text), name) for text, name, _, _ in string.Formatter().parse(msgid)]
    return re.compile("".join(text + (f"(?P<{name}>.+?)" if name else "") for text, name in parts), re.DOTALL)


def _filled(text: str, values: Mapping[str, object]) -> str:
    return text.format(**values) if values else text.replace("{{", "{").replace("}}", "}")


def placeholders(text: str) -> set[str]:
    """The names in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def noted(msgid: str) -> str:
    """Marks a message of the catalogue that is said later."""
    return msgid
