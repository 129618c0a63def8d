"""The buttons of a question: on one page, or on a page for each group of labels; what can be said beside them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.telegram.callbacks import Mark, Turn
from bot.telegram.keyboards import TICK, Button, Markup, grid, lines, markup, undo_row
from bot.telegram.words import Tongue
from core.campaign import Campaign, Kind
from core.forms import Form, choice_of_group, choice_of_label
from core.glossary import occurring
from core.grouping import title
from core.item import Content
from core.marks import set_of
from core.question import Press, Question, Tap
from core.stretches import named

FIRST, GROUPS, OPENED = 0, 1, 2  # pages: the first, that of the groups, that of group 0; group 1 comes next
MEANINGS = 999  # no page: what the terms in the text mean
ON, OFF = TICK, "☐ "  # before a label that is marked, and one that is left: plain signs, which every font has
GUESS = "✦ "  # before the label that a version thinks likeliest, where the worker is told


def of_question(
    campaign: Campaign, question: Question, content: Content, say: Tongue, undo: Tap | None, page: int = FIRST
) -> Markup:
    """Choices, then what else can be said of a question about this content; `undo` takes the answer before it back.

    ValueError where there is no such page.
    """
    terms = bool(occurring(campaign.draft.glossary, content.words))
    more = [*_others(question, say), *([_turn(question, MEANINGS, "?")] if terms else [])]
    if page == FIRST and not (question.layout.form is Form.GROUPS and not question.layout.shown):
        return markup([*_first(campaign, question, content, say), [*more, *undo_row(say, undo)]])
    if question.layout.form is not Form.GROUPS or page >= OPENED + len(campaign.groups):
        raise ValueError(f"{question.layout.form} has no page {page}")
    if page in (FIRST, GROUPS):
        back = [[_turn(question, FIRST, say("‹ Back"))]] if question.layout.shown else []
        rows = _groups(campaign, question, say)
        return markup([*rows, *back, [*more, *undo_row(say, undo if page == FIRST else None)]])
    return markup(_opened(campaign, question, say, page - OPENED))


def wording(campaign: Campaign, question: Question, choice: int, say: Tongue) -> str:
    """The words of a choice, as its answer is spoken of."""
    names, shown = campaign.choices(say.language), question.layout.shown
    beyond = choice - len(shown)
    match question.layout.form:
        case Form.YES_NO:
            return say("No") if beyond == 0 else say("Yes")
        case Form.SHORT if beyond == 0:
            return say("None of these")
        case Form.GROUPS if beyond >= len(names):
            return say("one of “{group}”", group=title(campaign.groups[beyond - len(names)], names))
        case Form.GROUPS if beyond >= 0:
            return names[beyond]
        case _:
            return names[shown[choice]]


def answered(campaign: Campaign, question: Question, content: Content, choice: int | Press, say: Tongue) -> str:
    """The words of an answer that was tapped."""
    if choice is Press.NOT_SURE:
        return say("not sure")
    if isinstance(choice, Press):
        return listed(question.layout.shown, campaign, content, say)
    return wording(campaign, question, choice, say)


def truth(campaign: Campaign, of: int, content: Content, say: Tongue) -> str:
    """The words of a truth, as an item or a review keeps it: a label, or a set of labels or of words."""
    if campaign.draft.kind.marked:
        return listed(set_of(of), campaign, content, say)
    return campaign.choices(say.language)[of]


def listed(marked: Sequence[int], campaign: Campaign, content: Content, say: Tongue) -> str:
    """The words of a set of labels, or of the stretches of a text."""
    if campaign.draft.kind is Kind.SPANS:
        return say.clauses(*named(marked, content.text)) if marked else say("nothing")
    names = campaign.choices(say.language)
    return say.clauses(*[names[label] for label in marked]) if marked else say("none of these")


def _first(campaign: Campaign, question: Question, content: Content, say: Tongue) -> list[list[Button]]:
    layout, names = question.layout, campaign.choices(say.language)
    if layout.form is Form.TEXT:
        return []
    if layout.form is Form.TOGGLE:
        return _toggles(campaign, question, content, say)
    if layout.form is Form.YES_NO:
        return [[_tap(question, 0, say("Yes")), _tap(question, 1, say("No"))]]
    guess = question.suggested if question.revealed else None
    listed = [
        _tap(question, at, (GUESS if label == guess else "") + names[label]) for at, label in enumerate(layout.shown)
    ]
    match layout.form:
        case Form.SHORT:
            return grid([*listed, _tap(question, len(listed), say("None of these"))])
        case Form.GROUPS:
            return [*grid(listed), [_turn(question, GROUPS, say("Another… ›"))]]
        case _:
            return grid(listed)


def _toggles(campaign: Campaign, question: Question, content: Content, say: Tongue) -> list[list[Button]]:
    marked, of = question.layout.shown, (question.id, question.lease)
    texts = faces(campaign, content, marked, say)
    keys = [Button(text, Mark(*of, label, label not in marked)) for label, text in enumerate(texts)]
    nothing = say("Nothing to mark") if campaign.draft.kind is Kind.SPANS else say("None of these")
    end = (say("Done"), Press.DONE) if marked else (nothing, Press.NONE)
    return [*laid(campaign, keys), [Button(end[0], Tap(*of, end[1]))]]


def faces(campaign: Campaign, content: Content, marked: Collection[int], say: Tongue) -> list[str]:
    """What the buttons of labels or words say, as they are marked or left. A word that is left bears no sign: a text
    full of boxes cannot be read."""
    off = "" if campaign.draft.kind is Kind.SPANS else OFF
    return [(ON if at in marked else off) + name for at, name in enumerate(campaign.names(content, say.language))]


def laid(campaign: Campaign, keys: Sequence[Button]) -> list[list[Button]]:
    """Labels in a grid; words one after the other, as in a text."""
    return lines(keys) if campaign.draft.kind is Kind.SPANS else grid(keys)


def _groups(campaign: Campaign, question: Question, say: Tongue) -> list[list[Button]]:
    names = campaign.choices(say.language)
    return grid([
        _turn(question, OPENED + at, f"{title(group, names)} ›") for at, group in enumerate(campaign.groups)
    ])  # fmt: skip


def _opened(campaign: Campaign, question: Question, say: Tongue, group: int) -> list[list[Button]]:
    names, layout = campaign.choices(say.language), question.layout
    labels = [
        _tap(question, choice_of_label(layout, label), names[label]) for label in campaign.groups[group].labels
    ]
    which = _tap(question, choice_of_group(layout, group, len(names)), say("One of these, not sure which"))
    return [*grid(labels), [which], [_turn(question, GROUPS, say("‹ Back"))]]


def _others(question: Question, say: Tongue) -> list[Button]:
    words = ((say("Not sure"), Press.NOT_SURE), (say("Skip"), Press.SKIP), (say("Problem"), Press.PROBLEM))
    apt = words[1:] if question.layout.form is Form.TEXT else words  # no words are no answer in words
    return [Button(text, Tap(question.id, question.lease, press)) for text, press in apt]


def _tap(question: Question, choice: int, text: str) -> Button:
    return Button(text, Tap(question.id, question.lease, choice))


def _turn(question: Question, page: int, text: str) -> Button:
    return Button(text, Turn(question.id, question.lease, page))
