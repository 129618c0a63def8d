"""Options: each does what its paper says, none does anything while it is off, and a version of each can be trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.conftest import World
from training.contrast import TEMPERATURE, contrasts, in_groups
from training.ensemble import Ensemble, chances_of, drawn
from training.network import Batch, Network
from training.options import batch_loss, cut_off, disagreement, mixed, perturbed, undoubted
from training.recipe import Aim, Kind, Recipe
from training.trainer import TransformerTrainer, build_network, load_network

CPU = torch.device("cpu")


def a_batch(world: World, recipe: Recipe) -> tuple[Network, Batch, torch.Tensor, torch.Tensor]:
    """A network with a head that says something, and 8 examples of the world."""
    network = build_network(Kind.TEXT, recipe, 3)
    with torch.no_grad():
        network.head.linear.weight.normal_(0, 0.5)  # type: ignore[union-attr, operator]
    batch = network.entered(network.encode(world.examples.contents).take(np.arange(8), CPU))
    soft = torch.from_numpy(world.examples.soft_labels[:8]).float()
    return network, batch, soft, torch.full((8,), 1 / 8)


@pytest.mark.parametrize("kind", ["fgm", "pgd"])
def test_a_perturbation_stays_in_its_ball_and_raises_the_loss_more_than_chance(
    world: World, recipe: Recipe, kind: str
) -> None:
    """Seen to fail with a step down the slope, and without the cut back to the ball (pgd)."""
    recipe = replace(recipe, adversarial=kind, adversarial_radius=0.1)
    network, batch, soft, weights = a_batch(world, recipe)
    calm = replace(recipe, adversarial="")

    def cost(seen: Batch) -> torch.Tensor:
        return batch_loss(network, seen, soft, weights, calm)

    moved = perturbed(batch, cost, recipe)
    far = torch.linalg.vector_norm(moved.values - batch.values, dim=(1, 2))
    allowed = 0.1 * torch.linalg.vector_norm(batch.values, dim=(1, 2))
    assert (far <= allowed * 1.001).all() and (far > 0.5 * allowed).all()
    anywhere = torch.randn_like(batch.values)
    anywhere *= (allowed / torch.linalg.vector_norm(anywhere, dim=(1, 2)))[:, None, None]
    by_chance = cost(replace(batch, values=batch.values + anywhere)) - cost(batch)
    assert float((cost(moved) - cost(batch)).detach()) > 3 * abs(float(by_chance.detach())) > 0


def test_an_option_that_is_off_changes_nothing(world: World, recipe: Recipe) -> None:
    network, batch, soft, weights = a_batch(world, recipe)
    plain = batch_loss(network, batch, soft, weights, recipe)
    for change in ({"adversarial": "fgm"}, {"r_drop": 1.0}, {"mixup": 0.5}, {"token_cutoff": 0.5}):
        torch.manual_seed(0)
        network.train()
        other = batch_loss(network, batch, soft, weights, replace(recipe, **change))  # type: ignore[arg-type]
        network.eval()
        assert abs(float((other - plain).detach())) > 1e-4, change
    assert float(batch_loss(network, batch, soft, weights, recipe).detach()) == pytest.approx(float(plain.detach()))


def test_two_equal_passes_do_not_differ(world: World, recipe: Recipe) -> None:
    """Seen to fail with the two losses added instead of halved."""
    network, batch, soft, weights = a_batch(world, recipe)
    plain, twice = (batch_loss(network, batch, soft, weights, replace(recipe, r_drop=r)) for r in (0.0, 5.0))
    assert float(twice.detach()) == pytest.approx(float(plain.detach()), rel=1e-5), "no dropout in eval"
    network.train()
    apart = batch_loss(network, batch, soft, weights, replace(recipe, r_drop=1e-9))
    network.train()
    assert float(apart.detach()) > 0


def test_cutoff_hides_its_share_and_never_everything() -> None:
    """Seen to fail with the first token hidden too."""
    torch.manual_seed(0)
    batch = Batch(torch.zeros(200, 30, 4), torch.ones(200, 30, dtype=torch.long))
    seen = cut_off(batch, 0.3).mask
    assert seen is not None and 0.28 < 1 - seen[:, 1:].float().mean() < 0.32 and (seen.sum(dim=1) > 0).all()
    short = cut_off(Batch(torch.zeros(200, 2, 4), torch.ones(200, 2, dtype=torch.long)), 0.9).mask
    assert short is not None and (short.sum(dim=1) > 0).all()
    assert cut_off(Batch(torch.zeros(2, 3), None), 0.3).mask is None


@given(st.integers(0, 10_000))
def test_mixing_keeps_all_that_counts(seed: int) -> None:
    """Seen to fail with the other example's target left out."""
    torch.manual_seed(seed)
    soft, weights = torch.rand(6, 3).softmax(-1), torch.rand(6) + 0.1
    batch = Batch(torch.randn(6, 5, 2), torch.ones(6, 5, dtype=torch.long))
    made, targets, total = mixed(batch, soft, weights, 0.3)
    assert torch.allclose(targets.sum(1), torch.ones(6), atol=1e-5)
    assert float(total.sum()) == pytest.approx(float(weights.sum()), rel=1e-5)
    assert torch.allclose((targets * total[:, None]).sum(0), (soft * weights[:, None]).sum(0), atol=1e-5)
    assert torch.allclose(made.values.mean(0), batch.values.mean(0), atol=1e-5)


