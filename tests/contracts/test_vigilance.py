"""Who may be asked and who is suspected, in every store: the refit's word and the day's do not overwrite each other.

Seen to fail where saving an enrolment writes suspicions, and where publishing leaves the old ones.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import NotFound
from core.ids import WorkerId
from core.ports import Beliefs
from core.worker import Admission, Enrolment, Reason, Suspicion
from tests.contracts.scene import POOL, Scene, scene
from tests.contracts.stores import House

RING = Suspicion(Reason.RING, 1.0)
RAPID = Suspicion(Reason.RAPID, 0.1 + 0.2)


async def seen(here: Scene, worker: int) -> Enrolment:
    found = await here.ledger.transact(lambda tx: tx.enrolment(here.campaign.id, here.workers[worker].id))
    assert found is not None
    return found


async def test_a_refit_says_who_is_suspected_and_a_later_one_takes_it_back(house: House) -> None:
    here = await scene(house.ledger)
    first, second = here.workers[0].id, here.workers[1].id
    house.archive.publish(here.campaign.id, Beliefs(POOL, [], {}, suspicions={first: (RING, RAPID), second: ()}))
    assert (await seen(here, 0)).suspicions == (RING, RAPID)
    assert (await seen(here, 1)).suspicions == ()
    house.archive.publish(here.campaign.id, Beliefs(POOL, [], {}, suspicions={first: ()}))
    assert (await seen(here, 0)).suspicions == ()


async def test_the_day_saves_admission_and_surprise_and_leaves_suspicions_alone(house: House) -> None:
    here = await scene(house.ledger)
    house.archive.publish(here.campaign.id, Beliefs(POOL, [], {}, suspicions={here.workers[0].id: (RING,)}))
    changed = replace(await seen(here, 0), admission=Admission.DISPUTED, surprise=4.25, suspicions=())
    await here.ledger.transact(lambda tx: tx.save_enrolment(changed))
    assert await seen(here, 0) == replace(changed, suspicions=(RING,))


async def test_everybody_in_a_campaign_and_the_person_behind_an_enrolment(house: House) -> None:
    here = await scene(house.ledger, workers=3)
    found = await here.ledger.transact(lambda tx: tx.enrolments(here.campaign.id))
    assert found == [await seen(here, 0), await seen(here, 1), await seen(here, 2)]
    assert len({one.pseudonym for one in found}) == 3
    assert await here.ledger.transact(lambda tx: tx.person(found[1].worker)) == here.workers[1]
    with pytest.raises(NotFound, match="worker"):
        await here.ledger.transact(lambda tx: tx.person(WorkerId(99)))
