"""`crowdloop simulate`: honest crowds, honest clocks, honest curves; bad files named by line."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.simulated.arrivals import Arrivals
from bot.simulated.command import Wish, scene_of, simulate
from bot.simulated.crowd import CROWD, Kind, button_of, crowd_of
from bot.simulated.crowd_file import EXAMPLE, read_crowd
from bot.simulated.curve import Curve, Point, mean_of
from bot.simulated.fixed import RIVALS, compete
from bot.simulated.loop import opened, run
from bot.simulated.network import ProbeTrainer, taught
from bot.simulated.plot import Panel, drawn
from bot.simulated.strategies import chosen, probes
from bot.simulated.task import Held, Scene, Task, read_task
from core.campaign import Goal, Policy
from core.errors import BadInput
from core.forms import Form, Layout
from core.ids import VersionId
from core.item import Role, Verdict
from core.version import Lessons

POLICY = Policy(goal=Goal.MODEL)


def clouds(n: int = 300, labels: int = 3, seed: int = 0) -> Task:
    """Items in well separated clouds, so that any honest trainer can learn them."""
    rng = np.random.default_rng(seed)
    centres, truth = rng.normal(0, 1, (labels, 8)), rng.integers(0, labels, n + 200)
    vectors = (centres[truth] + rng.normal(0, 0.4, (n + 200, 8))).astype(np.float32)
    held = Held(("",) * 200, vectors[n:], truth[n:])
    words = tuple(f"label {k}" for k in range(labels))
    return Task("clouds", words, tuple(f"text {i}" for i in range(n)), truth[:n], vectors[:n], held)


def scene(task: Task, budget: int = 300, seed: int = 0) -> Scene:
    return Scene(task, crowd_of(len(task.labels), seed), budget, 100, seed, task.audit(POLICY.audit_share))


def test_thirty_people_answer_as_their_confusions_say() -> None:
    """Planted bug: the column of the truth instead of its row is drawn from."""
    crowd = crowd_of(6, 1)
    assert len({one.name.rstrip("ab") for one in crowd}) == 30 and len(crowd) == 31
    rng = np.random.default_rng(0)
    for one in crowd:
        assert np.allclose(one.confusion.sum(axis=1), 1)
        if one.ring >= 0:
            continue
        drawn_ = np.bincount([one.label(2, item, rng) for item in range(3000)], minlength=6) / 3000
        assert np.abs(drawn_ - one.confusion[2]).max() < 0.05


def test_a_ring_says_the_same_of_an_item_and_others_do_not() -> None:
    """Planted bug: a ring with dice of its own for each account."""
    first, second = (one for one in crowd_of(4, 0) if one.ring == 0)
    rng = np.random.default_rng(0)
    said = [(first.label(0, item, rng), second.label(0, item, rng)) for item in range(200)]
    assert all(a == b for a, b in said) and len({a for a, _ in said}) == 4


def test_the_button_holds_the_label_in_their_mind() -> None:
    """Planted bug: a label that is not on a short list taps the last label shown."""
    short = Layout(Form.SHORT, (4, 1))
    assert [button_of(short, label, 6) for label in (4, 1, 0)] == [0, 1, 2]
    assert [button_of(Layout(Form.YES_NO, (3,)), label, 6) for label in (3, 2)] == [0, 1]


def test_the_clock_never_goes_back_and_everybody_comes() -> None:
    """Planted bug: a worker who was told that there is nothing never comes again."""
    crowd = crowd_of(3, 0)
    arrivals, seen = Arrivals(crowd, np.random.default_rng(0)), []
    before = arrivals.now
    for turn in range(3000):
        who = arrivals.next()
        assert arrivals.now >= before
        before = arrivals.now
        seen.append(who)
        if turn % 3:
            arrivals.answers(who, 4.0)
        else:
            arrivals.idle(who)
    count = np.bincount(seen[-2000:], minlength=len(crowd))
    assert (count > 0).all()


def test_the_real_service_is_simulated_and_the_same_seed_gives_the_same_curve() -> None:
    """Planted bug: an answer that is drawn without the seed; a point before its night."""
    task = clouds()
    first, again = (run(opened(scene(task), POLICY, probes(scene(task)), 10), lambda _: None) for _ in range(2))
    assert first == again
    assert [point.answers for point in first.points] == [100, 200, 300]
    assert first.points[-1].version_accuracy > 0.8


def test_a_model_is_taught_by_few_answers_each_and_labels_by_more() -> None:
    """Planted bug: the goal is ignored by the queue."""
    task, met = clouds(), {}
    for goal in Goal:
        loop = opened(scene(task, 200), replace(POLICY, goal=goal), probes(scene(task)), 0)
        run(loop, lambda _: None)
        met[goal] = sum(item.answers > 0 for item in loop.store.items.values())
    assert met[Goal.MODEL] > 1.3 * met[Goal.LABELS] and met[Goal.LABELS] < 120


WATCHED: set[int] = set()


class Watched(ProbeTrainer):
    """Remembers what was taught."""

    def train(self, lessons: Lessons, tell: Callable[[str], None]) -> VersionId:
        WATCHED.update(int(content.text.split()[1]) for content in lessons.contents)
        return ProbeTrainer.train(self, lessons, tell)


def test_audit_items_and_held_out_texts_teach_nobody() -> None:
    """Planted bug: versions of a rival are judged on items that it learnt."""
    task = replace(clouds(), held=None)
    stage = scene(task)
    trainer = Watched(task.texts, task.vectors, np.random.default_rng(0))
    compete(RIVALS["random-vote"], stage, trainer, lambda _: None)
    loop = opened(stage, POLICY, trainer, 10)
    run(loop, lambda _: None)
    audit = {loop.row_of[item.id] for item in loop.store.items.values() if item.role is Role.AUDIT}
    assert audit == set(stage.audit.tolist()) and WATCHED and not audit & WATCHED


def test_three_votes_cost_three_answers() -> None:
    """Planted bug: a worker answers the same item twice; settled items counted by one answer."""
    curve = compete(RIVALS["random-vote"], scene(clouds()), probes(scene(clouds())), lambda _: None)
    last = curve.points[-1]
    assert last.answers == 300 and 90 <= last.settled <= 100


def test_a_campaign_for_labels_settles_and_ends_when_nothing_is_left() -> None:
    """Planted bug: the loop waits for ever where everything is closed."""
    task = clouds(60)
    loop = opened(scene(task, 5000), replace(POLICY, goal=Goal.LABELS, max_overlap=3), probes(scene(task)), 0)
    run(loop, lambda _: None)
    plain = [item for item in loop.store.items.values() if item.role is not Role.CONTROL]
    assert all(item.verdict in (Verdict.SETTLED, Verdict.DISPUTED) for item in plain) and loop.spent <= 180


def test_answers_needed_are_read_between_points() -> None:
    """Planted bug: the first point above is taken, or the last one below."""
    curve = Curve([Point(100, 0, 0.5, 0, 0), Point(200, 0, 0.7, 0, 0)])
    assert curve.needed(0.6) == pytest.approx(150) and curve.needed(0.4) == 100 and curve.needed(0.8) is None
    assert mean_of([curve, Curve([Point(100, 0, 0.7, 0, 0)])]).points[0].version_accuracy == pytest.approx(0.6)


def test_the_probe_is_calibrated_on_what_it_has_not_learned() -> None:
    """Planted bug: temperature fitted on the items that were learned (0.25, the coldest, on these labels)."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 60)).astype(np.float32)
    noise = np.eye(2)[rng.integers(0, 2, 300)]
    probe, _ = taught(vectors, noise, np.ones(300), rng)
    assert probe(rng.normal(size=(300, 60)).astype(np.float32)).max(axis=1).mean() < 0.65


