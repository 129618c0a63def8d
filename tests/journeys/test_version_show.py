"""A night with a real version, what its letter says of it and the workers, and all its figures on the command line."""

from __future__ import annotations

import csv
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from bot import version_sheet
from bot.__main__ import app
from bot.nightly import Night
from bot.version_sheet import Sheet, sheet_of
from bot.version_show import plain, run
from core.errors import BadInput, NotFound, Refused
from core.figures import votes_of
from core.item import Role
from tests.journeys.night_town import ADMIN, LABELS, SLUG, Town, founded
from tests.training.conftest import sentences

TEXTS, TOPICS = sentences(260, 5)  # the town's own


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The morning after the first night."""
    town = founded(tmp_path_factory.mktemp("shown"))
    now = datetime.now(UTC)
    claim = town.archive.claim(town.campaign.id, now.date(), now)
    assert claim is not None
    assert Night(town.settings(), town.archive, town.campaign, asked_for=True).run(claim)
    return town


def sheet(town: Town, wanted: str = "") -> Sheet:
    return sheet_of(town.archive, town.settings(), SLUG, wanted, {}, np.random.default_rng(0))


def told(town: Town, capsys: pytest.CaptureFixture[str], **wishes: Any) -> dict[str, Any]:
    capsys.readouterr()
    assert run(town.settings(), SLUG, as_json=True, **wishes) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    return found


def test_the_letter_of_the_night_names_a_worker_beside_the_version(town: Town) -> None:
    """Seen to fail with the two exchanged, and with answers to items that are not for audit."""
    found = sheet(town).ceiling
    snapshot = town.archive.snapshot(town.campaign.id)
    audit = [item for item in snapshot.items if item.role is Role.AUDIT and item.answers]
    alike = (votes_of(snapshot, audit) > 0).sum(axis=1)  # three answers: labels that were named
    worker = np.choose(alike - 1, [1, 1 / 3, 0]).mean()
    assert found.items == len(audit) > 20 and found.worker.value == pytest.approx(worker)
    ((body,),) = town.asked(f"SELECT body FROM outbox WHERE chat = {ADMIN} AND method = 'sendPhoto'")
    line = f"One worker alone agrees with the others on {worker:.0%}; this version on {found.version.value:.0%} ("
    assert line in json.loads(str(body))["caption"]
    assert abs(worker - found.version.value) > 0.01, "else nobody sees which is which"


def test_a_version_that_learned_the_world_is_shown_to(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    """Seen to fail with suggestions in another order than their items."""
    found = told(town, capsys)
    assert found["version"] == town.campaign.serving and found["state"] == "serving"
    assert found["audit_items"] == found["all"]["items"] > 20 and list(found["all"]["labels"]) == list(LABELS)
    for figure in ("accuracy", "macro_precision", "macro_recall", "macro_f1", "macro_roc_auc"):
        assert found["all"][figure]["low"] <= found["all"][figure]["value"] <= found["all"][figure]["high"] <= 1
        assert found["all"][figure]["value"] > 0.85
    assert found["alpha"]["value"] == pytest.approx(found["kappa"]["value"], abs=0.02)
    assert found["nights"][-1]["taught"] == found["taught"] > 50
    assert found["all"]["accuracy"]["value"] == pytest.approx(found["nights"][-1]["accuracy"]["value"], abs=0.03)


def test_what_nothing_defines_is_null() -> None:
    """Seen to fail with tuples left out."""
    told = plain({"labels": {"a": float("nan")}, "nights": ({"low": float("inf")}, 0.5, "x", None)})
    assert told == {"labels": {"a": None}, "nights": [{"low": None}, 0.5, "x", None]}


def test_tables_for_people(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    """Seen to fail with shares of 1 under a heading of %."""
    card = sheet(town).card
    assert run(town.settings(), SLUG) == 0
    lines = capsys.readouterr().out.splitlines()
    (accuracy,) = (line for line in lines if "accuracy (= micro" in line)
    assert f" {100 * card.accuracy.value:.1f} " in accuracy and f"({100 * card.accuracy.low:.1f}-" in accuracy
    for label, one in zip(LABELS, card.labels, strict=True):
        (row,) = (line.split() for line in lines if line.strip().startswith(label))
        assert row[1:3] == [f"{one.items:.1f}", f"{100 * one.precision.value:.0f}"]
    night = next(line.split() for line in lines[::-1] if str(town.campaign.serving)[:8] in line)
    assert night[2:5] == ["serving", str(sheet(town).version.taught), str(card.items)]


def test_who_has_withdrawn_since_is_told(town: Town, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Seen to fail with the count of another version, and with a sentence where nobody has."""
    assert told(town, capsys)["withdrawn"] == 0
    assert run(town.settings(), SLUG) == 0 and "withdrawn them since" not in capsys.readouterr().out
    copy = town.copied(tmp_path / "copy")
    with sqlite3.connect(copy.folder / "crowdloop.db") as database:
        database.execute("INSERT INTO version SELECT 'ff', campaign, 'candidate', created_at, 1, NULL, 9 FROM version")
        database.execute("UPDATE version SET withdrawn = 2 WHERE state = 'serving'")
    assert told(copy, capsys)["withdrawn"] == 2
    assert run(copy.settings(), SLUG) == 0
    assert "2 people whose answers it learned from have withdrawn them since." in capsys.readouterr().out


