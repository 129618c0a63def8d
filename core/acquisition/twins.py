"""Near-duplicates: items so alike that one answer tells of all of them, so that only one is asked at first.

A twin is as near as `ALIKE` to an item that was there before it and is no twin itself (its original). Twins are not
closed and nothing is settled for them: their worth is divided by TWIN, so that they are asked after everything else;
by then the network has learnt the original's label and suggests it to them like any other suggestion.

Candidates come from sorted signatures: the signs of BITS random projections, 32 bytes an item; two items as alike as
that share a window of 16 bits in one of 16 sort orders in more than 99 of 100 cases, and are then compared exactly.
Source: Charikar 2002, doi:10.1145/509907.509965; Manku, Jain and Das Sarma 2007, doi:10.1145/1242572.1242592.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.acquisition.doubt import Floats
from core.acquisition.groups import Ints, Rows, chunks

ALIKE = 0.98  # cosine of the base's embeddings; what it gets wrong is measured in tests/benchmarks/bench_acquisition.py
TWIN = 1000.0
BITS = 256
WINDOW = 6  # neighbours to look at in each sort order
NEAR = 40  # bits in which candidates may differ: 5 deviations above what is expected at ALIKE
PAIRS = 65536  # candidates that are compared at a time

Words = NDArray[np.uint64]


def plain(text: str) -> str:
    """The text without what nobody reads: case, kinds of space, forms of the same sign. Equal plain texts are twins."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def repeats(texts: Iterable[str]) -> list[bool]:
    """Whether each text stands, but for case, space and forms of signs, before it in the list; none where it is empty."""
    seen: set[str] = set()
    found = []
    for text in texts:
        key = plain(text)
        found.append(bool(key) and key in seen)
        seen.add(key)
    return found


def originals(embeddings: Rows, alike: float = ALIKE, seed: int = 0) -> Ints:
    """(N,) the row of each item's original; its own row where it is no twin. Rows of zeros are like nothing.

    Holds 32 bytes of signature for each item besides the embeddings; equal embeddings give equal answers.
    """
    n = len(embeddings)
    found = np.arange(n)
    if n < 2:
        return found
    rng = np.random.default_rng(seed)
    words = signatures(embeddings, rng)
    first, second = _verified(embeddings, *_candidates(words), alike)
    for earlier, later in zip(first.tolist(), second.tolist(), strict=True):  # sorted by `later`, then by `earlier`
        if found[later] == later and found[earlier] == earlier:
            found[later] = earlier
    return found


def asked_last(worth: Floats, original: Ints, begun: Sequence[bool] | NDArray[np.bool_]) -> Floats:
    """(N,) worth, of twins a thousandth. `begun` (N,): items that were asked already stay as they are."""
    twin = (original != np.arange(len(original))) & ~np.asarray(begun, dtype=bool)
    late: Floats = np.where(twin, worth / TWIN, worth)
    return late


def signatures(embeddings: Rows, rng: np.random.Generator) -> Words:
    """(N, 4) the signs of 256 random projections of each row."""
    n, width = embeddings.shape
    planes = rng.standard_normal((width, BITS)).astype(np.float32)
    words = np.zeros((n, BITS // 64), dtype=np.uint64)
    for at, part in chunks(embeddings):
        packed = np.packbits(part @ planes > 0, axis=1)
        words[at : at + len(part)] = packed.view(np.uint64)
    return words


def _candidates(words: Words) -> tuple[Ints, Ints]:
    """Pairs (earlier row, later row), each once, whose signatures lie side by side in a sort order and differ little.

    Each order starts with other 16 bits: the words are taken from the next one on, turned by 0, 16, 32 and 48 bits.
    """
    n, keys = len(words), [np.zeros(0, dtype=np.int64)]
    for start in range(words.shape[1]):
        for turn in (0, 16, 32, 48):
            lead = np.roll(words, -start, axis=1)[:, 0]
            lead = lead << np.uint64(turn) | lead >> np.uint64((64 - turn) % 64)
            order = np.argsort(lead, kind="stable")
            for step in range(1, min(WINDOW, n - 1) + 1):
                one, other = order[:-step], order[step:]
                apart = np.bitwise_count(words[one] ^ words[other]).sum(axis=1, dtype=np.int64)
                close = apart <= NEAR
                low, high = np.minimum(one, other)[close], np.maximum(one, other)[close]
                keys.append(np.unique(high * n + low))
    key = np.unique(np.concatenate(keys))
    return key % n, key // n


def _verified(embeddings: Rows, first: Ints, second: Ints, alike: float) -> tuple[Ints, Ints]:
    """The pairs whose cosine is at least `alike`."""
    keep = np.zeros(len(first), dtype=bool)
    for at in range(0, len(first), PAIRS):
        a = np.asarray(embeddings[first[at : at + PAIRS]], dtype=np.float32)
        b = np.asarray(embeddings[second[at : at + PAIRS]], dtype=np.float32)
        size = np.sqrt(np.square(a).sum(axis=1) * np.square(b).sum(axis=1))
        keep[at : at + PAIRS] = (a * b).sum(axis=1) >= alike * np.maximum(size, 1e-12) 
    return first[keep], second[keep]
