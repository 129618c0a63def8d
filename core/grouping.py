"""Many labels in a few groups, so that two taps reach any of them.

An admin names the groups, or else labels whose names share words go together: average linkage (Sokal and Michener 1958)
over the cosine of their words, with about as many groups as labels in a group.
Deviations: a group never outgrows its share by half, so that it fits a screen.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
WORD = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]+|[^\W\d_\u3040-\u9fff\uac00-\ud7af]{3,}|\d+")
WORD_END = re.compile(r"(?<=[a-z]{3})(?:e?s|ed|ing)$")  # card, cards; transfer, transferred: near enough
SAY_NOTHING = frozenset({"and", "for", "from", "into", "not", "other", "the", "via", "with"})
ALIKE = 0.08  # cosine below which labels have nothing in common
ROOM = 32  # letters of a group's name on its button


@dataclass(frozen=True, slots=True)
class Group:
    """Labels that lie on one page; `name` is empty where the labels' own words name it."""

    name: str
    labels: tuple[int, ...]


@lru_cache(maxsize=64)
def grouped(names: tuple[str, ...]) -> tuple[Group, ...]:
    """Groups of labels whose names are alike, each label in one of them, in the order of the labels."""
    count = max(round(math.sqrt(len(names))), 1)
    most = math.ceil(1.5 * len(names) / count)
    members = [[label] for label in range(len(names))]
    alike = _likeness(names)
    while len(members) > count:
        a, b = _nearest(alike, np.array([len(one) for one in members]), most)
        size_a, size_b = len(members[a]), len(members[b])
        alike[a] = alike[:, a] = (size_a * alike[a] + size_b * alike[b]) / (size_a + size_b)
        alike = np.delete(np.delete(alike, b, 0), b, 1)
        members[a] += members.pop(b)
    return tuple(Group("", tuple(sorted(labels))) for labels in sorted(map(sorted, members)))


def ranges(count: int, most: int) -> tuple[Group, ...]:
    """Labels in their order, at most `most` in a group, evenly."""
    parts = np.array_split(np.arange(count), -(-count // most))
    return tuple(Group("", tuple(part.tolist())) for part in parts)


def _nearest(alike: Floats, sizes: NDArray[np.int64], most: int) -> tuple[int, int]:
    """The most alike pair that fits one group, as (lower, higher); the two smallest where nothing alike fits."""
    fits = np.triu((sizes[:, None] + sizes[None, :] <= most) & (alike >= ALIKE), 1)
    if not fits.any():
        a, b = sorted(np.argsort(sizes, kind="stable")[:2].tolist())
        return a, b
    at = int(np.where(fits, alike, -1.0).argmax())
    return at // len(sizes), at % len(sizes)


def _likeness(names: Sequence[str]) -> Floats:
    """(K, K) cosines; what is in many names counts little."""
    found = [set(words_of(name)) for name in names]
    seen = Counter(word for words in found for word in words)
    column = {word: at for at, word in enumerate(sorted(seen))}
    table = np.zeros((len(names), max(len(column), 1)))
    for row, words in enumerate(found):
        for word in words:
            table[row, column[word]] = math.log(len(names) / seen[word] + 1)
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    cosines: Floats = table @ table.T
    return cosines


def words_of(name: str) -> dict[str, str]:
    """The words of a label's name by their stems, without those that say nothing; Chinese ones are pairs of signs."""
    found = {}
    for word in WORD.findall(name.lower()):
        pairs = [word[at : at + 2] for at in range(max(len(word) - 1, 1))] if word[0] >= "\u3040" else [word]
        found.update({WORD_END.sub("", one): one for one in pairs if one not in SAY_NOTHING})
    return found


def title(group: Group, words: Sequence[str]) -> str:
    """What a group's button says: its name, else the word that its labels share and the first of them.

    `words` (K,) are the labels' words in the reader's language.
    """
    if group.name:
        return group.name
    shared = _shared(group, words)
    own = sorted((words[label] for label in group.labels), key=lambda one: shared not in one.lower())
    listed = ", ".join(own) if not shared else f"{shared}: {', '.join(own)}"
    room = ROOM // 2 if any(sign >= "\u2e80" for sign in listed[:ROOM]) else ROOM  # Chinese signs are twice as wide
    return listed if len(listed) <= room else listed[: room - 1].rstrip(" ,、") + "…"


def _shared(group: Group, words: Sequence[str]) -> str:
    """The word that says most about a group: in many of its labels, in few others; "" where two share none."""
    found = [words_of(one) for one in words]
    everywhere = Counter(stem for one in found for stem in one)
    here = Counter(stem for label in group.labels for stem in found[label])
    best = max(here, key=lambda stem: (here[stem] ** 2 / everywhere[stem], len(stem), stem), default="")
    if not best or here[best] < 2:
        return ""
    return min((found[label][best] for label in group.labels if best in found[label]), key=len)
