"""/versions and /rollback: what the network was, and the way back to it."""

from __future__ import annotations

from collections.abc import Sequence

from bot.telegram.admin_replies import chosen
from bot.telegram.paper import Block, note
from bot.telegram.visit import Reply, Visit
from bot.telegram.words import Tongue, noted
from core.ports import Transaction
from core.registry import Registry, Rollback, registry, roll_back
from core.version import Version, VersionState
from core.worker import Worker

LISTED = 10  # versions, the newest

STATES = {
    VersionState.SERVING: noted("serves"),
    VersionState.RETIRED: noted("has served"),
    VersionState.CANDIDATE: noted("candidate"),
    VersionState.SHADOW: noted("in the shadow"),
}


def versions(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/versions of a campaign."""
    return Reply(note(visit.chat, _listed(registry(tx, chosen(tx, names).slug), say)))


def rollback(tx: Transaction, visit: Visit, worker: Worker, say: Tongue, names: Sequence[str]) -> Reply:
    """/rollback of a campaign, to the version before or to the one that is named."""
    done = roll_back(tx, chosen(tx, names).slug, names[1] if len(names) > 1 else "")
    return Reply(note(visit.chat, [Block(_done(done, say))]))


def _listed(found: Registry, say: Tongue) -> list[Block]:
    if not found.versions:
        return [Block(say("No version serves yet; /train starts a night now."))]
    newest = list(found.versions)[-LISTED:][::-1]
    way = say("/rollback {name} goes back one; with a version's name behind it, to that one.", name=found.campaign.slug)
    return [Block("\n".join(_line(version, say) for version in newest)), Block(way)]


def _line(version: Version, say: Tongue) -> str:
    judged = version.judgement
    right = say("not judged") if judged is None or not judged.items else say.percent(judged.accuracy)
    taught = say.many("taught {n} item", "taught {n} items", version.taught)
    state = STATES[version.state]
    since = say.many(
        "{n} person whose answers it learned from has withdrawn them since",
        "{n} people whose answers it learned from have withdrawn them since",
        version.withdrawn,
    )
    return f"{version.id[:8]}: {say.clauses(say(state), right, taught, *([since] if version.withdrawn else []))}"


def _done(done: Rollback, say: Tongue) -> str:
    serves = say("Version {version} serves again.", version=done.after.id[:8])
    if done.before is None:
        return serves
    before = done.before.id[:8]
    heard = say.many(
        "{n} open item no longer hears {version}; its belief follows at the next refit.",
        "{n} open items no longer hear {version}; their beliefs follow at the next refit.",
        done.silenced,
        version=before,
    )
    return say.sentences(serves, heard)
