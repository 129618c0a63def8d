"""Commands as an operator types them: what is wrong is one sentence with its place, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot import doctor
from bot.settings import Settings

ROOT = Path(__file__).parents[2]


def crowdloop(*arguments: str, folder: Path, **extra: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CROWDLOOP_")}
    environment |= {"PYTHONPATH": str(ROOT), **extra}
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("[telegrm]\n", "[telegrm]: is no section"),
        ("[policy]\nconfidense = 0.9\n", "[policy] confidense: is unknown"),
        ("", "CROWDLOOP_TELEGRAM__TOKEN"),
        ("[storage]\nurl = 'mysql://x'\n", "storage.url: mysql is not supported"),
    ],
)
def test_serve_refuses_in_one_sentence(config: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(config)
    token = {"CROWDLOOP_TELEGRAM__TOKEN": "1:x"} if "storage" in config else {}
    found = crowdloop("serve", folder=tmp_path, **token)
    assert found.returncode == 2 and words in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    found = crowdloop("doctor", "--config", "other.toml", folder=tmp_path)
    assert found.returncode == 2 and "other.toml: is not there" in found.stderr


def test_migrate_makes_the_database_and_does_nothing_twice(tmp_path: Path) -> None:
    first, second = (crowdloop("migrate", folder=tmp_path) for _ in range(2))
    assert first.returncode == second.returncode == 0 and first.stdout == second.stdout
    assert (tmp_path / "state" / "crowdloop.db").exists()


def test_doctor_says_what_to_mend(tmp_path: Path) -> None:
    found = crowdloop("doctor", folder=tmp_path)
    assert found.returncode == 1
    assert "MEND  telegram.token: is missing" in found.stdout and "ok    The settings are read." in found.stdout
    mended = crowdloop("doctor", folder=tmp_path, CROWDLOOP_TELEGRAM__TOKEN="1:canary-token-that-nobody-sees")
    assert mended.returncode == 0 and "canary" not in mended.stdout + mended.stderr


def test_doctor_looks_for_a_font_that_knows_chinese(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the database is opened where one stands
    for there, known in (("Noto Sans CJK SC", True), ("DejaVu Sans", False)):
        monkeypatch.setattr(doctor, "fonts", lambda there=there: [there])
        found = [finding for finding in doctor.examine(Settings()) if "font" in finding.sentence]
        assert [(finding.well, finding.fatal and not finding.well) for finding in found] == [(known, False)]


def test_a_night_of_an_unknown_campaign_is_refused(tmp_path: Path) -> None:
    crowdloop("migrate", folder=tmp_path)
    found = crowdloop("night", "--campaign", "nowhere", folder=tmp_path)
    assert found.returncode == 2 and "There is no campaign named nowhere." in found.stderr
