"""What a worker reads besides questions (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.telegram.keyboards import of_campaigns, of_consent, of_languages
from bot.telegram.paper import Block, note
from bot.telegram.words import Tongue
from core.campaign import Campaign, Kind
from core.ports import Letter
from core.reliability import accuracy
from core.service import Standing
from core.writing import LONGEST

USUAL_WORDS = 12  # of a text
SURE_FROM = 5.0  # answers to controls and settled items before a reliability is worth a sentence


def consent(campaign: Campaign, say: Tongue, chat: int) -> list[Letter]:
    """The first screen: what, how long, what is paid, what is stored; one button to agree."""
    policy = campaign.policy
    paid = (
        say("Each answer earns {amount}.", amount=say.money(policy.pay, policy.currency))
        if policy.pay
        else say("This is unpaid work.")
    )
    blocks = [
        Block(campaign.draft.title, "b"),
        Block(campaign.draft.instructions),
        Block(_effort(campaign, say)),
        Block("" if campaign.draft.kind is Kind.TEXT else _known(say)),
        Block(paid),
        Block(
            say(
                "Stored are your Telegram number, your language, your answers and when they came. "
                "Results never name you."
            )
        ),
    ]
    return note(chat, [block for block in blocks if block.text.strip()], of_consent(say))


def _known(say: Tongue) -> str:
    return say(
        "Some questions have a known answer. They show how reliable answers are, and you are told when you miss one."
    )


def _effort(campaign: Campaign, say: Tongue) -> str:
    """How a question is answered and how long that takes."""
    if campaign.draft.kind is Kind.TEXT:
        return say(
            "You answer by writing a message of up to {limit} letters. Others judge it, and it may be published "
            "as you write it: write nothing personal. Leave whenever you like with /stop.",
            limit=LONGEST,
        )
    if campaign.draft.kind is Kind.SPANS:
        return say("A few taps answer a question; it takes some seconds. Leave whenever you like with /stop.")
    return say("One tap answers a question; it takes a few seconds. Leave whenever you like with /stop.")


def campaigns(open_now: Sequence[Campaign], say: Tongue, chat: int) -> list[Letter]:
    """Which campaign to work in; one sentence where there is none."""
    if not open_now:
        return note(chat, [Block(say("There is no open campaign now. Come back later with /start."))])
    return note(chat, [Block(say("What would you like to work on?"))], of_campaigns(open_now))


def languages(say: Tongue, chat: int) -> list[Letter]:
    """The choice of languages."""
    return note(chat, [Block(say("Which language shall I speak?"))], of_languages())


def standing(standing: Standing, say: Tongue, chat: int) -> list[Letter]:
    """What a worker has done, moved and earned, and how often they are right, with its doubt."""
    place = standing.enrolment
    policy = standing.campaign.policy
    blocks = [
        Block(standing.campaign.draft.title, "b"),
        Block(_work_done(standing, say)),
        Block(say("Earned so far, in all campaigns: {amount}.", amount=say.money(standing.earned, policy.currency)))
        if policy.pay or standing.earned
        else Block(""),
        Block("" if standing.campaign.draft.kind is Kind.TEXT else _reliability(standing, say)),
    ]
    if place.controls:
        blocks.append(Block(_controls(place.controls_right, place.controls, say)))
    return note(chat, [block for block in blocks if block.text])


def _work_done(standing: Standing, say: Tongue) -> str:
    answered = standing.enrolment.answered
    given = say.many("You have given {n} answer.", "You have given {n} answers.", answered)
    settled = say.many(
        "{n} item that you answered is settled.", "{n} items that you answered are settled.", standing.settled
    )
    return say.sentences(given, settled) if answered else given


def _controls(right: int, asked: int, say: Tongue) -> str:
    return say.many(
        "Of {n} question with a known answer you got {right} right.",
        "Of {n} questions with a known answer you got {right} right.",
        asked,
        right=say.number(right),
    )


def _reliability(standing: Standing, say: Tongue) -> str:
    reliability, several = standing.enrolment.reliability, standing.campaign.draft.kind.marked
    if reliability.seen < SURE_FROM * (_marks(standing.campaign) if several else 1):
        return say("After a few more answers you will see here how often you are right.")
    mean, low, high = (round(100 * share) for share in accuracy(reliability, standing.campaign.pool))
    if standing.campaign.draft.kind is Kind.SPANS:
        return say(
            "You are right about {mean} of 100 words; we are 95% sure that it is between {low} and {high}.",
            mean=mean,
            low=low,
            high=high,
        )
    if several:
        return say(
            "You are right about {mean} of 100 labels; we are 95% sure that it is between {low} and {high}.",
            mean=mean,
            low=low,
            high=high,
        )
    return say(
        "You are right about {mean} of 100 times; we are 95% sure that it is between {low} and {high}.",
        mean=mean,
        low=low,
        high=high,
    )


def _marks(campaign: Campaign) -> int:
    """How many labels or words an answer decides, more or less."""
    return USUAL_WORDS if campaign.draft.kind is Kind.SPANS else len(campaign.labels)


def helping(commands: Sequence[tuple[str, str]], campaign: Campaign | None, say: Tongue) -> list[Block]:
    """What can be typed, and the whole instructions of the campaign."""
    blocks = [Block("\n".join(f"/{name} - {text}" for name, text in commands))]
    blocks.append(
        Block(
            say(
                "Below each question: “Not sure” when you cannot tell, “Skip” when you would rather not, "
                "“Problem” when it cannot be answered, “Undo” to take the last answer back."
            )
        )
    )
    if campaign is not None:
        blocks += [Block(campaign.draft.title, "b"), Block(campaign.draft.instructions)]
    return [block for block in blocks if block.text.strip()]


def commands(say: Tongue) -> list[tuple[str, str]]:
    """(command, what it does) for everybody."""
    return [
        ("start", say("begin, or choose a campaign")),
        ("next", say("show the open question")),
        ("skip", say("leave this question to others")),
        ("undo", say("take the last answer back")),
        ("stats", say("what your answers have done")),
        ("language", say("choose the language")),
        ("privacy", say("what I keep of you, and why")),
        ("forget_me", say("remove what I keep of you")),
        ("help", say("what I can do")),
        ("stop", say("no more questions")),
    ]