def test_languages_come_from_the_imported_file(town: Town, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Seen to fail with rows matched by their place in the file."""
    file = tmp_path / "items.csv"
    audit = [item.name for item in town.archive.snapshot(town.campaign.id).items if item.role is Role.AUDIT]
    rows = [(f"n{n}", text, "en" if f"n{n}" in audit[:20] else "zh" if n % 2 else "") for n, text in enumerate(TEXTS)]
    with file.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("id", "text", "language"), *reversed(rows)])
    languages = told(town, capsys, languages=file)["languages"]
    assert languages["en"]["items"] == 20 and set(languages) <= {"en", "zh"}
    assert run(town.settings(), SLUG, languages=file) == 0 and "language" in capsys.readouterr().out
    file.write_text("text,language\nnobody asked this,en\n")
    with pytest.raises(BadInput, match=r"items\.csv: knows the language of too few audit items"):
        run(town.settings(), SLUG, languages=file)


def test_of_many_audit_items_some_are_looked_at(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen to fail with the first ones taken."""
    monkeypatch.setattr(version_sheet, "MOST", 10)
    rngs = (np.random.default_rng(seed) for seed in (0, 1))
    found = [sheet_of(town.archive, town.settings(), SLUG, "", {}, rng) for rng in rngs]
    assert found[0].card.items == found[1].card.items == 10 < found[0].there
    assert found[0].alpha.value != found[1].alpha.value


def test_who_is_not_there_is_named(town: Town, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no campaign named nowhere"):
        run(town.settings(), "nowhere")
    with pytest.raises(NotFound, match="no version named ffff"):
        run(town.settings(), SLUG, "ffff")
    fresh = founded(tmp_path / "fresh", answered=0)
    with pytest.raises(Refused, match="No version of town serves yet"):
        run(fresh.settings(), SLUG)


def test_the_newest_is_shown_where_none_serves(town: Town, tmp_path: Path) -> None:
    """A candidate that was not good enough is what one wants to look at; seen to fail with `serving_of` alone."""
    copy = town.copied(tmp_path / "copy")
    with sqlite3.connect(copy.folder / "crowdloop.db") as database:
        database.execute("UPDATE version SET state = 'candidate'")
        database.execute("UPDATE campaign SET serving = NULL, revision = revision + 1")
    assert sheet(copy).version.id == town.campaign.serving and copy.campaign.serving is None


def test_the_command(town: Town) -> None:
    environment = {"CROWDLOOP_STORAGE__URL": town.url, "CROWDLOOP_STORAGE__VERSIONS": str(town.folder / "versions")}
    found = CliRunner().invoke(app, ["version", "show", "--campaign", SLUG, "--json"], env=environment)
    assert found.exit_code == 0 and json.loads(found.stdout)["campaign"] == SLUG
