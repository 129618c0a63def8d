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
from numpy.typing import NDArray

from bot.sandbox.people import Button, Phone, Shown

Confusion = NDArray[np.float64]  # (K, K), rows are the truth and sum to 1
TruthOf = Callable[[Shown], int | None]  # the true label of the item in a bubble; None where it shows none

WAY_ON = re.compile(
    r"\b(i agree|agree|consent|accept|start|begin|continue|next|got it|ok|go)\b|同意|开始|继续|下一|知道了|好的",
    re.IGNORECASE,
)
NO_CHOICE = re.compile(r"none of|not sure|都不是|以上都|不确定", re.IGNORECASE)


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


def by_accuracy(labels: int, accuracy: float, rng: np.random.Generator) -> Confusion:
    """A confusion matrix with this accuracy for every label, errors spread unevenly (Dirichlet, concentration 1)."""
    theta = np.zeros((labels, labels))
    for truth in range(labels):
        others = [label for label in range(labels) if label != truth]
        theta[truth, others] = (1 - accuracy) * rng.dirichlet(np.ones(labels - 1))
        theta[truth, truth] = accuracy
    return theta


def confusion_of(temper: Temper, labels: int, rng: np.random.Generator) -> Confusion:
    """How a worker of this temper answers about `labels` labels."""
    match temper:
        case Temper.EXPERT | Temper.ORDINARY | Temper.NOVICE:
            return by_accuracy(labels, float(temper.value), rng)
        case Temper.SLEEPER:
            return by_accuracy(labels, Temper.ORDINARY.value, rng)
        case Temper.COIN_FLIPPER:
            return np.full((labels, labels), 1 / labels)
        case Temper.CONSTANT:
            return np.tile(np.eye(labels)[rng.integers(labels)], (labels, 1))
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
            if self._question(bubble) or _way_on(bubble) is not None:
                return bubble
        return None

    def _question(self, bubble: Shown) -> bool:
        return bool(self.keys_of(bubble)) and self.truth_of(bubble) is not None

    def keys_of(self, bubble: Shown) -> dict[int, Button]:
        """The buttons that stand for labels, by label, whatever their order and ornaments."""
        wording = {_plain(choice): label for label, choice in enumerate(self.choices)}
        return {wording[_plain(key.text)]: key for key in bubble.keys if _plain(key.text) in wording}

    async def tap(self, bubble: Shown) -> None:
        """Answer the question in the bubble, or press on."""
        self._tapped[bubble.id] = bubble.version
        truth = self.truth_of(bubble)
        keys = self.keys_of(bubble)
        if truth is None or not keys:
            key = _way_on(bubble)
            if key is not None:
                await self.phone.tap(bubble, key)
            return
        label = int(self.rng.choice(len(self.choices), p=self.confusion[truth]))
        chosen = keys.get(label) or _no_choice(bubble) or keys[min(keys)]
        self.given.append(Given(bubble.id, truth, label, await self.phone.tap(bubble, chosen)))
        if self.rng.random() < self.double_tap:
            await self.phone.tap(bubble, chosen)


def _plain(words: str) -> str:
    """The wording without ornaments: numbers, emoji, tick marks and case."""
    return re.sub(r"^\d+[.):]\s*(?=\S)", "", words.strip()).strip("".join(set(re.findall(r"[^\w]", words)))).casefold()


def _way_on(bubble: Shown) -> Button | None:
    return next((key for key in bubble.keys if key.data and WAY_ON.search(key.text)), None)


def _no_choice(bubble: Shown) -> Button | None:
    return next((key for key in bubble.keys if NO_CHOICE.search(key.text)), None)


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
