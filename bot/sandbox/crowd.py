"""Simulated workers. They see what a phone shows (bubbles and buttons) and tap; only their caller knows the truth.

A worker is a confusion matrix and a reply delay. What it answers is drawn from the row of the true label, so its real
reliability is known exactly and can be compared with what the product believes of it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from bot.minds import Confusion, at_random, by_accuracy, constant, thought, thought_of_set
from bot.sandbox.people import Button, Phone, Shown
from bot.sandbox.reading import Step, asks, step, step_of_set, ticks

TruthOf = Callable[[Shown], int | None]  # the true label of the item in a bubble, or its set as bits; None: no item

WAY_ON = re.compile(
    r"\b(i agree|agree|consent|accept|start|begin|continue|next|got it|ok|go)\b|同意|开始|继续|下一|知道了|好的",
    re.IGNORECASE,
)


class Temper(Enum):
    """The kinds of worker; the number is the accuracy of those who have one."""

    EXPERT = 0.97
    ORDINARY = 0.85
    NOVICE = 0.65
    COIN_FLIPPER = "any label"
    CONSTANT = "always the same label"
    CONTRARIAN = "never the true label"
    SLEEPER = "ordinary, asleep most of the time"


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds before a tap: log-normal around `median`; one tap in `nap_every` comes after a nap of `nap` seconds."""

    median: float = 2.0
    sigma: float = 0.5
    nap: float = 0.0
    nap_every: int = 0

    def draw(self, rng: np.random.Generator) -> float:
        asleep = self.nap_every > 0 and rng.random() < 1 / self.nap_every
        return float(self.median * np.exp(self.sigma * rng.standard_normal())) + (self.nap if asleep else 0.0)


def confusion_of(temper: Temper, labels: int, rng: np.random.Generator) -> Confusion:
    """How a worker of this temper answers about `labels` labels."""
    match temper:
        case Temper.EXPERT | Temper.ORDINARY | Temper.NOVICE:
            return by_accuracy(labels, float(temper.value), rng)
        case Temper.SLEEPER:
            return by_accuracy(labels, Temper.ORDINARY.value, rng)
        case Temper.COIN_FLIPPER:
            return at_random(labels)
        case Temper.CONSTANT:
            return constant(labels, rng)
        case Temper.CONTRARIAN:
            return by_accuracy(labels, 0.0, rng)


@dataclass(frozen=True, slots=True)
class Given:
    """One answer that a worker tapped."""

    message: int
    truth: int
    label: int
    query: str


@dataclass(slots=True)
class Mind:
    """What a worker thinks of the question before them."""

    place: tuple[int, str, str | None]  # bubble, words, picture
    label: int  # or the set, as bits
    several: bool = False
    looked: set[str] = field(default_factory=set)  # texts of the buttons that turned a page


@dataclass(slots=True)
class Worker:
    """One simulated worker on one phone. `choices` are the labels' wordings, in label order."""

    phone: Phone
    truth_of: TruthOf
    choices: Sequence[str]
    confusion: Confusion
    delay: Delay
    rng: np.random.Generator
    double_tap: float = 0.05  # share of taps made twice
    patience: float = 15.0  # seconds without news before asking for more with /next
    pace: float = 1.0  # delays are multiplied by it; 0 does not wait at all
    given: list[Given] = field(default_factory=list)
    _tapped: dict[int, int] = field(default_factory=dict)  # message -> version when last tapped
    _mind: Mind | None = None

    async def work(self, opening: str = "/start", most: int | None = None) -> None:
        """Open the chat, then tap whatever wants tapping, until `most` answers are given or the task is cancelled."""
        await self.phone.say(opening)
        while most is None or len(self.given) < most:
            try:
                await self.phone.wait(lambda seen: self.wants(seen) is not None, self.patience)
            except TimeoutError:
                self._tapped.clear()
                await self.phone.say("/next")
                continue
            await asyncio.sleep(self.pace * self.delay.draw(self.rng))
            bubble = self.wants(self.phone.messages)
            if bubble is not None:  # the question may have gone while the worker thought
                await self.tap(bubble)

    def wants(self, seen: Sequence[Shown]) -> Shown | None:
        """The newest bubble with something to tap that this worker has not tapped as it is now."""
        for bubble in reversed(seen[-8:]):
            if bubble.mine or self._tapped.get(bubble.id) == bubble.version:
                continue
            asked = asks(bubble, self.choices) and self.truth_of(bubble) is not None
            if asked or _way_on(bubble) is not None:
                return bubble
        return None

    async def tap(self, bubble: Shown) -> None:
        """Answer the question in the bubble, turn its pages until the answer is found, or press on."""
        self._tapped[bubble.id] = bubble.version
        truth = self.truth_of(bubble)
        if truth is None or not asks(bubble, self.choices):
            key = _way_on(bubble)
            if key is not None:
                await self.phone.tap(bubble, key)
            return
        place = (bubble.id, bubble.words, bubble.photo)
        if self._mind is None or self._mind.place != place:
            several = bool(ticks(bubble, self.choices))
            self._mind = Mind(place, (thought_of_set if several else thought)(self.confusion, truth, self.rng), several)
        mind = self._mind
        taken = self._step(bubble, mind)
        if taken is None:
            return
        query = await self.phone.tap(bubble, taken.key)
        if not taken.answers:
            mind.looked.add(taken.key.text)
            return
        self._mind = None
        self.given.append(Given(bubble.id, truth, mind.label, query))
        if self.rng.random() < self.double_tap:
            await self.phone.tap(bubble, taken.key)

    def _step(self, bubble: Shown, mind: Mind) -> Step | None:
        if mind.several:
            return step_of_set(bubble, mind.label, self.choices)
        return step(bubble, mind.label, self.choices, mind.looked)


def _way_on(bubble: Shown) -> Button | None:
    return next((key for key in bubble.keys if key.data and WAY_ON.search(key.text)), None)


def worker(
    phone: Phone,
    temper: Temper,
    truth_of: TruthOf,
    choices: Sequence[str],
    rng: np.random.Generator,
    *,
    pace: float = 1.0,
) -> Worker:
    """A worker of this temper, with the delays that go with it."""
    quick, asleep = Delay(1.0, 0.3), Delay(3.0, 0.6, nap=120.0, nap_every=5)
    delays = {Temper.COIN_FLIPPER: quick, Temper.CONSTANT: quick, Temper.SLEEPER: asleep}
    theta = confusion_of(temper, len(choices), rng)
    return Worker(phone, truth_of, choices, theta, delays.get(temper, Delay()), rng, pace=pace)


MIXTURE = {
    Temper.EXPERT: 0.17,
    Temper.ORDINARY: 0.42,
    Temper.NOVICE: 0.17,
    Temper.COIN_FLIPPER: 0.07,
    Temper.CONSTANT: 0.05,
    Temper.CONTRARIAN: 0.05,
    Temper.SLEEPER: 0.07,
}  # shares of an open crowd: a quarter is of little use, as in the public sets with many workers


def mixture(size: int, shares: dict[Temper, float] | None = None) -> list[Temper]:
    """`size` tempers in these shares, by largest remainder: the same list every time."""
    shares = shares or MIXTURE
    exact = {temper: size * share / sum(shares.values()) for temper, share in shares.items()}
    counts = {temper: int(amount) for temper, amount in exact.items()}
    rest = sorted(exact, key=lambda temper: counts[temper] - exact[temper])[: size - sum(counts.values())]
    return [temper for temper in exact for _ in range(counts[temper] + (temper in rest))]
