"""Rows to core values and back. Columns come in the order of the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from typing import Any

import numpy as np

from core.campaign import Campaign, CampaignState, Draft, Goal, Kind, Policy
from core.evidence import Evidence
from core.forms import Form, Layout
from core.glossary import Term
from core.grouping import Group
from core.ids import Account, CampaignId, ItemId, QuestionId, WorkerId
from core.item import Content, Item, Medium, Role, Verdict
from core.marks.worth import stacked
from core.ports import Letter, Repeat
from core.question import Answer, Question, QuestionState
from core.reliability import Pool, Reliability
from core.routing import Head
from core.worker import Admission, Enrolment, Reason, Suspicion, Worker
from storage.quick_json import dumped, loaded
from storage.sql import DbRow

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
MEDIA = {medium.value: medium for medium in Medium}
ROLES = {role.value: role for role in Role}
VERDICTS = {verdict.value: verdict for verdict in Verdict}
ADMISSIONS = {admission.value: admission for admission in Admission}
STATES = {state.value: state for state in QuestionState}
DURATIONS = {field.name for field in fields(Policy) if isinstance(field.default, timedelta)}  # kept in seconds

Values = dict[str, Any]


def micros(at: datetime) -> int:
    """Microseconds since 1970, UTC; ValueError for a naive datetime."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return (at - EPOCH) // MICROSECOND


def moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)


@lru_cache(maxsize=256)
def _floats(count: int) -> Struct:
    return Struct(f"<{count}d")


def packed(numbers: Sequence[float]) -> bytes:
    return _floats(len(numbers)).pack(*numbers)


