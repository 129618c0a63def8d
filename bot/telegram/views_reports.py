"""What an admin reads beyond progress: agreement, audit, forecast, why an item is believed to be what it is (pure).

Text only: a picture here would load matplotlib into the process that answers taps."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bot.telegram import views_marks
from bot.telegram.choices import truth
from bot.telegram.paper import Block, note
from bot.telegram.showing import texts_of
from bot.telegram.words import Tongue
from core.audit import Audit, Estimate
from core.campaign import Campaign, Kind
from core.evidence import Evidence
from core.explain import Explanation
from core.figures import Concord, Figures
from core.forecast import Forecast, Range
from core.ids import WorkerId
from core.item import Item
from core.ports import Letter

FEW = 8  # labels of which each one's agreement is told
VOICES = 12  # answers that an explanation lists
RARE = 0.05  # chance under which a thing is left unsaid


def figures(found: Figures | None, campaign: Campaign, say: Tongue, chat: int) -> list[Letter]:
    """Below /stats: agreement, audit, forecast, as of the last refit."""
    if found is None:
        return []
    blocks = [*concord(found.concord, campaign, say), *audit(found.audit, campaign, say)]
    if found.alone:
        blocks.append(Block(alone(found.alone, say)))
    return note(chat, [*blocks, Block(outlook(found.forecast, campaign, say))])


def concord(found: Concord, campaign: Campaign, say: Tongue) -> list[Block]:
    """How much the workers agree."""
    alpha = found.alpha
    if math.isnan(alpha.value):
        return [Block(say("Agreement: no item has two answers yet."))]
    lines = [
        say(
            "Agreement beyond chance (Krippendorff's alpha): {alpha} (95% interval {low} to {high}).",
            alpha=say.number(round(alpha.value, 2)),
            low=say.number(round(alpha.low, 2)),
            high=say.number(round(alpha.high, 2)),
        ),
        views_marks.alike(say.percent(found.percent), campaign, say),
    ]
    if len(found.by_label) <= FEW:
        each = [
            f"{name} {say.percent(share)}"
            for name, share in zip(campaign.choices(say.language), found.by_label, strict=True)
            if not math.isnan(share)
        ]
        lines.append(say("By label: {labels}.", labels=say.clauses(*each)))
    if found.groups > 1:
        lines.append(
            say("The workers fall into {n} groups that never met the same item.", n=say.number(found.groups))
        )
    return [Block("\n".join(lines))]


def audit(found: Audit, campaign: Campaign, say: Tongue) -> list[Block]:
    """How right the consensus is, and how common the labels are."""
    if not found.asked:
        return [Block(say("Audit: no audit item has an answer yet."))]
    lines = [
        say(
            "Audit: {asked} of {items} audit items asked, {reviewed} ruled by admins; trust learnt from {known} known.",
            asked=say.number(found.asked),
            items=say.number(found.items),
            reviewed=say.number(found.reviewed),
            known=say.number(found.known),
        )
    ]
    if not math.isnan(found.consensus.value):
        lines.append(views_marks.right(_share(found.consensus, say), campaign, say))
    if len(found.shares) <= FEW:
        names = zip(campaign.choices(say.language), found.shares, strict=True)
        each = [f"{name} {_share(share, say)}" for name, share in names]
        lines.append(_common(say.clauses(*each), campaign, say))
    return [Block("\n".join(lines))]


def _common(labels: str, campaign: Campaign, say: Tongue) -> str:
    if campaign.draft.kind is Kind.SPANS:
        return say("Words marked among all: {labels}.", labels=labels)
    return say("Labels among all items: {labels}.", labels=labels)


def _share(found: Estimate, say: Tongue) -> str:
    value, low, high = (say.percent(x) for x in (found.value, found.low, found.high))
    return say("{value} ({low} to {high})", value=value, low=low, high=high)


def alone(items: int, say: Tongue) -> str:
    """What a version has settled by itself."""
    return say(
        "The network alone has settled {items} items; of what it could settle, one in twenty is still asked.",
        items=say.number(items),
    )


def outlook(found: Forecast, campaign: Campaign, say: Tongue) -> str:
    """Answers, days and money until the share is settled, and the chance of it, in one or two sentences."""
    share, reach = say.percent(found.share), say.percent(found.reach.value)
    chance = found.answers.chance
    if found.answers.high <= 0 and chance > 1 - RARE:
        return say("{share} of the items are settled.", share=share)
    if chance < 0.5:
        less = say("At this rate {reach} of the items will settle; the rest will wait for /review.", reach=reach)
        rare = say("The chance to settle {share} is {chance}.", share=share, chance=say.percent(chance))
        return less if chance < RARE else say.sentences(less, rare)
    parts = [say("{answers} more answers", answers=_range(found.answers, say))]
    if found.days is not None:
        parts.append(say("{days} days", days=_range(found.days, say)))
    if campaign.policy.pay:
        parts.append(say.money(_round(found.cost.value), campaign.policy.currency))
    first = say("To settle {share} you need about {parts}.", share=share, parts=say.clauses(*parts))
    return _perhaps(first, found.answers, say)


def _perhaps(sentence: str, found: Range, say: Tongue) -> str:
    """What something takes, and the chance of it where it is in doubt."""
    if found.chance > 1 - RARE:
        return sentence
    chance = say.percent(found.chance)
    return say.sentences(
        sentence, say("The chance to get there is {chance}: disputed items wait for /review.", chance=chance)
    )


def _range(found: Range, say: Tongue) -> str:
    value, low, high = (say.number(_round(x)) for x in (found.value, found.low, found.high))
    return say("{value} ({low} to {high})", value=value, low=low, high=high)


def _round(x: float) -> int:
    """Two figures that count: a forecast knows no more."""
    if x < 10:
        return math.ceil(x)
    scale = 10 ** (math.floor(math.log10(x)) - 1)
    return int(round(x / scale) * scale)


def cost(found: Forecast, campaign: Campaign, say: Tongue, chat: int) -> list[Letter]:
    """/cost."""
    accuracy = say.percent(found.accuracy)
    better = found.answers_to_accuracy
    if better.high <= 0 and better.chance > 1 - RARE:
        line = say("Over all items the consensus is {accuracy} right by now.", accuracy=accuracy)
    elif better.chance < RARE:
        line = say("{accuracy} right over all items will not be reached with these limits.", accuracy=accuracy)
    else:
        answers = _range(better, say)
        line = say("{accuracy} right over all items takes about {answers} answers.", accuracy=accuracy, answers=answers)
        line = _perhaps(line, better, say)
    return note(chat, [Block(campaign.draft.title, "b"), Block(outlook(found, campaign, say)), Block(line)])


def why(
    item: Item, found: Explanation, names: Mapping[WorkerId, str], campaign: Campaign, say: Tongue, chat: int
) -> list[Letter]:
    """/why: what speaks for the consensus of an item and what against it."""
    return note(chat, [Block(item.name, "b"), *texts_of(item.content), *reasons(item, found, names, campaign, say)])


def reasons(
    item: Item, found: Explanation, names: Mapping[WorkerId, str], campaign: Campaign, say: Tongue
) -> list[Block]:
    """The odds of an item's label against the next, voice by voice."""
    first, odds = (views_marks.crowd if campaign.draft.kind.marked else _crowd)(item, found, campaign, say)
    if item.truth is not None:
        known = truth(campaign, item.truth, item.content, say)
        first = say.sentences(say("An admin ruled: “{label}”.", label=known), first)
    lines = [odds]
    lines.append(say("how common the labels are: {odds}", odds=_odds(found.prior)))
    if found.network:
        lines.append(say("the network: {odds}", odds=_odds(found.network)))
    for voice in found.voices[:VOICES]:
        answer = _answer(voice.evidence, item, campaign, say)
        right = say.percent(voice.right)
        name = names.get(voice.worker, "?")
        lines.append(say("{worker}, right {share} of the time, says {answer}: {odds}", worker=name, share=right,
                         answer=answer, odds=_odds(voice.nats)))  # fmt: skip
    if abs(found.refit) > 0.01:
        lines.append(say("all answers seen together (refit): {odds}", odds=_odds(found.refit)))
    lines.append(say("caution (calibration): {odds}", odds=_odds(found.calibration)))
    lines.append(say("together: {odds}", odds=_odds(found.total)))
    return [Block(first), Block("\n".join(lines))]


