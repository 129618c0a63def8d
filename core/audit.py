"""What the audit items tell of all items: how often the consensus and a version are right, how common each label is.

Audit items are drawn by the hash of their names (`core.item.role_of`) and asked in the order of another hash
(`core.item.place_of`), never by what the network wants to know. So those with an answer are a uniform sample of all
items at any moment, whatever active choice does elsewhere, and means over them are unbiased. Means over the items
that active choice picked are not.

What is right is known of an item that an admin has reviewed, and believed of the others: the crowd's posterior, as
sure as items of known truth (controls, reviews) allow. Intervals therefore hold three doubts: which items were drawn
(Bayesian bootstrap, with the two half items of Jeffreys' prior where there are few), what the labels of the sample are
(the posterior), and how far the posterior may be trusted (draws of temperature and lapse given the known items).

Source: Rubin 1981, doi:10.1214/aos/1176345338 (Bayesian bootstrap); Saerens et al. 2002, doi:10.1162/089976602753284446
(shares corrected for misclassification); Hajek 1971 (inverse-probability weights, self-normalised).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.calibration import LAPSES, TEMPERATURES, claimed, weights_of
from core.inference import hidden
from core.item import Item, Role, Verdict
from core.marks import refit as marks_refit
from core.ports import Beliefs, Snapshot
from core.refit import table_of, watched
from core.reliability import Pool

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 2000
TRUSTS = 64  # draws of how far the posterior may be trusted
GROUPS = 1000  # more items than this are averaged in so many random groups before they are drawn from


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval; nan where there is nothing to judge by."""

    value: float
    low: float
    high: float


UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """Draws of the calibration, given what was believed of items of known truth."""

    temperature: Floats  # (C,)
    lapse: Floats  # (C,)
    known: Ints  # labels of the items of known truth that say so

    def of(self, q: Floats, truth: Ints | None = None) -> Floats:
        """(C, n, K) beliefs q (n, K) as sure as each draw allows; certain where truth (n,) is known (not -1)."""
        found = np.stack([claimed(q, float(t), float(p)) for t, p in zip(self.temperature, self.lapse, strict=True)])
        if truth is not None:
            known = np.flatnonzero(truth >= 0)
            found[:, known] = np.eye(q.shape[1])[truth[known]]
        return found


