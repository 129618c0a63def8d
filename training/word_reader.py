"""A version that marks words, in memory: what it says equals what a night scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path

from core.item import BETWEEN
from training.errors import VersionRefused
from training.examples import Floats
from training.pool import Scored
from training.recipe import Aim
from training.spans import tokens_of
from training.text_network import TextNetwork
from training.trainer import load_network
from training.versions import open_version
from training.words import chances_of, places_of, said_of

CHUNK = 1024  # texts that are read before any is answered


def columns_of(label: str) -> tuple[str, str]:
    """Return what the two columns of a version say."""
    return f"not {label}", label


class WordReader:
    """One version's network."""

    def __init__(self, folder: Path, label: str) -> None:
        """Check and load a version; raises VersionRefused where it is damaged or marks other words."""
        self.version = open_version(folder)
        card = self.version.card
        if card.recipe.aim is not Aim.SPANS or card.labels != columns_of(label):
            raise VersionRefused(f"Version {self.version.hash[:12]} learned other labels than this campaign has.")
        network, _ = load_network(self.version)
        if not isinstance(network, TextNetwork):
            raise VersionRefused(f"Version {self.version.hash[:12]} does not read texts.")
        self.network, self.label = network, label

    def look(self, texts: Sequence[str], exact: bool = False) -> Scored:
        """Return (chances (n, W) of each word to be marked, nan behind the last word of a text; embeddings (n, D)).
        `exact` is float32 on any device."""
        card, plain = self.version.card, [text.replace(BETWEEN, " ") for text in texts]
        recipe = replace(card.recipe, exact=exact or card.recipe.exact)
        inputs, offsets = tokens_of(self.network, plain)
        places = [places_of(*one) for one in zip(plain, offsets, strict=True)]
        logits, features = said_of(self.network, inputs, places, recipe)
        return chances_of(logits, card.blend.network_temperature), features

    def stream(self, texts: Iterable[str], chunk: int = CHUNK) -> Iterator[tuple[list[str], Floats]]:
        """Yield (n texts, their words' chances) as the texts come; no more than a chunk is ever held."""
        source = iter(texts)
        while some := list(islice(source, chunk)):
            yield some, self.look(some)[0]


@lru_cache(maxsize=2)
def reader_of(folder: Path, label: str) -> WordReader:
    """Return the reader of a version, loaded once."""
    return WordReader(folder, label)
