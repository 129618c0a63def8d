"""A tiny random base made on the spot, and a small world of made-up sentences that can be learned."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from training.examples import Examples
from training.recipe import Kind, Recipe
from training.trainer import TransformerTrainer
from training.versions import Version

TOPICS = ("rain wind cloud storm", "bread cheese soup apple", "train bus ferry tram")
FILLER = "the a of on very some old new we they saw had"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny base in a folder of its own."""
    return tiny_base(tmp_path_factory.mktemp("base"))


def tiny_base(folder: Path) -> Path:
    """Write a BERT of two layers, 32 wide, at random, with a vocabulary of its own."""
    words = SPECIAL + sorted({word for text in (*TOPICS, FILLER) for word in text.split()})
    tokenizer = Tokenizer(models.WordLevel({word: at for at, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(folder)
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def recipe(base: Path) -> Recipe:
    """A short recipe on the tiny base."""
    rates = {"learning_rate": 0.01, "head_learning_rate": 0.1, "rank": 8, "alpha": 16}
    return Recipe(str(base), trained_layers=1, epochs=6, batch_size=8, least_steps=1, contrast=0.0, **rates)


def sentences(n: int, seed: int) -> tuple[tuple[str, ...], np.ndarray]:
    """n sentences of unequal length with their topics (n,)."""
    rng = np.random.default_rng(seed)
    topics = rng.integers(0, 3, n)
    texts = []
    for topic in topics:
        words = [*rng.choice(TOPICS[topic].split(), 2), *rng.choice(FILLER.split(), rng.integers(1, 9))]
        texts.append(" ".join(rng.permutation(words)))
    return tuple(texts), topics


@dataclass(frozen=True)
class World:
    """What is learned and what is judged."""

    examples: Examples
    texts: tuple[str, ...]
    truth: np.ndarray


@pytest.fixture(scope="session")
def world() -> World:
    """60 examples with soft labels and unequal weights; 90 texts to judge by."""
    texts, topics = sentences(60, 1)
    soft = 0.85 * np.eye(3)[topics] + 0.05
    weights = np.random.default_rng(2).uniform(0.5, 1.0, 60)
    judged, truth = sentences(90, 3)
    return World(Examples(Kind.TEXT, texts, soft, weights, ("weather", "food", "travel")), judged, truth)


@pytest.fixture(scope="session")
def version(world: World, recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Version:
    """A version trained on the world."""
    return TransformerTrainer().train(world.examples, recipe, tmp_path_factory.mktemp("versions"))
