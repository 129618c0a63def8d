"""Do audit estimates cover the truth under active choice? `make bench-audit` (`ARGS=--quick` for a glance; resumable).

300 items, easy in some campaigns and hard in others, 20 % of them audit items, 40 controls, 30 simulated workers, in
the real core. After 450 answers a softmax network is taught on the answered plain items, and the plain items that it
doubts most are asked next (audit items in the order of their hash); after 900 answers the campaign is judged.
Shown: how often the 95 % interval holds the truth, by audit items and by the naive way: the same figures from the
items that active choice had answered.

Truths: of the version, on 4,000 fresh items; of the consensus, on all settled items; of the shares, on all items.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.acquisition import margins
from core.audit import Estimate, audited, mean_of, trust_in
from core.campaign import Policy
from core.guesses import other_accuracy
from core.intake import judged
from core.item import Item, Role, Verdict, place_of
from core.refit import beliefs_of
from tests.benchmarks.campaigns import Setting, World, world

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RESULTS = Path("state/bench_audit.jsonl")
POLICY, HARD = Policy(max_overlap=7, audit_share=0.2), (0.05, 0.1, 0.2, 0.3)
ITEMS, CONTROLS, WIDTH, FRESH, BUDGET = 300, 40, 12, 4000, 900


def seen(truth: Ints, dice: np.random.Generator, middles: Floats) -> Floats:
    """(n, WIDTH) what the network sees of items."""
    return middles[truth] + dice.standard_normal((len(truth), WIDTH))


def taught(features: Floats, targets: Floats, steps: int = 200) -> Floats:
    """(WIDTH + 1, K) weights of a softmax regression on soft labels."""
    x = np.c_[features, np.ones(len(features))]
    weights = np.zeros((x.shape[1], targets.shape[1]))
    for _ in range(steps):
        weights -= 0.5 * (x.T @ (thought(features, weights) - targets) / len(x) + 1e-3 * weights)
    return weights


def thought(features: Floats, weights: Floats) -> Floats:
    scores = np.c_[features, np.ones(len(features))] @ weights
    found: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
    return found / found.sum(axis=1, keepdims=True)


def campaign_run(seed: int) -> dict[str, list[float]]:
    """figure -> [truth, value, low, high of the audit, value, low, high of the naive estimate]."""
    dice = np.random.default_rng([seed, 21])
    setting = Setting(ITEMS, CONTROLS, 3, POLICY, hard=float(dice.choice(HARD)), refit_every=10**9)
    shares = dice.dirichlet(np.full(3, 5.0))
    middles = dice.standard_normal((3, WIDTH)) * 0.6
    truth = dice.choice(3, ITEMS, p=shares)
    features = seen(truth, dice, middles)
    ease = -((features - middles[truth]) ** 2).sum(axis=1) + np.min(
        [np.where(truth == k, np.inf, ((features - middles[k]) ** 2).sum(axis=1)) for k in range(3)], axis=0
    )
    campaign = world(setting, seed, truth, ease)
    for _ in campaign.answers(BUDGET // 2):
        pass
    _, beliefs = campaign.refit()
    known = [item for item in beliefs.items if item.role is Role.PLAIN and item.answers]
    weights = taught(features[[int(item.id) - 1 for item in known]], np.array([item.posterior for item in known]))
    doubt = margins(thought(features, weights))
    queue(campaign, doubt)
    for _ in campaign.answers(BUDGET):
        pass
    fresh = dice.choice(3, FRESH, p=shares)
    right = thought(seen(fresh, dice, middles), weights).argmax(axis=1) == fresh
    return judged_by(campaign, truth, thought(features, weights).argmax(axis=1), float(right.mean()), known, seed)


def queue(campaign: World, doubt: Floats) -> None:
    """What a night does: plain items by doubt, audit items by hash."""
    held = campaign.tx.campaign(campaign.id)
    with campaign.tx.store.all_or_nothing():
        for item in list(campaign.tx.store.items.values()):
            if item.verdict is Verdict.OPEN and item.role is not Role.CONTROL:
                worth = place_of("bench", item.name) if item.role is Role.AUDIT else float(doubt[int(item.id) - 1])
                campaign.tx.store.put_item(judged(held, replace(item, worth=worth)))


def judged_by(
    campaign: World, truth: Ints, guess: Ints, version: float, taught_on: list[Item], seed: int
) -> dict[str, list[float]]:
    rng = np.random.default_rng([seed, 22])
    snapshot = campaign.snapshot()
    beliefs, trusted = beliefs_of(snapshot), trust_in(snapshot, rng)
    audit = audited(beliefs, trusted, rng)
    plain = [item for item in beliefs.items if item.role is Role.PLAIN and item.answers]
    met = {item.id for item in taught_on}
    active = [item for item in plain if item.id not in met]  # chosen by the version, never taught to it
    settled = [item for item in beliefs.items if item.verdict is Verdict.SETTLED]

    def rows(items: list[Item]) -> Ints:
        return np.array([int(item.id) - 1 for item in items], dtype=np.int64)

    def label(items: list[Item]) -> Ints:
        return np.array([item.posterior for item in items]).reshape(-1, 3).argmax(axis=1)

    def naive(hit: NDArray[np.bool_]) -> Estimate:
        return mean_of(hit[None].astype(np.float64), rng)

    of_version = other_accuracy(audit.beliefs, guess[rows(list(audit.sample))], audit.begun, rng)
    found = {
        "version right": (version, of_version, naive(guess[rows(active)] == label(active))),
        "consensus right": (
            float((label(settled) == truth[rows(settled)]).mean()), audit.consensus,
            mean_of(np.array([[max(i.posterior) for i in settled if i.role is Role.PLAIN]]), rng),
        ),
    }  # fmt: skip
    for k in range(3):
        found[f"share of label {k}"] = (float((truth == k).mean()), audit.shares[k], naive(label(plain) == k))
    return {
        name: [t, a.value, a.low, a.high, n.value, n.low, n.high] for name, (t, a, n) in found.items()
    }


def shown(rows: list[dict[str, list[float]]]) -> None:
    print(f"{len(rows)} campaigns: how often 95 % intervals hold the truth (bias, mean width)")
    print(f"{'':<18}{'audit items':>12}{'bias':>9}{'width':>8}{'naive':>9}{'bias':>9}{'width':>8}")
    labels = [name for name in rows[0] if name.startswith("share")]
    for title, names in [("version right", ["version right"]), ("consensus right", ["consensus right"]),
                         ("shares of labels", labels), ("all", list(rows[0]))]:  # fmt: skip
        t, a, al, ah, n, nl, nh = np.array([row[name] for row in rows for name in names]).T
        ok = ~np.isnan(a) & ~np.isnan(n)
        cells = []
        for value, low, high in ((a, al, ah), (n, nl, nh)):
            inside = ((low <= t + 1e-9) & (t - 1e-9 <= high))[ok].mean()
            cells += [f"{inside:>10.1%}", f"{(value - t)[ok].mean():>+9.3f}", f"{(high - low)[ok].mean():>8.3f}"]
        print(f"{title:<18}" + " ".join(cells))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--first", type=int, default=4000, help="the first seed")
    options.add_argument("--campaigns", type=int, default=200)
    options.add_argument("--results", type=Path, default=RESULTS)
    chosen = options.parse_args()
    seeds = range(chosen.first, chosen.first + (6 if chosen.quick else chosen.campaigns))
    chosen.results.parent.mkdir(parents=True, exist_ok=True)
    chosen.results.touch()
    known = {json.loads(line)["seed"] for line in chosen.results.read_text().splitlines()}
    for seed in seeds:
        if seed not in known:
            line = json.dumps({"seed": seed, "figures": campaign_run(seed)})
            with chosen.results.open("a") as file:
                file.write(line + "\n")
    rows = [json.loads(line) for line in chosen.results.read_text().splitlines()]
    shown([row["figures"] for row in rows if row["seed"] in seeds])


if __name__ == "__main__":
    main()
