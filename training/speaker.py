"""A version in memory that says what it thinks of texts, by the night's own path; loaded once, asked often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from core.glossary import Term, explained
from training.errors import VersionRefused
from training.examples import Floats
from training.pool import suggest
from training.recipe import Aim, Kind
from training.several import names, narrow
from training.trainer import load_network
from training.versions import open_version

CHUNK = 1024  # texts that are read before any is answered


class Speaker:
    """One version's network and probe; what it says equals what a night scores."""

    def __init__(self, folder: Path, labels: Sequence[str], glossary: tuple[Term, ...] = ()) -> None:
        """Check and load a version; `glossary` is put before texts, as at night.

        Raises VersionRefused where it is damaged, reads pictures or has other labels.
        """
        self.version = open_version(folder)
        if self.version.card.kind is not Kind.TEXT:
            raise VersionRefused(f"Version {self.version.hash[:12]} reads pictures: it has nothing to say of texts.")
        if self.version.card.recipe.aim not in (Aim.LABEL, Aim.RATING):
            raise VersionRefused(f"Version {self.version.hash[:12]} does not choose one label of a text.")
        self.labels = tuple(labels)
        self.several = self.version.card.labels == names(labels)  # of which several may hold
        if self.version.card.labels != self.labels and not self.several:
            raise VersionRefused(f"Version {self.version.hash[:12]} learned other labels than this campaign has.")
        self.glossary = glossary
        self.network, self.probe = load_network(self.version)

    def say(self, texts: Sequence[str], batch: int = 32, exact: bool = False) -> Floats:
        """Return (N, K) calibrated probabilities in the order of the texts: rows sum to 1, or the chances of each label
        where several may hold. `exact` is float32 on any device."""
        said = suggest(self.network, self.probe, self.version.card, self.read(texts), batch, exact)[0]
        return narrow(said) if self.several else said

    def read(self, texts: Sequence[str]) -> list[str]:
        """Return what the network reads of texts."""
        return [explained(self.glossary, text) for text in texts]

    def stream(self, texts: Iterable[str], chunk: int = CHUNK) -> Iterator[tuple[list[str], Floats]]:
        """Yield (n texts, (n, K) probabilities) as the texts come; no more than a chunk is ever held."""
        source = iter(texts)
        while some := list(islice(source, chunk)):
            yield some, self.say(some)
