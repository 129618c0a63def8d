"""A question and what became of its answer, as letters (pure)."""

from __future__ import annotations

from typing import assert_never

from bot.telegram.choices import GUESS, answered, of_question, truth
from bot.telegram.keyboards import Markup
from bot.telegram.paper import CAPTION, PAGE, Block, Bubble, bare, html, length, note, rewritten, shortened
from bot.telegram.showing import SENT_AS, file_of, texts_of
from bot.telegram.words import Tongue
from core.campaign import Kind
from core.errors import BadInput, CrowdloopError, NotFound
from core.forms import Form
from core.item import Role
from core.ports import Letter, Repeat
from core.question import Press, Tap
from core.service import Asked, Idle
from core.tapping import RECORDED, Outcome, Tapped

QUOTED = 80  # letters of a written answer that its receipt repeats
BRIEF = 200  # letters of the instructions that every question repeats


def question(
    asked: Asked, say: Tongue, chat: int, line: str = "", undo: Tap | None = None, bubble: Bubble | None = None
) -> list[Letter]:
    """A question in one bubble: `bubble` is rewritten where it can be, else loses its buttons to a new one.

    `line` says what became of the answer before. What is too long for the bubble goes ahead of it.
    """
    content = asked.item.content
    blocks = [Block(line, "i"), Block(_ask(asked, say), "b"), *texts_of(content)]
    if asked.question.revealed:
        blocks.append(Block(say("{sign} marks what a computer guesses. Trust your own eyes.", sign=GUESS.strip()), "i"))
    blocks = [block for block in blocks if block.text]
    ahead: list[Block] = []
    while length(blocks) > (CAPTION if content.medium.is_file else PAGE):
        longest = max(blocks, key=lambda block: length([block]))
        blocks.remove(longest)
        ahead.append(longest)
    keyboard = of_question(asked.campaign, asked.question, content, say, undo)
    if bubble is not None and bubble.file == content.medium.is_file and not ahead:
        return [_edited(asked, chat, bubble.number, blocks, keyboard)]
    old = [bare(chat, bubble.number)] if bubble is not None else []
    return [*old, *(note(chat, ahead) if ahead else []), _sent(asked, chat, blocks, keyboard)]


def page(asked: Asked, say: Tongue, chat: int, number: int, page: int) -> list[Letter]:
    """Another page of a question's choices below the same words. ValueError where there is no such page."""
    body = {"reply_markup": of_question(asked.campaign, asked.question, asked.item.content, say, None, page)}
    of = asked.question.id
    return [Letter(chat, "editMessageReplyMarkup", body, Repeat.FREELY, question=of, message=number)]


def _ask(asked: Asked, say: Tongue) -> str:
    campaign = asked.campaign
    brief = campaign.draft.instructions.strip() or campaign.draft.title
    if len(brief) > BRIEF:
        first = shortened(brief.splitlines()[0], BRIEF).removesuffix("…")
        brief = say("{beginning}… (all of it: /help)", beginning=first)
    if asked.question.layout.form is Form.TEXT:
        return f"{brief}\n{say('✍ Write your answer as a message.')}"
    if campaign.draft.kind is Kind.SPANS:
        label = campaign.choices(say.language)[0]
        return f"{brief}\n{say('Tap each word that belongs to “{label}”, then the button below.', label=label)}"
    if asked.question.layout.form is Form.TOGGLE:
        return f"{brief}\n{say('Mark all that hold, then tap the button below them.')}"
    if asked.question.layout.form is Form.YES_NO:
        label = campaign.choices(say.language)[asked.question.layout.shown[0]]
        return f"{brief}\n{say('Is it “{label}”?', label=label)}"
    return brief


def _edited(asked: Asked, chat: int, number: int, blocks: list[Block], keyboard: Markup) -> Letter:
    if not (file := file_of(asked.item.content)):
        letter = rewritten(chat, number, blocks, keyboard)
        body, method, media = letter.body, letter.method, ""
    else:
        medium = {"type": file, "caption": html(blocks), "parse_mode": "HTML"}  # the sender adds "media"
        body, method, media = {"media": medium, "reply_markup": keyboard}, "editMessageMedia", asked.item.content.media
    return Letter(chat, method, body, Repeat.FREELY, media=media, question=asked.question.id, message=number)


