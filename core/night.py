"""A night: refit, train, judge, promote or keep, score the open pool, queue; one transaction at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from core.acquisition import worth_of
from core.campaign import Campaign
from core.errors import NothingToLearn, VersionRefused
from core.ids import ItemId, VersionId
from core.intake import judged, prior_of
from core.item import Item, Role, Verdict
from core.ports import Archive, Beliefs, Claim, Letter, NightResult, Snapshot, Trainer
from core.posterior import claimed
from core.promotion import judge, promoted
from core.refit import beliefs_of
from core.reliability import Pool
from core.version import Floats, Judgement, Lessons, Scores, Version, VersionState

LEAST = 20  # answered items below which there is nothing to learn


@dataclass(frozen=True, slots=True)
class Plan:
    """What the version of tonight is taught and judged on, and what it is asked afterwards."""

    lessons: Lessons
    audit: list[Item]  # with enough answers to judge by
    pool: list[Item]  # open ones, scored for tomorrow


@dataclass(frozen=True, slots=True, eq=False)
class NightReport:
    """What a night found, for the admins."""

    campaign: Campaign
    version: VersionId
    taught: int
    before: Judgement | None  # the version that served until now, on tonight's audit items
    after: Judgement
    promoted: bool
    truth: Floats  # (n, K) crowd's belief about the audit items
    candidate: Floats  # (n, K) tonight's suggestions for them
    serving: Floats | None  # (n, K) those of the version that served until now
    settled: int
    open: int
    answers: int


def plan(snapshot: Snapshot, beliefs: Beliefs) -> Plan:
    """Sorts the items: plain answered ones teach (weighted by certainty), audit ones judge, open ones are asked.

    Raises NothingToLearn where too few are answered.
    """
    taught = [item for item in beliefs.items if item.role is Role.PLAIN and item.answers and _usable(item)]
    if len(taught) < LEAST:
        raise NothingToLearn(f"Only {len(taught)} items have answers; training starts at {LEAST}.")
    targets = _certain(taught, beliefs.pool)
    if (targets.argmax(axis=1) == targets[0].argmax()).all():
        raise NothingToLearn("All answered items have the same label so far; there is nothing to tell apart.")
    lessons = Lessons([item.content for item in taught], targets, _weights(targets))
    least = snapshot.campaign.policy.min_overlap
    audit = [item for item in beliefs.items if item.role is Role.AUDIT and item.answers >= least and _usable(item)]
    pool = [item for item in beliefs.items if item.verdict is Verdict.OPEN]
    return Plan(lessons, audit, pool)


def _usable(item: Item) -> bool:
    return item.verdict is not Verdict.WITHDRAWN


def _certain(items: Sequence[Item], pool: Pool) -> Floats:
    return np.array([claimed(item.posterior, pool) for item in items], dtype=np.float64)


def _weights(targets: Floats) -> Floats:
    """(N,) one minus the doubt that is left, as a share of the greatest doubt; never quite nothing."""
    doubt = -(targets * np.log(np.clip(targets, 1e-12, 1.0))).sum(axis=1) / np.log(targets.shape[1])
    weights: Floats = np.clip(1.0 - doubt, 0.05, 1.0)
    return weights


def run_night(
    archive: Archive,
    trainer: Trainer,
    claim: Claim,
    now: Callable[[], datetime],
    rng: np.random.Generator,
    tell: Callable[[str], None],
    letters_of: Callable[[NightReport], Sequence[Letter]],
    promotion_confidence: float = 0.9,
) -> NightReport:
    """The whole night of one campaign. Raises TrainingFailed, Conflict where another runner took over."""

    def stage(name: str) -> None:
        archive.keep(claim, name, now())
        tell(name)

    stage("snapshot")
    snapshot = archive.snapshot(claim.campaign)
    serving = _whole(trainer, archive.serving(claim.campaign), snapshot, tell)
    stage("refit")
    beliefs = beliefs_of(snapshot)
    plan_ = plan(snapshot, beliefs)
    stage("train")
    version = trainer.train(plan_.lessons, tell)
    stage("judge")
    report = _report(snapshot, beliefs, plan_, trainer, version, serving, promotion_confidence, rng)
    stage("score")
    voice = version if report.promoted or serving is None else serving.id
    queue = _queue(trainer, voice, plan_.pool, replace(snapshot.campaign, pool=beliefs.pool), report, rng)
    items = [queue.get(item.id, item) for item in beliefs.items]
    stage("write")
    written = Version(version, claim.campaign, _state(report), now(), report.taught, report.after)
    result = NightResult(replace(beliefs, items=items), written, report.promoted, letters_of(report))
    archive.conclude(claim, result, now())
    return report


def _whole(
    trainer: Trainer, serving: Version | None, snapshot: Snapshot, tell: Callable[[str], None]
) -> Version | None:
    """The serving version, or None where its files are damaged: it neither speaks nor keeps a better one away."""
    if serving is None or not snapshot.items:
        return serving
    try:
        list(trainer.score(serving.id, [snapshot.items[0].content]))
    except VersionRefused as error:
        tell(f"{error}; it is left out")
        return None
    return serving


def _state(report: NightReport) -> VersionState:
    return VersionState.SERVING if report.promoted else VersionState.CANDIDATE


def _report(
    snapshot: Snapshot,
    beliefs: Beliefs,
    plan_: Plan,
    trainer: Trainer,
    version: VersionId,
    serving: Version | None,
    confidence: float,
    rng: np.random.Generator,
) -> NightReport:
    contents = [item.content for item in plan_.audit]
    labels = len(snapshot.campaign.labels)
    truth = _certain(plan_.audit, beliefs.pool).reshape(-1, labels)
    candidate = _gathered(trainer.score(version, contents), labels).probabilities
    rival = _gathered(trainer.score(serving.id, contents), labels).probabilities if serving else None
    return NightReport(
        campaign=snapshot.campaign,
        version=version,
        taught=len(plan_.lessons.contents),
        before=None if rival is None else judge(rival, truth, rng),
        after=judge(candidate, truth, rng),
        promoted=promoted(candidate, rival, truth, confidence, rng),
        truth=truth,
        candidate=candidate,
        serving=rival,
        settled=sum(item.verdict is Verdict.SETTLED for item in beliefs.items),
        open=len(plan_.pool),
        answers=sum(item.answers for item in beliefs.items),
    )


def _gathered(parts: Iterator[Scores], labels: int) -> Scores:
    found = list(parts)
    if not found:
        return Scores(np.zeros((0, labels)), np.zeros((0, 1)))
    return Scores(
        np.concatenate([part.probabilities for part in found]), np.concatenate([part.embeddings for part in found])
    )


def _queue(
    trainer: Trainer,
    voice: VersionId,
    pool: Sequence[Item],
    campaign: Campaign,
    report: NightReport,
    rng: np.random.Generator,
) -> Mapping[ItemId, Item]:
    """The open items with their worth for tomorrow; those without an answer hear the version that now serves."""
    scores = _gathered(trainer.score(voice, [item.content for item in pool]), len(campaign.labels))
    worths = worth_of(scores.probabilities, scores.embeddings, max(len(pool) // 3, 1), rng)
    serves = report.promoted or report.before is not None
    queue = {}
    for item, worth, suggestion in zip(pool, worths, scores.probabilities, strict=True):
        item = replace(item, worth=float(worth))
        if serves and item.answers == 0 and item.role is Role.PLAIN:
            item = replace(item, suggestion=tuple(suggestion.tolist()), spoken=voice)
            item = replace(item, posterior=prior_of(campaign, item))
        queue[item.id] = judged(campaign, item)
    return queue
