"""Every method on every base: it trains, loads and says the same again, or is refused in one sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import DistilBertConfig, DistilBertModel, ViTConfig, ViTModel

from tests.training.conftest import World
from training.adapters import Ranks
from training.errors import BadBase
from training.examples import Examples
from training.loop import lesson_of, teach
from training.network import Network
from training.recipe import Kind, Method, Recipe
from training.trainer import TransformerTrainer, build_network, load_network

TEXT_METHODS = list(Method)
IMAGE_METHODS = [method for method in Method if method is not Method.PREFIX]
MARKS = {  # what the names of the weights show of each method
    Method.LORA: "lora_A",
    Method.RSLORA: "lora_A",
    Method.DORA: "lora_magnitude_vector",
    Method.ADALORA: "lora_E",
    Method.IA3: "ia3_l",
    Method.PREFIX: "prefix.encoder",
    Method.FULL: "layer",
    Method.HEAD: "head.linear",
}


@pytest.fixture(scope="session")
def vision(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vision transformer of two layers, 32 wide, at random."""
    folder = tmp_path_factory.mktemp("vision")
    torch.manual_seed(3)
    config = ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=16, patch_size=4
    )
    ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def distilled(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DistilBERT with the tiny base's vocabulary: other names of layers, no keys and values from outside."""
    folder = tmp_path_factory.mktemp("distilled")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((base / name).read_bytes())
    torch.manual_seed(5)
    words = len(json.loads((base / "tokenizer.json").read_text())["model"]["vocab"])
    DistilBertModel(DistilBertConfig(vocab_size=words, dim=32, n_layers=2, n_heads=2, hidden_dim=64)).save_pretrained(
        folder
    )
    return folder


@pytest.fixture(scope="session")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """48 pictures of stripes that lie or stand."""
    folder, rng = tmp_path_factory.mktemp("stripes"), np.random.default_rng(0)
    paths, kinds = [], rng.integers(0, 2, 48)
    for at, kind in enumerate(kinds):
        stripe = ((np.arange(16) + rng.integers(4)) // 2 % 2 * 200 + rng.integers(0, 50, 16)).astype(np.uint8)
        pixels = np.tile(stripe, (16, 1)) if kind else np.tile(stripe[:, None], (1, 16))
        paths.append(str(folder / f"{at}.png"))
        Image.fromarray(pixels).save(paths[-1])
    return Examples(Kind.IMAGE, tuple(paths), np.eye(2)[kinds], np.ones(48), ("lying", "standing"))


def shown_to_learn(examples: Examples, recipe: Recipe, home: Path) -> None:
    """Train, load and score; the loss falls, nothing frozen moves, and the version says what the network said."""
    network = build_network(examples.kind, recipe, examples.soft_labels.shape[1])
    inputs = network.settle(network.encode(examples.contents), 8)
    still = {name: weight.clone() for name, weight in network.named_parameters() if not weight.requires_grad}
    assert any(MARKS[recipe.method] in name for name in network.trained())
    before = {name: weight.detach().clone() for name, weight in network.trained().items()}
    lesson = lesson_of(inputs, np.arange(len(examples)), examples.soft_labels, examples.weights)
    losses = teach(network, lesson, replace(recipe, contrast=0.0)).losses
    assert np.mean(losses[-12:]) < 0.98 * losses[0]
    moved = {name for name, weight in network.trained().items() if not torch.equal(weight, before[name])}
    assert all(any(part in name for name in moved) for part in (MARKS[recipe.method], "head"))
    frozen = dict(network.named_parameters())
    assert all(torch.equal(frozen[name], weight) for name, weight in still.items() if "ranknum" not in name)
    version = TransformerTrainer().train(examples, replace(recipe, epochs=2, held_out=0.0), home)
    first, second = (next(TransformerTrainer().score(version.folder, examples.contents[:9]))[0] for _ in range(2))
    np.testing.assert_allclose(first, second, atol=1e-6)
    same_after_loading(examples, version.card.recipe, home)


def same_after_loading(examples: Examples, recipe: Recipe, home: Path) -> None:
    """What is written and merged says what the trained network said; only moved weights are kept."""
    network = build_network(examples.kind, recipe, examples.soft_labels.shape[1])
    inputs = network.settle(network.encode(examples.contents), 8)
    teach(network, lesson_of(inputs, np.arange(len(examples)), examples.soft_labels, examples.weights), recipe)
    rows = np.arange(8)
    said = network.eval()(inputs.take(rows, torch.device("cpu"))).detach()
    twin = build_network(examples.kind, recipe, examples.soft_labels.shape[1])
    twin.restore({name: weight.detach().clone() for name, weight in network.trained().items()})
    twin.merge()
    again = twin.eval()(twin.encode(examples.contents).take(rows, torch.device("cpu"))).detach()
    np.testing.assert_allclose(said, again, atol=2e-4)


@pytest.mark.parametrize("method", TEXT_METHODS)
def test_each_method_works_on_bert(world: World, recipe: Recipe, tmp_path: Path, method: Method) -> None:
    """Seen to fail with the layers' numbers left as before the cut (prefix)."""
    shown_to_learn(world.examples, replace(recipe, method=method), tmp_path)


@pytest.mark.parametrize("method", IMAGE_METHODS)
def test_each_method_works_on_a_vision_transformer(
    stripes: Examples, vision: Path, tmp_path: Path, method: Method
) -> None:
    recipe = Recipe(
        vision_base=str(vision), method=method, learning_rate=3e-3, head_learning_rate=0.03, epochs=8, batch_size=8,
        rank=8, alpha=16,
    )  # fmt: skip
    shown_to_learn(stripes, recipe, tmp_path)


@pytest.mark.parametrize("method", [method for method in Method if method is not Method.PREFIX])
def test_each_method_works_on_distilbert(
    world: World, recipe: Recipe, distilled: Path, tmp_path: Path, method: Method
) -> None:
    shown_to_learn(world.examples, replace(recipe, base=str(distilled), method=method), tmp_path)


def test_a_prefix_is_refused_where_no_keys_and_values_come_in(recipe: Recipe, vision: Path, distilled: Path) -> None:
    """Seen to fail without the look at the base's signature: the prefix was trained and never read."""
    for kind, named in ((Kind.IMAGE, {"vision_base": str(vision)}), (Kind.TEXT, {"base": str(distilled)})):
        with pytest.raises(BadBase, match="prefix tuning needs a base that takes keys and values") as told:
            build_network(kind, replace(recipe, method=Method.PREFIX, **named), 3)
        assert "\n" not in str(told.value)


def test_adalora_ends_with_the_ranks_that_the_recipe_asks_for(world: World, recipe: Recipe) -> None:
    """Seen to fail with the allocator never called."""
    recipe = replace(recipe, method=Method.ADALORA, rank=4, epochs=12)
    network = build_network(Kind.TEXT, recipe, 3)
    inputs = network.settle(network.encode(world.examples.contents), 8)
    teach(network, lesson_of(inputs, np.arange(60), world.examples.soft_labels, world.examples.weights), recipe)
    kept = [int((weight != 0).sum()) for name, weight in network.trained().items() if "lora_E" in name]
    assert sum(kept) <= 4 * len(kept) and max(kept) > min(kept), "ranks go where they matter"


def test_ranks_are_taken_away_in_steps(recipe: Recipe) -> None:
    network = build_network(Kind.TEXT, replace(recipe, method=Method.ADALORA), 3)
    budgets = [Ranks(network, recipe, 60).allocator.budget_schedule(step)[0] for step in range(60)]
    assert budgets[0] > budgets[20] > budgets[-1] and budgets == sorted(budgets, reverse=True)


def test_rank_stabilised_and_plain_adapters_differ(world: World, recipe: Recipe) -> None:
    """Seen to fail with use_rslora left out."""

    def said(method: Method) -> torch.Tensor:
        network: Network = build_network(Kind.TEXT, replace(recipe, method=method, rank=4, alpha=4), 3)
        with torch.no_grad():
            for weight in network.trained().values():
                weight.copy_(torch.linspace(-0.2, 0.3, weight.numel()).view(weight.shape))
        batch = network.encode(world.texts[:4]).take(np.arange(4), torch.device("cpu"))
        return network.eval()(batch).detach()

    assert not torch.allclose(said(Method.LORA), said(Method.RSLORA))


def test_only_what_moved_is_written(world: World, recipe: Recipe, tmp_path: Path) -> None:
    version = TransformerTrainer().train(world.examples, replace(recipe, method=Method.IA3, epochs=1), tmp_path)
    network, _ = load_network(version)
    small = (version.folder / "network.safetensors").stat().st_size
    assert small < 4 * sum(weight.numel() for weight in network.parameters()) / 20
