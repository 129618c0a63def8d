"""`crowdloop aggregate` and `crowdloop replay`: formats recognised, bad rows by line, exact keys and columns.

Planted bugs that these were seen to catch: line numbers that count rows, not lines; rejected or cancelled answers
counted; a contradiction among controls unseen; bad rows skipped; a pair's loser as its winner.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.__main__ import app
from core.errors import BadInput, CrowdloopError
from storage.exchange.answers_in import read_answers, read_known
from storage.exchange.gathered import AnswerFile, AnswerKind

LONG = "task,worker,label\n" + "".join(
    f"t{task},w{worker},{'cat' if (task + (worker == 3) * task) % 2 else 'dog'}\n"
    for task in range(30)
    for worker in range(4)
)
TRUTH = "task,label\n" + "".join(f"t{task},{'cat' if task % 2 else 'dog'}\n" for task in range(30))


def triples(file: AnswerFile) -> list[tuple[str, str, str]]:
    rows = zip(file.item, file.worker, file.cell, strict=True)
    return [(file.tasks[i], file.workers[w], file.cells[c]) for i, w, c in rows]


STUDIO = json.dumps([
    {"id": 7, "data": {"text": "x"}, "annotations": [
        {"completed_by": {"id": 1, "email": "a@b.c"}, "lead_time": 2.5,
         "result": [{"type": "choices", "from_name": "animal", "value": {"choices": ["cat"]}}]},
        {"completed_by": 2, "was_cancelled": True, "result": []},
        {"completed_by": 2,
         "result": [{"type": "choices", "from_name": "animal", "value": {"choices": ["cat", "dog"]}}]},
    ]},
])  # fmt: skip
MTURK = (
    '"HITId","WorkerId","AssignmentStatus","WorkTimeInSeconds","Input.id","Answer.animal.cat","Answer.animal.dog"\n'
    '"H1","A1","Approved","12","7","true","false"\n"H1","A2","Rejected","1","7","false","true"\n'
    '"H1","A3","Submitted","9","7","true","true"\n'
)
NESTED = (
    "HITId,WorkerId,Answer.taskAnswers\n"
    'H1,A1,"[{""animal"":{""label"":""cat""}}]"\nH1,A2,"[{""animal"":{""cat"":true,""dog"":true}}]"\n'
)


@pytest.mark.parametrize(
    ("content", "source", "found"),
    [
        ("task,worker,label\na,w,x\n\nb,w,y\n", "long table", [("a", "w", "x"), ("b", "w", "y")]),
        ("\ufeffworker\tlabel\ttask\textra\r\nw\tx\ta\t\r\n", "long table", [("a", "w", "x")]),
        ("task,performer,label\na,w,x\n", "long table", [("a", "w", "x")]),
        ("INPUT:image\tOUTPUT:result\tASSIGNMENT:task_id\tASSIGNMENT:worker_id\nu\tx\ta\tw\n", "Toloka",
         [("a", "w", "x")]),
        (MTURK, "MTurk batch results", [("7", "A1", "cat"), ("7", "A3", "cat|dog")]),
        (NESTED, "MTurk batch results", [("H1", "A1", "cat"), ("H1", "A2", "cat|dog")]),
        (STUDIO, "Label Studio", [("7", "a@b.c", "cat"), ("7", "2", "cat|dog")]),
        ('[{"id":7,"annotator":3,"annotation_id":1,"choice":"cat"}]', "Label Studio (JSON-MIN)", [("7", "3", "cat")]),
        ('{"task":1,"worker":2,"label":["x","y"]}\n{"task":1,"worker":3,"label":"x"}', "list of objects",
         [("1", "2", "x|y"), ("1", "3", "x")]),
        ("worker,left,right,label\nw,a,b,b\nw,a,b,left\n", "pairs", [("b", "w", "a"), ("a", "w", "b")]),
    ],
)  # fmt: skip
def test_formats_are_recognised(content: str, source: str, found: list[tuple[str, str, str]]) -> None:
    file = read_answers("a.csv", content.encode())
    assert file.source == source and triples(file) == found


def test_times_come_along() -> None:
    assert read_answers("a.csv", MTURK.encode()).seconds.tolist() == [12, 9]  # type: ignore[union-attr]
    assert read_answers("a.csv", b"task,worker,label,latency_ms\na,w,x,1500\n").seconds.tolist() == [1.5]  # type: ignore[union-attr]
    assert read_answers("a.csv", b"task,worker,label\na,w,x\n").seconds is None


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (("cat", "dog"), AnswerKind.CATEGORICAL),
        (("1", "2"), AnswerKind.CATEGORICAL),
        (("0.5", "2"), AnswerKind.RATING),
        (("a|b", "a"), AnswerKind.MULTI),
    ],
)
def test_kinds_are_detected(labels: tuple[str, str], kind: AnswerKind) -> None:
    content = "task,worker,label\n" + "".join(f"t,{at},{label}\n" for at, label in enumerate(labels))
    assert read_answers("a.csv", content.encode()).kind is kind
    assert read_answers("a.csv", content.encode(), AnswerKind.RATING).kind is AnswerKind.RATING


def test_an_export_of_ours_has_sets_of_which_one_is_right() -> None:
    file = read_answers("a.csv", b"task,worker,label,form,p_select\na,w,cat|dog,all,1\na,v,,all,1\n")
    assert file.sets and file.kind is AnswerKind.CATEGORICAL
    assert triples(file) == [("a", "w", "cat|dog"), ("a", "v", "")]


BAD = [
    ("", "a.csv: is empty"),
    ("task,worker,label\n", "a.csv: holds no answers"),
    ("task,worker\na,w\n", "a.csv, line 1: needs the columns 'task', 'worker' and 'label'; found: 'task', 'worker'"),
    ("task,worker,label\na,w,x\nb,,x\n", "a.csv, line 3: has no worker."),
    ('task,worker,label\n"a\nb",w,x\nb,w,\n', "a.csv, line 4: has no label."),
    ("task,worker,label\na,w\nb,w,x\n,w,x\n", "line 2: has 2 cells where the header has 3. 1 more bad row: line 4."),
    ("task,worker,label\n" + ",w,x\n" * 9, "8 more bad rows: line 3, 4, 5, 6, 7, ..."),
    ('task,worker,label\na,w,x\n"b,w,x\n', "a.csv, line 3: cannot be read"),
    ("task,worker,label,seconds\na,w,x,fast\n", "a.csv, line 2: 'fast' is no number of seconds."),
    ("worker,left,right,label\nw,a,b,c\n", "a.csv, line 2: the label 'c' is neither 'a' nor 'b'."),
    ("worker,left,right,label\nw,a,a,a\n", "a.csv, line 2: needs two different items"),
    ("HITId,WorkerId,Answer.a,Answer.b\n1,2,x,y\n", "line 1: has several answers; name one of them with --field"),
    ("HITId,WorkerId,Answer.taskAnswers\n1,2,{\n", "a.csv, line 2: its answer is not one JSON object"),
    ('[{"id": 1, "annotations": [{"completed_by": 3, "result": []}]}]', "task 1 has an annotation without its answer"),
    ('[{"text": "x"}]', "a.csv, entry 1: needs 'annotations'"),
    ('[{"id": 1,\n ]', "a.csv, line 2: is not JSON"),
]


@pytest.mark.parametrize(("content", "sentence"), BAD)
def test_bad_rows_are_named_by_line(content: str, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_answers("a.csv", content.encode())
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("task,truth\na,x\na,y\n", "t.csv, line 3: contradicts an earlier row: 'a' is 'x' (line 2) and 'y'."),
        ("task,label\na,\n", "t.csv, line 2: has no label."),
        ("item,label\na,x\n", "t.csv, line 1: needs the columns 'task' and 'label'"),
        ("task,label\n", "t.csv: holds no labels"),
    ],
)
def test_bad_truths_are_named_by_line(content: str, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        read_known("t.csv", content.encode())
    assert sentence in str(caught.value)


def command(tmp_path: Path, *words: str) -> Result:
    (tmp_path / "a.csv").write_text(LONG)
    (tmp_path / "t.csv").write_text(TRUTH)
    places = [str(tmp_path / word) if word.endswith(".csv") else word for word in words]
    return CliRunner().invoke(app, places)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_aggregate_prints_one_object_and_writes_both_files(tmp_path: Path) -> None:
    words = ("--truth", "t.csv", "--out", "labels.csv", "--workers", "workers.csv", "--json")
    found = command(tmp_path, "aggregate", "a.csv", *words)
    figures = json.loads(found.stdout)
    keys = ("tasks", "answers", "workers", "labels", "seconds", "method", "accuracy", "log_loss", "ece")
    assert tuple(figures) == keys
    assert (figures["tasks"], figures["answers"], figures["workers"], figures["labels"]) == (30, 120, 4, 2)
    assert figures["accuracy"] == 1.0 and figures["log_loss"] < 0.2 and 0 <= figures["ece"] < 0.2
    labels, workers = rows(tmp_path / "labels.csv"), rows(tmp_path / "workers.csv")
    assert list(labels[0]) == ["task", "label", "confidence", "answers"]
    assert list(workers[0]) == ["worker", "answers", "accuracy", "low", "high", "weight", "flags"]
    assert labels[3] == {"task": "t3", "label": "cat", "confidence": labels[3]["confidence"], "answers": "4"}
    assert [row["worker"] for row in workers] == ["w0", "w1", "w2", "w3"]
    assert all(float(row["low"]) <= float(row["accuracy"]) <= float(row["high"]) for row in workers)
    assert float(workers[3]["accuracy"]) < float(workers[0]["low"])


def test_aggregate_without_truth_has_no_scores_and_controls_are_told(tmp_path: Path) -> None:
    figures = json.loads(command(tmp_path, "aggregate", "a.csv", "--json").stdout)
    assert figures["accuracy"] is figures["log_loss"] is figures["ece"] is None
    (tmp_path / "c.csv").write_text("task,label\nt1,dog\n")
    command(tmp_path, "aggregate", "a.csv", "--controls", "c.csv", "--out", "labels.csv")
    told = command(tmp_path, "aggregate", "a.csv", "--controls", "t.csv", "--truth", "t.csv", "--json")
    assert json.loads(told.stdout)["accuracy"] is None  # what was told is no test
    assert rows(tmp_path / "labels.csv")[1] == {"task": "t1", "label": "dog", "confidence": "1.0000", "answers": "4"}


@pytest.mark.parametrize(
    ("content", "kind", "first"),
    [
        ("task,worker,label\na,w,x|y\na,v,x|y\na,u,x\nb,w,z\nb,v,z\nb,u,z\n", "multi-label", "x|y"),
        ("task,worker,label\na,w,2.5\na,v,2.5\na,u,3\nb,w,0.5\nb,v,0.5\nb,u,0.5\n", "rating", "2.5"),
        ("task,worker,label\n" + "".join(f"a,w{n},{2 + n / 50}\n" for n in range(12)), "rating", "2."),
    ],
)
def test_other_kinds_have_the_same_columns(tmp_path: Path, content: str, kind: str, first: str) -> None:
    (tmp_path / "k.csv").write_text(content)
    found = command(tmp_path, "aggregate", "k.csv", "--out", "labels.csv", "--workers", "workers.csv")
    assert found.exit_code == 0 and kind in found.stdout
    labels = rows(tmp_path / "labels.csv")
    assert labels[0]["label"].startswith(first) and 0 <= float(labels[0]["confidence"]) <= 1


def test_pairs_come_out_in_order_and_words_follow_their_scale(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("worker,left,right,label\n" + "w,a,b,b\nw,b,c,b\nw,a,c,c\n" * 3)
    command(tmp_path, "aggregate", "p.csv", "--out", "labels.csv")
    assert [row["task"] for row in rows(tmp_path / "labels.csv")] == ["b", "c", "a"]
    (tmp_path / "s.csv").write_text("task,worker,label\na,w,poor\na,v,good\na,u,fair\n")
    words = ("--kind", "rating", "--scale", "poor,fair,good", "--out", "labels.csv")
    found = command(tmp_path, "aggregate", "s.csv", *words)
    assert found.exit_code == 0 and rows(tmp_path / "labels.csv")[0]["label"] == "fair"


def test_a_bad_row_writes_nothing_and_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text(LONG + "t1,w9\n")
    found = command(tmp_path, "aggregate", "b.csv", "--out", "labels.csv")
    assert isinstance(found.exception, CrowdloopError)
    assert str(found.exception) == "b.csv, line 122: has 2 cells where the header has 3."
    assert not (tmp_path / "labels.csv").exists()


def test_what_is_known_must_be_about_the_same_tasks(tmp_path: Path) -> None:
    (tmp_path / "o.csv").write_text("task,label\nother,cat\n")
    for words in (("aggregate", "a.csv", "--truth", "o.csv"), ("replay", "a.csv", "--truth", "o.csv")):
        assert "knows none of the tasks" in str(command(tmp_path, *words).exception)
    assert "no file named" in str(command(tmp_path, "aggregate", "missing.csv").exception)


def test_replay_prints_one_object(tmp_path: Path) -> None:
    words = ("--truth", "t.csv", "--confidence", "0.9", "--seed", "3", "--json")
    found = command(tmp_path, "replay", "a.csv", *words)
    figures = json.loads(found.stdout)
    assert list(figures) == [
        "answers_all", "answers_spent", "accuracy", "settled_share", "settled_accuracy", "claimed", "vote_accuracy_all",
        "dawid_skene_accuracy_all", "vote_accuracy_same_cost", "answers_to_reach_vote_all",
    ]  # fmt: skip
    assert figures["answers_all"] == 120 and 54 <= figures["answers_spent"] <= 120
    assert figures == json.loads(command(tmp_path, "replay", "a.csv", *words).stdout)
    never = command(tmp_path, "replay", "a.csv", "--truth", "t.csv", "--confidence", "0.99999", "--json")
    assert json.loads(never.stdout)["settled_accuracy"] is json.loads(never.stdout)["claimed"] is None


@pytest.mark.parametrize(
    ("option", "value"),
    [("--confidence", "1"), ("--controls-share", "1"), ("--max-overlap", "1"), ("--max-overlap", "-2")],
)
def test_replay_refuses_what_cannot_be(tmp_path: Path, option: str, value: str) -> None:
    found = command(tmp_path, "replay", "a.csv", "--truth", "t.csv", option, value)
    assert isinstance(found.exception, BadInput) and option in str(found.exception)


def test_what_the_reader_must_know_is_said_beside_the_object(tmp_path: Path) -> None:
    """Planted bug: `remarks` looks at the labels of the file and not of each task, so that two labels differ."""

    def said(last: str) -> str:
        lines = [f"t{n % 50},w{n // 50},{'cat' if n % 50 < 25 else 'dog'}" for n in range(400)]
        (tmp_path / "b.csv").write_text("task,worker,label\n" + "\n".join([*lines[:-1], f"t49,w7,{last}"]) + "\n")
        found = command(tmp_path, "aggregate", "b.csv", "--json")
        json.loads(found.stdout)
        return str(found.stderr)

    assert "no two answers to a task differ" in said("dog")
    assert "differ" not in said("cat")


def test_who_ignores_the_tasks_is_flagged(tmp_path: Path) -> None:
    """Planted bug: the table of workers shows what answers alone tell, and not what beliefs do."""
    rows = [f"t{n % 50},w{n // 50},{'cat' if n // 50 == 7 or n % 2 else 'dog'}" for n in range(400)]
    (tmp_path / "b.csv").write_text("task,worker,label\n" + "\n".join(rows) + "\n")
    command(tmp_path, "aggregate", "b.csv", "--workers", "w.csv")
    flagged = [line for line in (tmp_path / "w.csv").read_text().splitlines() if "do not depend on the item" in line]
    assert [line.split(",")[0] for line in flagged] == ["w7"]
