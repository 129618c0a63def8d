"""The versions of a campaign on every store: one pointer, and what open items heard.

Seen to fail on: the version that served staying "serving"; another campaign's version retired; settled items silenced;
a rollback that goes forward; forgetting the version before the serving one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType

import pytest

from core.campaign import Campaign
from core.errors import NotFound, Refused
from core.glossary import Term
from core.ids import CampaignId, VersionId
from core.item import Verdict
from core.ports import Beliefs, NightResult
from core.registry import forgettable, registry, roll_back
from core.reliability import Pool
from core.version import Version, VersionState
from tests.contracts.scene import MINUTE, NOW, draft, scene
from tests.contracts.stores import House

DAY = 24 * 60 * MINUTE


async def night(
    house: House,
    campaign: Campaign,
    at: int,
    id_: str,
    promote: bool = True,
    heard: bool = False,
    marks: Mapping[VersionId, VersionState] = MappingProxyType({}),
) -> None:
    """A night that ends with a version; with `heard` all open items hear it."""
    now = NOW + at * DAY
    claim = house.archive.claim(campaign.id, date(2026, 11, 22 + at), now)
    assert claim is not None
    items = house.archive.snapshot(campaign.id).items if heard else []
    voice = (0.2, 0.3, 0.5)
    items = [replace(item, suggestion=voice, spoken=VersionId(id_)) for item in items]
    version = Version(VersionId(id_), campaign.id, VersionState.CANDIDATE, now, 100, None)
    house.archive.conclude(claim, NightResult(Beliefs(Pool.fresh(3), items, {}), version, promote, [], marks), now)


async def states(house: House, campaign: Campaign) -> dict[str, str]:
    found = await house.ledger.transact(lambda tx: tx.versions(campaign.id))
    return {version.id: version.state.value for version in found}


async def test_rolling_back_is_one_pointer(house: House) -> None:
    campaign = (await scene(house.ledger)).campaign
    other = await house.ledger.transact(lambda tx: tx.add_campaign(draft("birds"), Pool.fresh(3), NOW))
    await night(house, other, 0, "aaaa")
    for at, id_ in enumerate(("aaaa", "bbbb", "cccc")):
        await night(house, campaign, at, id_, promote=id_ != "bbbb")
    assert await states(house, campaign) == {"aaaa": "retired", "bbbb": "candidate", "cccc": "serving"}

    done = await house.ledger.transact(lambda tx: roll_back(tx, "pets"))
    assert (done.before and done.before.id, done.after.id) == ("cccc", "aaaa")
    assert await states(house, campaign) == {"aaaa": "serving", "bbbb": "candidate", "cccc": "retired"}
    serving = house.archive.serving(campaign.id)
    assert serving is not None and serving.id == "aaaa"
    assert await states(house, other) == {"aaaa": "serving"}

    with pytest.raises(Refused, match="nothing to go back to"):
        await house.ledger.transact(lambda tx: roll_back(tx, "pets"))
    with pytest.raises(NotFound, match="no version named dd"):
        await house.ledger.transact(lambda tx: roll_back(tx, "pets", "dd"))
    with pytest.raises(Refused, match="serves already"):
        await house.ledger.transact(lambda tx: roll_back(tx, "pets", "aa"))
    await house.ledger.transact(lambda tx: roll_back(tx, "pets", "bb"))
    assert (await states(house, campaign))["bbbb"] == "serving"


async def test_open_items_no_longer_hear_the_version_that_goes(house: House) -> None:
    here = await scene(house.ledger)
    await night(house, here.campaign, 0, "aaaa")
    await night(house, here.campaign, 1, "bbbb", heard=True)
    settled = replace(await here.see("i0"), verdict=Verdict.SETTLED, answers=2)
    await house.ledger.transact(lambda tx: tx.save_item(settled))
    done = await house.ledger.transact(lambda tx: roll_back(tx, "pets"))
    assert done.silenced == 2
    heard = {name: (await here.see(name)).spoken for name in ("i0", "i1", "i2")}
    assert heard == {"i0": "bbbb", "i1": None, "i2": None}
    assert (await here.see("i1")).suggestion is None


async def test_what_a_version_settled_alone_is_given_back_with_it(house: House) -> None:
    """Seen to fail where only open items were silenced: the label of a version that was rolled back stayed for ever."""
    here = await scene(house.ledger)
    await night(house, here.campaign, 0, "aaaa")
    await night(house, here.campaign, 1, "bbbb", heard=True)
    alone = replace(await here.see("i0"), verdict=Verdict.SETTLED)
    await house.ledger.transact(lambda tx: tx.save_item(alone))
    assert (await here.see("i0")).by_network
    assert (await house.ledger.transact(lambda tx: roll_back(tx, "pets"))).silenced == 3
    assert not (await here.see("i0")).by_network


async def test_what_is_kept_on_disk(house: House) -> None:
    campaign = (await scene(house.ledger)).campaign
    for at, id_ in enumerate("abcde"):
        await night(house, campaign, at, id_ * 4, promote=id_ in "ac")
    found = await house.ledger.transact(lambda tx: registry(tx, "pets"))
    assert [version.id for version in found.versions] == ["aaaa", "bbbb", "cccc", "dddd", "eeee"]
    assert forgettable(found.versions, 2) == ["bbbb"]
    assert forgettable(found.versions, 0) == ["bbbb", "dddd", "eeee"]
    assert forgettable(found.versions, 9) == []


async def test_a_version_waits_in_the_shadow_and_then_serves(house: House) -> None:
    """Seen to fail where the mark of the serving version could be taken away, and where another campaign's moved."""
    campaign = (await scene(house.ledger)).campaign
    other = await house.ledger.transact(lambda tx: tx.add_campaign(draft("birds"), Pool.fresh(3), NOW))
    await night(house, other, 0, "bbbb")
    await night(house, campaign, 0, "aaaa")
    shadow, serving, candidate = VersionState.SHADOW, VersionState.SERVING, VersionState.CANDIDATE
    await night(house, campaign, 1, "bbbb", promote=False, marks={VersionId("bbbb"): shadow})
    assert await states(house, campaign) == {"aaaa": "serving", "bbbb": "shadow"}
    assert await states(house, other) == {"bbbb": "serving"}
    await night(house, campaign, 2, "cccc", promote=False, marks={VersionId("bbbb"): serving})
    assert await states(house, campaign) == {"aaaa": "retired", "bbbb": "serving", "cccc": "candidate"}
    now_serving = house.archive.serving(campaign.id)
    assert now_serving is not None and now_serving.id == "bbbb"
    await night(house, campaign, 3, "dddd", promote=False, marks={VersionId("bbbb"): candidate})
    assert (await states(house, campaign))["bbbb"] == "serving"


async def test_a_glossary_stays_with_its_campaign(house: House) -> None:
    """Seen to fail on: the remembered campaign without its new revision; a draft read back without its glossary."""
    campaign = (await scene(house.ledger)).campaign
    other = await house.ledger.transact(lambda tx: tx.add_campaign(draft("birds"), Pool.fresh(3), NOW))
    assert (await house.ledger.transact(lambda tx: tx.campaign(campaign.id))).draft.glossary == ()
    terms = (Term("ATM", "pays out"), Term("余额", "钱"))
    await house.ledger.transact(lambda tx: tx.set_glossary(campaign.id, terms))
    assert (await house.ledger.transact(lambda tx: tx.campaign(campaign.id))).draft.glossary == terms
    assert house.archive.campaign_named("pets").draft == replace(campaign.draft, glossary=terms)
    assert (await house.ledger.transact(lambda tx: tx.campaign(other.id))).draft.glossary == ()
    await house.ledger.transact(lambda tx: tx.set_glossary(campaign.id, ()))
    assert (await house.ledger.transact(lambda tx: tx.campaign(campaign.id))).draft == campaign.draft
    with pytest.raises(NotFound):
        await house.ledger.transact(lambda tx: tx.set_glossary(CampaignId(99), terms))
