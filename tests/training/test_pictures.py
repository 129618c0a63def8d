"""The picture of a night: the right size for every sort of campaign, on the first night, without audit items."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image

from core.campaign import Campaign, CampaignState, Draft
from core.ids import CampaignId, VersionId
from core.night import NightReport
from core.promotion import judge
from core.reliability import Model, Pool
from training.charts import FONTS
from training.evaluate import evaluate
from training.pictures import LearningPoint, NightPicture, NightWords, draw_night, draw_nothing, night_picture

BOXES = not {font.name for font in font_manager.fontManager.ttflist} & set(FONTS[:2])
"""Whether no font of this machine knows Chinese, which then stands in boxes; .ci/run installs one where it may."""


def night(labels: int, before: bool, nights: int) -> NightPicture:
    rng = np.random.default_rng(labels)
    truth = np.eye(labels)[rng.integers(0, labels, 60)]
    said = 0.7 * truth + 0.3 * rng.dirichlet(np.ones(labels), 60)
    report = evaluate(said, truth, rng, draws=50)
    return NightPicture(
        campaign="Kundenbriefe 客户消息",
        verdict="Tonight's version is better and serves from now on.",
        labels=tuple(f"label {at} 标签" for at in range(labels)),
        before=report.accuracy if before else None,
        after=report,
        accuracy=report.accuracy,
        sureness=said.max(axis=1),
        nights=tuple(LearningPoint(100 * at + 50, report.accuracy) for at in range(nights)),
    )


@pytest.mark.parametrize(("labels", "before", "nights"), [(2, False, 1), (8, True, 4), (77, True, 2)])
@pytest.mark.filterwarnings("error", "ignore:Glyph" if BOXES else "error")
def test_a_night_is_a_picture_as_wide_as_a_phone(labels: int, before: bool, nights: int) -> None:
    with Image.open(io.BytesIO(draw_night(night(labels, before, nights)))) as picture:
        assert picture.format == "PNG" and picture.width == 1080
        shown = np.asarray(picture.convert("L"))
    assert 0.02 < (shown < 250).mean() < 0.6
    assert (shown[:, -12:] > 250).all() and (shown[-12:] > 250).all(), "something runs over the edge"


def test_a_night_without_audit_items_says_so() -> None:
    with Image.open(io.BytesIO(draw_nothing("Digits", NightWords()))) as picture:
        assert picture.width == 1080


@pytest.mark.parametrize("audited", [0, 40])
def test_a_report_of_the_core_becomes_a_picture(audited: int) -> None:
    rng = np.random.default_rng(0)
    truth, even = np.eye(3)[rng.integers(0, 3, audited)].reshape(-1, 3), np.full((1, 3), 1 / 3)
    said = 0.8 * truth + 0.2 * rng.dirichlet(np.ones(3), audited).reshape(-1, 3)
    draft = Draft("letters", "Letters", "What is it about?", ("refund", "delivery", "other"))
    pool = Pool((1 / 3,) * 3, ((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)), 10.0, 1.0, Model.MATRIX)
    report = NightReport(
        campaign=Campaign(CampaignId(1), draft, CampaignState.OPEN, datetime(2026, 11, 1, tzinfo=UTC), pool),
        version=VersionId("0" * 64),
        taught=200,
        before=judge(said[:, [1, 0, 2]], truth[None], even, rng),
        after=judge(said, truth[None], even, rng),
        promoted=True,
        behind=False,
        truth=truth,
        candidate=said,
        serving=said[:, [1, 0, 2]],
        settled=10,
        open=20,
        answers=500,
    )
    with Image.open(io.BytesIO(night_picture(report))) as picture:
        assert picture.width == 1080 and (picture.height > 1000) is (audited > 0)
