"""Label sets of every size on a phone: groups on pages, short lists, yes or no, a suggestion that is marked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.telegram import views
from bot.telegram.callbacks import Turn, pack
from bot.telegram.choices import GUESS, of_question
from bot.telegram.words import Words
from core.campaign import Campaign
from core.evidence import Evidence
from core.forms import Form, Layout
from core.grouping import Group
from core.ids import ItemId
from core.ports import Transaction
from core.question import Answer
from tests.bot.phone import Town, texts, town
from tests.bot.test_views import EN, asked, campaign, rows

ANN, BOB = 11, 12
LABELS = ("lost card", "new card", "card limit", "refund", "fee", "cash", "top up", "limit", "pin", "app")
GROUPS = (Group("Cards", (0, 1, 2, 8)), Group("Money", (3, 4, 5, 6, 7)), Group("Else", (9,)))


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as found:
        yield found


async def opened(here: Town, labels: tuple[str, ...] = LABELS, **more: Any) -> Campaign:
    made = await here.campaign(items=texts("one", "two"), labels=labels, wordings={}, **more)
    await here.send(ANN, "/start pets")
    await here.tap(ANN, "I agree")
    return made


async def facts(here: Town, of: Campaign) -> list[Answer]:
    def work(tx: Transaction) -> list[Answer]:
        found = [tx.answers_of(ItemId(n)) for n in (1, 2)]
        return [answer for item in found for answer, _ in item]

    return await here.store.ledger.transact(work)


async def test_a_label_is_two_taps_away_and_pages_turn_both_ways(here: Town) -> None:
    of = await opened(here, groups=GROUPS)
    assert list(here.last(ANN).buttons) == ["Cards ›", "Money ›", "Else ›", "Not sure", "Skip", "Problem"]
    bubble = here.last(ANN).number
    for _ in range(2):  # a double tap turns the same page
        assert await here.tap(ANN, "Cards ›", here.last(ANN)) == "" if "Cards ›" in here.last(ANN).buttons else True
    shown = list(here.last(ANN).buttons)
    assert shown == ["lost card", "new card", "card limit", "pin", "One of these, not sure which", "‹ Back"]
    await here.tap(ANN, "‹ Back")
    await here.tap(ANN, "Money ›")
    assert await here.answers(of.id) == 0, "turning pages answers nothing"
    assert await here.tap(ANN, "refund") == "Saved: “refund”."
    assert [answer.evidence for answer in await facts(here, of)] == [Evidence.of(3)]
    assert here.last(ANN).number == bubble and "Cards ›" in here.last(ANN).buttons, "the next question, same bubble"


async def test_a_group_alone_is_evidence_where_the_worker_says_so(here: Town) -> None:
    of = await opened(here, groups=GROUPS)
    await here.tap(ANN, "Money ›")
    assert await here.tap(ANN, "One of these, not sure which") == "Saved: “one of “Money””."
    assert [answer.evidence for answer in await facts(here, of)] == [Evidence.of(3, 4, 5, 6, 7)]


async def test_old_pages_say_that_they_are_done(here: Town) -> None:
    of = await opened(here, groups=GROUPS)
    before = here.last(ANN)
    await here.tap(ANN, "Cards ›")
    inside = here.last(ANN)
    await here.tap(ANN, "pin")
    assert await here.press(ANN, before.buttons["Cards ›"], before) == (
        "This is done already. /next shows the open question."
    )
    assert await here.press(ANN, inside.buttons["new card"], inside) == (
        "This is done already. /next shows the open question."
    )
    await here.send(BOB, "/start pets")
    assert "somebody else" in await here.press(BOB, before.buttons["Cards ›"], before)
    asked_now = here.last(ANN)
    carried = asked_now.buttons["Cards ›"]
    for wrong in (carried[:-1] + "99", carried.replace(":0:", ":7:", 1)):
        assert "out of date" in await here.press(ANN, wrong, asked_now)
    assert len(await facts(here, of)) == 1


async def test_two_hundred_labels_fit_a_phone(here: Town) -> None:
    labels = tuple(f"{topic} number {n}" for topic in ("amber", "beryl", "coral", "denim", "ebony") for n in range(40))
    of = await opened(here, labels)
    for _ in range(2):
        first = here.last(ANN)
        assert len(first.buttons) <= 24
        page = next(text for text in first.buttons if text.endswith("›"))
        await here.tap(ANN, page)
        within = [text for text in here.last(ANN).buttons if text in labels]
        assert 1 <= len(within) <= 24
        assert "Saved" in await here.tap(ANN, within[-1])
    assert [len(answer.evidence) for answer in await facts(here, of)] == [1, 1]


async def test_a_short_list_leads_on_to_the_groups(here: Town) -> None:
    labels = tuple(f"{topic} number {n}" for topic in ("amber", "beryl", "coral", "denim", "ebony") for n in range(12))
    of = await opened(here, labels)

    def sharpen(tx: Transaction) -> None:
        for n in (1, 2):
            tx.save_item(replace(tx.item(ItemId(n)), posterior=(0.98, *(0.02 / 59,) * 59)))

    await here.store.ledger.transact(sharpen)
    await here.tap(ANN, "Skip")
    shown = list(here.last(ANN).buttons)
    assert {"amber number 0", "Another… ›"} <= set(shown) and len(shown) == 4 + 1 + 3
    await here.tap(ANN, "Another… ›")
    groups = list(here.last(ANN).buttons)
    assert "‹ Back" in groups and not set(labels) & set(groups)
    await here.tap(ANN, "‹ Back")
    assert list(here.last(ANN).buttons)[:5] == shown[:5]
    await here.tap(ANN, "Another… ›")
    await here.tap(ANN, next(text for text in groups if text.endswith("›")))
    label = next(text for text in here.last(ANN).buttons if text in labels)
    assert await here.tap(ANN, label) == f"Saved: “{label}”."
    assert [answer.evidence for answer in await facts(here, of)] == [Evidence.of(labels.index(label))]


@pytest.mark.parametrize(
    ("form", "tapped", "evidence"),
    [(Form.YES_NO, "No", 9), (Form.SHORT, "None of these", 4), (Form.ALL, "pin", 1)],
)
async def test_a_form_can_be_fixed(here: Town, form: Form, tapped: str, evidence: int) -> None:
    of = await opened(here, policy={"form": form})
    assert await here.tap(ANN, tapped) == f"Saved: “{tapped}”."
    (answer,) = await facts(here, of)
    assert len(answer.evidence) >= evidence


def test_a_suggestion_is_marked_only_where_the_arm_says_so() -> None:
    given = asked(layout=Layout(Form.ALL, (0, 1)))
    for revealed in (True, False, None):
        question = replace(given.question, suggested=1, revealed=revealed)
        (letter,) = views.question(replace(given, question=question), EN, 7)
        assert rows(letter)[0] == ["cat", (GUESS if revealed else "") + "dog"]
        assert ("what a computer guesses" in str(letter.body)) == bool(revealed)


def test_pages_that_are_not_there_are_refused() -> None:
    of = campaign(labels=LABELS, groups=GROUPS)
    given = asked(layout=Layout(Form.GROUPS, ()), labels=LABELS)
    question, content = given.question, given.item.content
    with pytest.raises(ValueError, match="no page 5"):
        of_question(of, question, content, EN, None, 5)
    with pytest.raises(ValueError, match="no page 1"):
        of_question(campaign(), asked().question, content, EN, None, 1)
    assert len(pack(Turn(question.id, 999_999_999, 501))) <= 64
    for language in ("en", "zh"):
        assert of_question(of, question, content, Words.of(language), None, 2)


