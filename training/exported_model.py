"""A Crowdloop version as a Hugging Face model. This file travels with it and needs nothing but torch and transformers.

A version has two voices: a fine-tuned network with a head, and a linear probe on the untouched base. Both were
calibrated on held-out items and mixed. The logits here are the logarithm of that mixture, so that their softmax is
exactly the probability that the campaign saw; where several labels may hold, the sigmoid of each logit is that label's.
Where one voice had no share, only the other one is here. A version that marks words has the network alone, with a head
on every token; what it says of a word stands on the word's first token.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput, TokenClassifierOutput

NORMS = ("final_norm", "layernorm")  # that belong above the last layer only


class CrowdloopConfig(PretrainedConfig):  # type: ignore[no-untyped-call]
    """The base's configuration, how it is cut, and how its voices are mixed."""

    model_type = "crowdloop"

    def __init__(
        self,
        base: dict[str, Any] | None = None,
        trained_layers: int = 0,
        network_temperature: float = 1.0,
        probe_temperature: float = 1.0,
        probe_share: float = 0.0,
        final_temperature: float = 1.0,
        graded: bool = False,
        pairs: bool = False,
        several: bool = False,
        **others: Any,
    ) -> None:
        self.base, self.trained_layers = base or {}, trained_layers
        self.network_temperature, self.probe_temperature = network_temperature, probe_temperature
        self.probe_share, self.final_temperature = probe_share, final_temperature
        self.graded, self.pairs, self.several = graded, pairs, several
        super().__init__(**others)


class Passage(nn.Module):
    """Stands where the embeddings stood, and lets the states of the lower half pass."""

    def forward(self, *_: object, inputs_embeds: Tensor, **__: object) -> Tensor:
        return inputs_embeds


def layer_list(model: nn.Module) -> tuple[nn.Module, str] | None:
    """The module that holds the encoder's layers and the attribute's name, or None where unknown."""
    for path in ("encoder.layer", "transformer.layer", "layers"):
        parent, _, name = path.rpartition(".")
        holder = getattr(model, parent, None) if parent else model
        if isinstance(getattr(holder, name, None), nn.ModuleList) and hasattr(model, "embeddings"):
            assert holder is not None
            return holder, name
    return None


def cut(model: Any, trained: int) -> tuple[Any, Any]:
    """(lower, upper) with `trained` layers above, as in training; lower is None where nothing lies below."""
    found = layer_list(model)
    if found is None:
        return None, model
    layers: nn.ModuleList = getattr(*found)
    below = len(layers) - trained
    if below <= 0:
        return None, model
    lower = copy.deepcopy(model)
    holder, name = layer_list(lower) or found
    setattr(holder, name, getattr(holder, name)[:below])
    for norm in NORMS:
        if hasattr(lower, norm):
            setattr(lower, norm, nn.Identity())
    setattr(*found, layers[below:])
    model.embeddings = Passage()
    return lower, model


def halves_of(config: CrowdloopConfig) -> tuple[Any, Any]:
    """(lower, upper) halves of the base, untaught."""
    wanted = dict(config.base)
    base = AutoModel.from_config(  # type: ignore[no-untyped-call]
        AutoConfig.for_model(wanted.pop("model_type"), **wanted), attn_implementation=config._attn_implementation
    )
    if getattr(base, "pooler", None) is not None:
        base.pooler = None
    return cut(base, config.trained_layers)


