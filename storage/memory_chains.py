"""The in-memory twin of task chains and written words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from core.chains import Chain, Fed, FedState, Proposal, Provenance, restless
from core.errors import Conflict
from core.ids import CampaignId, ChainId, ItemId, QuestionId, WorkerId
from core.posterior import claimed
from core.winning import GOOD, Judged, Lot, Texts
from storage.memory_store import Store


class MemoryChains:
    """The part of `core.ports.Transaction` that is about them."""

    __slots__ = ()

    store: Store

    def chains(self, alone: bool = False) -> list[Chain]:
        return list(self.store.chains.values())

    def fed(self, source: ItemId) -> list[Fed]:
        return [self.store.fed[item] for item in sorted(self.store.became.get(source, ()))]

    def fed_count(self, chain: ChainId) -> int:
        return sum(one.chain == chain and one.state is not FedState.WITHDRAWN for one in self.store.fed.values())

    def proposals(self, item: ItemId) -> list[Proposal]:
        facts = [self.store.answers[key] for key in self.store.facts.get(item, ()) if key in self.store.written]
        return [
            Proposal(one.worker, self.store.written[one.question, one.lease])
            for one in facts
            if one.counted and self.store.stands(one)
        ]

    def add_written(self, question: QuestionId, lease: int, text: str) -> None:
        if (question, lease) not in self.store.answers or (question, lease) in self.store.written:
            raise Conflict("These words belong to no answer, or to one that has words.")
        self.store.put(self.store.written, (question, lease), text)

    def add_chain(self, source: CampaignId, label: int, target: CampaignId, apart: bool) -> Chain:
        added = Chain(ChainId(len(self.store.chains) + 1), source, label, target, apart)
        ends = {(one.source, one.label, one.target) for one in self.store.chains.values()}
        if (source, label, target) in ends:
            raise Conflict("This chain is there already.")
        self.store.put(self.store.chains, added.id, added)
        return added

    def add_fed(self, fed: Fed) -> None:
        taken = {(one.target, one.candidate) for one in self.fed(fed.source)}
        if (fed.target, fed.candidate) in taken or fed.item in self.store.fed:
            raise Conflict("This item has gone on into this campaign already.")
        self.store.put(self.store.fed, fed.item, fed)
        self.store.put(self.store.became.setdefault(fed.source, {}), fed.item, None)

    def save_fed(self, fed: Fed) -> None:
        self.store.put(self.store.fed, fed.item, fed)


def kept_apart(store: Store, worker: WorkerId, item: ItemId) -> bool:
    """This worker has met what the item came from, or what it became, where a chain keeps the two apart."""
    came = store.fed.get(item)
    if came is not None and came.apart and (worker, came.source) in store.met:
        return True
    return any(store.fed[one].apart and (worker, one) in store.met for one in store.became.get(item, ()))


class MemoryChainReading:
    """The part of `core.ports.Archive` that is about them."""

    _store: Store

    def restless(self, campaign: CampaignId) -> list[ItemId]:
        chains = [one for one in self._store.chains.values() if one.source == campaign]
        items = [item for item in self._store.items.values() if item.campaign == campaign]
        fed = {item.id: [self._store.fed[one] for one in self._store.became.get(item.id, ())] for item in items}
        return restless(items, chains, fed) if chains else []

    def provenance(self, campaign: CampaignId) -> Iterator[Provenance]:
        fed = [self._store.fed[item] for item in sorted(self._store.fed)]
        came = [one for one in fed if one.target == campaign]
        went = [one for one in fed if self._store.items[one.source].campaign == campaign]
        return map(self._provenance, [*came, *went])

    def _provenance(self, one: Fed) -> Provenance:
        items, campaigns = self._store.items, self._store.campaigns
        source, made = items[one.source], items[one.item]
        label = self._store.chains[one.chain].label
        ends = campaigns[source.campaign].slug, campaigns[one.target].slug
        return Provenance(ends[0], source.name, label, ends[1], made.name, one.state)

    def texts(self, campaign: CampaignId) -> Texts:
        words, lots = {}, defaultdict[str, Lot](Lot)
        for key, text in self._store.written.items():
            answer = self._store.answers[key]
            if answer.campaign == campaign and self._store.stands(answer):
                words[key] = text
                if answer.counted:
                    lots[self._store.items[answer.item].name].proposals.append(Proposal(answer.worker, text))
        for item in sorted(self._store.fed):
            one, made = self._store.fed[item], self._store.items[item]
            source, pool = self._store.items[one.source], self._store.campaigns[one.target].pool
            if source.campaign == campaign and one.state is FedState.FED:
                judged = Judged(claimed(made.posterior, pool)[GOOD], made.answers, made.verdict)
                lots[source.name].judged.setdefault(one.candidate, judged)
        return Texts(words, lots)
