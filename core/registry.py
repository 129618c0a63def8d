"""The versions of a campaign: which one serves, how to go back, and which ones may be forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.campaign import Campaign
from core.errors import NotFound, Refused
from core.ids import VersionId
from core.ports import Transaction
from core.version import Version, VersionState


@dataclass(frozen=True, slots=True)
class Registry:
    """A campaign's versions, oldest first."""

    campaign: Campaign
    versions: Sequence[Version]


@dataclass(frozen=True, slots=True)
class Rollback:
    """Which version serves now, and which one did until now."""

    campaign: Campaign
    before: Version | None
    after: Version
    silenced: int  # open items that had heard `before` and no longer do


def registry(tx: Transaction, slug: str) -> Registry:
    """All versions of a campaign; NotFound where there is none of this name."""
    campaign = tx.campaign_named(slug)
    return Registry(campaign, tx.versions(campaign.id))


def roll_back(tx: Transaction, slug: str, wanted: str = "") -> Rollback:
    """One pointer: the version whose id begins with `wanted` serves, else the one that did before; open items no
    longer hear the one that goes. Refused where there is nothing to go back to, NotFound for an unknown id.
    """
    campaign = tx.campaign_named(slug)
    versions = tx.versions(campaign.id)
    before = tx.serving(campaign.id)
    after = _wanted(versions, wanted) if wanted else _previous(versions, before)
    if after is None:
        raise Refused("No earlier version has served: there is nothing to go back to.")
    if before is not None and after.id == before.id:
        raise Refused(f"Version {after.id[:8]} serves already.")
    tx.serve(campaign.id, after.id)
    silenced = tx.silence(campaign.id, before.id) if before else 0
    return Rollback(tx.campaign(campaign.id), before, replace(after, state=VersionState.SERVING), silenced)


def _wanted(versions: Sequence[Version], wanted: str) -> Version:
    found = [version for version in versions if version.id.startswith(wanted.lower())]
    if not found:
        raise NotFound("version", wanted)
    if len(found) > 1:
        raise Refused(f"Several versions begin with {wanted}: write more of its name.")
    return found[0]


def _previous(versions: Sequence[Version], serving: Version | None) -> Version | None:
    """The newest one that has served and is older than the serving one."""
    served = [one for one in versions if one.state is VersionState.RETIRED]
    older = [one for one in served if serving is None or one.created_at < serving.created_at]
    return max(older, key=_age, default=None)


def _age(version: Version) -> tuple[datetime, VersionId]:
    return version.created_at, version.id


def forgettable(versions: Sequence[Version], kept: int) -> list[VersionId]:
    """Which versions' files may be deleted: all but the newest `kept`, the serving one, the one before it and the one
    in the shadow."""
    serving = next((version for version in versions if version.state is VersionState.SERVING), None)
    newest = sorted(versions, key=_age, reverse=True)[:kept]
    shadow = next((version for version in versions if version.state is VersionState.SHADOW), None)
    kept_ones = (*newest, serving, shadow, _previous(versions, serving))
    needed = {version.id for version in kept_ones if version is not None}
    return [version.id for version in versions if version.id not in needed]
