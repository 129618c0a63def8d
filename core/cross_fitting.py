"""Lessons that the network has read itself: what is learnt from the other items, beside the answers of each.

Where the goal is a model most items have one noisy answer, and nobody but the other items can tell whether it is right.
The taught items are cut into folds; what is learnt from the others speaks about each, as a prior under the learnt,
capped weight of the network's voice (`core/voice.py`); with these priors the workers' reliabilities are refitted and
the lessons written anew. Beliefs by which items settle do not change: this is for lessons alone.

Measured in the loop of tests/benchmarks/bench_choosing.py (one seed each, when lessons were weighed by certainty):
right lessons on banking77 0.74 -> 0.93 and its version 0.870 -> 0.883 after 2,250 answers; on trec_questions 0.78 ->
0.85 and movie_reviews 0.74 -> 0.77, whose versions gain nothing.
Source: Khetan, Lipton and Anandkumar 2018, "Learning from noisy singly-labeled data", arXiv:1712.04577; here across
folds, with the voice's weight learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from core.campaign import Goal
from core.errors import NothingToLearn
from core.item import Item
from core.ports import Beliefs, Snapshot
from core.refit import heard, table_of, watched
from core.teaching import lessons_of
from core.version import Floats, Lessons, Trainer

ROUNDS = 2  # a third adds nothing: 0.858 of 900 lessons right, then 0.859 (trec_questions, four seeds)


def cross_fitted(snapshot: Snapshot, beliefs: Beliefs, taught: Sequence[Item], trainer: Trainer) -> Lessons:
    """Lessons from these items; raises what `lessons_of` raises."""
    lessons, policy = lessons_of(snapshot, beliefs, taught), snapshot.campaign.policy
    several = snapshot.campaign.draft.kind.marked  # the network has no voice there
    if policy.goal is not Goal.MODEL or policy.network_weight == 0 or several:
        return lessons
    for _ in range(ROUNDS):
        beliefs, taught = retold(snapshot, beliefs, taught, trainer.cross_fit(lessons))
        try:
            lessons = lessons_of(snapshot, beliefs, taught)
        except NothingToLearn:  # the voices talked the only other label down
            return lessons
    return lessons


def retold(
    snapshot: Snapshot, beliefs: Beliefs, taught: Sequence[Item], voices: Floats
) -> tuple[Beliefs, Sequence[Item]]:
    """Reliabilities, and beliefs about the taught items, under `voices` (N, K) about them."""
    said = {item.id: tuple(voice) for item, voice in zip(taught, voices.tolist(), strict=True)}
    told = replace(
        snapshot,
        campaign=replace(snapshot.campaign, pool=beliefs.pool),
        items=[replace(item, suggestion=said.get(item.id, item.suggestion)) for item in snapshot.items],
    )
    table = table_of(told)
    seen = beliefs.vigilance or watched(table, snapshot)
    found, heads = heard(told, seen.of(table)), seen.heads()
    belief = {item.id: row for item, row in zip(snapshot.items, found.posteriors.tolist(), strict=True)}
    after = replace(
        beliefs,
        pool=replace(found.pool, pace=beliefs.pool.pace),
        reliabilities={who: found.reliability(int(heads[row])) for row, who in enumerate(snapshot.workers)},
    )
    return after, [replace(item, posterior=tuple(belief[item.id])) for item in taught]