def unpacked(content: bytes) -> tuple[float, ...]:
    return _floats(len(content) // 8).unpack(content)


def draft_text(draft: Draft) -> str:
    policy = asdict(draft.policy)
    for name in DURATIONS:
        policy[name] = policy[name].total_seconds()
    return json.dumps(asdict(draft) | {"policy": policy}, ensure_ascii=False)


def draft(text: str) -> Draft:
    policy = (found := json.loads(text))["policy"]
    for name in DURATIONS & policy.keys():
        policy[name] = timedelta(seconds=policy[name])
    policy["goal"] = Goal(policy.get("goal", Goal.LABELS))
    if policy.get("form"):
        policy["form"] = Form(policy["form"])
    found["policy"] = Policy(**policy)
    found["groups"] = tuple(Group(one["name"], tuple(one["labels"])) for one in found.get("groups", ()))
    found["glossary"] = tuple(Term(**one) for one in found.get("glossary", ()))
    found["kind"], found["labels"] = Kind(found["kind"]), tuple(found["labels"])
    found["wordings"] = {language: tuple(wording) for language, wording in found["wordings"].items()}
    return Draft(**found)


def campaign(row: DbRow) -> Campaign:
    id_, _slug, draft_, state, created_at, pool, serving, _revision = row
    return Campaign(id_, draft(draft_), CampaignState(state), moment(created_at), Pool.from_json(pool), serving)


def item(row: DbRow) -> Item:
    (
        id_, campaign_, name, medium, text, media, role, truth, reason, verdict, posterior, answers, leases, seats,
        problems, worth, priority, suggestion, spoken, other, sides,
    ) = row  # fmt: skip
    content = Content(MEDIA[medium], text, media, other, tuple(json.loads(sides)) if sides else ())
    return Item(
        ItemId(id_), CampaignId(campaign_), name, content, ROLES[role], truth, reason, VERDICTS[verdict],
        unpacked(posterior), answers, leases, problems, worth, priority,
        None if suggestion is None else unpacked(suggestion), spoken, seats,
    )  # fmt: skip


def head(rows: Sequence[DbRow]) -> Head:
    """From (id, posterior, worth to the network) of each item; all of one campaign, and so of one number of labels, if
    not of words."""
    if len({len(row[1]) for row in rows}) > 1:
        posteriors = stacked([np.frombuffer(row[1], "<f8") for row in rows])
    else:
        posteriors = np.frombuffer(b"".join([row[1] for row in rows]), "<f8").reshape(len(rows), -1 if rows else 0)
    return Head([ItemId(row[0]) for row in rows], posteriors, np.array([row[2] for row in rows], dtype=np.float64))


def worker(row: DbRow) -> Worker:
    id_, channel, number, language, consent, campaign_, reachable, _created_at = row
    return Worker(WorkerId(id_), Account(channel, number), language, consent, campaign_, bool(reachable))


def enrolment(row: DbRow) -> Enrolment:
    (
        campaign_, worker_, reliability, joined_at, answered, controls, right, skipped, admission, surprise, reasons,
    ) = row  # fmt: skip
    return Enrolment(
        campaign_, worker_, Reliability(unpacked(reliability)), moment(joined_at), answered, controls, right, skipped,
        ADMISSIONS[admission], surprise, suspicions(reasons),
    )  # fmt: skip


def suspicions(text: str) -> tuple[Suspicion, ...]:
    if text == "{}":  # nearly always
        return ()
    return tuple(Suspicion(Reason[name.upper()], strength) for name, strength in json.loads(text).items())


def suspicions_text(found: Sequence[Suspicion]) -> str:
    return json.dumps({one.reason.name.lower(): one.strength for one in found})


def enrolment_values(enrolment: Enrolment) -> Values:
    return {
        "campaign": enrolment.campaign,
        "worker": enrolment.worker,
        "reliability": packed(enrolment.reliability.counts),
        "joined_at": micros(enrolment.joined_at),
        "answered": enrolment.answered,
        "controls": enrolment.controls,
        "controls_right": enrolment.controls_right,
        "skipped": enrolment.skipped,
        "admission": enrolment.admission.value,
        "surprise": enrolment.surprise,
        "suspicions": suspicions_text(enrolment.suspicions),
    }


@lru_cache(maxsize=4096)
def _layout(form: str, shown: str) -> Layout:
    return Layout(Form(form), tuple(map(int, shown.split(","))) if shown else ())


def question(row: DbRow) -> Question:
    (
        _seq, id_, campaign_, item_, worker_, form, shown, p_select, lease, state, asked_at, expires_at, _bubble,
        suggested, revealed,
    ) = row  # fmt: skip
    return Question(
        QuestionId(id_), campaign_, item_, worker_, _layout(form, shown), p_select, lease, STATES[state],
        moment(asked_at), moment(expires_at), suggested, None if revealed is None else bool(revealed),
    )  # fmt: skip


def question_values(question: Question) -> Values:
    """What `save_question` writes."""
    return {
        "form": question.layout.form.value,
        "shown": ",".join(map(str, question.layout.shown)),
        "lease": question.lease,
        "state": question.state.value,
        "asked_at": micros(question.asked_at),
        "expires_at": micros(question.expires_at),
    }


def new_question_values(question: Question) -> Values:
    return question_values(question) | {
        "id": question.id,
        "campaign": question.campaign,
        "item": question.item,
        "worker": question.worker,
        "p_select": question.p_select,
        "suggested": question.suggested,
        "revealed": question.revealed,
    }


def answer(row: DbRow) -> Answer:
    _seq, question_, lease, campaign_, item_, worker_, evidence, answered_at, latency_ms, late, counted = row
    return Answer(
        question_, lease, campaign_, item_, worker_, Evidence(int(evidence)), moment(answered_at), latency_ms,
        bool(late), bool(counted),
    )  # fmt: skip


def answer_values(answer: Answer) -> Values:
    return {
        "question": answer.question,
        "lease": answer.lease,
        "campaign": answer.campaign,
        "item": answer.item,
        "worker": answer.worker,
        "evidence": str(answer.evidence.bits),
        "answered_at": micros(answer.answered_at),
        "latency_ms": answer.latency_ms,
        "late": answer.late,
        "counted": answer.counted,
    }


def letter(row: DbRow) -> Letter:
    _id, chat, method, body, repeat, bulk, media, filename, question_, message, *_ = row
    return Letter(chat, method, loaded(body), Repeat(repeat), bool(bulk), media, filename, question_, message)


def letter_values(letter: Letter) -> Values:
    return {
        "chat": letter.chat,
        "method": letter.method,
        "body": dumped(letter.body),
        "repeat": letter.repeat.value,
        "bulk": letter.bulk,
        "media": letter.media,
        "filename": letter.filename,
        "question": letter.question,
        "message": letter.message,
    }