def _crowd(item: Item, found: Explanation, campaign: Campaign, say: Tongue) -> tuple[str, str]:
    labels = campaign.choices(say.language)
    label, rival = labels[found.label], labels[found.rival]
    share = say.percent(found.claimed)
    first = say("The crowd: “{label}” {share}, then “{rival}”.", label=label, share=share, rival=rival)
    return first, say("Odds of “{label}” against “{rival}”:", label=label, rival=rival)


def _odds(nats: float) -> str:
    """A factor of the odds: ×8 for, ÷3 against."""
    factor = math.exp(min(abs(nats), 30.0))
    return ("×" if nats >= 0 else "÷") + (f"{factor:.1f}" if factor < 10 else f"{factor:,.0f}")


def _answer(evidence: Evidence, item: Item, campaign: Campaign, say: Tongue) -> str:
    if campaign.draft.kind.marked:
        return views_marks.answer(evidence, item, campaign, say)
    labels = campaign.choices(say.language)
    if evidence.is_everything(len(labels)):
        return say("not sure")
    if len(evidence) > len(labels) / 2:
        rest = evidence.complement(len(labels)).labels()
        return say("not {labels}", labels=say.clauses(*[f"“{labels[k]}”" for k in rest]))
    return say.clauses(*[f"“{labels[k]}”" for k in evidence.labels()])
