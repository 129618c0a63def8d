"""Beliefs against the libraries, on recorded crowds: `python -m tests.benchmarks.bench_beliefs [--quick]`.

One table, six parts, one file for each: what was tuned on what is said there.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence

from tests.benchmarks import (
    beliefs_accuracy,
    beliefs_reliability,
    beliefs_speed,
    beliefs_stopping,
    beliefs_vigilance,
)
from tests.benchmarks.crowds import FOLDER
from tests.benchmarks.table import Row, show, told

PARTS = ("accuracy", "stopping", "reliability", "speed", "vigilance")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few draws, fast peers only")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="these parts and no others")
    parser.add_argument("--draws", type=int, help="draws of the parts stopping and accuracy (10; 2 where quick)")
    parser.add_argument("--seeds", type=int, default=beliefs_vigilance.SEEDS, help="draws of the vigilance part")
    asked = parser.parse_args()
    if not FOLDER.is_dir():
        print(f"The recorded crowds are not here ({FOLDER.name} is missing beside the repository): nothing measured.")
        sys.exit(0)
    warnings.filterwarnings("ignore")
    draws = asked.draws or (2 if asked.quick else 10)
    parts: dict[str, Callable[[], Sequence[Row]]] = {
        "accuracy": lambda: beliefs_accuracy.rows(asked.quick, draws),
        "stopping": lambda: beliefs_stopping.rows(draws),
        "reliability": lambda: beliefs_reliability.rows(asked.quick),
        "speed": lambda: beliefs_speed.rows(asked.quick),
        "vigilance": lambda: beliefs_vigilance.rows(asked.quick, asked.seeds),
    }
    found: list[Row] = []
    for name in asked.only or PARTS:
        told(f"{name} ...")
        found += parts[name]()
    print(f"{show(found)} bars missed")


if __name__ == "__main__":
    main()