def test_the_example_crowd_is_the_crowd_of_the_benchmark(tmp_path: Path) -> None:
    """Planted bug: the example drifts from the default."""
    path = tmp_path / "crowd.toml"
    path.write_text(EXAMPLE, encoding="utf-8")
    assert read_crowd(path, 2) == CROWD


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[workers]\n", "line 1"),
        ("people = 3", "unknown key 'people'"),
        ('[[workers]]\nname = "a"', "[[workers]] 1: has no 'count'"),
        ('[[workers]]\nname = "a"\ncount = 0', "count: must be a whole number"),
        ('[[workers]]\nname = "a"\ncount = 1\nskill = 2', "unknown key 'skill'"),
        ('[[workers]]\nname = "a"\ncount = 1\naccuracy = 1.2', "accuracy: with its spread"),
        ('[[workers]]\nname = "a"\ncount = 1\nhabit = "lazy"', "must be one of honest"),
        ('[[workers]]\nname = "a"\ncount = 1\nconfusion = [[1]]', "must have 2 rows of 2"),
        ('[[workers]]\nname = "a"\ncount = 1\nconfusion = [[1, 0], [0.5, 0.6]]', "row 2"),
    ],
)
def test_a_bad_crowd_is_told_by_place(tmp_path: Path, text: str, words: str) -> None:
    """Planted bug: any check left out."""
    path = tmp_path / "crowd.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_crowd(path, 2)
    assert words in str(caught.value)


