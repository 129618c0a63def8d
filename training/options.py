"""Options of a training, off by default but for the contrast: perturbed inputs, two passes, mixtures, doubted labels.

Where the recipe keeps lower layers frozen their states are computed once, so every perturbation acts on the states that
enter the first trained layer, not on word embeddings; the papers perturb the latter. On pictures it acts on pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from training.contrast import in_groups
from training.examples import Floats
from training.network import Batch, Network
from training.objectives import OBJECTIVES
from training.recipe import Aim, Recipe

PGD_STEPS = 3

Cost = Callable[[Batch], Tensor]


def batch_loss(
    network: Network, batch: Batch, soft: Tensor, weights: Tensor, recipe: Recipe, groups: int = 1
) -> Tensor:
    """Return the weighted loss of a batch (targets (B, K), weights (B,)) with the recipe's options.

    Examples are contrasted within `groups` of the batch.
    """
    if recipe.options:
        batch = network.entered(batch)
        if recipe.token_cutoff:
            batch = cut_off(batch, recipe.token_cutoff)
        if recipe.mixup:
            batch, soft, weights = mixed(batch, soft, weights, recipe.mixup)
    objective = OBJECTIVES[recipe.aim]

    def cost(seen: Batch) -> Tensor:
        logits, states = network.told(seen)
        target = soft[:, : logits.shape[1]] if soft.ndim == 3 else soft
        losses = objective.losses(logits, target) + contrasted(states, soft, weights, recipe, groups)
        return (losses * weights).sum()

    if recipe.r_drop:
        return two_passes(network, batch, soft, weights, recipe, groups)
    loss = cost(batch)
    if recipe.adversarial:
        loss = loss + cost(perturbed(batch, cost, recipe))
    return loss


def perturbed(batch: Batch, cost: Cost, recipe: Recipe) -> Batch:
    """Return the batch moved to where its loss is higher, at most `adversarial_radius` of each example's norm.

    One step (FGM: Miyato, Dai and Goodfellow 2017, arXiv:1605.07725) or several, each cut back to the ball (PGD:
    Madry et al. 2018, arXiv:1706.06083).
    """
    values = batch.values.detach()
    axes = tuple(range(1, values.ndim))
    radius = recipe.adversarial_radius * torch.linalg.vector_norm(values, dim=axes, keepdim=True)
    steps = PGD_STEPS if recipe.adversarial == "pgd" else 1
    move = torch.zeros_like(values)
    for _ in range(steps):
        at = (values + move).requires_grad_(True)
        (slope,) = torch.autograd.grad(cost(replace(batch, values=at)), at)
        slope = slope / torch.linalg.vector_norm(slope, dim=axes, keepdim=True).clamp(min=1e-12)
        move = move + (radius if steps == 1 else radius / 2) * slope
        length = torch.linalg.vector_norm(move, dim=axes, keepdim=True)
        move = move * (radius / length.clamp(min=1e-12)).clamp(max=1.0)
    return replace(batch, values=values + move)


def contrasted(states: Tensor, soft: Tensor, weights: Tensor, recipe: Recipe, groups: int) -> Tensor | float:
    """Return (B,) what the recipe adds for the contrast of states (B, D)."""
    if not recipe.contrast or recipe.aim is not Aim.LABEL:
        return 0.0
    return recipe.contrast * in_groups(states, soft, weights, groups)


def two_passes(
    network: Network, batch: Batch, soft: Tensor, weights: Tensor, recipe: Recipe, groups: int = 1
) -> Tensor:
    """R-Drop: two passes with their own dropout, and `r_drop` times how far they differ (symmetric KL, halved).

    Liang et al. 2021, arXiv:2106.14448.
    """
    objective = OBJECTIVES[recipe.aim]
    (first, states), (second, _) = network.told(batch), network.told(batch)
    fit = (objective.losses(first, soft) + objective.losses(second, soft)) / 2
    fit = fit + contrasted(states, soft, weights, recipe, groups)
    p, q = objective.log_probabilities(first), objective.log_probabilities(second)
    apart = ((p.exp() - q.exp()) * (p - q)).sum(dim=-1) / 2
    return ((fit + recipe.r_drop * apart) * weights).sum()


def cut_off(batch: Batch, share: float) -> Batch:
    """Hide each token with this chance, never all of a text. Shen et al. 2020, arXiv:2009.13818 (token cutoff)."""
    if batch.mask is None:
        return batch
    stays = torch.rand(batch.mask.shape, device=batch.mask.device) >= share
    stays[:, 0] = True  # the first token is always one of the text, and begins it
    return replace(batch, mask=batch.mask * stays)


def mixed(batch: Batch, soft: Tensor, weights: Tensor, alpha: float) -> tuple[Batch, Tensor, Tensor]:
    """Mix each example with another, states and targets alike. Zhang et al. 2018, arXiv:1710.09412."""
    share = float(torch.distributions.Beta(alpha, alpha).sample())
    share = max(share, 1 - share)
    other = torch.randperm(len(soft), device=batch.values.device)
    values = share * batch.values + (1 - share) * batch.values[other]
    mask = None if batch.mask is None else torch.maximum(batch.mask, batch.mask[other])
    first, second = share * weights, (1 - share) * weights[other]
    total = first + second
    targets = (first[:, None] * soft + second[:, None] * soft[other]) / total.clamp(min=1e-12)[:, None]
    return Batch(values, mask), targets, total


def undoubted(said: Floats, soft_labels: Floats, weights: Floats) -> Floats:
    """Return (N,) weights, 0 where others' lessons contradict the label (confident learning).

    `said` (N, K) is what is learnt without each example. A label is doubted where another one's chance reaches the mean
    chance of that label among its own examples; the last examples of a label are never taken away.
    Northcutt, Jiang and Chuang 2021, DOI 10.1613/jair.1.12125 (prune by class, without their ranking).
    """
    given = soft_labels.argmax(axis=1)
    k = soft_labels.shape[1]
    there = np.bincount(given, minlength=k)
    own = said[np.arange(len(said)), given]
    bar = np.where(there > 0, np.bincount(given, own, minlength=k) / np.maximum(there, 1), np.inf)
    sure = np.where(said >= bar, said, 0.0)
    guess = sure.argmax(axis=1)
    doubted = (sure.max(axis=1) > 0) & (guess != given)
    for label in np.flatnonzero(there):
        if doubted[given == label].all():
            doubted[given == label] = False
    return np.where(doubted, 0.0, weights)


def disagreement(chances: Floats) -> Floats:
    """Return (N,) nats of BALD for members' chances (M, N, K): doubt of the mean less the members' mean doubt.

    Houlsby et al. 2011, arXiv:1112.5745.
    """

    def doubt(p: Floats) -> Floats:
        return np.asarray(-(p * np.log(np.clip(p, 1e-12, 1.0))).sum(axis=-1))

    return np.asarray(doubt(chances.mean(axis=0)) - doubt(chances).mean(axis=0))
