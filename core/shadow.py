"""The shadow: a version that was judged better is watched for some nights, on audit items, before it serves.

It scores what the serving version scores and decides nothing. One version at a time stands in the shadow. Each night it
must be surely better than the serving one again, on the audit items of that night; when it has been so for the nights
that the campaign asks for, it serves. The first night that it is not, it is a candidate as any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core.ids import VersionId
from core.version import Version, VersionState


@dataclass(frozen=True, slots=True)
class Succession:
    """Who serves and who waits from tonight on."""

    serves: VersionId | None  # the version that serves from now on, None where nothing changes
    waits: VersionId | None  # the version in the shadow from now on
    marks: Mapping[VersionId, VersionState] = field(default_factory=dict)  # what the registry writes


def in_shadow(versions: Sequence[Version]) -> Version | None:
    """The version that waits, None where none does."""
    return next((one for one in versions if one.state is VersionState.SHADOW), None)


def watched_for(versions: Sequence[Version], shadow: Version) -> int:
    """Nights on which it was watched, tonight among them: each night writes one version."""
    return 1 + sum(one.created_at > shadow.created_at for one in versions)


def succession(
    tonight: VersionId,
    better: bool,
    shadow: VersionId | None,
    still_better: bool,
    watched: int,
    nights: int,
) -> Succession:
    """Who follows whom. `better` is tonight's version against the one that serves after this decision, `still_better`
    the shadow against the one that served until now; `nights` the campaign's shadow period, 0 for none.
    """
    if nights <= 0:
        serves = tonight if better else None
        marks = {} if shadow is None else {shadow: VersionState.CANDIDATE}
        return Succession(serves, None, marks | ({tonight: VersionState.SERVING} if better else {}))
    marks = {}
    rises = shadow is not None and still_better and watched >= nights
    stays = shadow is not None and still_better and not rises
    if shadow is not None and not stays:
        marks[shadow] = VersionState.SERVING if rises else VersionState.CANDIDATE
    waits = shadow if stays else tonight if better and tonight != shadow else None
    if waits == tonight and not stays:
        marks[tonight] = VersionState.SHADOW
    return Succession(shadow if rises else None, waits, marks)
