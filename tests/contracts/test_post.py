"""Inbox and outbox: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from hashlib import sha256

import pytest

from core.errors import NotFound
from core.ids import Account, QuestionId, UpdateId
from core.ports import Letter, Repeat
from storage.inbox import Inbox, Incoming
from tests.contracts.scene import MINUTE, NOW, scene
from tests.contracts.stores import SQL, House

pytestmark = pytest.mark.parametrize("house", SQL, indirect=True)


def update(number: int, person: int = 1) -> Incoming:
    return Incoming(UpdateId(number), person, f'{{"update_id": {number}, "text": "✓"}}')


def letter(text: str, repeat: Repeat = Repeat.ONCE, bulk: bool = False, **more: object) -> Letter:
    return Letter(7, "sendMessage", {"text": text, "n": [1, None]}, repeat, bulk, **more)  # type: ignore[arg-type]


async def test_an_update_is_accepted_once_and_keeps_its_place(house: House) -> None:
    inbox = house.inbox
    assert await inbox.accept([update(9), update(3)]) == [9, 3]
    assert await inbox.accept([update(3), update(5), update(5)]) == [5]
    assert await inbox.accept([]) == []
    assert await inbox.pending() == [update(9), update(3), update(5)]
    await house.ledger.transact(lambda tx: tx.finish(UpdateId(3)))
    assert [one.id for one in await inbox.pending()] == [9, 5]
    assert await inbox.accept([update(3)]) == []


async def test_many_receivers_at_once_accept_each_update_once(house: House) -> None:
    batches = [[update(n) for n in range(start, start + 20)] for start in range(0, 100, 10)]
    accepted = await asyncio.gather(*(house.inbox.accept(batch) for batch in batches))
    assert sorted(id_ for batch in accepted for id_ in batch) == list(range(110))


async def test_an_update_is_finished_with_its_transaction_or_not_at_all(house: House) -> None:
    await house.inbox.accept([update(1)])
    with pytest.raises(ZeroDivisionError):
        await house.ledger.transact(lambda tx: (tx.finish(UpdateId(1)), 1 / 0))
    assert await house.inbox.pending() == [update(1)]


async def test_a_poison_update_is_put_away_after_three_tries(house: House) -> None:
    inbox = house.inbox
    await inbox.accept([update(1), update(2)])
    assert [await inbox.failed(UpdateId(1), "why") for _ in range(2)] == [1, 2]
    assert len(await inbox.pending()) == 2
    assert await inbox.failed(UpdateId(1), "why") == 3
    assert await inbox.pending() == [update(2)]


async def test_only_old_and_done_updates_are_forgotten(house: House) -> None:
    assert house.writer is not None
    old = Inbox(house.writer, clock=lambda: NOW - timedelta(days=2))
    await old.accept([update(1), update(2)])
    inbox = Inbox(house.writer, clock=lambda: NOW)
    await inbox.accept([update(3)])
    for number in (1, 3):
        await house.ledger.transact(lambda tx, n=number: tx.finish(UpdateId(n)))
    assert await inbox.prune() == 1
    assert house.sql("SELECT id FROM inbox ORDER BY id") == [(2,), (3,)]


@pytest.mark.parametrize("piece", [1, 3, 4, 100])
async def test_updates_are_forgotten_a_piece_at_a_time(house: House, piece: int) -> None:
    """Planted: the last row is left out; a piece begins where the one before it ended."""
    assert house.writer is not None
    assert await Inbox(house.writer).prune(piece) == 0
    await house.ledger.transact(lambda tx: tx.add_worker(Account("telegram", 1), "en", NOW))
    await Inbox(house.writer, clock=lambda: NOW - timedelta(days=2)).accept([update(n) for n in range(10, 15)])
    inbox = Inbox(house.writer, clock=lambda: NOW)
    await inbox.accept([update(15, 2), update(16, 1), update(17, 2), update(18, 2)])
    for number in (10, 12, 13, 15, 16, 17):
        await house.ledger.transact(lambda tx, n=number: tx.finish(UpdateId(n)))
    assert await inbox.prune(piece) == 3
    rows = house.sql("SELECT id, person, body = '' FROM inbox ORDER BY id")
    kept = {id_: (person, bool(empty)) for id_, person, empty in rows}
    assert kept == {11: (1, False), 14: (1, False), 15: (0, True), 16: (1, False), 17: (0, True), 18: (2, False)}


async def test_letters_leave_with_their_transaction_and_in_order(house: House) -> None:
    with pytest.raises(ZeroDivisionError):
        await house.ledger.transact(lambda tx: (tx.post([letter("never")]), 1 / 0))
    assert (house.posted, await house.outbox.due(NOW, 9)) == ([], [])

    news = letter("news", Repeat.NEVER, bulk=True)
    full = letter("hi ✓", media="abc", filename="a.png", question=QuestionId("q"), message=12)
    await house.ledger.transact(lambda tx: tx.post([news, full]))
    assert [one.letter for one in house.posted] == [news, full]
    due = await house.outbox.due(NOW, 9)
    assert due == [house.posted[1], house.posted[0]]  # people before bulk
    assert await house.outbox.due(NOW, 1) == due[:1]


async def test_a_letter_is_taken_by_one_sender(house: House) -> None:
    await house.ledger.transact(lambda tx: tx.post([letter(str(n)) for n in range(10)]))
    ids = [one.id for one in house.posted]
    taken = await asyncio.gather(*(house.outbox.sending(ids) for _ in range(4)))
    assert sorted(id_ for some in taken for id_ in some) == ids
    assert await house.outbox.due(NOW, 99) == []


async def test_what_becomes_of_letters(house: House) -> None:
    outbox = house.outbox
    await house.ledger.transact(lambda tx: tx.add_worker(Account("telegram", 7), "en", NOW))  # letters are to them
    await house.ledger.transact(lambda tx: tx.post([letter(str(n)) for n in range(4)]))
    sent, later, refused, lost = (one.id for one in house.posted)
    await outbox.sending([sent, later, refused, lost])
    await outbox.sent(sent, 55)
    await outbox.later(later, NOW + MINUTE)
    await outbox.failed(refused, "blocked")
    await outbox.unknown(lost)
    assert await outbox.due(NOW, 9) == []
    assert [one.id for one in await outbox.due(NOW + MINUTE, 9)] == [later]
    states = house.sql("SELECT state, message, attempts, reason FROM outbox ORDER BY id")
    assert states == [
        ("sent", 55, 1, ""),
        ("due", None, 1, ""),
        ("failed", None, 1, "blocked"),
        ("unknown", None, 1, ""),
    ]
    assert (await outbox.prune(), await outbox.prune(kept=3), await outbox.prune(kept=2)) == (0, 1, 0)


async def test_after_a_crash_only_what_may_be_repeated_is(house: House) -> None:
    outbox = house.outbox
    kinds = (Repeat.FREELY, Repeat.ONCE, Repeat.NEVER)
    await house.ledger.transact(lambda tx: tx.post([letter(kind, kind) for kind in kinds] + [letter("waiting")]))
    freely, once, never, waiting = (one.id for one in house.posted)
    await outbox.sending([freely, once, never])
    assert await outbox.recover() == 3
    assert [one.id for one in await outbox.due(NOW, 9)] == [freely, once, waiting]
    await outbox.sending([freely, once])
    assert await outbox.recover() == 2
    assert [one.id for one in await outbox.due(NOW, 9)] == [freely, waiting]
    assert house.sql("SELECT id FROM outbox WHERE state = 'unknown' ORDER BY id") == [(once,), (never,)]


async def test_a_sent_question_knows_its_bubble(house: House) -> None:
    here = await scene(house.ledger)
    first, second = await here.ask(0, "i0"), await here.ask(1, "i1")
    shows = [letter("new", question=first.id), letter("edit", question=second.id, message=8), letter("else")]
    await house.ledger.transact(lambda tx: tx.post(shows))
    for posted, message in zip(house.posted, (41, None, 42), strict=True):
        await house.outbox.sent(posted.id, message)
    bubbles = await house.ledger.transact(lambda tx: [tx.bubble(one.id) for one in (first, second)])
    assert bubbles == [41, 8]


async def test_a_file_is_kept_once_with_the_messengers_copy(house: House) -> None:
    content = bytes(range(256))
    sha = await house.ledger.transact(lambda tx: tx.add_media(content, "image/png"))
    assert sha == sha256(content).hexdigest()
    assert house.archive.add_media(content, "image/png") == sha
    assert (await house.outbox.media(sha), house.archive.media(sha)) == (content, content)
    assert await house.outbox.file_id(sha) is None
    await house.outbox.remember(sha, "AgAD")
    assert await house.outbox.file_id(sha) == "AgAD"
    with pytest.raises(NotFound):
        await house.outbox.media("none")
