"""The house as DESIGN draws it: imports go down, files stay short, the settings file tells all."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bot.settings import SECRETS, Settings

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "core", "training", "storage")
BANNED = re.compile(r"(^|_)(manager|helper|helpers|util|utils)(_|$)", re.IGNORECASE)

FORBIDDEN = re.compile(r"^\s*(import|from) (pickle|unittest|mock)\b|torch\.load\(|yaml\.load\(", re.MULTILINE)


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_imports_go_down() -> None:
    found = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_well_named(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 250 or "long because" in lines[0], f"{len(lines)} lines: a noun may be missing"
    assert not BANNED.search(path.stem)
    assert not FORBIDDEN.search("\n".join(lines))


def test_serve_never_loads_torch() -> None:
    code = "import sys, bot.compose; print('torch' in sys.modules, 'transformers' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.stdout.split() == ["False", "False"], found.stderr


def described() -> dict[tuple[str, str], str]:
    """(section, key) -> the sentence above it in config.toml."""
    found, section, sentence = {}, "", ""
    for line in (ROOT / "config.toml").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line.startswith("#"):
            sentence = line.lstrip("# ")
        elif "=" in line:
            found[section, line.partition("=")[0].strip()] = sentence
            sentence = ""
    return found


def test_the_settings_file_holds_every_setting_with_its_default_and_a_sentence() -> None:
    written = tomllib.loads((ROOT / "config.toml").read_text(encoding="utf-8"))
    sentences, defaults = described(), Settings.model_construct()
    for section in Settings.model_fields:
        model = getattr(defaults, section)
        keys = {key for key in type(model).model_fields if key not in SECRETS}
        assert set(written[section]) == keys
        for key in keys:
            assert sentences[section, key].endswith("."), f"[{section}] {key} has no sentence"
            assert type(model)(**{key: written[section][key]}) == type(model)(), f"[{section}] {key} is no default"
