"""Which version speaks for a campaign, and where it lies: what `predict`, the HTTP door and `version export` ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.settings import Settings
from core.campaign import Campaign, Kind
from core.errors import NotFound, Refused
from core.ids import VersionId
from core.marks import likeliest, sureness
from core.marks.worth import own
from core.ports import Archive
from core.stretches import stretches


@dataclass(frozen=True, slots=True)
class Serving:
    """A version that may speak for its campaign."""

    campaign: Campaign
    version: VersionId
    folder: Path


def serving_of(archive: Archive, settings: Settings, slug: str, wanted: str = "") -> Serving:
    """The serving version of a campaign, or the one whose hash begins with `wanted`.

    NotFound where there is no such campaign or version; Refused, in one sentence, where none serves or its files are
    gone.
    """
    campaign = archive.campaign_named(slug)
    if campaign.draft.kind is Kind.TEXT:
        raise Refused(f"Campaign {slug} collects written answers: no version learns to write them.")
    version = _wanted(archive, campaign, wanted) if wanted else campaign.serving
    if version is None:
        raise Refused(f"No version of {slug} serves yet: its first night has still to come or to promote one.")
    folder = Path(settings.storage.versions) / campaign.slug / version
    if not folder.is_dir():
        raise Refused(f"The files of version {version[:12]} of {slug} are gone: see training.keep_versions.")
    return Serving(campaign, version, folder)


def _wanted(archive: Archive, campaign: Campaign, wanted: str) -> VersionId:
    found = [version.id for version in archive.versions(campaign.id) if version.id.startswith(wanted.lower())]
    if not found:
        raise NotFound("version", wanted)
    if len(found) > 1:
        raise Refused(f"Several versions begin with {wanted}: write more of its hash.")
    return found[0]


def told(
    text: str, labels: Sequence[str], chances: Sequence[float], version: str, several: bool = False
) -> dict[str, object]:
    """What a version says of a text, for JSON; a blank text has no label. `chances` (K,) sum to 1, or are those of each
    label where `several` may hold: then there are "labels"."""
    if not text.strip():
        return {"labels" if several else "label": None, "probabilities": None, "version": version}
    rounded = [round(float(chance), 6) for chance in chances]
    said = {"probabilities": dict(zip(labels, rounded, strict=True)), "version": version}
    if several:
        return {"labels": [labels[at] for at in likeliest(rounded)], **said}
    return {"label": labels[rounded.index(max(rounded))], **said}


def marked(text: str, said: NDArray[np.float64], version: str) -> dict[str, object]:
    """What a version marks in a text, for JSON: characters and words of each stretch, and how sure its least sure word
    is; a text without words has no stretches."""
    chances = own(said).tolist()
    found = [{"start": a, "end": b, "text": text[a:b]} for a, b in stretches(likeliest(chances), text)]
    sure = round(sureness(chances), 6) if chances else None
    return {"spans": found if chances else None, "confidence": sure, "version": version}