def test_labels_that_contradict_all_others_are_left_out() -> None:
    """Seen to fail with the bar at the greatest chance in place of the mean."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    said = 0.7 * np.eye(3)[truth] + 0.3 * rng.dirichlet(np.ones(3), 300)
    given_ = truth.copy()
    wrong = rng.choice(300, 30, replace=False)
    given_[wrong] = (truth[wrong] + 1) % 3
    kept = undoubted(said, np.eye(3)[given_], np.ones(300))
    assert (kept[wrong] == 0).mean() > 0.6 and (np.delete(kept, wrong) == 1).mean() > 0.97


def test_the_last_examples_of_a_label_stay() -> None:
    said = np.tile([0.9, 0.1], (6, 1))
    kept = undoubted(said, np.eye(2)[[0, 0, 0, 0, 1, 1]], np.ones(6))
    assert kept.tolist() == [1] * 6


def test_members_learn_other_draws_and_a_lone_one_learns_all() -> None:
    rows = np.arange(50, dtype=np.int64)
    assert (drawn(rows, 0, 1, 3) == rows).all()
    first, second = drawn(rows, 0, 3, 3), drawn(rows, 1, 3, 3)
    assert len(first) == 50 and (first != second).any() and 20 < len(set(first)) < 45


def test_members_that_agree_leave_no_disagreement() -> None:
    """Seen to fail with the members' mean doubt taken for the doubt of their mean."""
    agreed = np.tile([[0.5, 0.5], [0.9, 0.1]], (3, 1, 1))
    np.testing.assert_allclose(disagreement(agreed), 0.0, atol=1e-9)
    apart = np.array([[[1.0, 0.0]], [[0.0, 1.0]]])
    np.testing.assert_allclose(disagreement(apart), np.log(2), atol=1e-9)


def test_an_ensemble_shares_what_is_frozen_and_says_its_mean(world: World, recipe: Recipe, tmp_path: Path) -> None:
    """Meant to fail with all members on one draw and one seed; one seed alone is not seen: draws still differ."""
    recipe = replace(recipe, ensemble=3, epochs=3)
    network = build_network(Kind.TEXT, recipe, 3)
    assert isinstance(network, Ensemble)
    alone = build_network(Kind.TEXT, replace(recipe, ensemble=1), 3)
    frozen = [sum(w.numel() for w in n.lower.parameters()) for n in (alone, network.members()[2])]  # type: ignore[union-attr]
    assert frozen[0] == frozen[1] and network.members()[0].lower is network.members()[2].lower
    version = TransformerTrainer().train(world.examples, recipe, tmp_path)
    said = np.concatenate([part for part, _ in TransformerTrainer().score(version.folder, world.texts)])
    assert (said.argmax(axis=1) == world.truth).mean() > 0.7
    trained, _ = load_network(version)
    batch = trained.encode(world.texts[:8]).take(np.arange(8), CPU)
    chances = chances_of(trained, batch)
    np.testing.assert_allclose(chances.mean(axis=0), trained(batch).exp().detach().numpy(), atol=1e-5)
    assert (disagreement(chances) > 1e-5).all()


