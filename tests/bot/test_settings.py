"""Wrong settings get one sentence with file and key, or the name in the environment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.settings import read_settings
from core.errors import BadInput


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("CROWDLOOP_"):
            monkeypatch.delenv(name)


BROKEN = {
    "[telegrm]\n": ("[telegrm]", "there are telegram, web"),
    "[telegram]\nadmin = [1]\n": ("[telegram] admin", "base_url, base_file_url, admins"),
    "[telegram]\ntoken = 'secret-canary'\n": ("[telegram] token", "CROWDLOOP_TELEGRAM__TOKEN"),
    "[telegram\n": ("", "is not TOML"),
    "x = 1\n": ("[x]", "is no section"),
    "telegram = 1\n": ("telegram", "is a section"),
    "[policy]\nconfidence = 2\n": ("policy.confidence", "between 0.5 and 1"),
    "[policy]\nmin_overlap = 9\n": ("policy.min_overlap", "at most max_overlap"),
    "[web]\nport = 'a'\n": ("[web] port", "valid integer"),
    "[training]\ntrain_at = '25:00'\n": ("[training] train_at", "time"),
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_names_its_place(text: str, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(BadInput) as refused:
        read_settings(file)
    sentence = str(refused.value)
    place, reason = BROKEN[text]
    assert "config.toml" in sentence and place in sentence and reason in sentence
    assert "\n" not in sentence and "secret-canary" not in sentence


WRONG = {
    "CROWDLOOP_POLICY__CONFIDENSE": ("0.9", "confidence"),
    "CROWDLOOP_FOO__X": ("1", "CROWDLOOP_TELEGRAM__KEY"),
    "CROWDLOOP_WEB": ("1", "CROWDLOOP_WEB__KEY"),
    "CROWDLOOP_TELEGRAM__ADMINS": ("me", "integer"),
    "CROWDLOOP_WEB__PORT": ("abc", "integer"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_variable_is_named(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    value, hint = WRONG[name]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(name, value)
    with pytest.raises(BadInput) as refused:
        read_settings()
    assert name in str(refused.value) and hint in str(refused.value)


def test_the_environment_overrides_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[policy]\nconfidence = 0.8\nmax_overlap = 5\n")
    monkeypatch.setenv("CROWDLOOP_POLICY__CONFIDENCE", "0.9")
    monkeypatch.setenv("CROWDLOOP_TELEGRAM__ADMINS", "12, 34")
    settings = read_settings(file)
    assert settings.policy.policy().confidence == 0.9 and settings.policy.policy().max_overlap == 5
    assert settings.telegram.admins == frozenset({12, 34})


def test_the_token_comes_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="CROWDLOOP_TELEGRAM__TOKEN"):
        read_settings().telegram.secret_token()
    (tmp_path / "token").write_text("1:abc\n")
    monkeypatch.setenv("CROWDLOOP_TELEGRAM__TOKEN_FILE", str(tmp_path / "token"))
    assert read_settings().telegram.secret_token() == "1:abc"
    monkeypatch.setenv("CROWDLOOP_TELEGRAM__TOKEN", "2:def")
    settings = read_settings()
    assert settings.telegram.secret_token() == "2:def" and "def" not in repr(settings)