def trust(q: Floats, truth: Ints, rng: np.random.Generator, draws: int = TRUSTS) -> Trust:
    """How far beliefs may be trusted, given what was believed (N, K) of items of known truth (N,) beforehand."""
    weight = weights_of(q, truth).reshape(-1)
    cell = rng.choice(len(weight), draws, p=weight)
    return Trust(TEMPERATURES[cell // len(LAPSES)], LAPSES[cell % len(LAPSES)], truth)


def mean_of(
    values: Floats, rng: np.random.Generator, population: int | None = None, weight: Floats | None = None
) -> Estimate:
    """The mean of a quantity in [0, 1] over all items, from a sample: values (C, n), a row for each trust.

    `population`: how many items there are, where the figure is about just these; None for all that may ever come.
    `weight` (n,): one over the chance with which each was drawn, where these differ.
    """
    if values.shape[1] == 0:
        return UNKNOWN
    size, share = values.shape[1], np.ones(values.shape[1]) if weight is None else weight / weight.mean()
    value = float((values.mean(axis=0) * share).sum() / share.sum())
    some, mass = _grouped(values, share, rng)
    row = rng.integers(0, len(some), DRAWS)
    dirichlet = rng.standard_exponential((DRAWS, some.shape[1])) * mass
    doubt = float((values * (1 - values)).mean() / max(value * (1 - value), 1e-9))
    told = 1.0 - min(doubt, 1.0)  # 1 where each value is 0 or 1, 0 where all are alike
    ends = rng.standard_gamma(0.5, (DRAWS, 2)) * told * some.shape[1] / size
    drawn = ((dirichlet * some[row]).sum(axis=1) + ends[:, 0]) / (dirichlet.sum(axis=1) + ends.sum(axis=1))
    if population is not None and population > 0:
        drawn = _of_these(drawn, values, row, size, max(population, size), rng)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, float(min(low, value)), float(max(high, value)))


def _of_these(drawn: Floats, values: Floats, row: Ints, size: int, population: int, rng: np.random.Generator) -> Floats:
    """(D,) means over just `population` items, `size` of them seen: what was not drawn varies, what was does not."""
    seen, doubt = values.mean(axis=1)[row], (values * (1 - values)).mean(axis=1)[row]
    inside = seen + rng.normal(size=len(row)) * np.sqrt(doubt / size)
    rest = population - size
    if rest == 0:
        return np.asarray(np.clip(inside, 0.0, 1.0), dtype=np.float64)
    outside = drawn + rng.normal(size=len(row)) * np.sqrt(drawn * (1 - drawn) / rest)
    return np.asarray(np.clip((size * inside + rest * outside) / population, 0.0, 1.0), dtype=np.float64)


def _grouped(values: Floats, share: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """(C, g) means and (g,) weights of random groups of items, single items where there are few."""
    n = values.shape[1]
    if n <= GROUPS:
        return values, share
    order = rng.permutation(n)
    edges = np.linspace(0, n, GROUPS + 1).astype(np.int64)[:-1]
    mass = np.add.reduceat(share[order], edges)
    means = np.add.reduceat((values * share)[:, order], edges, axis=1) / mass
    return means, mass / mass.mean()


def shares_of(
    beliefs: Floats,
    prior: Sequence[float] | Floats,
    rng: np.random.Generator,
    population: int | None = None,
    sweeps: int = 40,
) -> list[Estimate]:
    """How common each label is, from beliefs (C, n, K) that were reached from the class prior: (K,), or (C, K) where it
    was calibrated with them.

    The prior is taken out and the shares that fit the answers best are put in (Saerens et al.).
    """
    c, n, k = beliefs.shape
    if n == 0:
        return [UNKNOWN] * k
    draws = int(np.clip(4e6 // (n * k), 50, 400))
    row = rng.integers(0, c, draws)
    weight, ends = rng.standard_exponential((draws, n)), rng.standard_exponential((draws, k))  # an even prior
    begun = np.broadcast_to(np.array(prior), (c, k))
    found = np.stack([_fitted(beliefs[r], w, e, begun[r], sweeps) for r, w, e in zip(row, weight, ends, strict=True)])
    value = _fitted(beliefs.mean(axis=0), np.ones(n), np.ones(k), begun.mean(axis=0), sweeps)
    if population is not None:
        seen = min(n / max(population, n), 1.0)
        found = value + (found - value) * np.sqrt(1 - 0.5 * seen)  # half of the spread is the labels', which stays
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    return [Estimate(float(v), float(a), float(b)) for v, a, b in zip(value, low, high, strict=True)]


def _fitted(belief: Floats, weight: Floats, ends: Floats, prior: Floats, sweeps: int) -> Floats:
    """(K,) the shares under which the evidence behind belief (n, K) is likeliest; more items lie at the `ends`."""
    evidence = belief / np.maximum(prior, 1e-9)
    shares = prior
    for _ in range(sweeps):
        belief = evidence * shares
        shares = weight @ (belief / belief.sum(axis=1, keepdims=True)) + ends
        shares = shares / shares.sum()
    return shares


@dataclass(frozen=True, slots=True, eq=False)
class Audit:
    """What an admin may say of a campaign."""

    items: int  # audit items
    asked: int  # of them with an answer
    reviewed: int  # of them ruled by an admin
    known: int  # items of known truth (controls, reviews) that say how far the crowd may be trusted
    consensus: Estimate  # how often the consensus of settled items is right
    shares: tuple[Estimate, ...]  # (K,) how common each label is among the campaign's items
    beliefs: Floats  # (C, asked, K) about the audit items asked
    begun: Floats  # (C, K) about an item without answers
    sample: tuple[Item, ...]  # those items


def trust_in(snapshot: Snapshot, rng: np.random.Generator) -> Trust:
    """How far a campaign's beliefs may be trusted, on the ground that its calibration has; costs one more refit."""
    if snapshot.campaign.draft.kind.marked:
        return trust(*marks_refit.hidden(marks_refit.heeded_of(snapshot)), rng)
    table = table_of(snapshot)
    return trust(*hidden(watched(table, snapshot).of(table)), rng)


def audited(beliefs: Beliefs, trusted: Trust, rng: np.random.Generator) -> Audit:
    """The audit of a campaign as it stands."""
    pool = beliefs.pool
    mine = [item for item in beliefs.items if item.role is Role.AUDIT and item.verdict is not Verdict.WITHDRAWN]
    sample = [item for item in mine if item.answers]
    about, begun = believed(sample, trusted, pool)
    settled = np.array([item.verdict is Verdict.SETTLED for item in sample], dtype=bool)
    guess = about.mean(axis=0).argmax(axis=1)
    right = np.take_along_axis(about, guess[None, :, None], axis=2)[:, :, 0]
    present = [item for item in beliefs.items if item.verdict is not Verdict.WITHDRAWN]
    by_people = sum(item.verdict is Verdict.SETTLED and not item.by_network for item in present)
    return Audit(
        items=len(mine),
        asked=len(sample),
        reviewed=sum(item.truth is not None for item in mine),
        known=len(trusted.known),
        consensus=mean_of(right[:, settled], rng, by_people),
        shares=tuple(shares_of(about, begun, rng, len(present))),
        beliefs=about,
        begun=begun,
        sample=tuple(sample),
    )


def believed(items: Sequence[Item], trusted: Trust, pool: Pool) -> tuple[Floats, Floats]:
    """(C, n, K) what may be believed of items, and (C, K) of one without answers, a plane for each trust."""
    q = np.array([item.posterior for item in items], dtype=np.float64).reshape(-1, pool.labels)
    truth = np.array([-1 if item.truth is None else item.truth for item in items], dtype=np.int64)
    return trusted.of(q, truth), trusted.of(np.array([pool.prior]))[:, 0]


def even(values: Floats, p_select: Floats, rng: np.random.Generator) -> Estimate:
    """The mean of a quantity in [0, 1] of questions (n,) as if each had been drawn evenly from the head of its queue.

    It undoes the draw within the head and no more: figures about all items come from audit items.
    """
    return mean_of(values[None], rng, weight=1 / np.maximum(p_select, 1e-6))
