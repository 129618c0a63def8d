"""The pace of what is sent, in virtual time."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from dataclasses import dataclass, field

import pytest

from bot.telegram.limits import Lane, Limits, Pace

ANNA, BEN, GROUP = 101, 102, -5


class VirtualClock:
    """Time that passes only when everybody waits for it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = itertools.count()

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), wake))
        await wake

    async def settle(self) -> None:
        for _ in range(8):
            await asyncio.sleep(0)

    async def pass_until(self, end: float) -> None:
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                self.now = max(self.now, at)
                wake.set_result(None)
                await self.settle()
        self.now = end


@dataclass
class Wire:
    """Calls made through the limits: when, and to whom."""

    limits: Limits
    clock: VirtualClock
    calls: list[tuple[float, int, str]] = field(default_factory=list)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def _call(self, chat: int, lane: Lane, new: bool, name: str) -> None:
        async with self.limits.turn(chat, lane=lane, new_message=new):
            self.calls.append((self.clock.now - 1000.0, chat, name))

    def send(
        self, chat: int, lane: Lane = Lane.INTERACTIVE, new: bool = True, name: str = ""
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(self._call(chat, lane, new, name))
        self.tasks.append(task)
        return task

    async def run(self, seconds: float) -> None:
        await self.clock.pass_until(1000.0 + seconds)

    def times(self, chat: int | None = None) -> list[float]:
        return [at for at, to, _ in self.calls if chat in (None, to)]


@pytest.fixture
def wire() -> Wire:
    clock = VirtualClock()
    return Wire(Limits(clock=clock), clock)


def most_within(times: list[float], window: float) -> int:
    return max(sum(start <= at < start + window - 1e-6 for at in times) for start in times)


async def test_thirty_a_second_from_the_first_second_on(wire: Wire) -> None:
    for chat in range(1, 121):
        wire.send(chat)
    await wire.run(10)
    assert len(wire.calls) == 120
    assert most_within(wire.times(), 1.0) == 30
    assert wire.times()[-1] == pytest.approx(119 / 30)


async def test_one_message_a_second_in_a_private_chat_in_order(wire: Wire) -> None:
    for number in range(5):
        wire.send(ANNA, name=str(number))
    wire.send(BEN)
    await wire.run(10)
    assert wire.times(ANNA) == pytest.approx([0, 1, 2, 3, 4])
    assert [name for _, to, name in wire.calls if to == ANNA] == list("01234")
    assert wire.times(BEN)[0] < 0.1, "one chat's limit is nobody else's"


async def test_twenty_a_minute_in_a_group(wire: Wire) -> None:
    for _ in range(60):
        wire.send(GROUP, Lane.BROADCAST)
    await wire.run(300)
    assert len(wire.calls) == 60
    assert 18 <= most_within(wire.times(), 60.0) <= 20


async def test_an_edit_goes_at_once_and_a_long_run_of_edits_is_slowed(wire: Wire) -> None:
    for _ in range(14):
        wire.send(ANNA, new=False)
    await wire.run(0)
    assert len(wire.calls) == 10
    await wire.run(10)
    assert wire.times()[10:] == pytest.approx([0.5, 1.0, 1.5, 2.0])


async def test_people_before_ten_thousand_broadcasts(wire: Wire) -> None:
    for chat in range(1, 10_001):
        wire.send(chat, Lane.BROADCAST)
    waits = []
    for second in range(1, 30):
        await wire.run(second + 0.01)
        for newcomer in range(5):
            wire.send(50_000 + 10 * second + newcomer, name="new")
        wire.send(100, new=False, name="edit")
        await wire.clock.settle()
        asked = wire.clock.now - 1000.0
        await wire.run(second + 0.9)
        waits += [at - asked for at, _, name in wire.calls if name and at >= asked]
    await wire.run(400)
    assert len(waits) == 29 * 6
    assert max(waits) < 0.2
    broadcast = [to for _, to, name in wire.calls if not name]
    assert broadcast == sorted(broadcast) and len(broadcast) == 10_000
    assert most_within([at for at, _, name in wire.calls if name != "edit"][:600], 1.0) <= 30


async def test_a_chat_that_must_wait_holds_up_nobody_behind_it(wire: Wire) -> None:
    wire.limits.told_to_wait(ANNA, 60)
    wire.limits.told_to_wait(ANNA, 1)
    wire.send(ANNA, Lane.BROADCAST)
    wire.send(BEN, Lane.BROADCAST)
    await wire.run(100)
    assert wire.calls == [(0.0, BEN, ""), (pytest.approx(60.0), ANNA, "")]


async def test_silence_everywhere_is_kept_and_ends_without_a_flood(wire: Wire) -> None:
    wire.limits.told_to_wait(None, 17)
    for chat in range(1, 61):
        wire.send(chat)
        wire.send(chat, new=False)
        wire.send(chat, Lane.BROADCAST, name="bulk")
    await wire.run(5)
    wire.limits.told_to_wait(None, 2)  # a shorter word does not shorten a longer one
    wire.limits.told_to_wait(ANNA, 1)
    await wire.run(8)
    wire.send(999, new=False)  # an edit that would go at once at any other time
    await wire.run(16.999)
    assert wire.calls == []
    await wire.run(60)
    assert len(wire.calls) == 181
    assert min(wire.times()) >= 17
    assert most_within(wire.times(), 0.1) <= 31
    bulk = [at for at, _, name in wire.calls if name]
    others = [at for at, _, name in wire.calls if not name]
    assert min(bulk) > max(others)


async def test_a_silence_that_begins_while_many_wait_stops_them(wire: Wire) -> None:
    for chat in range(1, 91):
        wire.send(chat, Lane.BROADCAST)
    await wire.run(1)
    wire.limits.told_to_wait(None, 30)
    await wire.run(30.9)
    assert max(wire.times()) <= 1.0
    await wire.run(40)
    assert len(wire.calls) == 90


async def test_two_private_chats_silenced_at_once_mean_the_bot_is(wire: Wire) -> None:
    wire.limits.told_to_wait(ANNA, 10)
    wire.send(7)
    await wire.run(1)
    assert wire.times(7) == [0.0]
    wire.limits.told_to_wait(BEN, 20)
    wire.send(8)
    await wire.run(20.9)
    assert wire.times(8) == []
    await wire.run(22)
    assert wire.times(8) == [pytest.approx(21.0)]


async def test_groups_silenced_do_not_silence_people(wire: Wire) -> None:
    wire.limits.told_to_wait(GROUP, 40)
    wire.limits.told_to_wait(GROUP - 1, 40)
    wire.send(ANNA)
    await wire.run(0)
    assert wire.times(ANNA) == [0.0]


async def test_a_turn_given_up_is_nobodys_loss(wire: Wire) -> None:
    waiting = [wire.send(ANNA, name=str(n)) for n in range(4)]
    await wire.run(0.5)
    waiting[1].cancel()
    waiting[2].cancel()
    await wire.run(1.0)
    assert [name for *_, name in wire.calls] == ["0", "3"]
    assert wire.limits.waiting() == 0


async def test_idle_chats_are_forgotten_and_silenced_ones_are_not(wire: Wire) -> None:
    wire.limits.told_to_wait(ANNA, 1e6)
    for second in range(200):
        for chat in range(50):
            wire.send(1000 + 50 * second + chat, new=False)
        await wire.run(second + 1)
    assert len(wire.calls) == 10_000
    assert len(wire.limits._chats) <= 1100
    wire.send(ANNA, new=False)
    await wire.run(1000)
    assert wire.times(ANNA) == []
    wire.limits.close()
    await wire.clock.settle()
    assert wire.tasks[-1].cancelled()


async def test_a_late_timer_lets_nobody_jump_the_queue(wire: Wire) -> None:
    for chat in range(1, 4):
        wire.send(chat)
    await wire.clock.settle()
    wire.clock.now += 5  # the loop was busy: the timer has not rung yet
    wire.send(9)
    await wire.run(10)
    assert [to for _, to, _ in wire.calls] == [1, 2, 3, 9]


async def test_any_mixture_keeps_every_limit_and_loses_nothing(wire: Wire) -> None:
    for number in range(600):
        chat = (number * 7919) % 23 - 3 or 50
        wire.send(chat, Lane(number % 5 == 0), new=number % 3 > 0, name="new" if number % 3 else "edit")
        if number % 10 == 0:
            await wire.run(number / 100)
    await wire.run(2000)
    assert len(wire.calls) == 600
    new = [(at, to) for at, to, name in wire.calls if name == "new"]
    assert most_within([at for at, _ in new], 1.0) <= 30
    for chat in Counter(to for _, to in new):
        window, most = (1.0, 1) if chat > 0 else (60.0, 20)
        assert most_within([at for at, to in new if to == chat], window) <= most


def test_a_pace_without_a_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="positive rate"):
        Pace(0.0)
