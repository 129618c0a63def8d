"""Nights of a campaign in which several labels may hold: real networks, tiny, from the crowd's answers to the report.

Planted bugs seen to fail: a teacher that forgets that several labels may hold; what holds and what does not exchanged
on the way back; a version's voice that is heard after all; sure items asked before doubtful ones; a lesson of all doubt
that weighs as much as a sure one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
import orjson
import pytest

from bot.nightly import words_of_picture
from bot.predict import csv_writer
from bot.serving import Serving
from bot.speaking import Speakers, answer
from bot.telegram.views_night import night_report
from bot.telegram.words import Words
from core.errors import NothingToLearn
from core.evidence import Evidence
from core.ids import VersionId
from core.item import Content, Medium, Role, Verdict
from core.marks.night import as_doubtful, judge, losses, quietened, weights_of
from core.night import NightReport, run_night
from core.ports import Letter
from core.posterior import absorb
from core.refit import beliefs_of
from core.reliability import Reliability
from tests.journeys.marks_sheet import shown
from tests.laws.test_marked_crowd import NOW, Crowd
from tests.training.conftest import FILLER, TOPICS, base, recipe
from training.pictures import night_picture
from training.recipe import Recipe
from training.several import names, narrow, wide
from training.speaker import Speaker
from training.teacher import Teacher

__all__ = ["base", "recipe"]  # fixtures


@dataclass
class Market(Crowd):
    """Texts that speak of weather, food and travel, each of them or not."""

    labels: int = 3
    people: int = 12
    items: int = 150
    known: int = 10
    reports: list[NightReport] = field(default_factory=list)

    def world(self) -> tuple[list[str], np.ndarray]:
        truth = self.rng.random((self.items + self.known, 3)) < 0.45
        return [self.text(row) for row in truth], truth

    def text(self, holds: np.ndarray) -> str:
        said = [word for topic, on in zip(TOPICS, holds, strict=True) if on for word in topic.split()[:3]]
        words = [*said, *self.rng.choice(FILLER.split(), 4)]
        return " ".join(self.rng.permutation(words))

    def night(self, teacher: Teacher, day: int = 22) -> NightReport:
        claim = self.archive.claim(self.campaign.id, date(2026, 11, day), NOW)
        assert claim is not None
        dice = np.random.default_rng(1)
        return run_night(self.archive, teacher, claim, lambda: NOW, dice, lambda _: None, self.letters)

    def letters(self, report: NightReport) -> Sequence[Letter]:
        say = Words.of("zh")
        assert night_picture(report, (), words_of_picture(say))[:4] == b"\x89PNG"
        return [night_report(report, "sha", say, 1)]


def teacher_of(home: Path, recipe: Recipe) -> Teacher:
    return Teacher(home, replace(recipe, epochs=10), ("l0", "l1", "l2"), lambda _: b"", several=True)


def test_a_night_teaches_sets_judges_labels_and_orders_by_doubt(recipe: Recipe, tmp_path: Path) -> None:
    market = Market()
    home = tmp_path / market.campaign.slug
    teacher = teacher_of(home, recipe)
    for _ in range(420):
        market.answer(int(market.rng.integers(market.people)))
    report = market.night(teacher)
    market.reports.append(report)
    assert report.promoted and report.after.items == len(report.truth) >= 5
    assert report.after.accuracy > 0.8 and report.after.low <= report.after.accuracy <= report.after.high
    assert report.mandate is None and 0 < report.after.log_loss < 0.6
    snapshot = market.archive.snapshot(market.campaign.id)
    assert snapshot.campaign.serving == report.version
    assert all(item.suggestion is None and item.spoken is None for item in snapshot.items), "the network has no voice"
    fresh = [item for item in snapshot.items if item.verdict is Verdict.OPEN and item.seats == 0]
    assert all(item.posterior == snapshot.campaign.pool.prior for item in fresh)
    assert len({item.worth for item in snapshot.items if item.verdict is Verdict.OPEN}) > 1
    said = _said(teacher, report.version, market.texts)
    plain = [at for at, item in enumerate(snapshot.items) if item.role is not Role.CONTROL]
    assert said.shape == (160, 3) and ((said > 0.5) == market.truth)[plain].mean() > 0.85
    heard(market, home / report.version, said)
    (letter,) = market.store.letters.values()
    assert "标签判断正确率" in letter.body["caption"] and "单独一名标注者" in letter.body["caption"]
    shown(market, tmp_path, report)


def heard(market: Market, folder: Path, night: np.ndarray) -> None:
    """What `predict` and the HTTP door say of three texts is what the night scored."""
    names, some = list(market.campaign.labels), market.texts[:3]
    assert Speaker(folder, names).say(some) == pytest.approx(night[:3], abs=1e-5)
    speakers = Speakers()
    asked = orjson.dumps({"folder": str(folder), "labels": names, "texts": some})
    for _ in range(2):
        bodies = [json.loads(line) for line in answer(speakers, asked)[1].splitlines()]
    for body, row in zip(bodies, night[:3], strict=True):
        assert body["labels"] == [name for name, p in zip(names, row, strict=True) if p > 0.5]
        assert list(body["probabilities"].values()) == pytest.approx(row.tolist(), abs=1e-5)
    write = csv_writer(Serving(market.campaign, VersionId("v"), folder))
    assert write("rain", np.array([0.9, 0.6, 0.2])) == "l0|l1,0.600000,0.900000,0.600000,0.200000,v\r\n"
    assert write("rain", np.array([0.1, 0.1, 0.1])).startswith("(none),0.900000,")


def _said(teacher: Teacher, version: VersionId, texts: Sequence[str]) -> np.ndarray:
    parts = teacher.score(version, [Content(Medium.TEXT, text) for text in texts])
    return np.concatenate([part.probabilities for part in parts])


def test_chances_go_into_columns_and_come_back() -> None:
    chances = np.random.default_rng(1).random((9, 4))
    columns = wide(chances)
    assert columns.shape == (9, 8) and columns.sum(axis=1) == pytest.approx(1.0)
    assert narrow(columns) == pytest.approx(chances) and narrow(3 * columns) == pytest.approx(chances)
    assert narrow(np.zeros((1, 8))).tolist() == [[0.0] * 4]
    assert names(("a", "b")) == ("a", "b", "not a", "not b")


def test_a_version_is_judged_by_its_yes_and_no() -> None:
    rng = np.random.default_rng(2)
    truth = rng.random((300, 5)) < 0.3
    beliefs = np.tile(np.where(truth, 0.97, 0.03), (4, 1, 1))
    good, bad = np.where(truth, 0.9, 0.1), np.full(truth.shape, 0.3)
    found, other = judge(good, beliefs, beliefs[:, 0], rng), judge(bad, beliefs, beliefs[:, 0], rng)
    assert found.accuracy == pytest.approx(0.97, abs=1e-6) and other.accuracy == pytest.approx(0.7, abs=0.05)
    assert found.log_loss < other.log_loss
    assert losses(good, beliefs[0]).mean() == pytest.approx(-(0.97 * np.log(0.9) + 0.03 * np.log(0.1)))
    nothing = judge(good[:0], beliefs[:, :0], beliefs[:, 0], rng)
    assert nothing.items == 0


def test_doubt_weighs_less_and_is_asked_first() -> None:
    sure, half = np.array([[0.99, 0.01, 0.99]]), np.array([[0.5, 0.5, 0.5]])
    assert weights_of(sure)[0] > 0.9 and weights_of(half)[0] == pytest.approx(0.05)
    lead = np.diff(np.sort(as_doubtful(np.concatenate([sure, half])), axis=1), axis=1)[:, 0]
    assert lead[0] > 0.8 and lead[1] == pytest.approx(0.0) and as_doubtful(half).sum() == pytest.approx(1.0)


def test_what_is_turned_down_is_taken_back_whole() -> None:
    """The answers of the day, heard once and turned down whole, leave the belief that was there before."""
    market = Market(items=12, known=2)
    for _ in range(30):
        market.answer(int(market.rng.integers(market.people)))
    snapshot = market.archive.snapshot(market.campaign.id)
    pool, items = snapshot.campaign.pool, [item for item in snapshot.items if item.role is not Role.CONTROL]
    place = np.array([-1 if item.role is Role.CONTROL else items.index(item) for item in snapshot.items])
    who = dict.fromkeys(snapshot.workers, Reliability.newcomer(pool))
    heard = [pool.prior] * len(items)
    for row, worker, bits in zip(snapshot.answer_item, snapshot.answer_worker, snapshot.answer_bits, strict=True):
        if place[row] >= 0:
            at = int(place[row])
            heard[at] = absorb(heard[at], Evidence(bits), who[snapshot.workers[int(worker)]], pool)
    assert not np.allclose(heard, pool.prior)
    back = quietened(heard, place, np.ones(len(snapshot.answer_item)), snapshot, pool, who)
    assert back == pytest.approx(np.tile(pool.prior, (len(items), 1)))


def test_one_set_alone_teaches_nothing(recipe: Recipe, tmp_path: Path) -> None:
    market = Market(items=60, known=0)
    market.truth[:] = [True, False, False]
    market.sees[:], market.imagines[:] = 0.99, 0.0
    for _ in range(150):
        market.answer(int(market.rng.integers(market.people)))
    with pytest.raises(NothingToLearn, match="same label"):
        market.night(teacher_of(tmp_path, recipe))
    assert beliefs_of(market.archive.snapshot(market.campaign.id)).items
