"""An answer in words: what counts as one, and which question it belongs to."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

from core.campaign import Campaign, Kind
from core.errors import Refused
from core.evidence import Evidence
from core.ports import Transaction
from core.question import Question, QuestionState
from core.tapping import Tapped, take
from core.worker import Worker

ANSWER = Evidence.all(1)
LONGEST = 500  # letters: with its item it fits one message
LINK = re.compile(
    r"(?:https?://|www\.|t\.me/)\S+"  # addresses
    r"|[\w.+-]+@[\w-]+\.[a-z]{2,}"  # of mail
    r"|(?<![\w@])@[a-z]\w{4,31}"  # of people and channels
    r"|\b[\w-]+\.(?:com|net|org|info|biz|io|me|ru|cn|de|uk|xyz|top|shop|site|online|app|link)\b\S*",
    re.IGNORECASE,
)
UNSEEN = {"Cc", "Cf", "Co", "Cn", "Cs"}  # control, format (zero width, direction), private, none, half a letter


def cleaned(text: str, shown: str) -> str:
    """The words of an answer to an item that shows `shown`; Refused, in one sentence, for what is none."""
    seen = "".join(sign for sign in text if sign in "\n\t" or unicodedata.category(sign) not in UNSEEN)
    words = "\n".join(line for line in (" ".join(part.split()) for part in seen.splitlines()) if line)
    if not any(sign.isalnum() for sign in words):
        raise Refused("There are no words in this; write your answer with letters or numbers.")
    if len(words) > LONGEST:
        raise Refused(f"This has {len(words):,} letters; at most {LONGEST:,} fit. Write it shorter.")
    for found in LINK.findall(words):
        if found.casefold() not in shown.casefold():
            raise Refused(f"Links and addresses are not taken: “{found[:60]}”. Write it without.")
    return words


def awaiting(tx: Transaction, worker: Worker) -> tuple[Campaign, Question] | None:
    """The question that waits for this worker's words: the live one, or the last one whose lease ran out."""
    if worker.campaign is None:
        return None
    campaign = tx.campaign(worker.campaign)
    if campaign.draft.kind is not Kind.TEXT:
        return None
    live = tx.latest(campaign.id, worker.id, QuestionState.LIVE)
    if live is not None:
        return campaign, live
    left = tx.latest(campaign.id, worker.id, QuestionState.EXPIRED)
    if left is None or tx.answer(left.id, left.lease) is not None:
        return None
    return campaign, left


def write(
    tx: Transaction, worker: Worker, campaign: Campaign, question: Question, text: str, sent: datetime, now: datetime
) -> Tapped:
    """Takes a message as the answer to a question. Refused for what is no answer.

    A message that was sent before the question was put (the second half of the one before, or one of many that waited
    while the bot was away) belongs to no question. `sent` is in whole seconds, rounded down.
    """
    if sent <= question.asked_at:
        raise Refused("This came before the question that is open now, so I did not take it; send it again if it fits.")
    fixed = tx.question(question.id)  # locked
    if fixed is None or fixed.lease != question.lease:
        raise Refused("This question has changed. /next shows it.")
    words = cleaned(text, tx.item(question.item).content.words)
    return take(tx, worker, campaign, fixed, ANSWER, now, words)
