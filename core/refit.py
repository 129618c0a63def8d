"""All facts of a campaign -> all its beliefs: what the day caches, computed anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.campaign import Kind
from core.effort import pace, usual
from core.forms import FORMS, Form
from core.ids import WorkerId
from core.inference import AnswerTable, Refit, refit
from core.intake import judged, prior_of
from core.item import Item, Role
from core.marks import refit as marks_refit
from core.marks.table import marks_of
from core.ports import Beliefs, Snapshot
from core.suspicion import suspected
from core.vigilance import Flag, Vigilance, watch
from core.voice import learnt_weight
from core.worker import Suspicion


def beliefs_of(snapshot: Snapshot) -> Beliefs:
    """Refits a campaign, warm from the pool of the last refit; verdicts follow the stop rule.

    Rapid guesses weigh less, and a ring has one vote: its members share one reliability.
    """
    if snapshot.campaign.draft.kind is Kind.TEXT:
        return _of_texts(snapshot)
    if snapshot.campaign.draft.kind.marked:
        marks = marks_of(snapshot)
        seen = marks_refit.watched(marks, snapshot)
        return _concluded(snapshot, seen, marks_refit.refitted(marks, seen), seen.flags)
    table = table_of(snapshot)
    seen = watched(table, snapshot)
    found = heard(snapshot, seen.of(table))
    return _concluded(snapshot, seen, found, [*seen.flags, *suspected(table, found)])


def _concluded(
    snapshot: Snapshot, seen: Vigilance, found: Refit | marks_refit.Refitted, flags: Sequence[Flag]
) -> Beliefs:
    heads = seen.heads()
    campaign = replace(snapshot.campaign, pool=found.pool)
    items = [
        judged(campaign, replace(item, posterior=tuple(found.posteriors[row].tolist())))
        if item.answers
        else judged(campaign, item if item.by_network else replace(item, posterior=prior_of(campaign, item)))
        for row, item in enumerate(snapshot.items)
        if item.role is not Role.CONTROL
    ]
    answers = np.bincount(snapshot.answer_worker, minlength=len(snapshot.workers))
    return Beliefs(
        pool=replace(found.pool, pace=paced(snapshot)),
        items=items,
        reliabilities={worker: found.reliability(int(heads[row])) for row, worker in enumerate(snapshot.workers)},
        seen={worker: int(answers[row]) for row, worker in enumerate(snapshot.workers)},
        suspicions=_suspicions(snapshot, flags),
        vigilance=seen,
    )


def _of_texts(snapshot: Snapshot) -> Beliefs:
    """Words tell nothing of labels: verdicts follow the number of answers alone."""
    campaign = snapshot.campaign
    items = [judged(campaign, item) for item in snapshot.items if item.role is not Role.CONTROL]
    return Beliefs(campaign.pool, items, {}, {})


def paced(snapshot: Snapshot) -> tuple[float, ...]:
    """What this campaign's answer times say of each form (`core.effort.pace`)."""
    groups, item = snapshot.campaign.groups, snapshot.answer_item.tolist()
    tapped = {form.value: at for at, form in enumerate(FORMS)}
    sizes = [len(one.posterior) for one in snapshot.items]
    asked = [(at, form, shown, sizes[item[at]]) for at, (form, shown) in enumerate(snapshot.asked_as)]
    timed = [one for one in asked if one[1] in tapped and one[2] <= one[3]]
    ways = {way: usual(Form(way[0]), way[1], groups, labels=way[2]) for way in {one[1:] for one in timed}}
    forms = np.array([tapped[form] for _, form, _, _ in timed], dtype=np.int64)
    seconds = snapshot.latency_ms[np.array([at for at, *_ in timed], dtype=np.int64)] / 1000
    return pace(forms, np.array([ways[one[1:]] for one in timed]), seconds)


def heard(snapshot: Snapshot, table: AnswerTable) -> Refit:
    """The refit, and how far the network may be heard from now on, by how well it foretold the answers."""
    found = refit(table, start=snapshot.campaign.pool)
    if table.suggestion is None:
        return found
    voices = [item.suggestion if item.role is Role.PLAIN else None for item in snapshot.items]
    spoken = np.array([voice is not None for voice in voices], dtype=bool)
    said = np.array([voice for voice in voices if voice is not None])
    voice = learnt_weight(table, spoken, said, found, snapshot.campaign.policy.network_weight)
    return replace(found, pool=replace(found.pool, voice=voice))


def watched(table: AnswerTable, snapshot: Snapshot) -> Vigilance:
    """What the answers alone tell of rapid guesses and rings."""
    if table.labels < 2:
        return Vigilance(np.ones(len(table.item)), np.full(table.n_workers, -1), ())
    label = np.where(table.sets.sum(axis=1) == 1, table.sets.argmax(axis=1), -1)[table.evidence]
    seconds, number = snapshot.latency_ms / 1000, {asked: at for at, asked in enumerate(set(snapshot.asked_as))}
    form = np.array([number[asked] for asked in snapshot.asked_as], dtype=np.int64) if number else None
    return watch(table.item, table.worker, label, table.n_items, table.n_workers, table.labels, seconds, form)


def _suspicions(snapshot: Snapshot, flags: Sequence[Flag]) -> dict[WorkerId, tuple[Suspicion, ...]]:
    """Everybody in the snapshot, most of them without any."""
    found: dict[WorkerId, tuple[Suspicion, ...]] = dict.fromkeys(snapshot.workers, ())
    for flag in flags:
        found[snapshot.workers[flag.worker]] += (Suspicion(flag.reason, flag.strength),)
    return found


def table_of(snapshot: Snapshot) -> AnswerTable:
    """The snapshot's answers as arrays; equal evidence is one row of `sets`."""
    labels = len(snapshot.campaign.labels)
    bits, evidence = np.unique(np.array(snapshot.answer_bits, dtype=object), return_inverse=True)
    sets = np.array([[bool(b >> k & 1) for k in range(labels)] for b in bits], dtype=bool).reshape(-1, labels)
    return AnswerTable(
        item=snapshot.answer_item,
        worker=snapshot.answer_worker,
        evidence=np.asarray(evidence, dtype=np.int64).reshape(-1),
        sets=sets,
        n_items=len(snapshot.items),
        n_workers=len(snapshot.workers),
        controls=np.array([_known(item) for item in snapshot.items], dtype=np.int64),
        suggestion=_priors(snapshot),
    )


def _known(item: Item) -> int:
    """Controls, and what an admin has ruled."""
    return -1 if item.truth is None else item.truth


def _priors(snapshot: Snapshot) -> NDArray[np.float64] | None:
    """(N, K) each item's prior where the network has spoken; None where it has not: the class prior is estimated."""
    campaign = snapshot.campaign
    if campaign.policy.network_weight == 0 or not any(item.suggestion for item in snapshot.items):
        return None
    return np.array([prior_of(campaign, item) for item in snapshot.items])
