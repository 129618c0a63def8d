"""Which words a version went by: where one word decides, it is that word."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.glossary import Term
from tests.training.conftest import TOPICS, World
from training.pool import suggest
from training.recipe import Recipe
from training.saliency import telling
from training.speaker import Speaker
from training.trainer import TransformerTrainer
from training.versions import Version

LABELS = ("weather", "food", "travel")


@pytest.fixture(scope="module")
def speaker(world: World, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Speaker:
    """A version of which the network, not the probe, has the greater say."""
    longer = replace(recipe, epochs=15)
    version = TransformerTrainer().train(world.examples, longer, tmp_path_factory.mktemp("versions"))
    return Speaker(version.folder, LABELS)


def test_the_one_word_that_decides_is_told_first(speaker: Speaker) -> None:
    """In two of three texts; by chance it would be one in eight. Saw: the gradient of the odds of label 0 only."""
    hits = 0
    for label, topic in enumerate(TOPICS):
        for word in topic.split():
            found = telling(speaker, f"the old {word} they had on a new", label)
            hits += found[0].word == word and found[0].nats > 0
    assert hits >= 8, f"{hits} of 12"


def test_a_word_of_another_label_speaks_against(speaker: Speaker) -> None:
    """Saw: absolute values."""
    found = {one.word: one.nats for one in telling(speaker, "some rain and cheese", 0)}
    assert found["rain"] > 0 > found["cheese"]


def test_weights_foretell_what_a_word_left_out_would_do(speaker: Speaker, world: World) -> None:
    """A rank correlation with leaving each word out. Saw: subwords not added up; the twin's voice forgotten."""
    network, card = speaker.network, speaker.version.card

    def odds(text: str, label: int) -> float:
        p = suggest(network, speaker.probe, card, [text], 1)[0][0]
        return float(np.log(p[label]) - np.log(max(np.delete(p, label))))

    agreements = []
    for text in world.texts[:12]:
        label = int(speaker.say([text])[0].argmax())
        words = {one.word: one.nats for one in telling(speaker, text, label, most=20)}
        if len(words) > 3:
            drops = [odds(text, label) - odds(" ".join(w for w in text.split() if w != one), label) for one in words]
            ranks = [np.argsort(np.argsort(found)) for found in (list(words.values()), drops)]
            agreements.append(np.corrcoef(*ranks)[0, 1])
    assert np.mean(agreements) > 0.4


def test_repeated_words_and_punctuation(speaker: Speaker) -> None:
    """Saw: a comma told as the weightiest word."""
    found = telling(speaker, "Rain , rain , rain , the", 0)
    assert [one.word.casefold() for one in found].count("rain") == 1 and "," not in [one.word for one in found]


def test_it_leaves_nothing_behind(speaker: Speaker) -> None:
    """Saw: gradients that pile up in the network, and grow the process with each question."""
    before = speaker.say(["rain wind"])
    telling(speaker, "rain wind", 0)
    assert all(weight.grad is None for weight in speaker.network.parameters())
    assert np.array_equal(before, speaker.say(["rain wind"])) and torch.is_grad_enabled()


def test_a_term_is_told_by_what_the_network_read(version: Version) -> None:
    """The meaning put before the text is read, and so may tell. Saw: offsets of another text."""
    explained = Speaker(version.folder, LABELS, (Term("zzz", "rain"),))
    assert {one.word: one.nats for one in telling(explained, "the zzz", 0)}["rain"] > 0
