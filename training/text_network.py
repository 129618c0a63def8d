"""Text: a Hugging Face encoder cut in two; the frozen lower half speaks once, the upper half learns."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.logging import disable_progress_bar

from training.adapters import Prefix, let_move
from training.errors import BadBase
from training.examples import both, by_parts
from training.heads import compared, head_for, mean_pool
from training.looking import looked
from training.network import Batch, Inputs, Network
from training.recipe import Aim, Method, Recipe
from training.text_inputs import PairInputs, StateInputs, TokenInputs

disable_progress_bar()  # type: ignore[no-untyped-call]  # loading takes a tenth of a second


class Passage(nn.Module):
    """Stands where the embeddings stood, and lets the states of the lower half pass."""

    def forward(self, input_ids: None = None, inputs_embeds: Tensor | None = None, *_: object, **__: object) -> Tensor:
        """Return the states unchanged; bases hand them over by name (BERT) or in the second place (DistilBERT)."""
        assert inputs_embeds is not None
        return inputs_embeds


def layer_list(model: PreTrainedModel) -> tuple[nn.Module, str] | None:
    """Return the module that holds the encoder's layers and the attribute's name, or None where unknown."""
    for path in ("encoder.layer", "transformer.layer", "layers"):
        parent, _, name = path.rpartition(".")
        holder = getattr(model, parent, None) if parent else model
        if isinstance(getattr(holder, name, None), nn.ModuleList) and hasattr(model, "embeddings"):
            assert holder is not None
            return holder, name
    return None


def cut(model: PreTrainedModel, trained: int) -> tuple[PreTrainedModel | None, PreTrainedModel]:
    """Cut an encoder into (lower, upper) with `trained` layers above; lower is None where nothing can be frozen."""
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
    for norm in ("final_norm", "layernorm"):  # belongs above the last layer only
        if hasattr(lower, norm):
            setattr(lower, norm, nn.Identity())
    setattr(*found, layers[below:])
    for part in model.modules():  # a layer finds its keys and values by its number
        if hasattr(part, "layer_idx"):
            part.layer_idx = int(part.layer_idx) - below  # type: ignore[arg-type, assignment]
    model.embeddings = Passage()
    return lower, model


class TextNetwork(Network):
    """Tokens -> frozen lower layers -> trained upper layers -> mean -> head; and a frozen twin of the upper layers."""

    def __init__(self, folder: Path, recipe: Recipe, labels: int) -> None:
        """Load the base from its folder; raises BadBase."""
        super().__init__()
        try:
            model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=torch.float32)
            self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, KeyError) as error:
            raise BadBase(f"the base in {folder} cannot be loaded: {str(error).splitlines()[0]}") from error
        if getattr(model, "pooler", None) is not None:
            model.pooler = None
        self.max_length = min(recipe.max_length, getattr(model.config, "max_position_embeddings", recipe.max_length))
        self.lower, self.upper = cut(model, recipe.trained_layers)
        self.twin = copy.deepcopy(self.upper).requires_grad_(False)
        found = layer_list(self.upper)
        let_move(self.upper, [getattr(*found)] if found else [self.upper], recipe)
        depth = len(getattr(*found)) if found else int(model.config.num_hidden_layers)
        self.prefix = Prefix(self.upper, recipe, depth) if recipe.method is Method.PREFIX else None
        if self.lower is not None:
            self.lower.requires_grad_(False)
        self.aim, self.pairs, self.exact = recipe.aim, recipe.pairs, recipe.exact
        self.head = head_for(recipe.aim, int(model.config.hidden_size) * (3 if self.pairs else 1), labels)

    def train(self, mode: bool = True) -> TextNetwork:
        """Switch dropout on in the trained half only: what is frozen always says the same."""
        super().train(mode)
        for part in (self.twin, self.lower, self.upper):
            if part is not None and not any(weight.requires_grad for weight in part.parameters()):
                part.train(False)
        return self

    def encode(self, contents: Sequence[str]) -> Inputs:
        """Tokenise; beyond the recipe's max_length a text is cut. Pairs are two texts apart, or, where the recipe knows
        of none, one with the base's own sign between, of which the longer text is cut."""
        return PairInputs(self.numbers(both(contents))) if self.pairs else self.numbers(contents)

    def numbers(self, contents: Sequence[str]) -> TokenInputs:
        """Return the tokens of contents that are read as one."""
        tokens: list[list[int]] = [[]] * len(contents)
        for rows, texts in by_parts(contents):
            found = self.tokenizer(
                *texts,
                truncation="longest_first",
                max_length=self.max_length,
                padding=False,
                return_attention_mask=False,
                return_token_type_ids=False,
            )["input_ids"]
            for row, one in zip(rows, found, strict=True):
                tokens[row] = one
        return TokenInputs(tokens, self.tokenizer.pad_token_id or 0)

    def settle(self, inputs: Inputs, batch_size: int) -> Inputs:
        """Run the frozen lower layers once over all texts; (tokens, D) float32 stay on the host."""
        if self.lower is None:
            return inputs
        if isinstance(inputs, PairInputs):
            return PairInputs(self.settle(inputs.inner, batch_size))
        lengths = inputs.lengths
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        states = torch.empty(int(starts[-1]), self.upper.config.hidden_size)
        for rows, said in looked(inputs, self.states, self.head_device, batch_size, 1 << 14, self.exact):
            for row, of_text in zip(rows, said.float().cpu(), strict=True):
                states[starts[row] : starts[row + 1]] = of_text[: lengths[row]]
        return StateInputs(states, starts)

    @property
    def head_device(self) -> torch.device:
        """Return the device on which the network lies."""
        return next(self.head.parameters()).device

    def states(self, batch: Batch) -> Tensor:
        """Return (B, T, D): what the frozen lower layers say; passes states that are already that."""
        if self.lower is None or batch.values.is_floating_point():
            return batch.values
        with torch.no_grad():
            said: Tensor = self.lower(input_ids=batch.values, attention_mask=batch.mask).last_hidden_state
        return said

    def entered(self, batch: Batch) -> Batch:
        """Return the states of the last frozen layer, or the word embeddings where nothing is frozen."""
        states = self.states(batch)
        if not states.is_floating_point():
            states = self.upper.get_input_embeddings()(states)
        return Batch(states, batch.mask)

    def above(self, half: PreTrainedModel, states: Tensor, mask: Tensor | None) -> Tensor:
        """Return (B, T, D) in float32: what the upper layers say of the states of the lower ones, or of tokens."""
        past, seen = None, mask
        if self.prefix is not None and half is self.upper and mask is not None:
            past, seen = self.prefix(len(states), mask)
        told = {"past_key_values": past} if past is not None else {}
        name = "inputs_embeds" if states.is_floating_point() else "input_ids"
        said: Tensor = half(**{name: states}, attention_mask=seen, **told).last_hidden_state
        return said.float()

    def pooled(self, half: PreTrainedModel, states: Tensor, mask: Tensor | None) -> Tensor:
        """Return (B, D) in float32: mean state after the upper layers; of 2 B texts in pairs (B, 3 D)."""
        mean = mean_pool(self.above(half, states, mask), mask)
        return compared(mean) if self.pairs else mean

    def told(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return ((B, K) logits, (B, D) states); (B, T, C) logits for spans, (B, 2) for B pairs whose 2 B contents lie
        side by side."""
        read = self.above if self.aim is Aim.SPANS else self.pooled
        states = read(self.upper, self.states(batch), batch.mask)
        logits: Tensor = self.head(states)
        return logits.view(-1, 2) if self.aim is Aim.PAIR else logits, states

    def features(self, batch: Batch) -> Tensor:
        """Return (B, D) mean-pooled embeddings of the untouched base, of length one; (B, 3 D) of pairs."""
        with torch.no_grad():
            pooled = self.pooled(self.twin, self.states(batch), batch.mask)
        return nn.functional.normalize(pooled, dim=-1)

    def look(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return (logits, features); the lower half runs once for both."""
        below = Batch(self.states(batch), batch.mask)
        return self(below), self.features(below)
