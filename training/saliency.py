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

from core.item import BETWEEN
from training.errors import VersionRefused
from training.examples import both
from training.speaker import Speaker
from training.text_network import TextNetwork


@dataclass(frozen=True, slots=True)
class Telling:
    """A word and how much it speaks for the label, in nats; against it where negative."""

    word: str
    nats: float


def telling(speaker: Speaker, text: str, label: int, most: int = 6) -> list[Telling]:
    """Return the words that told most for or against a label, the weightiest first; `label` 0..K-1. Of a pair, the
    words of both texts.

    Raises VersionRefused where the version's network takes no embeddings.
    """
    network = speaker.network
    if not isinstance(network, TextNetwork) or not network.tokenizer.is_fast or network.prefix is not None:
        raise VersionRefused(f"Version {speaker.version.hash[:12]} cannot say which words it went by.")
    [read] = speaker.read([text])
    texts = both([read]) if network.pairs else [read.replace(BETWEEN, " ")]
    told = network.tokenizer(texts, padding=True, truncation=True, max_length=network.max_length, return_tensors="pt")
    ids, mask = (told[name].to(network.head_device) for name in ("input_ids", "attention_mask"))
    weights = gradient_times_input(speaker, network, ids, mask, label)
    found: dict[tuple[int, int, int], float] = {}
    for row in range(len(texts)):
        for at, word in enumerate(told.word_ids(row)):
            if word is not None:
                span = told.word_to_chars(row, word)
                place = row, span.start, span.end
                found[place] = found.get(place, 0.0) + weights[row][at]
    words = [(texts[row][start:end], nats) for (row, start, end), nats in found.items()]
    shown = [Telling(word, nats) for word, nats in words if _says(word)]
    return sorted(_together(shown), key=lambda one: -abs(one.nats))[:most]


def gradient_times_input(
    speaker: Speaker, network: TextNetwork, ids: Tensor, mask: Tensor, label: int
) -> list[list[float]]:
    """Return each token's embedding times the gradient of log p(label) - log p(rival): (1, T) of a text's tokens
    (1, T), (2, T) of a pair's (2, T)."""
    first = network.upper if network.lower is None else network.lower
    with torch.enable_grad():
        embedded = first.get_input_embeddings()(ids).detach().requires_grad_(True)
        states = embedded
        if network.lower is not None:
            states = network.lower(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        odds = log_odds(speaker, network, states, mask, label)
        (slope,) = torch.autograd.grad(odds, embedded)
    weights: list[list[float]] = (slope * embedded).sum(dim=-1).tolist()
    return weights


def log_odds(speaker: Speaker, network: TextNetwork, states: Tensor, mask: Tensor, label: int) -> Tensor:
    """Return () the odds of a label against the likeliest other one, by both voices as they are blended."""
    blend, parts = speaker.version.card.blend, []
    if blend.probe_share < 1:
        logits = network.head(network.pooled(network.upper, states, mask))
        parts.append((1 - blend.probe_share) * torch.softmax(logits / blend.network_temperature, -1))
    if blend.probe_share > 0:
        features = network.pooled(network.twin, states, mask)
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
