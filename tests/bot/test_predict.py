"""`crowdloop predict`: a line in, a line out, by the night's own path; one sentence where nothing can speak."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bot.predict import run
from core.errors import BadInput, NotFound, Refused, VersionRefused
from core.item import between
from tests.bot.served import LABELS, Served, serve_tiny
from tests.bot.test_command_line import ROOT
from tests.training.conftest import World, base, recipe, world  # noqa: F401  # fixtures
from training.recipe import Recipe
from training.speaker import Speaker
from training.trainer import TransformerTrainer


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, world: World, recipe: Recipe) -> Served:  # noqa: F811
    import asyncio

    return asyncio.run(serve_tiny(tmp_path_factory.mktemp("served"), world, recipe))


def said(served: Served, texts: str, **wishes: object) -> list[str]:
    out = io.StringIO()
    assert run(served.settings, "topics", io.StringIO(texts), out, **wishes) == 0  # type: ignore[arg-type]
    return out.getvalue().splitlines()


def test_each_line_gets_what_the_night_would_have_scored(served: Served, world: World) -> None:  # noqa: F811
    """Saw: batches sorted by length and not put back in order."""
    found = [json.loads(one) for one in said(served, "\n".join(world.texts) + "\n")]
    night = np.concatenate([p for p, _ in TransformerTrainer().score(served.version.folder, world.texts)])
    spoken = np.array([[one["probabilities"][label] for label in LABELS] for one in found])
    assert np.abs(spoken - night).max() < 1e-5
    assert [one["label"] for one in found] == [LABELS[at] for at in night.argmax(axis=1)]
    assert {one["version"] for one in found} == {served.version.hash}
    assert np.mean([LABELS.index(one["label"]) == truth for one, truth in zip(found, world.truth, strict=True)]) > 0.9


def test_a_blank_line_keeps_its_place_and_has_no_label(served: Served) -> None:
    """Saw: blank lines left out, after which every answer belongs to another line."""
    found = [json.loads(one) for one in said(served, "rain wind\n\n  \r\nbread soup\n")]
    assert [one["label"] for one in found] == ["weather", None, None, "food"]
    assert said(served, "") == []


def test_two_texts_of_a_line_are_a_pair(served: Served) -> None:
    """Seen to fail: the tab read as a part of one text."""
    lines = said(served, "rain wind storm\tbread soup\n\n", pairs=True)
    (night,) = TransformerTrainer().score(served.version.folder, [between("rain wind storm", "bread soup")])
    first, blank = map(json.loads, lines)
    assert list(first["probabilities"].values()) == pytest.approx(night[0][0].tolist(), abs=1e-5)
    assert blank["label"] is None
    with pytest.raises(BadInput, match="line 2: needs two texts with one tab"):
        said(served, "a\tb\nrain\n", pairs=True)


def test_csv_has_a_column_for_each_label(served: Served) -> None:
    rows = list(csv.DictReader(said(served, "train, bus\n\n", as_csv=True)))
    assert list(rows[0]) == ["label", "confidence", *LABELS, "version"]
    assert rows[0]["label"] == "travel" and rows[0]["confidence"] == rows[0]["travel"]
    assert abs(sum(float(rows[0][label]) for label in LABELS) - 1) < 1e-5
    assert rows[1]["label"] == "" and rows[1]["version"] == served.version.hash


def test_the_pool_is_never_held(served: Served) -> None:
    """Saw: `list(texts)` before the first answer."""
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "rain wind"

    stream = Speaker(served.version.folder, LABELS).stream(endless(), chunk=8)
    assert [len(some) for some, _ in (next(stream), next(stream))] == [8, 8]
    assert taken == 16


def test_who_cannot_speak_says_why_in_one_sentence(served: Served) -> None:
    nothing = io.StringIO("x\n")
    with pytest.raises(Refused, match="No version of fresh serves yet"):
        run(served.settings, "fresh", nothing, io.StringIO())
    with pytest.raises(NotFound, match="no campaign named nowhere"):
        run(served.settings, "nowhere", nothing, io.StringIO())
    with pytest.raises(NotFound, match="no version named ffff"):
        run(served.settings, "topics", nothing, io.StringIO(), wanted="ffff")
    assert said(served, "rain", wanted=served.version.hash[:6].upper())


def test_a_damaged_version_is_never_heard(served: Served) -> None:
    """Saw: weights loaded without a look at the manifest."""
    weights = served.version.folder / "network.safetensors"
    whole = weights.read_bytes()
    try:
        weights.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(VersionRefused, match=r"network\.safetensors is not the file"):
            said(served, "rain\n")
    finally:
        weights.write_bytes(whole)


def test_a_version_of_other_labels_is_refused(served: Served) -> None:
    """Saw: probabilities of the version put under the campaign's labels by number."""
    with pytest.raises(VersionRefused, match="learned other labels"):
        Speaker(served.version.folder, ("food", "weather", "travel"))


def test_the_command_reads_stdin_and_refuses_without_a_traceback(served: Served) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CROWDLOOP_")}

    def crowdloop(slug: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "bot", "predict", "--campaign", slug]
        return subprocess.run(
            command, cwd=served.folder, env=environment | {"PYTHONPATH": str(ROOT)}, input="rain wind\n",
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    well, ill = crowdloop("topics"), crowdloop("fresh")
    assert well.returncode == 0 and json.loads(well.stdout)["label"] == "weather"
    assert ill.returncode == 2 and ill.stdout == "" and len(ill.stderr.strip().splitlines()) == 1


def test_the_folder_of_a_forgotten_version_is_missed(served: Served, tmp_path: Path) -> None:
    moved = served.version.folder.rename(tmp_path / "elsewhere")
    try:
        with pytest.raises(Refused, match="are gone"):
            said(served, "rain\n")
    finally:
        moved.rename(served.version.folder)
