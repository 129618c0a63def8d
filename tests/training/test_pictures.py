"""The picture of a night: the right size, for every sort of campaign, also on the first night and without audit items."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from training.evaluate import evaluate
from training.pictures import LearningPoint, NightPicture, NightWords, draw_night, draw_nothing


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
@pytest.mark.filterwarnings("error")
def test_a_night_is_a_picture_as_wide_as_a_phone(labels: int, before: bool, nights: int) -> None:
    with Image.open(io.BytesIO(draw_night(night(labels, before, nights)))) as picture:
        assert picture.format == "PNG" and picture.width == 1080
        shown = np.asarray(picture.convert("L"))
    assert 0.02 < (shown < 250).mean() < 0.6
    assert (shown[:, -12:] > 250).all() and (shown[-12:] > 250).all(), "something runs over the edge"


def test_a_night_without_audit_items_says_so() -> None:
    with Image.open(io.BytesIO(draw_nothing("Digits", NightWords()))) as picture:
        assert picture.width == 1080
