"""Texts as vectors of the frozen base, computed once and kept in a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.bases import base_folder, base_hash
from training.recipe import Kind, Method, Recipe
from training.trainer import build_network, look_at

Vectors = NDArray[np.float32]  # (N, D), rows of length one
CHUNK = 512


def embedded(texts: Sequence[str], keep: Path, tell: Callable[[int], None] = lambda _: None) -> Vectors:
    """(N, D) what the packaged base says of texts; kept under `keep` by the hash of texts and base.

    `tell` hears how many are done.
    """
    digest = hashlib.sha256(base_hash(base_folder("")).encode())
    for text in texts:
        digest.update(hashlib.sha256(text.encode()).digest())
    place = keep / f"{digest.hexdigest()[:32]}.npy"
    if place.is_file():
        tell(len(texts))
        found: Vectors = np.load(place)
        return found
    recipe = Recipe(method=Method.HEAD, device="cpu")
    network = build_network(Kind.TEXT, recipe, 2)
    parts = []
    for start in range(0, len(texts), CHUNK):
        inputs = network.encode(list(texts[start : start + CHUNK]))
        parts.append(look_at(inputs, recipe, network.features).astype(np.float32))
        tell(min(start + CHUNK, len(texts)))
    vectors: Vectors = np.concatenate(parts) if parts else np.zeros((0, 1), dtype=np.float32)
    keep.mkdir(parents=True, exist_ok=True)
    part = place.with_suffix(".part.npy")
    np.save(part, vectors)
    part.replace(place)
    return vectors