@pytest.mark.parametrize(
    "change",
    [
        *({"adversarial": "fgm"}, {"adversarial": "pgd"}, {"r_drop": 1.0}, {"token_cutoff": 0.1}),
        *({"mixup": 0.2}, {"noise_filter": True}, {"adversarial": "fgm", "trained_layers": 2}),
    ],
)
def test_a_version_of_each_option_learns(
    world: World, recipe: Recipe, tmp_path: Path, change: dict[str, object]
) -> None:
    changed = replace(recipe, held_out=0.0, **change)  # type: ignore[arg-type]
    version = TransformerTrainer().train(world.examples, changed, tmp_path)
    said = np.concatenate([part for part, _ in TransformerTrainer().score(version.folder, world.texts)])
    assert (said.argmax(axis=1) == world.truth).mean() > 0.75


@pytest.mark.parametrize(
    "change",
    [
        *({"adversarial": "tgm"}, {"adversarial_radius": 0.0}, {"token_cutoff": 1.0}, {"mixup": -0.1}, {"ensemble": 0}),
        {"aim": Aim.PAIR, "r_drop": 1.0},
    ],
)
def test_an_option_that_can_never_be_right_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="recipe: "):
        Recipe(**change)  # type: ignore[arg-type]


def test_a_contrast_by_hand() -> None:
    """Planted and caught: an example taken for its own neighbour; the temperature left out."""
    states = torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    soft = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    expected = float(np.log(1 + np.exp(-1 / TEMPERATURE)))  # its like is at 1, the other at 0
    assert contrasts(states, soft, torch.ones(3)).tolist() == pytest.approx([expected, expected, 0.0], abs=1e-6)


def test_a_contrast_counts_texts_by_their_weights() -> None:
    """Nothing is drawn to a text that weighs nothing, or pushed away from it; one of weight two stands for two.

    Planted and caught: weights left out of whom a text is drawn to; left out of whom it is pushed from.
    """
    torch.manual_seed(2)
    states, soft = torch.randn(9, 4), torch.eye(2)[torch.arange(9) % 2]
    weights = torch.tensor([1.0] * 6 + [0.0] * 3)
    bare = contrasts(states[:6], soft[:6], torch.ones(6))
    assert contrasts(states, soft, weights)[:6].tolist() == pytest.approx(bare.tolist(), abs=1e-6)
    doubled = [*range(9), 8]
    twice = contrasts(states[doubled], soft[doubled], torch.ones(10))
    once = contrasts(states, soft, torch.tensor([1.0] * 8 + [2.0]))
    apart = (once - twice[:9])[:8]  # weights have no unit: a constant may lie between the two
    assert float(apart.max() - apart.min()) < 1e-5
    assert contrasts(states, soft, torch.zeros(9)).tolist() == [0.0] * 9
    assert len(contrasts(states[:0], soft[:0], weights[:0])) == 0


def test_a_batch_cut_in_two_contrasts_the_same_examples() -> None:
    """Planted and caught: groups of neighbours instead of every second example."""
    torch.manual_seed(1)
    states, soft = torch.randn(10, 4), torch.eye(3)[torch.arange(10) % 3]
    weights = torch.rand(10) + 0.5
    whole = in_groups(states, soft, weights, 2)
    for half in (0, 1):
        assert torch.allclose(whole[half::2], in_groups(states[half::2], soft[half::2], weights[half::2], 1))


def test_a_contrast_draws_what_is_alike_together(world: World, recipe: Recipe) -> None:
    """Planted and caught: the sign turned."""
    gaps = []
    for weight in (0.0, 1.0):
        network, batch, soft, weights = a_batch(world, recipe)
        steps = torch.optim.SGD(network.trained().values(), lr=0.5)
        for _ in range(20):
            steps.zero_grad()
            batch_loss(network, batch, soft, weights, replace(recipe, contrast=weight)).backward()  # type: ignore[no-untyped-call]
            steps.step()
        gaps.append(float(contrasts(network.told(batch)[1].detach(), soft, weights).mean()))
    assert gaps[1] < gaps[0]
