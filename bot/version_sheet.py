"""All that can be said of a version today: on the audit items, beside the workers who judge it, and night by night.

A door to torch: the version reads the audit items anew, so that it is judged by the answers of today and a version of
last month can be, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.serving import Serving, serving_of
from bot.settings import Settings
from core.agreement import Agreement
from core.audit import believed, trust_in
from core.campaign import Kind
from core.errors import Refused
from core.figures import Ceiling, agreement_on, ceiling_on
from core.guesses import informed
from core.item import Item
from core.marks import night as marks_night
from core.planning import judged_on
from core.ports import Archive, Beliefs, Snapshot
from core.refit import beliefs_of
from core.tomorrow import gathered
from core.version import Version
from training.marks_card import MarksCard, marks_card
from training.marks_card import by_language as marks_by_language
from training.recipe import Recipe
from training.scorecard import Scorecard, by_language, scorecard
from training.teacher import Teacher
from training.word_teacher import WordTeacher

Floats = NDArray[np.float64]

MOST = 3_000  # audit items by which a version is judged; of more, that many by chance
CELLS = 300_000  # items times labels, at most: beliefs about them are held 64 times over
WORDS = 60_000  # items times words of the longest, at most: they are drawn 200 times over

Card = Scorecard | MarksCard


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """One version, judged by the answers that stand now."""

    version: Version
    labels: Sequence[str]  # K
    there: int  # audit items with enough answers to be judged by
    card: Card  # on these, or on some of them
    languages: Mapping[str, Card]  # where they are known
    ceiling: Ceiling
    alpha: Agreement  # Krippendorff's, of the workers on the same items; ordinal for ratings, over marks if several
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
    campaign, known = serving.campaign, archive.versions(serving.campaign.id)
    snapshot = archive.snapshot(campaign.id)
    beliefs = beliefs_of(snapshot)
    there, columns = judged_on(campaign, beliefs), campaign.draft.columns
    items = _some(there, min(MOST, (WORDS if campaign.draft.kind is Kind.SPANS else CELLS) // columns), rng)
    if not items:
        raise Refused(f"No audit item of {slug} has enough answers yet: there is nothing to judge a version by.")
    contents = [item.content for item in items]
    said = gathered(_reader(serving, archive).score(serving.version, contents), columns, len(items)).probabilities
    spoken = np.array([languages.get(item.name, "") for item in items])
    judge = _by_marks if campaign.draft.kind.marked else _by_label
    card, apart = judge(snapshot, beliefs, items, said, spoken, rng)
    agreed, beyond_chance = agreement_on(snapshot, items, rng)
    return Sheet(
        version=next(one for one in known if one.id == serving.version),
        labels=campaign.labels,
        there=len(there),
        card=card,
        languages=apart,
        ceiling=ceiling_on(snapshot, items, said, rng),
        alpha=agreed,
        kappa=beyond_chance,
        curve=known,
    )


def _reader(serving: Serving, archive: Archive) -> Teacher | WordTeacher:
    """What reads with a version of the campaign."""
    campaign, home = serving.campaign, serving.folder.parent
    if campaign.draft.kind is Kind.SPANS:
        return WordTeacher(home, Recipe(), campaign.labels[0])
    several, glossary = campaign.draft.kind is Kind.MULTI, campaign.draft.glossary
    return Teacher(home, Recipe(), campaign.labels, archive.media, glossary=glossary, several=several)


def _by_label(
    snapshot: Snapshot,
    beliefs: Beliefs,
    items: Sequence[Item],
    said: Floats,
    languages: NDArray[np.str_],
    rng: np.random.Generator,
) -> tuple[Card, Mapping[str, Card]]:
    guess, (about, begun) = said.argmax(axis=1), believed(items, trust_in(snapshot, rng), beliefs.pool)
    truth = informed(about, guess, begun, rng)
    return scorecard(said, truth, rng), by_language(said, truth, languages, rng)


def _by_marks(
    snapshot: Snapshot,
    beliefs: Beliefs,
    items: Sequence[Item],
    said: Floats,
    languages: NDArray[np.str_],
    rng: np.random.Generator,
) -> tuple[Card, Mapping[str, Card]]:
    """Where several labels may hold, or words are marked."""
    truth = marks_night.believed(items, trust_in(snapshot, rng), beliefs.pool)[0]
    said, words = said[:, : truth.shape[2]], snapshot.campaign.draft.kind is Kind.SPANS
    return marks_card(said, truth, words, rng), marks_by_language(said, truth, words, languages, rng)


def _newest(archive: Archive, slug: str) -> str:
    """Of a campaign whose versions were not good enough to serve so far; "" where one serves or none is known."""
    campaign = archive.campaign_named(slug)
    known = [] if campaign.serving else archive.versions(campaign.id)
    return known[-1].id if known else ""


def _some(items: Sequence[Item], most: int, rng: np.random.Generator) -> Sequence[Item]:
    if len(items) <= most:
        return items
    return [items[at] for at in np.sort(rng.choice(len(items), most, replace=False)).tolist()]
