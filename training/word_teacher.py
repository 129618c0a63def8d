"""The core's Trainer port where words of texts are marked: a network with a head on every token (`Aim.SPANS`).

A version is written, kept and checked as every other. It has no probe (an empty one lies in its place), and one
temperature, from words of texts that it had not learned. Deviations from `training/trainer.py`: no glossary, as that
would move the words; no voices, no noise filter, no ensemble, no weekly search.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version as library_version
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from core.errors import TrainingFailed
from core.ids import VersionId
from core.item import Content
from core.version import Floats, Lessons, Scores
from training.bases import base_folder
from training.calibrate import Blend
from training.examples import Rows, held_parts
from training.loop import Course, lesson_of, teach
from training.network import Inputs, device_for
from training.pool import fingerprint, scored_once
from training.probe import Probe
from training.recipe import Aim, Kind, Recipe
from training.spans import tokens_of
from training.team import team
from training.text_network import TextNetwork
from training.trainer import LIBRARIES, hash_of_base
from training.versions import VersionCard, write_version
from training.word_reader import columns_of, reader_of
from training.words import COLUMNS, places_of, said_of, token_targets, warmth

CHUNK = 4096  # texts that are scored at a time
ALONE = "Marked words are taught by one process only so far: start the night without accelerate."


@dataclass(frozen=True, slots=True)
class WordTeacher:
    """Teaches the versions of one campaign whose words are marked; they lie under `home`."""

    home: Path
    recipe: Recipe
    label: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic

    def cross_fit(self, lessons: Lessons) -> Floats:
        """Nobody asks: the network has no voice where words are marked."""
        raise TrainingFailed("Lessons of marked words are not cross-fitted.")

    def train(self, lessons: Lessons, tell: Callable[[str], None]) -> VersionId:
        """The id of a new version; TrainingFailed says why there is none."""
        if team().size > 1:
            raise TrainingFailed(ALONE)
        started, desk = self.clock(), Desk.laid(lessons, self.recipe)
        parts = held_parts(len(desk.places), desk.recipe.held_out, np.random.default_rng(desk.recipe.seed))
        share = 1 / (len(parts) + 1)

        def run(rows: Rows, stage: str, begun: float) -> Course:
            def told(_: str, done: float) -> None:
                tell(f"train {begun + share * done:.0%}")

            keep = self.home / "checkpoints" / f"{desk.name}-{stage}.safetensors"
            return desk.learn(rows, share, keep, told, self.clock)

        unseen: list[Floats] = []
        for at, (kept, held) in enumerate(parts):
            run(kept, f"part-{at + 1}", at * share)
            said, _ = desk.said()
            unseen += [said[row] for row in held.tolist()]
        held_out = np.concatenate([held for _, held in parts]) if parts else np.zeros(0, dtype=np.int64)
        heat = warmth(unseen, lessons.targets[held_out])
        course = run(np.arange(len(desk.places), dtype=np.int64), "whole", len(parts) * share)
        card = self._card(desk, heat, course, self.clock() - started)
        return VersionId(write_version(self.home, card, desk.network.trained(), desk.blank()).hash)

    def _card(self, desk: Desk, heat: float, course: Course, seconds: float) -> VersionCard:
        epochs = [part for part in np.array_split(course.losses, desk.recipe.epochs) if len(part)]
        return VersionCard(
            created_at=self.now().isoformat(),
            kind=Kind.TEXT,
            labels=columns_of(self.label),
            base_hash=hash_of_base(Kind.TEXT, desk.recipe),
            recipe=desk.recipe,
            examples_hash=desk.examples,
            examples=len(desk.places),
            blend=Blend(network_temperature=heat, probe_share=0.0),
            losses=tuple(round(float(part.mean()), 5) for part in epochs),
            seconds=round(seconds, 2),
            device=str(device_for(desk.recipe.device)),
            libraries={name: library_version(name) for name in LIBRARIES},
        )

    def score(self, version: VersionId, contents: Sequence[Content]) -> Iterator[Scores]:
        """What a version thinks of contents, in their order, a chunk at a time: (n, words of the longest), nan behind
        the last word of a text."""
        if not contents:
            return
        reader_of.cache_clear()  # every byte is checked again, once for each pool
        reader, stream = reader_of(self.home / version, self.label), iter(contents)
        while some := [content.words for content in islice(stream, CHUNK)]:
            yield Scores(*scored_once(self.home, version, some, reader.look))


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """A network with everything that it is to learn from; each training begins where the first did."""

    network: TextNetwork
    recipe: Recipe
    start: dict[str, torch.Tensor]
    inputs: Inputs
    places: list[Rows]  # the token on which each word begins, of each text
    targets: Floats  # (N, T, 2)
    weights: Floats  # (N,)
    examples: str  # sha256 of texts and beliefs

    @classmethod
    def laid(cls, lessons: Lessons, recipe: Recipe) -> Desk:
        """Read the texts; raises BadBase, and BadExamples for a tokenizer that tells no offsets."""
        texts = [content.words for content in lessons.contents]
        recipe = replace(
            recipe, aim=Aim.SPANS, contrast=0.0, noise_filter=False, ensemble=1, adversarial="", r_drop=0.0,
            token_cutoff=0.0, mixup=0.0,
        ).suited_to(Kind.TEXT, len(texts))  # fmt: skip
        torch.manual_seed(recipe.seed)
        network = TextNetwork(base_folder(recipe.base), recipe, COLUMNS).to(device_for(recipe.device)).eval()
        inputs, offsets = tokens_of(network, texts)
        places = [places_of(*one) for one in zip(texts, offsets, strict=True)]
        targets = token_targets(lessons.targets, places, max(map(len, offsets)))
        beliefs = np.ascontiguousarray(lessons.targets, dtype="<f8").tobytes() + lessons.weights.tobytes()
        start = {name: weight.detach().clone() for name, weight in network.trained().items()}
        return cls(
            network, recipe, start, network.settle(inputs, recipe.batch_size), places, targets, lessons.weights,
            sha256(fingerprint(texts).encode() + beliefs).hexdigest(),
        )  # fmt: skip

    @property
    def name(self) -> str:
        """What a checkpoint is of."""
        return f"{self.examples[:16]}-{self.recipe.fingerprint[:16]}"

    def learn(
        self, rows: Rows, share: float, keep: Path, told: Callable[[str, float], None], clock: Callable[[], float]
    ) -> Course:
        """Train from the beginning on these rows, in a share of the recipe's time; raises Diverged, OutOfMemory."""
        self.network.restore(self.start)
        timed = replace(self.recipe, hours=self.recipe.hours * share)
        return teach(self.network, lesson_of(self.inputs, rows, self.targets, self.weights), timed, keep, told, clock)

    def said(self) -> tuple[list[Floats], Floats]:
        """(logits (words, 2) of each text, embeddings (N, D))."""
        return said_of(self.network, self.inputs, self.places, self.recipe)

    def blank(self) -> Probe:
        """A probe that says nothing, as wide as the network's features."""
        width = self.said()[1].shape[1]
        return Probe(torch.zeros(width), torch.tensor(1.0), torch.zeros(width, COLUMNS), torch.zeros(COLUMNS))
