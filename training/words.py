"""Marked words: what a network says of each word of a text, taught by the crowd's beliefs about it.

A word's belief stands on its first token, as tags do in Devlin et al. 2019, doi:10.18653/v1/N19-1423; its other tokens
are neither taught nor asked. A word of which the crowd is in doubt weighs less within its text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.marks.worth import own, stacked
from core.stretches import bare, words_of
from training.calibrate import fit_temperature, softmax
from training.examples import Floats, Rows
from training.looking import looked
from training.network import Inputs, device_for
from training.recipe import Recipe
from training.spans import Offsets
from training.text_network import TextNetwork

LEAST_WEIGHT = 0.05  # of a word that is all doubt
COLUMNS = 2  # not marked, marked


def places_of(text: str, offsets: Offsets) -> Rows:
    """Return (words,) the token on which each word of a text begins, -1 where the network does not read so far."""
    starts = [bare(text, *word)[0] for word in words_of(text)]
    found = np.full(len(starts), -1)
    for at, (start, end) in enumerate(offsets):
        for word in [word for word, first in enumerate(starts) if start <= first < end]:
            found[word] = at
    return found


def weights_of(chances: Floats) -> Floats:
    """Return one minus the doubt about each word, as a share of the greatest; never quite nothing."""
    p = np.clip(chances, 1e-12, 1 - 1e-12)
    doubt = -(p * np.log(p) + (1 - p) * np.log1p(-p)) / np.log(2)
    return np.asarray(np.clip(1 - doubt, LEAST_WEIGHT, 1.0), dtype=np.float64)


def token_targets(beliefs: Floats, places: Sequence[Rows], tokens: int) -> Floats:
    """Return (N, T, 2) of beliefs (N, W), nan behind the last word: rows of first tokens, as heavy as they are sure;
    the others empty."""
    found = np.zeros((len(beliefs), tokens, COLUMNS))
    for row, (belief, place) in enumerate(zip(beliefs, places, strict=True)):
        p, read = own(belief), place >= 0
        heavy = weights_of(p)
        found[row, place[read]] = (heavy[:, None] * np.stack([1 - p, p], axis=1))[read]
    return found


def said_of(
    network: TextNetwork, inputs: Inputs, places: Sequence[Rows], recipe: Recipe
) -> tuple[list[Floats], Floats]:
    """Return (logits (words, 2) of each text, embeddings (N, D)); a word that is not read has the mean of those that
    are."""
    logits: list[Floats] = [np.zeros((0, COLUMNS))] * len(places)
    features: list[Floats] = [np.zeros(0)] * len(places)
    looks = looked(
        inputs, network.look, device_for(recipe.device), recipe.batch_size, recipe.batch_tokens, recipe.exact
    )
    for rows, (said, seen) in looks:
        told, base = said.float().cpu().double().numpy(), seen.float().cpu().double().numpy()
        for at, row in enumerate(rows.tolist()):
            read = places[row] >= 0
            mean = told[at][places[row][read]].mean(axis=0) if read.any() else np.zeros(COLUMNS)
            logits[row] = np.tile(mean, (len(read), 1))
            logits[row][read] = told[at][places[row][read]]
            features[row] = base[at]
    return logits, np.stack(features)


def chances_of(logits: Sequence[Floats], temperature: float) -> Floats:
    """Return (N, W) the chance of each word to be marked, nan behind the last of a text."""
    return stacked([softmax(one / temperature)[:, 1] for one in logits])


def warmth(logits: Sequence[Floats], beliefs: Floats) -> float:
    """Return the temperature under which held-out words (N, W) are likeliest, the doubtful ones weighing less."""
    if not logits:
        return 1.0
    p = beliefs[~np.isnan(beliefs)]
    return fit_temperature(np.concatenate(list(logits)), np.stack([1 - p, p], axis=1), weights_of(p))
