"""Nights come once a local date, whatever the clocks do; jobs go on after a failure."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.schedule import Job, Schedule, night_due

BERLIN = ZoneInfo("Europe/Berlin")


def nights(
    zone: ZoneInfo, train_at: time, start: datetime, end: datetime, every: timedelta
) -> list[tuple[date, datetime]]:
    """(night, when it was taken) of a process that looks every so often and does what is due."""
    found: list[tuple[date, datetime]] = []
    done, now = start.astimezone(zone).date() - timedelta(days=1), start
    while now < end:
        night = night_due(now, zone, train_at, done)
        if night is not None:
            found.append((night, now))
            done = night
        now += every
    return found


@pytest.mark.parametrize(
    "train_at", [time(0, 0), time(1, 59), time(2, 0), time(2, 30), time(2, 59), time(3, 0), time(23, 59)]
)
@pytest.mark.parametrize("change", [date(2027, 10, 31), date(2027, 3, 28)])
def test_each_local_date_has_one_night_when_the_clocks_change(train_at: time, change: date) -> None:
    start = datetime.combine(change - timedelta(days=1), time(0), BERLIN).astimezone(UTC)
    found = nights(BERLIN, train_at, start, start + timedelta(days=4), timedelta(minutes=1))
    assert [night for night, _ in found][:3] == [change + timedelta(days=days) for days in (-1, 0, 1)]
    assert len({night for night, _ in found}) == len(found)


def test_the_hour_that_comes_twice_is_taken_the_first_time() -> None:
    start = datetime(2027, 10, 30, 12, tzinfo=UTC)
    found = nights(BERLIN, time(2, 30), start, start + timedelta(hours=20), timedelta(minutes=1))
    assert found[-1] == (date(2027, 10, 31), datetime(2027, 10, 31, 0, 30, tzinfo=UTC))  # 02:30 CEST


def test_the_hour_that_never_comes_is_taken_when_it_would_have() -> None:
    start = datetime(2027, 3, 27, 12, tzinfo=UTC)
    found = nights(BERLIN, time(2, 30), start, start + timedelta(hours=20), timedelta(minutes=1))
    assert found[-1] == (date(2027, 3, 28), datetime(2027, 3, 28, 1, 30, tzinfo=UTC))  # 03:30 CEST


def test_a_night_that_was_slept_through_is_due_on_waking_for_twenty_hours() -> None:
    yesterday = date(2026, 11, 20)
    struck = datetime(2026, 11, 21, 2, 0, tzinfo=BERLIN).astimezone(UTC)
    due = {
        hours: night_due(struck + timedelta(hours=hours), BERLIN, time(2, 0), yesterday)
        for hours in (-1, 0, 19, 20, 23)
    }
    assert due == {-1: None, 0: date(2026, 11, 21), 19: date(2026, 11, 21), 20: None, 23: None}


def test_a_night_before_midnight_may_be_caught_up_after_it() -> None:
    now = datetime(2026, 11, 21, 5, tzinfo=BERLIN)
    assert night_due(now, BERLIN, time(23, 30), date(2026, 11, 19)) == date(2026, 11, 20)
    assert night_due(now, BERLIN, time(23, 30), date(2026, 11, 20)) is None


def test_a_clock_set_back_repeats_nothing() -> None:
    assert night_due(datetime(2026, 11, 21, 12, tzinfo=UTC), BERLIN, time(2, 0), date(2026, 11, 22)) is None


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    train_at=st.times(),
    zone=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Shanghai", "Australia/Lord_Howe"]),
)
def test_what_is_due_is_not_due_once_it_is_done(now: datetime, train_at: time, zone: str) -> None:
    night = night_due(now, ZoneInfo(zone), train_at, None)
    if night is not None:
        assert night_due(now, ZoneInfo(zone), train_at, night) is None
        assert night_due(now, ZoneInfo(zone), train_at, night - timedelta(days=1)) == night
        assert abs((now.astimezone(ZoneInfo(zone)).date() - night).days) <= 1


async def test_jobs_run_at_once_and_again_after_a_failure_and_never_two_at_a_time() -> None:
    runs, under_way, most = 0, 0, 0
    enough = asyncio.Event()

    async def job() -> None:
        nonlocal runs, under_way, most
        runs, under_way = runs + 1, under_way + 1
        most = max(most, under_way)
        await asyncio.sleep(0.05)
        under_way -= 1
        if runs == 1:
            raise RuntimeError("once")
        if runs == 3:
            enough.set()

    schedule = Schedule([Job("job", timedelta(seconds=0.02), job)])
    schedule.start()
    await asyncio.wait_for(enough.wait(), 5)
    await schedule.stop()
    assert (under_way, most) == (0, 1)
    after = runs
    await asyncio.sleep(0.1)
    assert runs == after


def test_a_campaign_that_is_younger_than_the_hour_waits_for_the_next() -> None:
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert night_due(noon, ZoneInfo("UTC"), time(3, 0), None, born=noon - timedelta(hours=1)) is None
    assert night_due(noon, ZoneInfo("UTC"), time(3, 0), None, born=noon - timedelta(hours=10)) == date(2026, 11, 20)
    tomorrow = noon + timedelta(hours=16)
    assert night_due(tomorrow, ZoneInfo("UTC"), time(3, 0), None, born=noon) == date(2026, 11, 21)
