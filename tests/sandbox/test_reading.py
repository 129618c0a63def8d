"""A person of the sandbox finds the label in their mind in every form that the bot sends, in both languages."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.sandbox.people import Button, Shown
from bot.sandbox.reading import asks, step, step_of_set, ticks
from bot.telegram.callbacks import Mark, Turn, unpack
from bot.telegram.choices import FIRST, of_question
from bot.telegram.views import question as letters
from bot.telegram.words import Words
from core.campaign import Campaign, CampaignState, Draft, Kind, Policy
from core.evidence import Evidence
from core.forms import Form, Layout, evidence_of
from core.grouping import Group
from core.ids import CampaignId, ItemId, QuestionId, WorkerId
from core.item import Content, Item, Medium, Role, Verdict
from core.question import Press, Question, QuestionState, Tap
from core.reliability import Pool
from core.service import Asked

NOW = datetime(2026, 11, 22, tzinfo=UTC)
THINGS = "card arrival, card lost, card stolen, card payment fee, cash withdrawal fee, cash refused, top up failed, " \
    "top up limit, exchange rate, exchange by app, pin blocked, pin forgotten, age limit, country"  # fmt: skip
LABELS = tuple(THINGS.split(", "))
CHINESE = tuple(f"{sign}事" for sign in "卡钱费率密年国机转退验换充取")
NAMED = (Group("Cards", (0, 1, 2, 3)), Group("Money", tuple(range(4, 13))), Group("country", (13,)))
DIGITS = tuple(map(str, range(10)))
LAYOUTS = (
    Layout(Form.ALL, tuple(range(10))),
    Layout(Form.SHORT, (3, 9, 0)),
    Layout(Form.YES_NO, (2,)),
    Layout(Form.GROUPS, ()),
    Layout(Form.GROUPS, (7, 1, 4)),
)


def asked(layout: Layout, labels: tuple[str, ...], kind: Kind = Kind.SINGLE) -> Asked:
    groups = NAMED if labels is LABELS and layout.shown and kind is Kind.SINGLE else ()
    wordings = {"zh": CHINESE[: len(labels)]}
    draft = Draft("pets", "Pets", "Which one?", labels, kind, Policy(), wordings, groups=groups)
    campaign = Campaign(CampaignId(1), draft, CampaignState.OPEN, NOW, Pool.fresh(len(labels)))
    if layout.form is Form.ALL:
        layout = Layout(Form.ALL, tuple(range(len(labels))))
    question = Question(
        QuestionId("q"), campaign.id, ItemId(1), WorkerId(1), layout, 0.5, 0, QuestionState.LIVE, NOW, NOW
    )
    content = Content(Medium.TEXT, "He asked “is it card lost?” and “top up limit”?")
    posterior = (1 / len(labels),) * len(labels)
    item = Item(ItemId(1), campaign.id, "i", content, Role.PLAIN, None, "", Verdict.OPEN, posterior)
    return Asked(campaign, question, item, False)


def drawn(asked: Asked, language: str, page: int = FIRST, undo: Tap | None = None) -> Shown:
    """The bubble as a phone shows it."""
    say = Words.of(language)
    body = letters(asked, say, 7, say("Saved: “{choice}”.", choice=asked.campaign.choices(language)[5]), undo)[-1].body
    keyboard = of_question(asked.campaign, asked.question, asked.item.content, say, undo, page)["inline_keyboard"]
    rows = tuple(tuple(Button(key["text"], key["callback_data"]) for key in row) for row in keyboard)
    return Shown(1, False, 0, str(body["text"]), None, (), None, rows, False, 0)


@pytest.mark.parametrize("labels", [LABELS, DIGITS], ids=["things", "digits"])
@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: f"{layout.form}-{len(layout.shown)}")
def test_what_is_tapped_is_what_is_thought(layout: Layout, language: str, labels: tuple[str, ...]) -> None:
    """Red where "none of these" goes for "not sure", a page's title for a label, or a page is opened for ever."""
    place = asked(layout, labels)
    choices = place.campaign.choices(language)
    for label in range(len(labels)):
        bubble, looked = drawn(place, language, undo=Tap(QuestionId("p"), 0, Press.UNDO)), set[str]()
        assert asks(bubble, choices)
        for _ in range(3 + 2 * len(place.campaign.groups)):
            taken = step(bubble, label, choices, looked)
            assert taken is not None
            pressed = unpack(taken.key.data or "")
            if taken.answers:
                break
            assert isinstance(pressed, Turn)
            looked.add(taken.key.text)
            bubble = drawn(place, language, pressed.page)
        assert isinstance(pressed, Tap) and isinstance(pressed.choice, int)
        shown = place.question.layout
        evidence = evidence_of(shown, pressed.choice, len(labels), place.campaign.groups)
        aside = shown.form in (Form.SHORT, Form.YES_NO) and label not in shown.shown
        assert evidence == (Evidence.among(shown.shown).complement(len(labels)) if aside else Evidence.of(label))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("wanted", [0, 0b1, 0b10000000000101, (1 << 14) - 1])
def test_what_is_marked_is_what_is_thought(wanted: int, language: str) -> None:
    """Red where a tick is not seen, or "done" is tapped before the last one."""
    place, marked = asked(Layout(Form.TOGGLE, (5, 9)), LABELS, Kind.MULTI), {5, 9}
    choices = place.campaign.choices(language)
    for _ in range(2 * len(LABELS)):
        layout = Layout(Form.TOGGLE, tuple(sorted(marked)))
        place = replace(place, question=replace(place.question, layout=layout))
        bubble = drawn(place, language)
        assert asks(bubble, choices) and len(ticks(bubble, choices)) == len(LABELS)
        taken = step_of_set(bubble, wanted, choices)
        assert taken is not None
        pressed = unpack(taken.key.data or "")
        if taken.answers:
            break
        assert isinstance(pressed, Mark)
        marked = marked | {pressed.label} if pressed.on else marked - {pressed.label}
    assert isinstance(pressed, Tap) and pressed.choice is (Press.DONE if wanted else Press.NONE)
    assert sum(1 << label for label in marked) == wanted


def test_what_asks_nothing_is_left_alone() -> None:
    rest = Shown(1, False, 0, "Nothing is left.", None, (), None, ((Button("Look again", "n"),),), False, 0)
    assert not asks(rest, LABELS) and step(rest, 0, LABELS) is None
    yes = replace(rest, buttons=((Button("Yes", "a"), Button("No", "b")),))
    assert not asks(yes, LABELS)  # nobody has said of what
