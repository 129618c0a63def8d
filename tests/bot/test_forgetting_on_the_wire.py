"""Forgotten against Telegram's protocol on loopback: receiver, inbox, dispatch, sender and outbox included.

Planted bugs that were caught: a letter's chat in the sender's log line; letters that arrived are kept whoever got them.
"""

from __future__ import annotations

import logging
import random
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.sandbox import Sandbox
from bot.telegram.admin_handlers import admin_handlers
from bot.telegram.house import House
from bot.telegram.worker_handlers import worker_handlers
from storage.tables import TABLES
from tests.bot.phone import Notes
from tests.bot.stage import now, opened, running
from tests.bot.test_chat_on_the_wire import asked, said

NAME = "Annabella Quux"
NUMBER = 700_123_456_789  # that nothing else has


async def test_no_row_and_no_line_of_the_log_names_them(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)  # at DEBUG the libraries write whole updates: for a developer
    with capture_logs() as lines:
        async with Sandbox.started() as sandbox, opened(tmp_path) as store:
            admin, ann = sandbox.person(first_name="Boss"), sandbox.person(NUMBER, first_name=NAME)
            house = House(store.ledger, Notes(), frozenset({admin.id}), "sandbox_bot", now, random.Random(3))
            async with running(sandbox, store, [*admin_handlers(house), *worker_handlers(house)]):
                await admin.say("/new pets\ntitle: Pets\nquestion: Which?\nlabels: cat, dog\naudit_share: 0\npay: 0.01")
                await said(admin, "is open under the name pets")
                await admin.send_document("items.csv", b"id,text\na,meow\nb,woof\n")
                await said(admin, "2 items from items.csv")
                await ann.say("/start pets")
                await ann.tap(await said(ann, "Telegram number"), "I agree")
                await ann.tap(await asked(ann, set()), "dog")
                await ann.say("/forget_me")
                question = await said(ann, "Shall I forget you?")
                await ann.tap(question, "Forget me and my answers")
                await said(ann, "your answers count no more")
                await ann.tap(question, "Forget me and my answers")
                await ann.wait(lambda _: "begins anew" in ann.answers_to_taps[-1].text)
            await store.outbox.prune()
            tables = await store.writer.run(
                lambda cursor: {name: cursor.raw.execute(f'SELECT * FROM "{name}"').fetchall() for name in TABLES}
            )
    assert tables["answer"] and tables["entry"] and tables["inbox"] and len(tables["worker"]) == 2
    told = [*lines, *caplog.messages, *((name, row) for name, rows in tables.items() for row in rows)]
    assert [line for line in told if str(ann.id) in str(line) or NAME in str(line)] == []
