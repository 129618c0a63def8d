"""All that can be said of a version today: on the audit items, beside the workers who judge it, and night by night.

A door to torch: the version reads the audit items anew, so that it is judged by the answers of today and a version of
last month can be, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from bot.serving import one_label, serving_of
from bot.settings import Settings
from core.agreement import Agreement, Scale, alpha, bootstrap, fleiss
from core.audit import believed, trust_in
from core.campaign import Kind
from core.errors import Refused
from core.figures import Ceiling, ceiling_of, votes_of
from core.guesses import informed
from core.item import Item
from core.night import judged_on
from core.ports import Archive
from core.refit import beliefs_of
from core.tomorrow import gathered
from core.version import Version
from training.recipe import Recipe
from training.scorecard import Scorecard, by_language, scorecard
from training.teacher import Teacher

MOST = 3_000  # audit items by which a version is judged; of more, that many by chance
CELLS = 300_000  # items times labels, at most: beliefs about them are held 64 times over


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """One version, judged by the answers that stand now."""

    version: Version
    labels: Sequence[str]  # K
    there: int  # audit items with enough answers to be judged by
    card: Scorecard  # on these, or on some of them
    languages: Mapping[str, Scorecard]  # where they are known
    ceiling: Ceiling
    alpha: Agreement  # Krippendorff's, of the workers on the same items; ordinal for ratings
    kappa: Agreement  # Fleiss'
    curve: Sequence[Version]  # oldest first: what each night learned from and how right it was, on its own audit items


def sheet_of(
    archive: Archive,
    settings: Settings,
    slug: str,
    wanted: str,
    languages: Mapping[str, str],
    rng: np.random.Generator,
) -> Sheet:
    """The sheet of the version whose hash begins with `wanted`, else of the one that serves, else of the newest.

    `languages`: item's name -> language. Raises NotFound and Refused where there is nothing to show, VersionRefused
    where the version is damaged.
    """
    serving = serving_of(archive, settings, slug, wanted or _newest(archive, slug))
    one_label(serving.campaign)
    campaign, known = serving.campaign, archive.versions(serving.campaign.id)
    snapshot = archive.snapshot(campaign.id)
    beliefs = beliefs_of(snapshot)
    there = judged_on(campaign, beliefs)
    k = len(campaign.labels)
    items = _some(there, min(MOST, CELLS // k), rng)
    if not items:
        raise Refused(f"No audit item of {slug} has enough answers yet: there is nothing to judge a version by.")
    teacher = Teacher(serving.folder.parent, Recipe(), campaign.labels, archive.media, glossary=campaign.draft.glossary)
    said = gathered(teacher.score(serving.version, [item.content for item in items]), k, len(items)).probabilities
    guess, (about, begun) = said.argmax(axis=1), believed(items, trust_in(snapshot, rng), beliefs.pool)
    truth, spoken = informed(about, guess, begun, rng), np.array([languages.get(item.name, "") for item in items])
    votes, scale = votes_of(snapshot, items), Scale.ORDINAL if campaign.draft.kind is Kind.RATING else Scale.NOMINAL
    return Sheet(
        version=next(one for one in known if one.id == serving.version),
        labels=campaign.labels,
        there=len(there),
        card=scorecard(said, truth, rng),
        languages=by_language(said, truth, spoken, rng),
        ceiling=ceiling_of(votes, guess, rng),
        alpha=bootstrap(votes, partial(alpha, scale=scale), rng),
        kappa=bootstrap(votes, fleiss, rng),
        curve=known,
    )


def _newest(archive: Archive, slug: str) -> str:
    """Of a campaign whose versions were not good enough to serve so far; "" where one serves or none is known."""
    campaign = archive.campaign_named(slug)
    known = [] if campaign.serving else archive.versions(campaign.id)
    return known[-1].id if known else ""


def _some(items: Sequence[Item], most: int, rng: np.random.Generator) -> Sequence[Item]:
    if len(items) <= most:
        return items
    return [items[at] for at in np.sort(rng.choice(len(items), most, replace=False)).tolist()]
