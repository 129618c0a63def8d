"""The in-memory twin of items: the queue, the seats, the import, the reviews."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np

from core.errors import Conflict, NotFound
from core.ids import CampaignId, ItemId, WorkerId
from core.item import Item, NewItem, Role, Verdict, seat_taken
from core.marks.worth import stacked
from core.review import Review
from core.routing import WINDOW, Head
from storage.memory_chains import kept_apart
from storage.memory_store import Store


class MemoryItems:
    """The part of `core.ports.Transaction` that is about them."""

    __slots__ = ()

    store: Store

    def item(self, item: ItemId) -> Item:
        if item not in self.store.items:
            raise NotFound("item", item)
        return self.store.items[item]

    def head(self, campaign: CampaignId, worker: WorkerId, limit: int) -> Head:
        queue = self.store.queues.get(campaign, [])
        fresh = bisect_left(queue, (-1.0, 0))
        begun, end = range(min(WINDOW * limit, len(queue))), min(fresh + WINDOW * limit, len(queue))
        places = dict.fromkeys([*begun, *range(max(fresh, len(begun)), end)])
        bounded = self._unmet((queue[at] for at in places), worker)
        found = list(islice(bounded, limit)) or list(islice(self._unmet(queue, worker), limit))
        learning = [0.0 if item.answers else item.worth for item in found]
        return Head([item.id for item in found], stacked([item.posterior for item in found]), np.array(learning))

    def _unmet(self, queue: Iterable[tuple[float, ItemId]], worker: WorkerId) -> Iterator[Item]:
        unmet = (id_ for _, id_ in queue if (worker, id_) not in self.store.met)
        return (self.store.items[id_] for id_ in unmet if not kept_apart(self.store, worker, id_))

    def unmet_controls(self, campaign: CampaignId, worker: WorkerId, limit: int) -> list[ItemId]:
        controls = map(self.store.items.__getitem__, self.store.controls.get(campaign, ()))
        unmet = (one for one in controls if one.verdict is not Verdict.WITHDRAWN)
        return [item.id for item in unmet if (worker, item.id) not in self.store.met][:limit]

    def item_named(self, campaign: CampaignId, name: str) -> Item:
        if (campaign, name) not in self.store.names:
            raise NotFound("item", name)
        return self.store.items[self.store.names[campaign, name]]

    def disputed(self, campaign: CampaignId, after: ItemId, limit: int) -> list[ItemId]:
        theirs = [item for item in self.store.items.values() if item.campaign == campaign and item.id > after]
        found = [one.id for one in theirs if one.role is not Role.CONTROL and one.verdict is Verdict.DISPUTED]
        return sorted(found)[:limit]

    def reviews_of(self, item: ItemId) -> list[Review]:
        return [review for review in self.store.reviews.values() if review.item == item]

    def known_names(self, campaign: CampaignId, names: Sequence[str]) -> set[str]:
        return {name for name in names if (campaign, name) in self.store.names}

    def add_items(self, campaign: CampaignId, items: Sequence[tuple[NewItem, Role]], start: Sequence[float]) -> int:
        known = self.known_names(campaign, [new.name for new, _ in items])
        if known:
            raise Conflict(f"There is an item named {min(known)} in this campaign already.")
        if len({new.name for new, _ in items}) < len(items):
            raise Conflict("Two of these items have the same name.")
        for new, role in items:
            self.store.add_item(campaign, new, role, tuple(start))
        return len(items)

    def take_seat(self, item: ItemId, priority: Callable[[Item], float] | None = None) -> Item | None:
        found = self.store.items.get(item)
        if found is None or not self.store.askable(found):
            return None
        taken = seat_taken(found, priority)
        self.store.put_item(taken)
        return taken

    def save_item(self, item: Item) -> None:
        known = self.item(item.id)
        changed = replace(
            known, verdict=item.verdict, posterior=item.posterior, answers=item.answers, leases=item.leases,
            problems=item.problems, priority=item.priority,
        )  # fmt: skip
        self.store.put_item(changed)

    def save_ruled(self, item: Item) -> None:
        known = self.item(item.id)
        changed = replace(
            known, verdict=item.verdict, posterior=item.posterior, problems=item.problems, priority=item.priority,
            truth=item.truth, limit=item.limit,
        )  # fmt: skip
        self.store.put_item(changed)

    def add_review(self, review: Review) -> None:
        self.store.put(self.store.reviews, len(self.store.reviews) + 1, review)