def test_known_confusions_are_taken_as_they_are() -> None:
    """Planted bug: rows and columns exchanged."""
    rows = ((0.9, 0.1), (0.4, 0.6))
    (one,) = crowd_of(2, 0, [Kind("translator", 1, confusion=rows)])
    assert one.confusion.tolist() == [[0.9, 0.1], [0.4, 0.6]]


@pytest.mark.parametrize(
    ("rows", "label", "words"),
    [
        ("text,label\n" + "a,x\n" * 3, "label", "needs at least 50"),
        ("text,label\nfine,x\n,y\n", "label", "line 3, column 'text': is empty"),
        ("text,label\nfine,x\n", "class", "no column 'class'; found: 'text', 'label'"),
        ("words,label\nfine,x\n", "label", "needs a column named 'text'"),
        ("text,label\n" + "a,x\n" * 60, "label", "one label 'x'"),
    ],
)
def test_a_bad_file_is_told_by_line(tmp_path: Path, rows: str, label: str, words: str) -> None:
    """Planted bug: a check left out."""
    path = tmp_path / "items.csv"
    path.write_text(rows, encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        read_task(path, label, "text", None, tmp_path, lambda *_: None)
    assert words in str(caught.value)


def test_what_cannot_be_simulated_is_told_before_it_begins() -> None:
    """Planted bug: an unknown strategy or a negative budget starts."""
    with pytest.raises(BadInput, match="known: ours"):
        chosen("best")
    with pytest.raises(BadInput, match="must not be negative"):
        scene_of(Wish(None, budget=-1), POLICY, clouds(), 0)
    with pytest.raises(BadInput, match="must not be negative"):
        scene_of(Wish(None, controls=-1), POLICY, clouds(), 0)
    with pytest.raises(BadInput, match="ITEMS"):
        simulate(Wish(None), POLICY, True, None)


def test_json_has_equal_answer_counts_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                     monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Planted bug: strategies with points of their own."""
    monkeypatch.setattr("bot.simulated.command._read", lambda wish, bar: clouds())
    wish = Wish(tmp_path / "items.csv", budget=100, strategies="ours,random-vote,random-stop,entropy-vote", runs=2)
    assert simulate(wish, POLICY, True, tmp_path / "curves.png") == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["ours", "random-vote", "random-stop", "entropy-vote"]
    assert len({tuple(curve["answers"]) for curve in found.values()}) == 1
    assert {"consensus_accuracy", "version_accuracy", "settled"} <= set(found["ours"])
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_of_nothing_is_a_picture() -> None:
    """Planted bug: an empty curve breaks the plot."""
    assert drawn([Panel("Version", {"our rule": [Curve()]}, "version_accuracy")], "nothing").startswith(b"\x89PNG")