def entered(lower: Any, input_ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """What the upper half is given: the lower one's states, or tokens where nothing lies below."""
    if lower is None:
        return {"input_ids": input_ids}
    return {"inputs_embeds": lower(input_ids=input_ids, attention_mask=mask).last_hidden_state}


class CrowdloopForSequenceClassification(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Tokens -> lower layers -> tuned and untouched upper layers -> means -> two linear voices -> one mixture."""

    config_class = CrowdloopConfig
    config: CrowdloopConfig
    _supports_sdpa = True

    def __init__(self, config: CrowdloopConfig) -> None:
        super().__init__(config)
        self.lower, upper = halves_of(config)
        width = upper.config.hidden_size * (3 if config.pairs else 1)
        labels = len(config.id2label or {}) * (2 if config.several else 1)
        tuned, probed = config.probe_share < 1, config.probe_share > 0
        self.twin = copy.deepcopy(upper) if probed else None
        self.upper = upper if tuned else None
        head = Grades if config.graded else nn.Linear
        self.head = head(width, labels) if tuned else None
        self.probe = nn.Linear(width, labels) if probed else None
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **_: Any,
    ) -> SequenceClassifierOutput:
        """Logits whose softmax is what the version says, or, of several labels, their sigmoid; token types are ignored,
        as in training.

        Where the version compares pairs, rows are texts: the first and the second of each pair, side by side.
        """
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        logits = torch.log(self.mixed(input_ids, mask) + 1e-12) / self.config.final_temperature
        if self.config.several:  # that each label holds, against that it does not
            holds, lacks = logits.chunk(2, dim=-1)
            logits = holds - lacks
        of = nn.functional.binary_cross_entropy_with_logits if self.config.several else nn.functional.cross_entropy
        loss = None if labels is None else of(logits, labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)

    def mixed(self, input_ids: Tensor, mask: Tensor) -> Tensor:
        """(B, K) the voices' probabilities, each at its own temperature, in their shares."""
        config, known, parts = self.config, entered(self.lower, input_ids, mask), []
        if self.upper is not None and self.head is not None:
            logits = self.head(self.pooled(self.upper(**known, attention_mask=mask).last_hidden_state, mask))
            parts.append((1 - config.probe_share) * torch.softmax(logits / config.network_temperature, -1))
        if self.twin is not None and self.probe is not None:
            features = self.pooled(self.twin(**known, attention_mask=mask).last_hidden_state, mask)
            logits = self.probe(nn.functional.normalize(features, dim=-1))
            parts.append(config.probe_share * torch.softmax(logits / config.probe_temperature, -1))
        return torch.stack(parts).sum(0)

    def pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        """(B, D) means over tokens; of 2 B texts in pairs (B, 3 D), as in training."""
        means = mean(states, mask)
        if not self.config.pairs:
            return means
        u, v = nn.functional.normalize(means, dim=-1).view(-1, 2, means.shape[-1]).unbind(1)
        return torch.cat([u - v, (u - v).abs(), u * v * means.shape[-1] ** 0.5], dim=-1)


class CrowdloopForTokenClassification(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Tokens -> lower layers -> tuned upper layers -> a linear head on each token."""

    config_class = CrowdloopConfig
    config: CrowdloopConfig
    _supports_sdpa = True

    def __init__(self, config: CrowdloopConfig) -> None:
        super().__init__(config)
        self.lower, self.upper = halves_of(config)
        self.head = nn.Linear(self.upper.config.hidden_size, len(config.id2label or {}))
        self.post_init()  # type: ignore[no-untyped-call]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        **_: Any,
    ) -> TokenClassifierOutput:
        """(B, T, C) logits whose softmax is what the version says; labels of -100 are not asked."""
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        states = self.upper(**entered(self.lower, input_ids, mask), attention_mask=mask).last_hidden_state
        logits = self.head(states) / self.config.network_temperature
        loss = None if labels is None else nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
        return TokenClassifierOutput(loss=loss, logits=logits)


class Grades(nn.Module):
    """Log chances of grades in their order: one value between rising bounds, as in training."""

    def __init__(self, width: int, grades: int) -> None:
        super().__init__()
        self.value = nn.Linear(width, 1, bias=False)
        self.first, self.gaps = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(grades - 2))

    def forward(self, pooled: Tensor) -> Tensor:
        rises = nn.functional.softplus(self.gaps).cumsum(0)
        logits = self.value(pooled) - torch.cat([self.first, self.first + rises])
        below, beyond = nn.functional.logsigmoid(-logits), nn.functional.logsigmoid(logits)
        gap = (logits[:, :-1] - logits[:, 1:]).clamp(min=1e-6)
        between = beyond[:, :-1] + below[:, 1:] + torch.log(-torch.expm1(-gap))
        return torch.cat([below[:, :1], between, beyond[:, -1:]], dim=1)


def mean(states: Tensor, mask: Tensor) -> Tensor:
    """(B, D) the mean of the states (B, T, D) of the tokens that the mask (B, T) shows."""
    shown = mask.unsqueeze(-1).to(states.dtype)
    return (states * shown).sum(dim=1) / shown.sum(dim=1).clamp(min=1.0)


CrowdloopConfig.register_for_auto_class()  # type: ignore[no-untyped-call]
CrowdloopForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")  # type: ignore[no-untyped-call]
CrowdloopForTokenClassification.register_for_auto_class("AutoModelForTokenClassification")  # type: ignore[no-untyped-call]
