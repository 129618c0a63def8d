"""What the store knows of a gap in which the bot heard nothing.

Seen to fail on: skipped and answered questions among those that were out; people who stopped; the window's ends taken
the wrong way round; a beat that returns itself.
"""

from __future__ import annotations

from dataclasses import replace

from core.ports import Ledger
from core.question import QuestionState
from tests.contracts.scene import MINUTE, NOW, scene


async def test_the_pulse_is_the_last_one_noted(ledger: Ledger) -> None:
    assert await ledger.transact(lambda tx: tx.beat(NOW)) is None
    assert await ledger.transact(lambda tx: tx.beat(NOW + MINUTE)) == NOW
    assert await ledger.transact(lambda tx: tx.beat(NOW + 3 * MINUTE)) == NOW + MINUTE


async def test_questions_that_were_out_in_a_time(ledger: Ledger) -> None:
    here = await scene(ledger, items=4, workers=4)
    live, expired, skipped, gone = [await here.ask(worker, f"i{worker}") for worker in range(4)]
    await ledger.transact(lambda tx: tx.save_question(replace(expired, state=QuestionState.EXPIRED)))
    await ledger.transact(lambda tx: tx.save_question(replace(skipped, state=QuestionState.SKIPPED)))
    await ledger.transact(lambda tx: tx.save_worker(replace(here.workers[3], reachable=False)))
    assert gone.expires_at == NOW + 20 * MINUTE

    async def out(since: int, until: int) -> list[tuple[str, int]]:
        found = await ledger.transact(lambda tx: tx.out_between(NOW + since * MINUTE, NOW + until * MINUTE))
        return [(question.id, worker.account.number) for question, worker in found]

    both = [(live.id, 100), (expired.id, 101)]
    assert await out(-5, 5) == both
    assert await out(20, 30) == both
    assert await out(21, 30) == []
    assert await out(-5, -1) == []
    await here.take(live)
    assert await out(-5, 5) == both[1:]
