"""Near-duplicates: items so alike that one answer tells of all of them, so that only one is asked at first.

A twin lies within ALIKE of an item that was there before it and is no twin itself (its original). Twins are not closed
and nothing is settled for them: their worth is divided by TWIN, so that they are asked after everything else; by then
the network has learnt the original's label and suggests it to them like any other suggestion.

What is near is measured against the pool itself, because in some bases all texts lie close together and in a narrow
campaign too. Candidates come from sorted signatures: the signs of BITS random projections, 32 bytes an item; two twins
share a window of 16 bits in one of 16 sort orders in more than 99 of 100 cases, and are then compared exactly.
Source: Charikar 2002, doi:10.1145/509907.509965; Manku, Jain and Das Sarma 2007, doi:10.1145/1242572.1242592.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.acquisition.doubt import Floats
from core.acquisition.groups import SAMPLE, Ints, Singles, chunks
from core.version import Rows

ALIKE = 0.02
"""Squared distance of twins, at most, as a share of that between two random items: for embeddings of length one spread
all around, a cosine of 0.98. How often twins have different labels: tests/benchmarks/bench_acquisition.py, --twins."""
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
    """Whether each text stands before it in the list, but for case, space and forms of signs; empty ones never do."""
    seen: set[str] = set()
    found = []
    for text in texts:
        key = plain(text)
        found.append(bool(key) and key in seen)
        seen.add(key)
    return found


def originals(embeddings: Rows, alike: float = ALIKE, seed: int = 0) -> Ints:
    """(N,) the row of each item's original; its own row where it is no twin.

    Holds 32 bytes of signature and some candidates for each item besides the embeddings; no chance plays a part in it,
    as `seed` is fixed.
    """
    n = len(embeddings)
    found = np.arange(n)
    if n < 2:
        return found
    rng = np.random.default_rng(seed)
    some = np.asarray(embeddings[np.linspace(0, n - 1, min(n, SAMPLE)).astype(np.int64)], dtype=np.float32)
    centre = some.mean(axis=0)
    apart = 2 * float(np.square(some - centre).sum(axis=1).mean())  # expected squared distance of two items
    first, second = _verified(embeddings, *_candidates(signatures(embeddings, centre, rng)), alike * apart)
    for earlier, later in zip(first.tolist(), second.tolist(), strict=True):  # sorted by `later`, then by `earlier`
        if found[later] == later and found[earlier] == earlier:
            found[later] = earlier
    return found


def asked_last(worth: Floats, original: Ints, begun: Sequence[bool] | NDArray[np.bool_]) -> Floats:
    """(N,) worth, of twins a thousandth. `begun` (N,): items that were asked already stay as they are."""
    twin = (original != np.arange(len(original))) & ~np.asarray(begun, dtype=bool)
    late: Floats = np.where(twin, worth / TWIN, worth)
    return late


def signatures(embeddings: Rows, centre: Singles, rng: np.random.Generator) -> Words:
    """(N, 4) the signs of 256 random projections of each row, seen from the centre (D,)."""
    n, width = embeddings.shape
    planes = rng.standard_normal((width, BITS)).astype(np.float32)
    words = np.zeros((n, BITS // 64), dtype=np.uint64)
    for at, part in chunks(embeddings):
        packed = np.packbits(part @ planes > centre @ planes, axis=1)
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


def _verified(embeddings: Rows, first: Ints, second: Ints, most: float) -> tuple[Ints, Ints]:
    """The pairs whose squared distance is at most `most`."""
    keep = np.zeros(len(first), dtype=bool)
    for at in range(0, len(first), PAIRS):
        a = np.asarray(embeddings[first[at : at + PAIRS]], dtype=np.float32)
        b = np.asarray(embeddings[second[at : at + PAIRS]], dtype=np.float32)
        keep[at : at + PAIRS] = np.square(a - b).sum(axis=1) <= most
    return first[keep], second[keep]
