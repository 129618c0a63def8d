"""A process that answers as fast as it can and prints the name of each answer once it is acknowledged."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace

from core.campaign import Campaign
from core.ids import Account, QuestionId
from core.item import Role
from core.ports import Transaction
from core.question import Question, QuestionState
from core.reliability import Reliability
from core.worker import Enrolment, Worker
from storage.engine import parse
from storage.ledger import SqlLedger
from storage.writer import Writer
from tests.contracts.scene import NOW, POOL, Scene, all_items, draft, new

CLIENTS, EACH = 16, 200


def build(tx: Transaction, seed: int) -> tuple[Campaign, list[Worker]]:
    campaign = tx.add_campaign(draft(f"pour-{seed}"), POOL, NOW)
    tx.add_items(campaign.id, [(new(f"i{n}"), Role.PLAIN) for n in range(CLIENTS * EACH)], POOL.prior)
    people = [tx.add_worker(Account("telegram", 1000 * seed + n), "en", NOW) for n in range(CLIENTS)]
    for person in people:
        tx.save_enrolment(Enrolment(campaign.id, person.id, Reliability.newcomer(POOL), NOW))
    return campaign, people


async def pour(here: Scene, client: int, seed: int) -> None:
    for number in range(EACH):
        name = f"{seed}-{client}-{number}"
        asked = replace(here.question(client, f"i{client * EACH + number}"), id=QuestionId(name))

        def work(tx: Transaction, asked: Question = asked, name: str = name) -> None:
            item = tx.take_seat(asked.item)
            enrolment = tx.enrolment(asked.campaign, asked.worker)
            assert item is not None and enrolment is not None
            tx.add_question(asked)
            tx.save_item(replace(item, answers=1, leases=0))
            tx.save_question(replace(asked, state=QuestionState.ANSWERED))
            tx.add_answer(here.answer(asked))
            tx.transfer(f"answer:{name}", "campaign", f"worker:{client}", 5, NOW)
            tx.save_enrolment(replace(enrolment, answered=enrolment.answered + 1))

        await here.ledger.transact(work)
        print(name, flush=True)


async def main(path: str, seed: int) -> None:
    ledger = SqlLedger(Writer(parse(f"sqlite:///{path}")))
    campaign, people = await ledger.transact(lambda tx: build(tx, seed))
    items = await ledger.transact(lambda tx: all_items(tx, campaign, people[0]))
    here = Scene(ledger, campaign, {item.name: item.id for item in items}, people)
    await asyncio.gather(*(pour(here, client, seed) for client in range(CLIENTS)))


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
