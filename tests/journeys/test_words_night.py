"""Nights of a campaign whose words are marked: real networks, tiny, from the crowd's marks to the report.

Planted bugs seen to fail: targets on a word's last token instead of its first; the two columns exchanged on the way
back; padding that is judged as words; a version's voice that is heard after all.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import orjson
import pytest
import torch
from transformers import AutoModelForTokenClassification, PreTrainedTokenizerFast, pipeline

from bot.nightly import words_of_picture
from bot.predict import csv_writer, json_writer
from bot.serving import Serving, marked
from bot.speaking import Speakers, answer
from bot.telegram.views_night import night_report
from bot.telegram.words import Words
from core.errors import NothingToLearn, VersionRefused
from core.ids import VersionId
from core.item import Content, Medium, Role, Verdict, between
from core.marks.night import judge, promoted
from core.night import NightReport, run_night
from core.ports import Letter
from core.stretches import bare, words_of
from tests.journeys.marks_sheet import shown
from tests.laws.test_marked_crowd import NOW
from tests.laws.test_words_crowd import Readers
from tests.training.conftest import FILLER, TOPICS, base, recipe
from training.export import apart, export
from training.export_onnx import FLOAT, INT8, OnnxSpeaker, onnx_writers
from training.pictures import night_picture
from training.recipe import Recipe
from training.word_reader import WordReader
from training.word_teacher import WordTeacher
from training.words import places_of, token_targets

__all__ = ["base", "recipe"]  # fixtures


@dataclass
class Weather(Readers):
    """Sentences in which words about the weather are to be marked."""

    people: int = 12
    items: int = 150
    known: int = 10

    def world(self) -> tuple[list[str], list[np.ndarray]]:  # type: ignore[override]
        weather, other = TOPICS[0].split(), " ".join([*TOPICS[1:], FILLER]).split()
        texts = dict[str, None]()
        while len(texts) < self.items + self.known:
            some = self.rng.choice(other, int(self.rng.integers(4, 12))).tolist()
            for _ in range(int(self.rng.integers(0, 3))):
                some.insert(int(self.rng.integers(0, len(some) + 1)), str(self.rng.choice(weather)))
            texts[", ".join([" ".join(some[:3]), " ".join(some[3:])])] = None
        return list(texts), [
            np.array([text[start:end].strip(",") in weather for start, end in words_of(text)]) for text in texts
        ]

    def night(self, teacher: WordTeacher, day: int = 22) -> NightReport:
        claim = self.archive.claim(self.campaign.id, date(2026, 11, day), NOW)
        assert claim is not None
        dice = np.random.default_rng(1)
        return run_night(self.archive, teacher, claim, lambda: NOW, dice, lambda _: None, self.letters)

    def letters(self, report: NightReport) -> Sequence[Letter]:
        say = Words.of("zh")
        assert night_picture(report, (), words_of_picture(say))[:4] == b"\x89PNG"
        return [night_report(report, "sha", say, 1)]


def test_a_night_teaches_words_judges_them_and_orders_by_doubt(recipe: Recipe, tmp_path: Path) -> None:
    town = Weather()
    home = tmp_path / town.campaign.slug
    teacher = WordTeacher(home, replace(recipe, epochs=10), "name")
    for _ in range(420):
        town.answer(int(town.rng.integers(town.people)))
    report = town.night(teacher)
    assert report.promoted and report.after.items == len(report.truth) >= 5
    assert report.after.accuracy > 0.85 and report.after.low <= report.after.accuracy <= report.after.high
    assert report.mandate is None and 0 < report.after.log_loss < 0.5
    snapshot = town.archive.snapshot(town.campaign.id)
    assert snapshot.campaign.serving == report.version
    assert all(item.suggestion is None and item.spoken is None for item in snapshot.items), "the network has no voice"
    fresh = [item for item in snapshot.items if item.verdict is Verdict.OPEN and item.seats == 0]
    assert all(set(item.posterior) == set(snapshot.campaign.pool.prior) for item in fresh)
    assert len({item.worth for item in snapshot.items if item.verdict is Verdict.OPEN}) > 1
    (scores,) = teacher.score(report.version, [Content(Medium.TEXT, text) for text in town.texts])
    plain = [at for at, item in enumerate(snapshot.items) if item.role is not Role.CONTROL]
    right = [((scores.probabilities[at][: len(town.truth[at])] > 0.5) == town.truth[at]) for at in plain]
    assert np.concatenate(right).mean() > 0.9
    sizes = (~np.isnan(scores.probabilities)).sum(axis=1).tolist()
    assert sizes == [len(one) for one in town.truth] and scores.embeddings.shape == (160, 32)
    (letter,) = town.store.letters.values()
    assert "词的判断正确率" in letter.body["caption"]
    heard(town, home / report.version, scores.probabilities)
    shown(town, tmp_path, report)
    taken_away(town, home / report.version, tmp_path / "out")


def taken_away(town: Weather, folder: Path, out: Path) -> None:
    """As anybody who knows transformers and nothing of us would read it. Seen to fail with the temperature forgotten,
    and with a word told by the token behind its first."""
    reader = WordReader(folder, "name")
    done = export(reader, out, "Weather", further=onnx_writers(int8=True))
    assert reader.version.card.blend.network_temperature != 1.0
    exact = {file: gap for file, gap in done.differences.items() if file != INT8}
    assert set(exact) == {"model.safetensors", FLOAT} and max(exact.values()) < 1e-4
    assert 0 < done.differences[INT8] < 0.2
    expected, some = WordReader(folder, "name").look(town.texts[:40], exact=True)[0], town.texts[:40]
    assert apart(expected, OnnxSpeaker.of(out, FLOAT).words(some)) < 1e-5
    model = AutoModelForTokenClassification.from_pretrained(out, trust_remote_code=True).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(out)
    read = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="first")
    for text, row in zip(some, expected, strict=True):
        told = [(one["start"], one["end"]) for one in read(text) if one["entity_group"] == "name"]
        words = [bare(text, *word) for word, p in zip(words_of(text), row, strict=False) if p > 0.5]
        assert all(any(a <= start and end <= b for a, b in told) for start, end in words) and bool(told) == bool(words)
    asked = tokenizer(some[:2], padding=True, return_tensors="pt")
    labels = torch.full_like(asked["input_ids"], -100)
    labels[:, 1] = 1
    with torch.inference_mode():
        said = model(**asked, labels=labels)
    assert float(said.loss) == pytest.approx(-float(said.logits.log_softmax(-1)[:, 1, 1].mean()), abs=1e-5)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "token-classification" in card and "Marks words that are: name" in card and str(out.parent) not in card


def through_the_door(folder: Path, texts: Sequence[str], night: np.ndarray) -> None:
    """The worker of `POST /v1/predict` says the same. Planted: "words" not asked; a pair read as one text."""
    speakers = Speakers()

    def ask(texts: Sequence[str], **more: object) -> tuple[dict[str, object], list[dict[str, object]]]:
        asked = {"folder": str(folder), "labels": ["name"], "texts": texts, "words": True} | more
        head, body = answer(speakers, orjson.dumps(asked))
        return orjson.loads(head), [orjson.loads(one) for one in body.splitlines()]

    told = ask([*texts, "?!"])[1]
    for at, text in enumerate(texts):
        assert told[at] == marked(text, night[at], folder.name)
    assert any(one["spans"] for one in told) and told[-1]["spans"] is None
    assert "read no pairs" in str(ask([between("Rain", "Bath")])[0]["refused"])
    assert "learned other labels" in str(ask(["Rain"], labels=["place"])[0]["refused"])
    assert "does not choose" in str(ask(["Rain"], words=False)[0]["refused"])
    assert ask(list(texts))[1] == told[:3]


def heard(town: Weather, folder: Path, night: np.ndarray) -> None:
    """What is read from the version's files says the same, one text at a time."""
    reader = WordReader(folder, "name")
    for at, text in enumerate(town.texts[:3]):
        said = reader.look([text])[0][0]
        assert said == pytest.approx(night[at][: len(said)], abs=1e-5)
    serving = Serving(town.campaign, VersionId("v"), folder)
    told = json.loads(json_writer(serving)("Rain, in Bath.", np.array([0.9, 0.2, 0.6, np.nan])))
    assert told["spans"] == [{"start": 0, "end": 4, "text": "Rain"}, {"start": 9, "end": 13, "text": "Bath"}]
    assert told["confidence"] == 0.6 and json.loads(json_writer(serving)("", np.zeros(0)))["spans"] is None
    assert csv_writer(serving)("Rain, in Bath.", np.array([0.9, 0.2, 0.6])) == "0-4|9-13,0.600000,Rain|Bath,v\r\n"
    through_the_door(folder, town.texts[:3], night)
    with pytest.raises(VersionRefused, match="learned other labels"):
        WordReader(folder, "place")


