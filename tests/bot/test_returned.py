"""G35: after a gap longer than a tap lives, open questions are shown once more, without a sound.

Seen to fail on: a gap of any length refreshing; a second beat refreshing again; questions that were answered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.telegram.returned import beat
from core.service import expire
from tests.bot.phone import ANN, BOB, Town, texts, town
from tests.bot.test_worker_handlers import joined


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Town]:
    async with town(tmp_path) as found:
        yield found


async def heard(here: Town) -> int:
    found = await here.store.ledger.transact(lambda tx: beat(tx, here.now))
    await here.deliver()
    return found


@pytest.mark.parametrize(("seconds", "refreshed"), [(149, 0), (150, 0), (151, 2), (600, 2), (90_000, 2)])
async def test_each_open_question_is_refreshed_once(here: Town, seconds: int, refreshed: int) -> None:
    await here.campaign(items=texts("one", "two", "three"))
    await joined(here)
    await joined(here, BOB)
    await heard(here)
    before = {person: (len(here.chats[person]), here.open_bubbles(person)[0]) for person in (ANN, BOB)}
    here.later(seconds=seconds)
    assert await heard(here) == refreshed
    for person, (messages, bubble) in before.items():
        assert len(here.chats[person]) == messages  # an edit, not a new message
        (now,) = here.open_bubbles(person)
        assert ("I was away" in now.text) == bool(refreshed)
        assert {name: now.buttons[name] for name in ("cat", "dog")} == {
            name: bubble.buttons[name] for name in ("cat", "dog")
        }
    here.later(seconds=15)
    assert await heard(here) == 0


async def test_a_tap_on_what_was_shown_again_counts_also_when_its_lease_ran_out(here: Town) -> None:
    campaign = await here.campaign(items=texts("one"))
    await joined(here)
    await heard(here)
    here.later(hours=1)
    await here.store.ledger.transact(lambda tx: expire(tx, here.now))
    assert await heard(here) == 1
    assert "still counts" in await here.tap(ANN, "cat")
    assert await here.answers(campaign.id) == 1


async def test_who_answered_before_the_gap_is_left_in_peace(here: Town) -> None:
    await here.campaign(items=texts("one"))
    await joined(here)
    await heard(here)
    await here.tap(ANN, "cat")
    here.later(seconds=600)
    assert await heard(here) == 0
