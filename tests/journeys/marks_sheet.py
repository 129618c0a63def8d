"""What `version show` says of a version of several labels, or of marked words, beside what its night said."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bot import version_show
from bot.settings import Settings, Storage
from bot.version_sheet import sheet_of
from core.night import NightReport
from tests.laws.test_marked_crowd import Crowd
from training.marks_card import MarksCard


def shown(crowd: Crowd, versions: Path, report: NightReport) -> None:
    """Seen to fail with items in another order than what was said of them, with `words` taken for labels, and with the
    version's guesses for a worker's."""
    slug, settings = crowd.campaign.slug, Settings(storage=Storage(versions=versions))
    sheet = sheet_of(crowd.archive, settings, slug, "", {}, np.random.default_rng(3))
    card, night, ceiling = sheet.card, report.after, report.ceiling
    assert isinstance(card, MarksCard) and card.items == sheet.there == night.items
    assert card.accuracy.value == pytest.approx(night.accuracy, abs=0.01)
    assert card.ece.value == pytest.approx(night.ece, abs=0.02)
    assert len(card.labels) == len(crowd.campaign.labels) and card.micro_f1.value > 0.6
    assert ceiling is not None and ceiling.items == sheet.ceiling.items > 5
    assert sheet.ceiling.worker.value == pytest.approx(ceiling.worker.value, abs=0.01)
    assert 0.6 < ceiling.worker.value < ceiling.version.value <= 1, "the version has learned from all of them"
    assert 0.2 < sheet.kappa.value == pytest.approx(sheet.alpha.value, abs=0.1)
    told = json.loads(json.dumps(version_show.plain(version_show.told(sheet, slug))), parse_constant=pytest.fail)
    assert list(told["all"]["labels"]) == list(crowd.campaign.labels)
    page = io.StringIO()
    version_show.shown(sheet, slug, Console(file=page, width=120))
    assert f" {100 * card.exact.value:.1f} " in page.getvalue() and "accuracy of yes and no" in page.getvalue()
