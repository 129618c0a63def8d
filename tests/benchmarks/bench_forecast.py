"""Is the forecast kept? `make bench-forecast` (`ARGS=--quick` for a glance; runs go on where a file of results ends).

Campaigns of 200-320 items, 2-4 labels, three mean difficulties, confidence 0.9 or 0.95, in the real core with thirty
simulated workers (`campaigns.py`). At 20 and 60 % of the items settled each is asked how many answers 90 % will
take; beside it what a ruler says (answers so far, per settled item). Seeds are none that anything was tuned on: the
forecast's constants are from campaigns of seeds from 5000 on.

What came is inside a forecast if it lies in the interval; where the campaign never got there, if the forecast gave
that more than one chance in twenty. An interval is of the futures that reach the goal, so it has two ends.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from core.audit import trust_in
from core.campaign import Policy
from core.forecast import forecast
from core.item import Role, Verdict
from core.refit import beliefs_of
from tests.benchmarks.campaigns import BEGIN, Setting, World, world

MARKS, GOAL = (0.2, 0.6), 0.9
RESULTS = Path("state/bench_forecast.jsonl")


def setting(seed: int) -> Setting:
    dice = np.random.default_rng([seed, 9])
    policy = Policy(max_overlap=10, audit_share=0.2, confidence=float(dice.choice([0.9, 0.95])))
    items, labels = int(dice.integers(200, 321)), int(dice.integers(2, 5))
    return Setting(items, 50, labels, policy, hard=float(dice.choice([0.05, 0.1, 0.14])), refit_every=200)


def settled(campaign: World) -> int:
    items = campaign.tx.store.items.values()
    return sum(item.verdict is Verdict.SETTLED and item.role is not Role.CONTROL for item in items)


def campaign_run(seed: int) -> list[dict[str, float]]:
    """One row for each mark: what was forecast, and what came."""
    chosen = setting(seed)
    campaign, rows, marks = world(chosen, seed), list[dict[str, float]](), list(MARKS)
    for _ in campaign.answers(chosen.items * chosen.policy.max_overlap):
        if campaign.spent % 10 not in (0, 1):  # every tenth answer, and the one after a refit
            continue
        now = settled(campaign)
        if marks and now >= marks[0] * chosen.items:
            rows.append(_asked(campaign, seed, marks.pop(0), now))
        if now >= GOAL * chosen.items:
            break
    reached = settled(campaign) >= GOAL * chosen.items
    for row in rows:
        row["actual"] = campaign.spent - row["spent"] if reached else float("inf")
        row["days"] = (campaign.now - BEGIN).total_seconds() / 86400 - row["day"]
    return rows


def _asked(campaign: World, seed: int, mark: float, now: int) -> dict[str, float]:
    snapshot = campaign.snapshot()
    days = max((campaign.now - BEGIN).days, 1)
    a_day = campaign.by_day()[:days] or [campaign.spent]
    rng = np.random.default_rng([seed, 3])
    found = forecast(snapshot, beliefs_of(snapshot), trust_in(snapshot, rng), a_day, rng, GOAL)
    span = found.days
    return {
        "seed": seed, "mark": mark, "spent": campaign.spent, "day": (campaign.now - BEGIN).total_seconds() / 86400,
        "value": found.answers.value, "low": found.answers.low, "high": found.answers.high,
        "chance": found.answers.chance,
        "days_low": span.low if span else 0.0, "days_high": span.high if span else float("inf"),
        "ruler": campaign.spent / max(now, 1) * (GOAL * campaign.setting.items - now),
    }  # fmt: skip


def inside(row: dict[str, float]) -> bool:
    return row["low"] <= row["actual"] <= row["high"] if np.isfinite(row["actual"]) else row["chance"] < 0.95


def line(rows: list[dict[str, float]]) -> list[float]:
    """The figures of a group of forecasts, nan where nothing tells."""
    reached = [row for row in rows if np.isfinite(row["actual"])]
    missed = [row for row in rows if not np.isfinite(row["actual"])]
    judged = [row for row in reached if row["actual"] >= 20 and np.isfinite(row["value"])]
    ends = [row for row in rows if np.isfinite(row["high"]) and row["value"] > 0]
    off, ruler = ([float(np.log(row[x] / row["actual"])) for row in judged] for x in ("value", "ruler"))
    return [
        mean([float(inside(row)) for row in rows]),
        mean([float(row["chance"] == 0) for row in rows]),
        median([(row["high"] - row["low"]) / row["value"] for row in ends]),
        median([abs(x) for x in off]),
        median(off),
        median([abs(x) for x in ruler]),
        mean([float(row["days_low"] <= row["days"] <= row["days_high"]) for row in judged]),
        mean([row["chance"] for row in reached]),
        mean([row["chance"] for row in missed]),
    ]


def mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def median(values: list[float]) -> float:
    return float(np.median(values)) if values else float("nan")


def shown(rows: list[dict[str, float]]) -> None:
    seeds, never = ({row["seed"] for row in rows if row["actual"] >= least} for least in (0, np.inf))
    print(f"{len(seeds)} campaigns, {len(never)} of which never got there: answers to {GOAL:.0%} settled")
    print("inside: of intervals of nine in ten; none: no future gets there; width, off by, bias: medians beside the")
    print("value and what came; chance: that it gets there, as forecast, where it did and where it did not")
    columns = ("inside", "none", "width", "off by", "bias", "ruler off", "days inside", "chance, did", "did not")
    print(f"{'settled':>8}{'forecasts':>11}" + "".join(f"{column:>13}" for column in columns))
    for mark in (*MARKS, None):
        some = [row for row in rows if mark in (None, row["mark"])]
        name = "all" if mark is None else f"{mark:.0%}"
        if some:
            print(f"{name:>8}{len(some):>11}" + "".join(f"{cell:>13.0%}" for cell in line(some)))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true")
    options.add_argument("--first", type=int, default=3000, help="the first seed")
    options.add_argument("--campaigns", type=int, default=100)
    options.add_argument("--results", type=Path, default=RESULTS)
    chosen = options.parse_args()
    seeds = range(chosen.first, chosen.first + (4 if chosen.quick else chosen.campaigns))
    chosen.results.parent.mkdir(parents=True, exist_ok=True)
    chosen.results.touch()
    known = {json.loads(line)["seed"] for line in chosen.results.read_text().splitlines()}
    for seed in seeds:
        if seed not in known:
            lines = [json.dumps(row) + "\n" for row in campaign_run(seed)]
            with chosen.results.open("a") as file:
                file.writelines(lines)
    rows = [json.loads(line) for line in chosen.results.read_text().splitlines()]
    shown([row for row in rows if row["seed"] in seeds])


if __name__ == "__main__":
    main()