def test_names_nowhere_teach_nothing(recipe: Recipe, tmp_path: Path) -> None:
    town = Weather(items=60, known=0)
    for one in town.truth:
        one[:] = False
    town.extra[:] = 0.0
    for _ in range(150):
        town.answer(int(town.rng.integers(town.people)))
    with pytest.raises(NothingToLearn, match="same label"):
        town.night(WordTeacher(tmp_path, recipe, "name"))


def test_beliefs_stand_on_the_first_token_of_each_word() -> None:
    """Of "(Merkel) spoke" in the tokens "(", "Mer", "kel", ")", "spoke", the last of which is not read."""
    text, offsets = "(Merkel) spoke", [(0, 0), (0, 1), (1, 4), (4, 7), (7, 8)]
    places = places_of(text, offsets)
    assert places.tolist() == [2, -1]
    targets = token_targets(np.array([[0.9, 0.1, np.nan]]), [places], 5)
    assert targets[0].sum(axis=1).nonzero()[0].tolist() == [2]
    assert targets[0, 2, 1] / targets[0, 2].sum() == pytest.approx(0.9)
    half = token_targets(np.array([[0.5, 0.5, np.nan]]), [places], 5)
    assert half[0, 2].sum() == pytest.approx(0.05), "all doubt hardly weighs"


def test_a_version_is_judged_by_the_words_that_are_there() -> None:
    rng = np.random.default_rng(2)
    there = np.arange(12) < rng.integers(3, 13, (80, 1))
    truth = np.where(there, rng.random((80, 12)) < 0.3, np.nan)
    beliefs = np.tile(np.where(truth > 0.5, 0.97, np.where(there, 0.03, np.nan)), (4, 1, 1))
    good, bad = np.where(there, np.where(truth > 0.5, 0.9, 0.1), np.nan), np.where(there, 0.3, np.nan)
    found, other = judge(good, beliefs, np.zeros((4, 1)), rng), judge(bad, beliefs, np.zeros((4, 1)), rng)
    assert found.accuracy == pytest.approx(0.97, abs=1e-6) and other.accuracy == pytest.approx(0.7, abs=0.05)
    assert found.log_loss == pytest.approx(-(0.97 * np.log(0.9) + 0.03 * np.log(0.1)))
    assert found.ece == pytest.approx(0.07, abs=1e-6)
    crowd = beliefs[0]
    assert promoted(good, None, crowd, 0.8, rng) and promoted(good, bad, crowd, 0.8, rng)
    assert not promoted(bad, good, crowd, 0.8, rng) and not promoted(np.full_like(good, np.nan), bad, crowd, 0.8, rng)
