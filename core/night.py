"""A night: refit, train, judge, promote or keep, score the open pool, queue; one transaction at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from core.audit import believed, trust_in
from core.auto_label import Mandate, allowed, mandate, settled_alone, settled_by
from core.campaign import Campaign, Kind
from core.cross_fitting import cross_fitted
from core.errors import NothingToLearn, VersionRefused
from core.figures import Ceiling, ceiling_on
from core.ids import CampaignId, VersionId
from core.item import Verdict
from core.marks import night as marks_night
from core.planning import Plan, plan
from core.ports import Archive, Beliefs, Claim, Letter, NightResult, Snapshot
from core.promotion import judge, promoted
from core.refit import beliefs_of
from core.shadow import in_shadow, succession, watched_for
from core.tomorrow import Tomorrow, expected, gathered, queued
from core.version import Floats, Judgement, Trainer, Version, VersionState


@dataclass(frozen=True, slots=True, eq=False)
class NightReport:
    """What a night found, for the admins."""

    campaign: Campaign
    version: VersionId
    taught: int
    before: Judgement | None  # the version that served until now, on tonight's audit items
    after: Judgement
    promoted: bool
    behind: bool  # surely not better than the one that served: what it thinks does not choose what is asked
    truth: Floats  # (n, K) crowd's belief about the audit items; chances of marks, nan behind the last word, as below
    candidate: Floats  # (n, K) tonight's suggestions for them
    serving: Floats | None  # (n, K) those of the version that served until now
    settled: int
    open: int
    answers: int
    risen: VersionId | None = None  # the version that served out its shadow and serves from now on
    waits: VersionId | None = None  # the version in the shadow from now on
    marks: Mapping[VersionId, VersionState] = field(default_factory=dict)
    mandate: Mandate | None = None  # what the version that serves tomorrow may settle by itself
    alone: int = 0  # items that it has settled
    ceiling: Ceiling | None = None  # one worker and tonight's version beside the other workers, on the audit items


def run_night(
    archive: Archive,
    trainer: Trainer,
    claim: Claim,
    now: Callable[[], datetime],
    rng: np.random.Generator,
    tell: Callable[[str], None],
    letters_of: Callable[[NightReport], Sequence[Letter]],
    promotion_confidence: float = 0.8,
) -> NightReport:
    """The whole night of one campaign. Raises TrainingFailed, Conflict where another runner took over."""

    def stage(name: str) -> None:
        archive.keep(claim, name, now())
        tell(name)

    def working(news: str) -> None:  # a training may last longer than the claim; who has lost it stops here
        archive.keep(claim, "train", now())
        tell(news)

    stage("snapshot")
    snapshot = archive.snapshot(claim.campaign)
    serving = _whole(trainer, archive.serving(claim.campaign), snapshot, tell)
    known = archive.versions(claim.campaign)
    shadow = _whole(trainer, in_shadow(known), snapshot, tell)
    stage("refit")
    beliefs = beliefs_of(snapshot)
    with _settled(archive, claim.campaign, beliefs):
        plan_ = plan(snapshot, beliefs)
        stage("cross-fit")
        lessons = cross_fitted(snapshot, beliefs, plan_.taught, trainer)
        stage("train")
        version = trainer.train(replace(lessons, withdrawn=snapshot.withdrawn), working)
    stage("judge")
    report = _report(snapshot, beliefs, plan_, trainer, version, serving, promotion_confidence, rng)
    nights = snapshot.campaign.policy.shadow_nights
    if nights or in_shadow(known):
        report = _succeeded(report, known, shadow, trainer, plan_, nights, promotion_confidence, rng)
    stage("score")
    serves = report.risen or (version if report.promoted or serving is None else serving.id)
    eyes = serves if report.behind else version
    tomorrow = Tomorrow(
        campaign=replace(snapshot.campaign, pool=beliefs.pool),
        voice=serves if report.promoted or report.risen or serving else None,
        batch=expected(report.taught, known[-1].taught if known else plan_.told),
        retracted=snapshot.retracted,
    )
    contents = [item.content for item in plan_.pool]
    heard = trainer.score(serves, contents) if tomorrow.voice and serves != eyes else None
    queue = queued(tomorrow, plan_.pool, trainer.score(eyes, contents), rng, heard)
    queue = {**queue, **settled_by(tomorrow.campaign, queue, report.mandate if tomorrow.voice else None)}
    items = [queue.get(item.id, item) for item in beliefs.items]
    verdicts = [item.verdict for item in items]
    closed, still = verdicts.count(Verdict.SETTLED), verdicts.count(Verdict.OPEN)
    report = replace(report, settled=closed, open=still, alone=settled_alone(items))
    stage("write")
    written = Version(version, claim.campaign, _state(report), now(), report.taught, report.after)
    result = NightResult(replace(beliefs, items=items), written, report.promoted, letters_of(report), report.marks)
    archive.conclude(claim, result, now())
    return report


@contextmanager
def _settled(archive: Archive, campaign: CampaignId, beliefs: Beliefs) -> Iterator[None]:
    """What the answers say is written also where a network has nothing to learn from them."""
    try:
        yield
    except NothingToLearn:
        archive.publish(campaign, beliefs)
        raise


def _succeeded(
    report: NightReport,
    known: Sequence[Version],
    shadow: Version | None,
    trainer: Trainer,
    plan_: Plan,
    nights: int,
    confidence: float,
    rng: np.random.Generator,
) -> NightReport:
    """The report where better versions wait in the shadow before they serve (`core/shadow.py`)."""
    contents, labels = [item.content for item in plan_.audit], report.campaign.draft.columns
    still, watched, rival, contest = False, 0, report.serving, _contest(report.campaign)
    if shadow is not None and shadow.id != report.version:
        said = gathered(trainer.score(shadow.id, contents), labels, len(contents)).probabilities
        said = said[:, : report.truth.shape[1]]
        still, watched = contest(said, rival, report.truth, confidence, rng), watched_for(known, shadow)
        rival = said if still and nights and watched >= nights else rival
    better = contest(report.candidate, rival, report.truth, confidence, rng)
    damaged = in_shadow(known) if shadow is None else None  # its files cannot be read: it waits no longer
    waiting = shadow or damaged
    found = succession(report.version, better, waiting.id if waiting else None, still, watched, nights)
    return replace(
        report, promoted=found.serves == report.version, marks=found.marks, waits=found.waits,
        risen=found.serves if found.serves != report.version else None,
        mandate=None if nights and (better or found.serves) else report.mandate,  # it was another's
    )  # fmt: skip


def _contest(campaign: Campaign) -> Callable[[Floats, Floats | None, Floats, float, np.random.Generator], bool]:
    return marks_night.promoted if campaign.draft.kind is Kind.SPANS else promoted


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
    labels, several = snapshot.campaign.draft.columns, snapshot.campaign.draft.kind.marked
    believe, judging = (marks_night.believed, marks_night.judge) if several else (believed, judge)
    about, begun = believe(plan_.audit, trust_in(snapshot, rng), beliefs.pool)
    truth = about.mean(axis=0)
    wide = truth.shape[1]  # of texts the words of the longest
    candidate = gathered(trainer.score(version, contents), labels, len(contents)).probabilities[:, :wide]
    said = gathered(trainer.score(serving.id, contents), labels, len(contents)).probabilities if serving else None
    rival = None if said is None else said[:, :wide]
    contest = _contest(snapshot.campaign)
    better = contest(candidate, rival, truth, confidence, rng)
    speaks, campaign = candidate if better or rival is None else rival, snapshot.campaign
    return NightReport(
        campaign=snapshot.campaign,
        version=version,
        taught=len(plan_.taught),
        before=None if rival is None else judging(rival, about, begun, rng),
        after=judging(candidate, about, begun, rng),
        promoted=better,
        behind=rival is not None and not better and contest(rival, candidate, truth, confidence, rng),
        truth=truth,
        candidate=candidate,
        serving=rival,
        settled=sum(item.verdict is Verdict.SETTLED for item in beliefs.items),
        open=len(plan_.pool),
        answers=sum(item.answers for item in beliefs.items),
        mandate=mandate(speaks, about, begun, campaign.policy.confidence) if allowed(campaign) else None,
        ceiling=ceiling_on(snapshot, plan_.audit, candidate, rng),
    )
