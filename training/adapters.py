"""Which weights move: each method of peft, put into the trained layers of a base, or refused in one sentence."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from peft import (
    AdaLoraConfig,
    IA3Config,
    LoraConfig,
    PeftConfig,
    PrefixTuningConfig,
    TaskType,
    inject_adapter_in_model,
)
from peft.tuners.adalora import RankAllocator
from peft.tuners.prefix_tuning import PrefixEncoder
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel

from training.errors import BadBase
from training.recipe import Method, Recipe

NAME = "default"  # of the one adapter that a network carries
FIRST_RANKS = 1.5  # AdaLoRA starts with this many times the ranks that it ends with
KEYS_AND_VALUES = ("key", "value", "k_proj", "v_proj", "k_lin", "v_lin", "Wqkv")
SECOND_OF_MLP = ("output.dense", "fc2", "lin2", "mlp.Wo", "down_proj")


def let_move(module: nn.Module, layers: Sequence[nn.Module], recipe: Recipe) -> None:
    """Freeze the module, then free what the recipe's method trains in these layers; raises BadBase.

    LoRA: Hu et al. 2021, arXiv:2106.09685. rsLoRA: Kalajdzievski 2023, arXiv:2312.03732. DoRA: Liu et al. 2024,
    arXiv:2402.09353. AdaLoRA: Zhang et al. 2023, arXiv:2303.10512. (IA)3: Liu et al. 2022, arXiv:2205.05638.
    """
    module.requires_grad_(False)
    if recipe.method is Method.PREFIX and "past_key_values" not in inspect.signature(module.forward).parameters:
        raise BadBase(f"prefix tuning needs a base that takes keys and values; {type(module).__name__} does not")
    if recipe.method is Method.FULL:
        for layer in layers:
            layer.requires_grad_(True)
    elif recipe.method not in (Method.HEAD, Method.PREFIX):
        inside = {part for layer in layers for part in layer.modules() if isinstance(part, nn.Linear)}
        names = [name for name, part in module.named_modules() if part in inside]
        inject_adapter_in_model(config_of(recipe, names), module)


def config_of(recipe: Recipe, names: list[str]) -> PeftConfig:
    """Return peft's configuration for linear layers of these names; raises BadBase where none of them fits."""
    if not names:
        raise BadBase(f"{recipe.method.value} has nothing to adapt: the trained layers hold no linear part")
    if recipe.method is Method.IA3:
        second = [name for name in names if name.endswith(SECOND_OF_MLP) and "attention" not in name]
        scaled = [name for name in names if name.rpartition(".")[2] in KEYS_AND_VALUES]
        if not second or not scaled:
            raise BadBase("ia3 does not know this base: it scales keys, values and the inner states of the MLP")
        return IA3Config(target_modules=scaled + second, feedforward_modules=second)
    if recipe.method is Method.ADALORA:
        first = max(recipe.rank + 1, round(recipe.rank * FIRST_RANKS))
        return AdaLoraConfig(
            init_r=first, target_r=recipe.rank, lora_alpha=recipe.alpha, target_modules=names, total_step=1
        )
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=names,
        use_rslora=recipe.method is Method.RSLORA,
        use_dora=recipe.method is Method.DORA,
    )


class Ranks:
    """AdaLoRA's budget: ranks are taken away where they matter least, between a tenth and two thirds of the steps.

    A resumed training starts its importances anew: they are means over a few steps.
    """

    def __init__(self, module: nn.Module, recipe: Recipe, steps: int) -> None:
        """Plan for this many steps; the paper's penalty is `orthogonality`."""
        config = AdaLoraConfig(
            init_r=max(recipe.rank + 1, round(recipe.rank * FIRST_RANKS)),
            target_r=recipe.rank,
            tinit=steps // 10,
            tfinal=steps // 3,
            total_step=steps + 1,
        )
        self.module, self.last = module, steps + 1 - steps // 3
        self.allocator: Any = RankAllocator(module, config, NAME)  # type: ignore[no-untyped-call]
        self.kept: dict[str, list[bool]] = {}

    def after(self, step: int) -> None:
        """Take ranks away after this optimiser step (from 0), while the gradients are still there."""
        if step < self.last:
            _, kept = self.allocator.update_and_allocate(self.module, step)
            self.kept = kept or self.kept
        elif self.kept:
            self.allocator.mask_using_rank_pattern(self.module, self.kept)


def orthogonality(module: nn.Module, weight: float = 0.5) -> Tensor:
    """Return AdaLoRA's penalty: how far the singular vectors of each update are from orthonormal."""
    parts = []
    for name, part in module.named_parameters():
        if "lora_A" in name or "lora_B" in name:
            product = part @ part.T if "lora_A" in name else part.T @ part
            parts.append(torch.linalg.norm(product - torch.eye(len(product), device=part.device)))
    return weight * torch.stack(parts).mean()


class Prefix(nn.Module):
    """Keys and values before those of the text, learned for each trained layer.

    Li and Liang 2021, DOI 10.18653/v1/2021.acl-long.353. Deviation: no reparametrisation by a second network.
    """

    def __init__(self, model: PreTrainedModel, recipe: Recipe, layers: int) -> None:
        """Make the prefix for a model of so many layers, which takes one."""
        super().__init__()
        heads, width = int(model.config.num_attention_heads), int(model.config.hidden_size)
        self.shape = (recipe.prefix_tokens, layers, 2, heads, width // heads)
        config = PrefixTuningConfig(
            task_type=TaskType.FEATURE_EXTRACTION,
            num_virtual_tokens=recipe.prefix_tokens,
            token_dim=width,
            num_layers=layers,
            num_attention_heads=heads,
            num_transformer_submodules=1,
        )
        self.encoder = PrefixEncoder(config)  # type: ignore[no-untyped-call]
        nn.init.normal_(self.encoder.embedding.weight, std=0.1)

    def forward(self, rows: int, mask: Tensor) -> tuple[DynamicCache, Tensor]:
        """Return (the keys and values for `rows` texts, their mask (rows, P + T))."""
        learned = self.encoder(torch.arange(self.shape[0], device=mask.device))
        layered = learned.view(self.shape).permute(1, 2, 3, 0, 4)  # (L, 2, heads, P, width of a head)
        pairs = [(of[0].expand(rows, -1, -1, -1), of[1].expand(rows, -1, -1, -1)) for of in layered]
        return DynamicCache(pairs), torch.cat([mask.new_ones(rows, self.shape[0]), mask], dim=1)