def _sent(asked: Asked, chat: int, blocks: list[Block], keyboard: Markup) -> Letter:
    if not (file := file_of(asked.item.content)):
        return Letter(chat, "sendMessage", note(chat, blocks, keyboard)[-1].body, question=asked.question.id)
    body = {"caption": html(blocks), "parse_mode": "HTML", "reply_markup": keyboard}  # the sender adds the file
    return Letter(chat, SENT_AS[file], body, media=asked.item.content.media, question=asked.question.id)


def undo_of(tapped: Tapped) -> Tap | None:
    """The button that takes an answer back, where that is possible."""
    if tapped.question is None or tapped.item is None or tapped.item.role is Role.CONTROL:
        return None
    if tapped.outcome not in (Outcome.SAVED, Outcome.LATE):
        return None
    return Tap(tapped.question.id, tapped.question.lease, Press.UNDO)


def became(tapped: Tapped, pressed: Tap, say: Tongue, words: str = "") -> str:
    """One sentence: what became of a tap, or of an answer in `words`."""
    if tapped.outcome in RECORDED:
        return _recorded(tapped, pressed, say, shortened(words, QUOTED))
    match tapped.outcome:
        case Outcome.ALREADY:
            return say("This is done already. /next shows the open question.")
        case Outcome.SKIPPED:
            return say("Skipped. Others will see it, you will not.")
        case Outcome.REPORTED:
            return say("Reported as a problem. You will not see it again.")
        case Outcome.UNDONE:
            return say("Taken back. Here it is again.")
        case Outcome.STALE:
            return say("This button is out of date. /next shows the open question.")
        case Outcome.FOREIGN:
            return say("This button belongs to somebody else. /next shows your own question.")
        case Outcome.TOO_LATE:
            return say("This answer can no longer be taken back.")
        case _:
            return say("There is nothing to take back.")


def _recorded(tapped: Tapped, pressed: Tap, say: Tongue, words: str) -> str:
    """What became of an answer, its wording in it."""
    campaign, asked, item = tapped.campaign, tapped.question, tapped.item
    if campaign is None or asked is None or item is None:
        raise ValueError("a recorded answer has its campaign, its question and its item")
    if tapped.missed is not None:
        known, reason = truth(campaign, tapped.missed, item.content, say), item.reason
        return say("The answer to this one is known: “{label}”. {reason}", label=known, reason=reason).strip()
    choice = words or shortened(answered(campaign, asked, item.content, pressed.choice, say), QUOTED)
    if tapped.outcome is Outcome.CREDITED:
        return say("“{choice}” is credited to you; the item was complete before it came.", choice=choice)
    if tapped.settled and not words:
        return say("Saved: “{choice}”. That settled the item.", choice=choice)
    if tapped.outcome is Outcome.LATE:
        return say("Saved: “{choice}”. It came late and still counts.", choice=choice)
    return say("Saved: “{choice}”.", choice=choice)


def resting(idle: Idle, say: Tongue) -> str:
    """Why there is no question."""
    match idle:
        case Idle.PAUSED:
            return say("This campaign is paused. What you answered is safe.")
        case Idle.EMPTY:
            return say("Nothing is left for you here for now. Thank you.")
        case Idle.SUSPENDED | Idle.DISPUTED | Idle.BANNED:
            return say("There are no more questions for you here: /next says why.")
        case _:
            assert_never(idle)


def rest(
    text: str, chat: int, line: str, keyboard: Markup, bubble: Bubble | None = None
) -> list[Letter]:
    """Where there is no question: the bubble says why, or a new one does where the old one is a file."""
    blocks = [Block(line, "i"), Block(text)] if line else [Block(text)]
    if bubble is not None and not bubble.file and length(blocks) <= PAGE:
        return [rewritten(chat, bubble.number, blocks, keyboard)]
    old = [bare(chat, bubble.number)] if bubble is not None else []
    return [*old, *note(chat, blocks, keyboard)]


def sorry(error: CrowdloopError, say: Tongue) -> str:
    """One clear sentence about what went wrong."""
    match error:
        case NotFound(what="campaign"):
            return say("There is no campaign named {name}.", name=error.name)
        case NotFound(what="enrolment"):
            return say("You have not opened this campaign yet. /start opens one.")
        case BadInput():
            place, reason = say.core(error.place), say.core(error.reason)
            return say("{place}: {reason} Nothing has changed.", place=place, reason=reason)
        case _:
            return say.core(str(error))
