"""What the admins read in the morning (pure)."""

from __future__ import annotations

from bot.telegram.paper import CAPTION, Block, html, note, shortened
from bot.telegram.views_reports import alone, outlook
from bot.telegram.words import Tongue
from core.campaign import Kind
from core.figures import Ceiling
from core.forecast import Forecast
from core.night import NightReport
from core.ports import Letter, Repeat


def night_report(
    report: NightReport, picture: str, say: Tongue, chat: int, coming: Forecast | None = None
) -> Letter:
    """The picture of a night with its figures below; `picture` is its sha256 in the media store, `coming` what the
    campaign still needs."""
    lines = [
        verdict(report, say),
        say("Taught on {taught} items; judged on {items} audit items.", taught=say.number(report.taught),
            items=say.number(report.after.items)),
        _judged(report, say),
        say("{settled} items settled, {open} open, after {answers} answers.", settled=say.number(report.settled),
            open=say.number(report.open), answers=say.number(report.answers)),
    ]  # fmt: skip
    if report.ceiling is not None and report.ceiling.items:
        lines.insert(3, beside(report.ceiling, say))
    if report.before is not None:
        lines.insert(3, say("The version before: {accuracy} right.", accuracy=say.percent(report.before.accuracy)))
    if report.mandate is not None:
        lines.append(alone(report.alone, say))
    if coming is not None:
        lines.append(outlook(coming, report.campaign, say))
    title = say("The night of {name}", name=report.campaign.draft.title)
    caption = html([Block(title, "b"), Block(shortened("\n".join(lines), CAPTION - len(title) - 2))])
    body = {"caption": caption, "parse_mode": "HTML"}
    return Letter(chat, "sendPhoto", body, Repeat.NEVER, media=picture, filename="night.png")


def verdict(report: NightReport, say: Tongue) -> str:
    version = report.version[:8]
    if report.risen:
        nights = report.campaign.policy.shadow_nights
        return say.many(
            "Version {version} stayed better in the shadow for {n} night and serves from now on.",
            "Version {version} stayed better in the shadow for {n} nights and serves from now on.",
            nights,
            version=report.risen[:8],
        )
    if report.waits == report.version:
        return say("Version {version} is better; it waits in the shadow before it serves.", version=version)
    if report.promoted:
        return say("Version {version} serves from now on and chooses the next questions.", version=version)
    if report.before is None:
        return say("Version {version} is not better than guessing by the labels' shares; none serves.", version=version)
    return say("Version {version} is not surely better than the one that serves; that one stays.", version=version)


def _judged(report: NightReport, say: Tongue) -> str:
    after = report.after
    if not after.items:
        return say("There are no audit items with enough answers yet.")
    accuracy, low, high = (say.percent(share) for share in (after.accuracy, after.low, after.high))
    if report.campaign.draft.kind is Kind.SPANS:
        return say("{accuracy} of the words right (95% interval {low} to {high}).", accuracy=accuracy, low=low,
                   high=high)  # fmt: skip
    if report.campaign.draft.kind is Kind.MULTI:
        return say("{accuracy} of the labels right (95% interval {low} to {high}).", accuracy=accuracy, low=low,
                   high=high)  # fmt: skip
    return say("{accuracy} right (95% interval {low} to {high}).", accuracy=accuracy, low=low, high=high)


def beside(found: Ceiling, say: Tongue) -> str:
    """How far the version is from a worker."""
    return say(
        "One worker alone agrees with the others on {worker}; this version on {version} ({low} to {high}).",
        worker=say.percent(found.worker.value),
        version=say.percent(found.version.value),
        low=say.percent(found.version.low),
        high=say.percent(found.version.high),
    )


def night_failed(name: str, reason: str, say: Tongue, chat: int) -> list[Letter]:
    """A night without a version, and why, in one sentence."""
    return note(
        chat, [Block(say("The night of {name} ended without a new version:", name=name) + f" {say.core(reason)}")]
    )
