"""Which words a version went by: gradient x input of its odds for a label, summed over the tokens of each word.

Source: Shrikumar et al. 2016, arXiv:1605.01713 (gradient x input); Atanasova et al. 2020,
doi:10.18653/v1/2020.emnlp-main.263 (gradients are the most faithful of the common explanations of text classifiers).
It is a first-order answer to "what if this word were not there": where two words say the same, neither may tell much.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from training.errors import VersionRefused
from training.heads import mean_pool
from training.speaker import Speaker
from training.text_network import TextNetwork


@dataclass(frozen=True, slots=True)
class Telling:
    """A word and how much it speaks for the label, in nats; against it where negative."""

    word: str
    nats: float


def telling(speaker: Speaker, text: str, label: int, most: int = 6) -> list[Telling]:
    """Return the words that told most for or against a label, the weightiest first; `label` 0..K-1.

    Raises VersionRefused where the version's network takes no embeddings.
    """
    network = speaker.network
    if not isinstance(network, TextNetwork) or not network.tokenizer.is_fast or network.prefix is not None:
        raise VersionRefused(f"Version {speaker.version.hash[:12]} cannot say which words it went by.")
    [read] = speaker.read([text])
    told = network.tokenizer(read, truncation=True, max_length=network.max_length, return_offsets_mapping=True)
    ids = torch.tensor([told["input_ids"]], device=network.head_device)
    weights = gradient_times_input(speaker, network, ids, label)
    found: dict[tuple[int, int], float] = {}
    words = told.word_ids()
    for at, word in enumerate(words):
        if word is not None:
            span = told.word_to_chars(word)
            found[span.start, span.end] = found.get((span.start, span.end), 0.0) + weights[at]
    shown = [Telling(read[start:end], nats) for (start, end), nats in found.items() if _says(read[start:end])]
    return sorted(_together(shown), key=lambda one: -abs(one.nats))[:most]


def gradient_times_input(speaker: Speaker, network: TextNetwork, ids: Tensor, label: int) -> list[float]:
    """Return (T,) of one text's tokens (1, T): each embedding times the gradient of log p(label) - log p(rival)."""
    first = network.upper if network.lower is None else network.lower
    with torch.enable_grad():
        embedded = first.get_input_embeddings()(ids).detach().requires_grad_(True)
        mask = torch.ones_like(ids)
        states = embedded
        if network.lower is not None:
            states = network.lower(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        odds = log_odds(speaker, network, states, mask, label)
        (slope,) = torch.autograd.grad(odds, embedded)
    weights: list[float] = (slope * embedded).sum(dim=-1)[0].tolist()
    return weights


def log_odds(speaker: Speaker, network: TextNetwork, states: Tensor, mask: Tensor, label: int) -> Tensor:
    """Return () the odds of a label against the likeliest other one, by both voices as they are blended."""
    blend, parts = speaker.version.card.blend, []
    if blend.probe_share < 1:
        logits = network.head(mean_pool(network.above(network.upper, states, mask), mask))
        parts.append((1 - blend.probe_share) * torch.softmax(logits / blend.network_temperature, -1))
    if blend.probe_share > 0:
        features = mean_pool(network.above(network.twin, states, mask), mask)
        logits = speaker.probe.logits(torch.nn.functional.normalize(features, dim=-1).cpu())
        parts.append(blend.probe_share * torch.softmax(logits / blend.probe_temperature, -1).to(states.device))
    said = torch.log(torch.stack(parts).sum(0)[0] + 1e-12) / blend.temperature
    others = torch.cat([said[:label], said[label + 1 :]])
    return said[label] - others.max()


def _together(shown: list[Telling]) -> list[Telling]:
    """A word that is there several times, once, with all that it says."""
    found: dict[str, float] = {}
    names: dict[str, str] = {}
    for one in shown:
        key = one.word.casefold()
        names.setdefault(key, one.word)
        found[key] = math.fsum((found.get(key, 0.0), one.nats))
    return [Telling(names[key], nats) for key, nats in found.items()]


def _says(word: str) -> bool:
    return any(letter.isalnum() for letter in word)
