"""Groups that share their answers: they agree among themselves beyond what honest work explains.

Members are tested against the rest of the group, which finds groups whose pairs have met only a few times, and the
false discovery rate among the members is bounded (Benjamini and Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x).
A group is chosen among many, so agreement that chose it proves nothing: the part of it that one half of the items shows
must agree on the other half too (sample splitting, Cox 1975, doi:10.1093/biomet/62.2.441). Where workers have met on a
few dozen items only, thirteen honest ones were taken for a ring without that.
One ring has one vote (`core/vigilance.py`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from core.meetings import Meetings, meetings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST_RINGS = 5
EXCESS = 0.5  # correlation beyond skill, from which a group is a ring: honest workers share errors, but not that many
FALSE = 0.01  # share of a ring's members who may be there by chance
SURE = 2.0  # standard errors by which a group must agree beyond skill on items that did not choose it
FEW = 4  # meetings with a group, up to which nothing is said
DIRECTIONS, TURNS = 3, 30  # of the power iteration that finds candidates
ROUNDS = 10  # in which a candidate settles


def rings(item: Ints, worker: Ints, label: Ints, workers: int, labels: int) -> Ints:
    """(W,) ring of each worker, -1 for none: groups that agree among themselves beyond what honest work explains.

    Answers of two honest workers correlate as the product of their skills (each worker's own label habits taken out;
    a skill below 0 is that of somebody who mixes labels up). Candidate groups come from the leading directions of the
    correlations; a member's skill is judged by outsiders alone, so that a ring cannot vouch for itself; and a ring
    holds under half of the answers, or nobody could say who it is. Of several groups the one that leaves least
    unexplained goes first: seen from a large ring the honest crowd is a ring too, and a tighter one where members
    deviate, but taking it for one leaves the true ring's agreement, and the rest of the crowd's, without a reason.
    """
    found, _ = _grouped(item, worker, label, workers, labels)
    if not (found >= 0).any():
        return found
    half = np.random.default_rng(0).random(int(item.max()) + 1)[item] < 0.5
    sides = [_grouped(item[part], worker[part], label[part], workers, labels) for part in (half, ~half)]
    group, ring = np.full(workers, -1), 0
    for one in range(int(found.max()) + 1):
        if _confirmed(found == one, sides):
            group[found == one], ring = ring, ring + 1
    return group


def _grouped(item: Ints, worker: Ints, label: Ints, workers: int, labels: int) -> tuple[Ints, Meetings]:
    """(W,) rings as these answers show them, and the meetings they were seen in."""
    group, met = np.full(workers, -1), meetings(item, worker, label, workers, labels)
    answers = np.bincount(worker, minlength=workers)
    for ring in range(MOST_RINGS if len(met.first) else 0):
        found = _clearest(met, answers, group < 0)
        if found.sum() < 2:
            break
        group[found] = ring
    return group, met


def _confirmed(member: Bools, sides: list[tuple[Ints, Meetings]]) -> bool:
    """Whether those whom one half of the items shows as this ring agree beyond skill on the other half as well."""
    excess = seen = spread = 0.0
    for (group, _), (_, met) in zip(sides, reversed(sides), strict=True):
        sizes = np.bincount(group[member & (group >= 0)], minlength=1)
        core = member & (group == sizes.argmax()) if sizes.any() else np.zeros_like(member)
        skill = _skills(met, core, np.ones_like(member), np.full(met.workers, 0.6), TURNS)
        inside = core[met.first] & core[met.second]
        beyond = met.alike - met.met * skill[met.first] * skill[met.second]
        excess, seen = excess + float(beyond[inside].sum()), seen + float(met.met[inside].sum())
        spread += float(np.maximum(met.square, met.met)[inside].sum())
    return seen > FEW and excess > EXCESS / 2 * seen and excess > SURE * spread**0.5


def _clearest(met: Meetings, answers: Ints, left: Bools) -> Bools:
    """(W,) the ring that explains the agreement among those who are left best; nobody where none explains it better
    than skills alone."""
    best, seen = np.zeros(met.workers, dtype=bool), set[bytes]()
    least = _unexplained(met, best, left)
    for seed in _seeds(met, left):
        for start in (_grown(seed, met, left), seed):
            if start.sum() < 2 or start.tobytes() in seen:
                continue
            seen.add(start.tobytes())
            member = _settled(start, met, answers, left, seen)
            unexplained = _unexplained(met, member, left) if member.any() else least
            if unexplained < least:
                best, least = member, unexplained
    return best


def _unexplained(met: Meetings, member: Bools, left: Bools) -> float:
    """What skills, and one common correlation inside the group, leave of the correlations: a weighted sum of squares.

    The fewer squares are left, the likelier is that this group is the ring (least squares as in `_skills`).
    """
    skill = _skills(met, member, left, np.full(met.workers, 0.6), TURNS)
    inside, use = member[met.first] & member[met.second], left[met.first] & left[met.second]
    expected = np.where(inside, met.tightness(member), skill[met.first] * skill[met.second])
    return float(((met.alike - met.met * expected) ** 2 / met.met)[use].sum())


def _seeds(met: Meetings, left: Bools) -> list[Bools]:
    """Candidate groups: both ends of the leading directions of the correlations."""
    value = met.alike / np.sqrt(met.met) * (left[met.first] & left[met.second])
    seeds, basis = [], np.zeros((0, met.workers))
    rng = np.random.default_rng(0)  # a start for the power iteration, nothing else
    for _ in range(DIRECTIONS):
        x = rng.normal(size=met.workers)
        for _ in range(TURNS):
            x = met.sums(value * x[met.second], value * x[met.first])
            x -= basis.T @ (basis @ x)
            x /= max(float(np.linalg.norm(x)), 1e-12)
        basis = np.vstack([basis, x])
        for side in (x, -x):
            seeds += [left & (side > cut * side.max()) for cut in (0.2, 0.5) if side.max() > 0]
    return seeds


def _grown(member: Bools, met: Meetings, left: Bools) -> Bools:
    """The candidate with everybody who agrees with it nearly as much as its members do: what is left of a ring
    outside would vouch for those inside."""
    for _ in range(4):
        if member.sum() < 2:
            break
        seen, alike = met.with_members(member, met.met), met.with_members(member, met.alike)
        level = 0.7 * min(met.tightness(member), 1.0)
        member = left & (seen > FEW) & (alike > level * seen) & (alike > 2 * np.sqrt(seen))
    return member


def _settled(member: Bools, met: Meetings, answers: Ints, left: Bools, seen: set[bytes]) -> Bools:
    """(W,) the group that a candidate settles on: those who agree with it beyond skill. Nobody where it is no ring."""
    nobody = np.zeros(met.workers, dtype=bool)
    skill = np.full(met.workers, 0.6)
    for turn in range(ROUNDS):
        skill = _skills(met, member, left, skill, 8 if turn == 0 else 4)
        beyond = met.alike - met.met * skill[met.first] * skill[met.second]
        excess, seen_with = met.with_members(member, beyond), met.with_members(member, met.met)
        sure = excess / np.sqrt(np.maximum(met.with_members(member, np.maximum(met.square, met.met)), 1.0))
        able = left & (seen_with > FEW)
        new = able & (excess > EXCESS * seen_with)
        new[able] &= kept(upper_tail(sure[able]), FALSE)
        if (new == member).all() or new.sum() < 2:
            break
        if new.tobytes() in seen:
            return nobody  # another candidate went on from here
        seen.add(new.tobytes())
        member = new
    if new.sum() < 2 or answers[member].sum() >= 0.5 * answers[left].sum():
        return nobody
    return member


def _skills(met: Meetings, member: Bools, left: Bools, skill: Floats, turns: int) -> Floats:
    """(W,) skills by least squares, from all pairs but those inside the candidate group and those of known rings."""
    use = ~(member[met.first] & member[met.second]) & left[met.first] & left[met.second]
    first, second, count, alike = met.first[use], met.second[use], met.met[use], met.alike[use]
    for _ in range(turns):
        u, v = skill[first], skill[second]
        up = np.bincount(first, alike * v, met.workers) + np.bincount(second, alike * u, met.workers)
        down = np.bincount(first, count * v * v, met.workers) + np.bincount(second, count * u * u, met.workers)
        skill = 0.5 * skill + 0.5 * np.clip((up + 0.6) / (down + 1.0), -1.0, 1.0)
    return skill


def upper_tail(z: Floats) -> Floats:
    """The chance of a standard normal above each z."""
    return np.array([0.5 * math.erfc(score / math.sqrt(2)) for score in z.tolist()])


def kept(chance: Floats, rate: float) -> Bools:
    """Which findings, each with the chance of it by accident, are kept so that at most `rate` of them are accidents."""
    order = np.argsort(chance, kind="stable")
    below = np.flatnonzero(chance[order] <= rate * np.arange(1, len(chance) + 1) / max(len(chance), 1))
    found = np.zeros(len(chance), dtype=bool)
    found[order[: below[-1] + 1 if len(below) else 0]] = True
    return found
