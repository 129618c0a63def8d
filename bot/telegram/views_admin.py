"""What an admin reads (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from bot.telegram import views_chains
from bot.telegram.new_campaign import EXAMPLE, KEYS
from bot.telegram.paper import Block, note
from bot.telegram.words import Tongue
from core.administration import Imported, Status
from core.anchoring import Anchoring
from core.campaign import Campaign, CampaignState, Kind
from core.ports import Letter, Progress
from core.stretches import MOST_WORDS
from core.version import Version

BAR = 12  # signs


def link(campaign: Campaign, username: str) -> str:
    """The deep link that brings a worker into a campaign."""
    return f"https://t.me/{username}?start={campaign.slug}"


def bar(share: float) -> str:
    """A share of 1 as a row of signs."""
    full = min(max(int(share * BAR + 0.5), 0), BAR)
    return "▓" * full + "░" * (BAR - full)


def created(campaign: Campaign, username: str, say: Tongue, chat: int) -> list[Letter]:
    """A campaign is there; what comes next."""
    return note(
        chat,
        [
            Block(say("“{title}” is open under the name {name}.", title=campaign.draft.title, name=campaign.slug)),
            Block(_items(campaign, say)),
            Block(say("Items with known labels: write “{name} controls” below the file.", name=campaign.slug)),
            Block(say("The link for workers: {link}", link=link(campaign, username))),
        ],
    )


def _items(campaign: Campaign, say: Tongue) -> str:
    if campaign.draft.kind is Kind.SPANS:
        return say(
            "Now send me its texts as a file: CSV, TSV, XLSX or JSONL with a text column, or CoNLL; {n} words at most.",
            n=MOST_WORDS,
        )
    return say("Now send me its items as a file: CSV, TSV, XLSX or JSONL with a text column, or a ZIP of pictures.")


def how_to_describe(say: Tongue, chat: int) -> list[Letter]:
    """Bare /new: an example to copy, and every key."""
    return note(
        chat,
        [
            Block(say("Describe the campaign in one message, the name first. An example to copy:")),
            Block(EXAMPLE, "pre"),
            Block(say("All keys: {keys}.", keys=", ".join([*KEYS, "labels.zh"]))),
        ],
    )


def imported(found: Imported, place: str, username: str, say: Tongue, chat: int) -> list[Letter]:
    """What an import added."""
    parts = [
        say.many(
            "{n} item from {file} is in {name}.",
            "{n} items from {file} are in {name}.",
            found.added,
            file=place,
            name=found.campaign.slug,
        )
    ]
    parts += [_controls(found.controls, say)] if found.controls else []
    parts += [_audits(found.audits, say)] if found.audits else []
    parts += [say("No network learns from sounds yet: people's answers alone settle them.")] if found.sounds else []
    door = say("The link for workers: {link}", link=link(found.campaign, username))
    return note(chat, [Block(say.sentences(*parts)), Block(door)])


def _controls(n: int, say: Tongue) -> str:
    return say.many("{n} is a control: its label is known.", "{n} are controls: their labels are known.", n)


def _audits(n: int, say: Tongue) -> str:
    return say.many("{n} is kept for audits, never for training.", "{n} are kept for audits, never for training.", n)


def campaigns(found: Sequence[Status], username: str, say: Tongue, chat: int) -> list[Letter]:
    """/campaigns: each with its state, its bar and its link."""
    if not found:
        return note(chat, [Block(say("There is no campaign yet. /new explains how to make one."))])
    return note(chat, [Block(_listed(status, username, say)) for status in found])


def _listed(status: Status, username: str, say: Tongue) -> str:
    campaign = status.campaign
    paused = f" ({say('paused')})" if campaign.state is CampaignState.PAUSED else ""
    return "\n".join(
        [
            f"{campaign.slug}: {campaign.draft.title}{paused}",
            _progress(status.progress, say),
            *[views_chains.line(one, say) for one in status.chains if one.source == campaign.slug],
            link(campaign, username),
        ]
    )


def _progress(progress: Progress, say: Tongue) -> str:
    if not progress.items:
        return say("no items yet")
    share = progress.settled / progress.items
    settled = say.many(
        "{settled} of {n} item settled",
        "{settled} of {n} items settled",
        progress.items,
        settled=say.number(progress.settled),
    )
    return f"{bar(share)} {say.clauses(say.percent(share), settled)}"


def status(found: Status, say: Tongue, chat: int) -> list[Letter]:
    """/stats of one campaign: progress, answers, the serving version, money."""
    progress, campaign = found.progress, found.campaign
    paused = f" ({say('paused')})" if campaign.state is CampaignState.PAUSED else ""
    lines = [
        _progress(progress, say),
        say.clauses(
            say.many("{n} item open", "{n} items open", progress.open),
            say.many("{n} disputed", "{n} disputed", progress.disputed),
        ),
        _answers(progress, say),
        say.clauses(
            say.many("{n} control", "{n} controls", progress.controls),
            say.many("{n} audit item", "{n} audit items", progress.audits),
        ),
        _version(found.serving, say, found.campaign.draft.kind),
    ]
    if found.spent or campaign.policy.pay:
        lines.append(say("Spent so far: {amount}.", amount=say.money(found.spent, campaign.policy.currency)))
    lines += [_anchoring(found.anchoring, say)] if found.anchoring else []
    lines += [views_chains.line(one, say) for one in found.chains]
    return note(chat, [Block(campaign.draft.title + paused, "b"), Block("\n".join(lines))])


def _anchoring(found: Anchoring, say: Tongue) -> str:
    return say(
        "Workers agree with the computer in {told} of questions where its guess is marked and in {blind} where it is "
        "not: marking it changes {effect} points (95% interval {low} to {high}).",
        told=say.percent(found.told.share),
        blind=say.percent(found.blind.share),
        effect=f"{100 * found.effect:+.0f}",
        low=f"{100 * found.low:+.0f}",
        high=f"{100 * found.high:+.0f}",
    )


def _answers(progress: Progress, say: Tongue) -> str:
    answers = say.many("{n} answer", "{n} answers", progress.answers)
    workers = say.many("from {n} worker", "from {n} workers", progress.workers)
    each = progress.answers / progress.items if progress.items else 0.0
    return say.clauses(say.sentences(answers, workers), say("{mean} an item", mean=say.number(round(each, 2))))


def _version(version: Version | None, say: Tongue, kind: Kind) -> str:
    if version is None:
        return say("No version serves yet; /train starts a night now.")
    judged = version.judgement
    if judged is None:
        return say("Version {version} serves; it is not judged yet.", version=version.id[:8])
    name, items = version.id[:8], say.number(judged.items)
    accuracy, low, high = (say.percent(share) for share in (judged.accuracy, judged.low, judged.high))
    if kind is Kind.SPANS:
        return say("Version {version} orders the questions: right on {accuracy} of the words of {items} audit items "
                   "(95% interval {low} to {high}).", version=name, accuracy=accuracy, items=items, low=low,
                   high=high)  # fmt: skip
    if kind is Kind.MULTI:
        return say("Version {version} orders the questions: right on {accuracy} of the labels of {items} audit items "
                   "(95% interval {low} to {high}).", version=name, accuracy=accuracy, items=items, low=low,
                   high=high)  # fmt: skip
    return say("Version {version} serves: right on {accuracy} of {items} audit items (95% interval {low} to {high}).",
               version=name, accuracy=accuracy, items=items, low=low, high=high)  # fmt: skip


def commands(say: Tongue) -> list[tuple[str, str]]:
    """(command, what it does) for admins, beside what everybody has."""
    return [
        ("new", say("make a campaign")),
        ("campaigns", say("all campaigns, with links")),
        ("pause", say("ask nothing more in a campaign")),
        ("resume", say("ask again in a campaign")),
        ("glossary", say("terms that workers and the network are told")),
        ("then", say("send settled items on into another campaign")),
        ("workers", say("who works in a campaign, and who is suspected")),
        ("ban", say("end a worker's work in a campaign")),
        ("unban", say("let a worker back")),
        ("cost", say("answers, days and money to go")),
        ("review", say("rule on disputed items")),
        ("why", say("why an item is believed to be what it is")),
        ("export", say("results as files")),
        ("train", say("train a version now")),
        ("versions", say("the network's versions")),
        ("rollback", say("back to the version before")),
    ]
