"""Pairs: both texts are read, in their order, at night and afterwards; sounds are not learned from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from core.errors import NothingToLearn, TrainingFailed
from core.ids import VersionId
from core.item import BETWEEN, Content, Medium, between
from core.version import Lessons
from tests.training.conftest import TOPICS
from training.examples import Examples
from training.export import apart, by_transformers, export
from training.export_onnx import FLOAT, OnnxSpeaker, onnx_writers
from training.recipe import Kind, Recipe
from training.saliency import telling
from training.speaker import Speaker
from training.teacher import Teacher
from training.text_network import TextNetwork
from training.trainer import TransformerTrainer

LABELS = ("A better", "B better")


def pairs(n: int, seed: int) -> tuple[list[Content], np.ndarray]:
    """Food is better than weather, and that is all there is to learn; (n,) 0 where A is the food."""
    rng = np.random.default_rng(seed)
    food, rain = ([" ".join(rng.choice(TOPICS[topic].split(), 2)) for _ in range(n)] for topic in (1, 0))
    truth = rng.integers(0, 2, n)
    sides = [(a, b) if label == 0 else (b, a) for a, b, label in zip(food, rain, truth, strict=True)]
    return [Content(Medium.PAIR, first, other=second) for first, second in sides], truth


def test_a_version_that_knows_of_no_pairs_reads_two_texts_with_a_sign_between(recipe: Recipe) -> None:
    """Plain texts beside pairs keep their rows; the longer text is cut.

    Seen to fail: the second text cut away whole; all pairs read first.
    """
    network = TextNetwork(Path(recipe.base), replace(recipe, max_length=9), 2)
    of = network.tokenizer.convert_tokens_to_ids
    contents = ["rain", between("rain wind", "bread"), "bus tram", between("storm " * 20, "soup apple"), ""]
    rain, storm, cls, sep = of(["rain", "storm", "[CLS]", "[SEP]"])
    assert network.numbers(contents).tokens == [
        [cls, rain, sep],
        [cls, rain, of("wind"), sep, of("bread"), sep],
        [cls, of("bus"), of("tram"), sep],
        [cls, storm, storm, storm, storm, sep, of("soup"), of("apple"), sep],
        [cls, sep],
    ]
    assert network.numbers([]).tokens == []


def test_texts_are_read_apart_and_then_compared(recipe: Recipe) -> None:
    """What is beside a text in the batch does not change how it is read; the order does; a text alone is beside itself.

    Seen to fail: the second text of a pair compared with the first of the next.
    """
    torch.manual_seed(0)
    network = TextNetwork(Path(recipe.base), replace(recipe, pairs=True), 2).eval()
    network.head.get_submodule("linear").weight.data.normal_()

    def say(*contents: str) -> Tensor:
        inputs = network.settle(network.encode(contents), 2)
        longest = [max(map(len, network.numbers(content.split(BETWEEN)).tokens)) for content in contents]
        assert inputs.lengths.tolist() == longest
        with torch.no_grad():
            return torch.cat(network.look(inputs.take(np.arange(len(contents)), torch.device("cpu"))), dim=1)

    two, one = between("rain wind", "bread"), "bus tram"
    there, back = say(two, one), say(between("bread", "rain wind"), between(one, one))
    torch.testing.assert_close(say(two)[0], there[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(there[1], back[1], atol=1e-5, rtol=0)
    assert (there[0, :2] - back[0, :2]).abs().max() > 0.01
    assert there.shape == (2, 2 + 3 * network.upper.config.hidden_size)


def test_a_version_of_pairs_is_taken_away_and_tells_its_words(recipe: Recipe, tmp_path: Path) -> None:
    """Both builds say what the version says, and words of both texts are told.

    Seen to fail: an export that read two texts as one; words of the first text alone.
    """
    contents, truth = pairs(60, 3)
    soft = np.eye(2)[truth] * 0.9 + 0.05
    examples = Examples(Kind.TEXT, tuple(one.words for one in contents), soft, np.ones(60), LABELS)
    version = TransformerTrainer().train(examples, replace(recipe, epochs=12), tmp_path / "versions")
    texts = [one.words for one in pairs(20, 4)[0]]
    expected = Speaker(version.folder, LABELS).say(texts, exact=True)
    done = export(Speaker(version.folder, LABELS), tmp_path / "out", "Better", further=onnx_writers(int8=False))
    assert max(done.differences.values()) < 1e-4
    assert apart(by_transformers(tmp_path / "out", texts), expected) < 1e-5
    assert apart(OnnxSpeaker.of(tmp_path / "out", FLOAT).say(texts), expected) < 1e-5
    assert "side by side" in (tmp_path / "out" / "README.md").read_text()
    told = {one.word for one in telling(Speaker(version.folder, LABELS), between("soup", "storm"), 0)}
    assert told == {"soup", "storm"}


def test_no_text_can_pretend_to_be_a_pair() -> None:
    """Seen to fail: joined as they were, a text with the sign in it became a pair of three."""
    assert between(f"a{BETWEEN}b", "c") == f"a b{BETWEEN}c" and between(f"a{BETWEEN}b") == "a b"


def test_a_night_learns_which_of_two_it_is(recipe: Recipe, tmp_path: Path) -> None:
    """What a version says of a pair depends on its order, and the speaker says the same.

    Seen to fail: a teacher that handed on the first text alone.
    """
    contents, truth = pairs(80, 1)
    teacher = Teacher(tmp_path, replace(recipe, epochs=12), LABELS, lambda _: b"")
    version = teacher.train(Lessons(contents, np.eye(2)[truth] * 0.9 + 0.05, np.ones(80)), lambda _: None)
    judged, sides = pairs(60, 2)
    said = np.concatenate([scores.probabilities for scores in teacher.score(VersionId(version), judged)])
    assert (said.argmax(axis=1) == sides).mean() > 0.85
    with pytest.raises(TrainingFailed, match="mixes texts and pictures"):  # the pool has pictures by now
        list(teacher.score(VersionId(version), [Content(Medium.IMAGE, "", "sha")]))
    spoken = Speaker(tmp_path / version, LABELS).say([content.words for content in judged])
    np.testing.assert_allclose(spoken, said, atol=1e-5)


@pytest.mark.parametrize(
    ("media", "error", "sentence"),
    [
        ([Medium.AUDIO], NothingToLearn, "No network learns from sounds yet"),
        ([Medium.AUDIO, Medium.TEXT], NothingToLearn, "No network learns from sounds yet"),
        ([Medium.IMAGE, Medium.PAIR], TrainingFailed, "mixes texts and pictures"),
    ],
)
def test_what_no_network_learns_is_one_sentence(
    media: list[Medium], error: type[Exception], sentence: str, recipe: Recipe, tmp_path: Path
) -> None:
    """Sounds are news only for who asks, not an alarm of every night: `NothingToLearn`."""
    contents = [Content(one, "a", "" if not one.is_file else "sha", "b" if one is Medium.PAIR else "") for one in media]
    lessons = Lessons(contents, np.full((len(media), 2), 0.5), np.ones(len(media)))
    with pytest.raises(error, match=sentence):
        Teacher(tmp_path, recipe, LABELS, lambda _: b"").train(lessons, lambda _: None)
