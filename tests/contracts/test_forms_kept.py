"""Forms, arms and heads, on every store."""

from __future__ import annotations

from dataclasses import replace

from core.anchoring import Arm
from core.campaign import Draft, Policy
from core.evidence import Evidence
from core.forms import Form, Layout
from core.grouping import Group
from core.ids import QuestionId
from core.ports import Archive, Ledger, Transaction
from core.question import QuestionState
from core.routing import WINDOW
from tests.contracts.scene import NOW, POOL, scene


async def test_a_draft_keeps_its_groups_and_its_form(ledger: Ledger) -> None:
    groups = (Group("pets", (0, 1)), Group("wild", (2,)))
    policy = Policy(form=Form.GROUPS, show_suggestion=0.5)
    draft = Draft("g", "G", "?", ("cat", "dog", "fox"), policy=policy, groups=groups)
    made = await ledger.transact(lambda tx: tx.add_campaign(draft, replace(POOL, pace=(1.0, 2.0, 1.5, 1.0)), NOW))
    found = await ledger.transact(lambda tx: tx.campaign(made.id))
    assert found == made and found.groups == groups and found.policy.form is Form.GROUPS
    assert found.pool.pace == (1.0, 2.0, 1.5, 1.0)


async def test_layouts_without_a_list_and_arms_come_back(ledger: Ledger, archive: Archive) -> None:
    here = await scene(ledger, items=6, workers=1)
    plans = [(None, None, 0), (1, True, 1), (1, True, 0), (0, False, 0), (2, False, None)]
    for n, (suggested, revealed, label) in enumerate(plans):
        layout = Layout(Form.GROUPS, ()) if n % 2 else Layout(Form.ALL, (0, 1, 2))
        plain = replace(here.question(0, f"i{n}"), id=QuestionId(f"q{n}"), layout=layout)
        question = replace(plain, suggested=suggested, revealed=revealed)

        def work(tx: Transaction, question=question, label=label) -> None:  # type: ignore[no-untyped-def]
            assert tx.take_seat(question.item)
            tx.add_question(question)
            assert tx.question(question.id) == question
            tx.save_question(replace(question, state=QuestionState.ANSWERED))
            evidence = Evidence.all(3) if label is None else Evidence.of(label)
            tx.add_answer(replace(here.answer(question), evidence=evidence))

        await ledger.transact(work)
    assert await ledger.transact(lambda tx: tx.arms(here.campaign.id)) == (Arm(2, 1), Arm(2, 1))
    assert archive.snapshot(here.campaign.id).asked_as == [("all", 3), ("groups", 0)] * 2 + [("all", 3)]


async def test_a_head_finds_fresh_items_behind_a_long_row_of_met_ones(ledger: Ledger) -> None:
    """One worker has answered more begun items than a head looks at: what is new is found without reading past them."""
    met = WINDOW * 2 + 5
    here = await scene(ledger, items=met + 4, workers=2)

    def begin(tx: Transaction) -> None:
        for n in range(met):
            item = tx.item(here.items[f"i{n}"])
            tx.save_item(replace(item, priority=2.5, answers=1))
            question = here.question(0, f"i{n}", id_=f"m{n}")
            tx.add_question(replace(question, state=QuestionState.ANSWERED))

    await ledger.transact(begin)
    fresh = {here.items[f"i{n}"] for n in range(met, met + 4)}
    head = await ledger.transact(lambda tx: tx.head(here.campaign.id, here.workers[0].id, 2))
    assert set(head.items) <= fresh and len(head.items) == 2 and list(head.learning) == [0.5, 0.5]
    other = await ledger.transact(lambda tx: tx.head(here.campaign.id, here.workers[1].id, 2))
    assert set(other.items) <= set(here.items.values()) - fresh and list(other.learning) == [0.0, 0.0]


async def test_a_head_looks_at_everything_before_it_says_that_nothing_is_left(ledger: Ledger) -> None:
    met = WINDOW * 2 + 5
    here = await scene(ledger, items=met + 1, workers=1)

    def begin(tx: Transaction) -> None:
        for n in range(met):
            tx.save_item(replace(tx.item(here.items[f"i{n}"]), priority=2.5))
            tx.add_question(replace(here.question(0, f"i{n}", id_=f"m{n}"), state=QuestionState.ANSWERED))
        tx.save_item(replace(tx.item(here.items[f"i{met}"]), priority=1.5))  # begun, unmet, behind all others

    await ledger.transact(begin)
    head = await ledger.transact(lambda tx: tx.head(here.campaign.id, here.workers[0].id, 2))
    assert list(head.items) == [here.items[f"i{met}"]]
