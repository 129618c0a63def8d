"""Back after an absence: a tap lives 150 seconds on the messenger's side, so a longer gap has lost taps that nobody
can bring back. What was out in it is shown once more, silently, in the bubble where it stands."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.campaign import CampaignState
from core.ports import Transaction
from core.service import Asked
from core.worker import Worker

TAP_LIVES = timedelta(seconds=150)


def heard(tx: Transaction, now: datetime) -> list[tuple[Asked, Worker]]:
    """Notes that the bot hears; after a gap longer than a tap lives, the questions that may have lost one.

    A question whose lease ran out in the gap is among them: its late answer is still taken. The note and the letters
    that the caller posts are one transaction, so each gap is answered once.
    """
    before = tx.beat(now)
    if before is None or now - before <= TAP_LIVES:
        return []
    out = [(tx.campaign(question.campaign), question, worker) for question, worker in tx.out_between(before, now)]
    return [
        (Asked(campaign, question, tx.item(question.item), again=True), worker)
        for campaign, question, worker in out
        if campaign.state is CampaignState.OPEN
    ]
