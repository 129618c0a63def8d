"""A ring is found by the refit, the admin reads why; a guesser is suspended by controls, objects, and is let back.

Through the real handlers over SQLite, and the same use cases over memory. Seen to fail where the refit does not publish
suspicions, and where a suspended worker is asked on.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from core.administration import create_campaign, import_items
from core.campaign import Campaign, Draft, Policy
from core.forms import Form
from core.ids import Account
from core.item import Content, Medium, NewItem
from core.ports import Archive, Beliefs, Ledger, Transaction
from core.question import Tap
from core.refit import beliefs_of
from core.reliability import Pool, accuracy
from core.routing import control_chance
from core.service import Asked, arrive, ask, consent, enrol
from core.tapping import tap
from core.worker import Admission, Enrolment, Reason, Worker
from storage.archive import SqlArchive
from storage.engine import parse
from storage.memory import MemoryLedger
from storage.memory_archive import MemoryArchive
from storage.memory_store import Store
from tests.bot.phone import ADMIN, START, Town, texts, town
from tests.bot.stage import opened

HONEST, RING, ITEMS = 14, 6, 90
LABELS = ("cat", "dog", "fox")


def draft(**policy: object) -> Draft:
    free = Policy(**{"max_overlap": 20, "confidence": 0.9999, "control_share": 0.0, "newcomer_controls": 0, **policy})  # type: ignore[arg-type]
    return Draft("pets", "Pets", "Which animal?", LABELS, policy=free)


async def crowded(ledger: Ledger) -> tuple[Campaign, list[Worker]]:
    """A campaign where 14 honest workers and a ring of 6 that shares random answers have answered."""
    rng = np.random.default_rng(5)
    truth, shared = rng.integers(0, 3, ITEMS), rng.integers(0, 3, ITEMS)

    def answer(tx: Transaction, campaign: Campaign, worker: Worker, member: int) -> None:
        die = random.Random(member)
        for _ in range(45):
            asked = ask(tx, worker, campaign.id, START, die)
            if not isinstance(asked, Asked):
                return
            at = int(asked.item.name[1:])
            said = shared[at] if member >= HONEST else truth[at] if rng.random() < 0.8 else rng.integers(0, 3)
            shown = asked.question.layout.shown
            choice = shown.index(int(said)) if int(said) in shown else len(shown)
            tap(tx, worker, Tap(asked.question.id, asked.question.lease, choice), START)

    def run(tx: Transaction) -> tuple[Campaign, list[Worker]]:
        campaign = create_campaign(tx, draft(), START)
        import_items(tx, "pets", "file", texts(*(f"text {n}" for n in range(ITEMS))))
        people = []
        for member in range(HONEST + RING):
            worker = consent(tx, arrive(tx, Account("telegram", 100 + member), "en", START))
            people.append(enrol(tx, worker, "pets", START).worker)
        for member in rng.permutation(HONEST + RING).tolist():
            answer(tx, campaign, people[member], member)
        return campaign, people

    return await ledger.transact(run)


async def seen(ledger: Ledger, campaign: Campaign, worker: Worker) -> Enrolment:
    found = await ledger.transact(lambda tx: tx.enrolment(campaign.id, worker.id))
    assert found is not None
    return found


async def refit_flags_the_ring(ledger: Ledger, archive: Archive) -> None:
    campaign, people = await crowded(ledger)
    beliefs = beliefs_of(archive.snapshot(campaign.id))
    archive.publish(campaign.id, beliefs)
    everyone = [await seen(ledger, campaign, worker) for worker in people]
    ring, honest = everyone[HONEST:], everyone[:HONEST]
    assert all(Reason.RING in {one.reason for one in enrolment.suspicions} for enrolment in ring)
    assert not any(Reason.RING in {one.reason for one in enrolment.suspicions} for enrolment in honest)
    assert len({enrolment.reliability for enrolment in ring}) == 1  # one voice
    mean = [accuracy(enrolment.reliability, beliefs.pool)[0] for enrolment in everyone]
    assert max(mean[HONEST:]) < 0.55 < min(mean[:HONEST])
    assert control_chance(campaign, ring[0]) > control_chance(campaign, honest[0])
    assert beliefs.vigilance is not None
    weight = beliefs.vigilance.weight[np.isin(archive.snapshot(campaign.id).answer_worker, range(HONEST, 20))]
    assert weight.mean() < 0.5
    again = beliefs_of(archive.snapshot(campaign.id))
    assert again.suspicions == beliefs.suspicions


async def test_a_ring_is_flagged_and_weighs_little_in_memory() -> None:
    store = Store()
    await refit_flags_the_ring(MemoryLedger(store), MemoryArchive(store))


async def test_a_ring_is_flagged_and_the_admin_reads_why(tmp_path: Path) -> None:
    async with opened(tmp_path) as store:
        await refit_flags_the_ring(store.ledger, SqlArchive(parse(f"sqlite:///{tmp_path / 'crowdloop.db'}")))
    async with town(tmp_path) as here:
        listed = (await here.send(ADMIN, "/workers pets"))[-1].body["text"]
        assert listed.count("agrees with certain others more than honest work explains") == RING
        assert "20 workers in pets" in listed
        assert "right " in listed
        name = listed.split("\n\n")[1].split(":")[0]
        await here.send(ADMIN, f"/ban pets {name}")
        assert f"{name} is banned" in here.last(ADMIN).text
        assert "There is no worker" in (await here.send(ADMIN, "/ban pets w0"))[-1].body["text"]
        assert "Write the campaign and the worker" in (await here.send(ADMIN, "/ban pets"))[-1].body["text"]


GUESSER = 501


async def test_a_guesser_is_suspended_objects_and_is_let_back(tmp_path: Path) -> None:
    controls = [NewItem(f"c{n}", Content(Medium.TEXT, f"cat {n}"), truth=0) for n in range(30)]
    policy = {"control_share": 1.0, "newcomer_controls": 30, "pay": 10, "form": Form.ALL}
    async with town(tmp_path) as here:
        campaign = await here.campaign(items=[*controls, *texts("a", "b")], policy=policy)
        archive = SqlArchive(parse(f"sqlite:///{tmp_path / 'crowdloop.db'}"))
        archive.publish(campaign.id, Beliefs(Pool.fresh(2, accuracy=0.95, strength=80), [], {}))
        await here.send(GUESSER, "/start pets")
        await here.tap(GUESSER, "I agree")
        taps = 0
        while "suspended" not in here.last(GUESSER).text:
            await here.tap(GUESSER, "dog")
            taps += 1
        assert taps == 5  # five misses are as likely as 4.6 nats: above the bound of 4.1
        assert "0 of your 5 answers were right" in here.last(GUESSER).text
        assert list(here.last(GUESSER).buttons) == ["I object"]
        await here.send(GUESSER, "/next")
        assert "suspended" in here.last(GUESSER).text
        assert await here.tap(GUESSER, "I object") == "Your objection is with the admins."
        assert here.last(GUESSER).buttons == {}
        told = here.last(ADMIN).text
        assert "objects to being kept out of pets: 0 of 5 controls right" in told
        pseudonym = told.split()[0]
        await here.press(GUESSER, "d:pets", here.last(GUESSER))
        assert here.last(ADMIN).text == told  # once
        listed = (await here.send(ADMIN, "/workers"))[-1].body["text"]
        assert f"{pseudonym}: 5 answers" in listed
        assert "suspended, objects" in listed

        await here.send(ADMIN, f"/unban pets {pseudonym}")
        assert "You may answer again" in here.last(GUESSER).text
        await here.send(GUESSER, "/next")
        for _ in range(12):
            await here.tap(GUESSER, "dog")
        assert "Which animal" in here.last(GUESSER).text  # an admin has looked: the test stops them no more
        assert await here.store.ledger.transact(lambda tx: tx.balance("worker:1")) == 170

        letters = await here.send(ADMIN, f"/ban pets {pseudonym}")
        assert [letter.chat for letter in letters] == [ADMIN, GUESSER]
        assert "An admin has ended your work" in here.last(GUESSER).text
        await here.send(GUESSER, "/next")
        assert "An admin has ended your work" in here.last(GUESSER).text
        await here.tap(GUESSER, "I object")
        assert (await seen(here.store.ledger, campaign, await person(here))).admission is Admission.DISPUTED


async def test_a_campaign_that_switches_the_test_off_suspends_nobody(tmp_path: Path) -> None:
    controls = [NewItem(f"c{n}", Content(Medium.TEXT, f"cat {n}"), truth=0) for n in range(12)]
    policy = {"control_share": 1.0, "newcomer_controls": 30, "suspension": 0.0, "form": Form.ALL}
    async with town(tmp_path) as here:
        campaign = await here.campaign(items=controls, policy=policy)
        archive = SqlArchive(parse(f"sqlite:///{tmp_path / 'crowdloop.db'}"))
        archive.publish(campaign.id, Beliefs(Pool.fresh(2, accuracy=0.95, strength=80), [], {}))
        await here.send(GUESSER, "/start pets")
        await here.tap(GUESSER, "I agree")
        for _ in range(12):
            await here.tap(GUESSER, "dog")
        assert "Nothing is left" in here.last(GUESSER).text


async def person(here: Town) -> Worker:
    found = await here.store.ledger.transact(lambda tx: tx.worker(Account("telegram", GUESSER)))
    assert found is not None
    return found
