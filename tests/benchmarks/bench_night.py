"""The night in one table: `python -m tests.benchmarks.bench_night --part accuracy --seeds 3`.

Parts: accuracy (ours and peers by labels and set), soft (soft against hard labels of the same answers), options (the
effect of each option and method), speed, digits, spans. Each cell is one JSON line of `--out`, written when it
is done; a run that is started again goes on where it stopped, and `--show` prints what is there. The order is by seed,
then size, so that a part of a run compares everything. No recipe was chosen on what is judged here: recipes were tried
on examples of the training files that no benchmark learns from or judges by.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tests.benchmarks import night_peers
from tests.benchmarks.night_cells import cells_of
from tests.benchmarks.night_peers import PEERS
from tests.benchmarks.night_sets import SETS, TEXTS, digit_set, read, text_set
from tests.benchmarks.night_speed import speed_rows
from tests.benchmarks.night_tables import accuracy_rows, digit_rows, option_rows, soft_rows, span_rows
from tests.benchmarks.table import show, told

__all__ = ["TEXTS", "digit_set", "read", "text_set"]

OUT = Path("state") / "bench" / "night.jsonl"


def known(path: Path) -> dict[str, dict[str, object]]:
    """What is measured already, by key; a line that a kill cut short is left out."""
    found: dict[str, dict[str, object]] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue
            found[row["key"]] = row
    return found


def arguments() -> argparse.Namespace:
    """Read the command line."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "--part", choices=("accuracy", "soft", "options", "speed", "digits", "spans"), default="accuracy"
    )
    asked.add_argument("--seeds", type=int, default=1)
    asked.add_argument("--first-seed", type=int, default=0)
    asked.add_argument("--sizes", type=lambda told: [int(n) for n in told.split(",")], default=None)
    asked.add_argument("--sets", type=lambda told: told.split(","), default=None)
    asked.add_argument("--peers", type=lambda told: [p for p in told.split(",") if p], default=list(PEERS))
    asked.add_argument("--only", type=lambda told: told.split(","), default=[], help="options, by name")
    asked.add_argument("--setfit-pairs", type=int, default=night_peers.SETFIT_PAIRS)
    asked.add_argument("--out", type=Path, default=OUT)
    asked.add_argument("--show", action="store_true", help="print what is measured already")
    asked.add_argument("--quick", action="store_true", help="one seed, 100 labels, trec, ours and the probe")
    args = asked.parse_args()
    if args.quick:
        args.seeds, args.sizes, args.sets, args.peers = 1, [100], ["trec_questions"], ["probe"]
    sizes = {"accuracy": [100, 200, 500, 2000], "soft": [500], "options": [400]}
    sets = {"accuracy": list(SETS), "soft": ["sp", "product", *SETS[:2]], "options": list(SETS[:2])}
    args.sizes = args.sizes or sizes.get(args.part, [])
    args.sets = args.sets or sets.get(args.part, [])
    night_peers.SETFIT_PAIRS = args.setfit_pairs
    return args


def main() -> int:
    """Measure what is missing, print the table; the number of bars missed."""
    args = arguments()
    if not TEXTS.is_dir():
        print("skipped: the text sets are not here")
        return 0
    if args.part == "speed":
        return show(speed_rows())
    found = known(args.out)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    for cell, measure in cells_of(args):
        if args.show or cell.key in found:
            continue
        started = time.perf_counter()
        found[cell.key] = {
            "key": cell.key, "part": cell.part, "set": cell.set, "size": cell.size, "seed": cell.seed,
            "name": cell.name, **measure(),
        }  # fmt: skip
        with args.out.open("a") as stream:
            stream.write(json.dumps(found[cell.key]) + "\n")
        told(f"{cell.key} accuracy {found[cell.key]['accuracy']:.3f} {time.perf_counter() - started:.0f} s")
    rows = [row for row in found.values() if row["part"] == args.part]
    tables = {"accuracy": accuracy_rows, "soft": soft_rows, "options": option_rows, "digits": digit_rows,
              "spans": span_rows}  # fmt: skip
    return show(tables[args.part](rows))


if __name__ == "__main__":
    sys.exit(main())
