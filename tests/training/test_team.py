"""Several processes: two real ones through `accelerate launch` (gloo), and the laws of one process's share.

Planted bugs, each caught:
- each process takes the whole batch's weight for its own (`the same losses`)
- the sum of gradients leaves out the processes without rows (hangs; `sixty-one examples`)
- a share is put back at the wrong rows (`the same suggestions`)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import World, tiny_base
from training.pool import scored_once, whole
from training.team import Team, follow
from training.trainer import TransformerTrainer
from training.versions import Version


def ran(folder: Path, *launcher: str) -> dict[str, object]:
    """What came of a training by these processes."""
    (folder / "base").mkdir(parents=True)
    base = tiny_base(folder / "base")
    still = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (base / "config.json").write_text(json.dumps(json.loads((base / "config.json").read_text()) | still))
    plain = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    done = subprocess.run(
        [sys.executable, *launcher, "-m", "tests.training.two_processes", str(folder)],
        env=plain | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}, capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, object] = json.loads((folder / "found.json").read_text())
    return found


@pytest.mark.launch
def test_two_processes_learn_and_say_what_one_does(tmp_path: Path) -> None:
    """Losses of every step within 1e-4, suggestions for 1,500 contents within 1e-3, in their order."""
    launch = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1")
    port = ("--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0")
    one, two = ran(tmp_path / "one"), ran(tmp_path / "two", *launch, *port)
    assert (one["size"], two["size"]) == (1, 2)
    for alone, together in zip(one["losses"], two["losses"], strict=True):  # type: ignore[call-overload]
        assert len(alone) > 15
        np.testing.assert_allclose(together, alone, atol=1e-4)
    np.testing.assert_allclose(np.array(two["said"]), np.array(one["said"]), atol=1e-3)
    assert (one["why"], "short of memory" in str(two["why"])) == ("", True)  # nobody waits for it; the next job works
    np.testing.assert_allclose(np.array(two["again"]), np.array(one["again"]), atol=1e-3)


@pytest.mark.parametrize(("size", "count"), [(1, 7), (2, 7), (3, 7), (4, 2)])
def test_shares_add_up_to_all_rows_each_once(size: int, count: int) -> None:
    rows = np.arange(count)
    parts = [Team(rank, size).share(rows) for rank in range(size)]
    assert sorted(np.concatenate(parts).tolist()) == rows.tolist()
    said = np.random.default_rng(count).random((count, 2))
    first, second = whole([(part, (said[part], 2 * said[part])) for part in parts], count)
    assert np.array_equal(first, said) and np.array_equal(second, 2 * said)
    if count > 2:
        with pytest.raises(ValueError, match="do not add up"):
            whole([(parts[0][1:], (said[1:], said[1:]))], count)


def test_a_team_of_one_changes_nothing() -> None:
    alone = Team()
    assert alone.first and alone.agreed(0.3) == 0.3 and alone.summed([], 1.5) == 1.5
    assert alone.first_only(lambda: "written") == "written"
    assert follow(Team(), {}) == 0


def test_a_killed_scoring_scores_only_what_is_left(version: Version, tmp_path: Path) -> None:
    """Seen to fail where a chunk's name left out its contents, or the version."""
    calls: list[int] = []

    def score(texts: object) -> tuple[np.ndarray, np.ndarray]:
        calls.append(1)
        rng = np.random.default_rng(len(calls))
        return rng.random((1200, 3)), rng.random((1200, 8)).astype(np.float32).astype(np.float64)

    contents = [f"text {n}" for n in range(1200)]
    first = scored_once(tmp_path, "a" * 64, contents, score)
    again = scored_once(tmp_path, "a" * 64, contents, score)
    assert len(calls) == 1 and all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    scored_once(tmp_path, "a" * 64, contents[::-1], score)
    scored_once(tmp_path, "b" * 64, contents, score)
    assert len(calls) == 3
    [path, *_] = sorted((tmp_path / "checkpoints").iterdir())
    path.write_bytes(path.read_bytes()[:-9])  # half written, or damaged: scored again
    scored_once(tmp_path, "a" * 64, contents, score)
    scored_once(tmp_path, "a" * 64, contents[::-1], score)
    scored_once(tmp_path, "b" * 64, contents, score)
    assert len(calls) == 4


def test_what_is_kept_says_the_same(version: Version, world: World) -> None:
    texts = world.texts * 12
    trainer = TransformerTrainer()
    first, again = (list(trainer.score(version.folder, texts, chunk=1050)) for _ in range(2))
    assert len(first) == 2
    for (said, seen), (said_again, seen_again) in zip(first, again, strict=True):
        assert np.array_equal(said, said_again) and np.allclose(seen, seen_again, atol=1e-6)
