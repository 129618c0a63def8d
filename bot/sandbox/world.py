"""Everything behind the sandbox's server: Telegram's memory, the way of updates, people, faults."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from bot.sandbox.delivery import Delivery, Patience
from bot.sandbox.faults import Faults, FloodLimits
from bot.sandbox.people import Button, Person, Shown
from bot.sandbox.records import Update
from bot.sandbox.server import BotApi, Counts
from bot.sandbox.telegram import BotAccount, Telegram

TOKEN = "110201543:sandbox-AAHdqTcvCH1vGWJxfSeofSAs0K5PALD"  # opens nothing but a sandbox


@dataclass(frozen=True, slots=True)
class Persona:
    """Who the visitor of the chat page can be."""

    role: str
    id: int
    first_name: str


WORKER = Persona("worker", 2001, "Wanda")
ADMIN = Persona("admin", 1001, "Ada")


class World:
    """A Telegram of one's own, not yet served."""

    def __init__(
        self,
        *,
        token: str = TOKEN,
        clock: Callable[[], float] = time.time,
        patience: Patience | None = None,
        personas: Sequence[Persona] = (WORKER, ADMIN),
    ) -> None:
        self.token = token
        self.personas = tuple(personas)
        self.faults = Faults()
        self.delivery = Delivery(clock, patience or Patience())
        self.telegram = Telegram(BotAccount(int(token.split(":")[0])), clock, self.delivery.accept)
        self.telegram.duplicated = self.faults.duplicated
        self.api = BotApi(token, self.telegram, self.delivery, self.faults)
        self._clock = clock
        self._people: dict[int, Person] = {}
        self._ids = count(10_001)

    @property
    def updates(self) -> list[Update]:
        """Every update that Telegram accepted, with `confirmed_at` once the bot has taken it."""
        return self.delivery.log

    @property
    def counts(self) -> Counts:
        return self.api.counts

    def person(
        self,
        id: int | None = None,
        first_name: str = "Ann",
        *,
        username: str | None = None,
        language_code: str | None = "en",
    ) -> Person:
        """The person with this id (a fresh one when None), with the name and language given now."""
        identity = next(self._ids) if id is None else id
        account = self.telegram.account(identity, first_name, username, language_code)
        if identity not in self._people:
            self._people[identity] = Person(self.telegram, account)
        return self._people[identity]

    def known(self, id: int) -> Person:
        """The person with this id; raises LookupError for one who never entered."""
        if id not in self._people:
            raise LookupError(f"nobody here has the id {id}")
        return self._people[id]

    def tap_many(self, taps: Iterable[tuple[Person, Shown, Button]]) -> list[str]:
        """Many taps at once, without giving way to anybody: load for tests and benchmarks."""
        return [self.telegram.tap(person.account, message.id, button.data or "") for person, message, button in taps]

    def enforce_limits(self, overall: int = 30, per_chat: int = 1) -> None:
        """From now on refuse new messages beyond these rates (a second) with 429."""
        self.api.limits = FloodLimits(self._clock, overall, per_chat)
