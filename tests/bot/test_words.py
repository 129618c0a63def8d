"""Every word that the bot says is in both catalogues, with the same placeholders, and none lies there unused."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import ascii_lowercase

import pytest
from babel.messages.catalog import Catalog

from bot.telegram.words import CORE, LANGUAGES, Words, catalogue_of, placeholders

ROOT = Path(__file__).parents[2]
SPEAKING = [path for path in sorted((ROOT / "bot").rglob("*.py")) if "bot.telegram.words" in path.read_text("utf-8")]
FILES_OF_ITEMS = (
    "conll_items", "found", "images", "items", "jsonl_items", "media_items", "rows", "tables", "unpacking", "xlsx",
)  # fmt: skip
CORE_RAISES = ("campaign", "item", "administration", "feeding", "stretches", "writing", "admission", "review")
CHAT_RAISES = ("new_campaign", "admin_replies", "admin_handlers", "admin_chains", "admin_workers", "admin_reports")
RAISING = [  # what reads files of answers speaks to a terminal only
    *(ROOT / "core" / f"{name}.py" for name in CORE_RAISES),
    *(ROOT / "bot" / "telegram" / f"{name}.py" for name in CHAT_RAISES),
    ROOT / "storage" / "chains.py",
    *(ROOT / "storage" / "exchange" / f"{name}.py" for name in FILES_OF_ITEMS),
]
ERRORS = {"BadInput": 1, "Refused": 0, "Conflict": 0}  # name -> which argument is the sentence


def calls(path: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]


def literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def said() -> dict[str, str]:
    """msgid -> its plural, or "" """
    found: dict[str, str] = {}
    for call in (call for path in SPEAKING for call in calls(path)):
        match call.func:
            case ast.Name("say" | "noted") | ast.Call(ast.Attribute(ast.Name("Words"), "of")) if call.args:
                msgid = literal(call.args[0])
                assert msgid or isinstance(call.args[0], ast.Name), ast.unparse(call)
                if msgid:
                    found.setdefault(msgid, "")
            case ast.Attribute(ast.Name("say"), "many"):
                singular, plural = literal(call.args[0]), literal(call.args[1])
                assert singular and plural, ast.unparse(call)
                found[singular] = plural
    return found


def template(node: ast.expr) -> str | None:
    """A sentence with {a}, {b}... for what an f-string puts in."""
    if isinstance(node, ast.Constant):
        return escaped(node)
    if not isinstance(node, ast.JoinedStr):
        return None
    letters = iter(ascii_lowercase)
    return "".join(
        escaped(part) if isinstance(part, ast.Constant) else f"{{{next(letters)}}}" for part in node.values
    )


def escaped(node: ast.Constant) -> str:
    return str(node.value).replace("{", "{{").replace("}", "}}")


def raised() -> set[str]:
    found = set()
    for call in (call for path in RAISING for call in calls(path)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in ERRORS and len(call.args) > ERRORS[name]:
            sentence = template(call.args[ERRORS[name]])
            found |= {sentence} if sentence else set()
    return found


def plain(catalogue: Catalog) -> dict[str, object]:
    """msgid (the singular of a plural) -> msgstr, without what core says."""
    return {
        (message.id if isinstance(message.id, str) else message.id[0]): message.string
        for message in catalogue
        if message.id and message.context is None
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_in_the_catalogue_and_none_is_unused(language: str) -> None:
    assert set(plain(catalogue_of(language))) == set(said())


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_placeholders(language: str) -> None:
    catalogue = catalogue_of(language)
    for message in catalogue:
        if not message.id:
            continue
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        assert len(strings) == (1 if len(ids) == 1 else catalogue.num_plurals)
        for text in strings:
            kept, given = placeholders(text), placeholders(ids[-1])
            assert text and (kept == given or (kept <= given and message.context == CORE)), message.id


def test_what_core_says_of_wrong_input_is_translated() -> None:
    known = {message.id for message in catalogue_of("zh") if message.context == CORE}
    assert raised() - known == set()


def test_the_english_catalogue_says_what_the_code_says() -> None:
    plurals = said()
    for msgid, string in plain(catalogue_of("en")).items():
        assert string == ((msgid, plurals[msgid]) if plurals[msgid] else msgid)


@pytest.mark.parametrize(
    ("code", "language"),
    [("zh-hans", "zh"), ("zh_TW", "zh"), ("ZH", "zh"), ("en-GB", "en"), ("de", "en"), ("", "en"), (None, "en")],
)
def test_languages_fall_back(code: str | None, language: str) -> None:
    assert Words.of(code).language == language


def test_plurals_follow_the_language() -> None:
    say = Words.of("en")
    assert say.many("{n} answer", "{n} answers", 1) == "1 answer"
    assert say.many("{n} answer", "{n} answers", 1200) == "1,200 answers"
    assert say.many("{n} answer", "{n} answers", 0) == "0 answers"
    assert Words.of("zh").many("{n} answer", "{n} answers", 1) == "1 个回答"


def test_values_are_not_read_as_templates() -> None:
    assert "{0}" in Words.of("en")("Saved: “{choice}”.", choice="{0}")


def test_money_keeps_thousandths() -> None:
    say = Words.of("en")
    assert say.money(5, "EUR") == "€0.005"
    assert say.money(1_250_000, "EUR") == "€1,250.00"


def test_a_sentence_of_core_is_found_by_its_pattern() -> None:
    zh = Words.of("zh")
    assert re.search("3,600.*3,500", zh.core("has 3,600 characters; at most 3,500 fit one message."))
    assert zh.core("Nobody has translated this.") == "Nobody has translated this."
    assert "UNIQUE" not in Words.of("en").core("Somebody else was first (UNIQUE constraint failed: item.name).")
