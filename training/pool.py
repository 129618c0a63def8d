"""The pool scored in chunks that outlive a kill: what was scored once need not be scored again that night.

A chunk is named by its version and its contents, so one that does not fit is never found; `training.versions.sweep`
removes them when the night is over. 10^6 items of 384 numbers take 1.6 GB meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from training.checkpoint import FULL, digest, read_checkpoint, write_whole
from training.errors import VersionRefused
from training.examples import Floats
from training.looking import looked
from training.network import Network, device_for
from training.probe import Probe
from training.versions import VersionCard

LEAST = 1024  # contents below which a chunk is quicker scored again than kept
Scored = tuple[Floats, Floats]  # suggestions (n, K), embeddings (n, D)


def scored_once(home: Path, version: str, contents: Sequence[str], score: Callable[[Sequence[str]], Scored]) -> Scored:
    """Return what the version says of these contents: what lies there from before a kill, else scored and kept."""
    if len(contents) < LEAST:
        return score(contents)
    path = home / "checkpoints" / f"pool-{version[:16]}-{fingerprint(contents)[:24]}.safetensors"
    found = read_checkpoint(path)
    if found is not None:
        tensors = found[1]
        return tensors["suggestions"].numpy(), tensors["embeddings"].double().numpy()
    suggestions, embeddings = score(contents)
    tensors = {"suggestions": torch.from_numpy(suggestions), "embeddings": torch.from_numpy(embeddings).float()}
    facts = {"of": path.name}
    try:
        write_whole(path, tensors, facts | {"sha256": digest(tensors, facts)})
    except OSError as error:  # a full disk costs the chance to resume, not the night
        if error.errno not in FULL:
            raise
    return suggestions, embeddings


def suggest(
    network: Network, probe: Probe, card: VersionCard, contents: list[str], batch: int, exact: bool = False
) -> tuple[Floats, Floats]:
    """Return (suggestions (n, K), embeddings (n, D)) of contents, in their order; `exact` is float32 on any device."""
    inputs = network.encode(contents)
    logits = np.empty((len(contents), len(probe.bias)))
    features = np.empty((len(contents), len(probe.centre)))
    device = device_for(card.recipe.device)
    exact = exact or card.recipe.exact
    for rows, (said, seen) in looked(inputs, network.look, device, batch, card.recipe.batch_tokens, exact):
        if said.shape[1] != len(probe.bias) or seen.shape[1] != len(probe.centre):
            raise VersionRefused("the version's probe does not stand on its own network")
        logits[rows], features[rows] = said.float().cpu().numpy(), seen.float().cpu().numpy()
    second = probe.logits(torch.from_numpy(features).float()).double().numpy()
    return card.blend.probabilities(logits, second), features


def fingerprint(contents: Sequence[str]) -> str:
    """Return the sha256 of contents in their order."""
    found = hashlib.sha256()
    for content in contents:
        found.update(hashlib.sha256(content.encode()).digest())
    return found.hexdigest()


def whole(parts: Sequence[tuple[np.ndarray[tuple[int], np.dtype[np.int64]], Scored]], count: int) -> Scored:
    """Put the shares of several processes together: each of `count` rows once, in order."""
    rows = np.concatenate([at for at, _ in parts])
    order = np.argsort(rows)
    if not np.array_equal(rows[order], np.arange(count)):
        raise ValueError(f"the shares of {len(parts)} processes do not add up to {count} rows")
    first, second = (np.concatenate([scored[at] for _, scored in parts])[order] for at in (0, 1))
    return first, second
