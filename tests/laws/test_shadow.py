"""Laws of the shadow: who follows whom, one at a time, never by one night's luck.

Planted bugs, each caught:
- a shadow that is no longer better goes on waiting
- a better version of tonight takes the place of the one that waits, so that none ever serves
- the shadow serves a night too early
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from core.ids import CampaignId, VersionId
from core.shadow import in_shadow, succession, watched_for
from core.version import Version, VersionState

NOW = datetime(2026, 11, 22, 3, tzinfo=UTC)
T, S = VersionId("tonight"), VersionId("shadow")
STATE = VersionState


def version(id_: str, night: int, state: VersionState) -> Version:
    return Version(VersionId(id_), CampaignId(1), state, NOW + timedelta(days=night), 100, None)


def test_without_a_shadow_period_the_better_version_serves_at_once() -> None:
    assert succession(T, True, None, False, 0, 0).serves == T
    assert succession(T, False, None, False, 0, 0).marks == {}
    assert succession(T, True, S, True, 9, 0).marks == {S: STATE.CANDIDATE, T: STATE.SERVING}  # it was switched off


def test_a_better_version_waits_and_then_serves() -> None:
    first = succession(T, True, None, False, 0, 2)
    assert (first.serves, first.waits, first.marks) == (None, T, {T: STATE.SHADOW})
    second = succession(T, True, S, True, 1, 2)
    assert (second.serves, second.waits, second.marks) == (None, S, {})
    third = succession(T, False, S, True, 2, 2)
    assert (third.serves, third.waits, third.marks) == (S, None, {S: STATE.SERVING})


def test_a_shadow_that_is_no_longer_better_makes_room() -> None:
    found = succession(T, True, S, False, 1, 2)
    assert found.marks == {S: STATE.CANDIDATE, T: STATE.SHADOW} and found.waits == T


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12), st.integers(1, 3))
def test_one_waits_at_most_and_none_serves_early(nights: list[tuple[bool, bool]], period: int) -> None:
    versions: list[Version] = []
    better_nights: dict[VersionId, int] = {}
    for night, (better, still) in enumerate(nights):
        shadow = in_shadow(versions)
        watched = watched_for(versions, shadow) if shadow else 0
        if shadow:
            better_nights[shadow.id] = better_nights[shadow.id] + 1 if still else 0
        tonight = version(f"v{night}", night, STATE.CANDIDATE)
        found = succession(tonight.id, better, shadow.id if shadow else None, still, watched, period)
        versions = [version(one.id, at, found.marks.get(one.id, one.state))
                    for at, one in enumerate([*versions, tonight])]  # fmt: skip
        better_nights[tonight.id] = 0
        assert sum(one.state is STATE.SHADOW for one in versions) <= 1
        if found.serves:
            assert better_nights[found.serves] >= period
        waiting = in_shadow(versions)
        assert (waiting.id if waiting else None) == found.waits
