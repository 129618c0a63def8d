"""The trainer: a snapshot becomes a version, a version says what it thinks of contents."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version as library_version
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.bases import base_folder, base_hash
from training.corroborated import corroborated
from training.cross_fit import cross_fit
from training.ensemble import Ensemble, drawn
from training.errors import BadExamples, VersionRefused
from training.examples import Examples, Floats, Rows, held_parts
from training.image_network import ImageNetwork
from training.looking import looked
from training.loop import Course, Progress, lesson_of, teach
from training.network import Batch, Inputs, Network, device_for
from training.options import undoubted
from training.pool import Scored, scored_once, suggest, whole
from training.probe import Probe, fit_probe
from training.recipe import Aim, Kind, Recipe
from training.team import announce, team
from training.text_network import TextNetwork
from training.tracking import Record, recorded
from training.versions import Version, VersionCard, open_version, read_weights, write_version
from training.voices import Fitted, judge_voices

LIBRARIES = ("torch", "transformers", "peft", "numpy")


def silent(stage: str, share: float) -> None:
    """Progress for nobody."""


@dataclass(frozen=True, slots=True)
class TransformerTrainer:
    """Fine-tunes transformers; the clocks come in so that tests can hold them."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    clock: Callable[[], float] = time.monotonic
    trackers: tuple[str, ...] = ()  # beside TensorBoard, where it is installed

    def cross_fit(self, examples: Examples, recipe: Recipe) -> Floats:
        """Return (N, K): what is learnt from the other examples says of each. Raises TrainingFailed (BadBase)."""
        recipe = recipe.suited_to(examples.kind, len(examples), examples.pairs)
        network = build_network(examples.kind, recipe, examples.soft_labels.shape[1])
        inputs = network.settle(network.encode(examples.contents), recipe.batch_size)
        features = look_at(inputs, recipe, network.features)
        return cross_fit(features, examples.soft_labels, examples.weights, recipe.seed)

    def train(self, examples: Examples, recipe: Recipe, home: Path, progress: Progress = silent) -> Version:
        """Train, calibrate and write one version under `home`; a killed training resumes where it was, and one that was
        killed after it need not train again: `training.versions.sweep` removes its checkpoints.

        Four fifths are learned first, the held-out fifth fits temperatures and the probe's share (several times where
        examples are few), then the same recipe learns everything.
        Raises TrainingFailed (BadExamples, BadBase, Diverged, OutOfMemory).
        """
        if recipe.aim not in (Aim.LABEL, Aim.RATING):
            raise BadExamples(f"a version answers with one label of K; {recipe.aim.value} has none yet")
        announce("train", examples, recipe, home)
        with recorded(home, examples, recipe, self.trackers, self.now) as record:
            version = self._train(examples, recipe, home, progress, record)
            record.end(version.hash, version.card.metrics)
        return version

    def _train(self, examples: Examples, recipe: Recipe, home: Path, progress: Progress, record: Record) -> Version:
        started, recipe = self.clock(), recipe.suited_to(examples.kind, len(examples), examples.pairs)
        network = build_network(examples.kind, recipe, examples.soft_labels.shape[1])
        inputs = network.settle(network.encode(examples.contents), recipe.batch_size)
        features = look_at(inputs, recipe, network.features)
        weights = examples.weights
        if examples.voices:
            weights = corroborated(features, examples.soft_labels, weights, examples.voices)
        if recipe.noise_filter:
            said = cross_fit(features, examples.soft_labels, weights, recipe.seed)
            weights = undoubted(said, examples.soft_labels, weights)
        progress("prepare", 1.0)
        start = {name: weight.detach().clone() for name, weight in network.trained().items()}
        teaching = np.flatnonzero(weights > 0)
        parts = held_parts(len(examples), recipe.held_out, np.random.default_rng(recipe.seed))
        parts = [(np.intersect1d(kept, teaching), held) for kept, held in parts]
        learned = np.cumsum([0, *(len(kept) for kept, _ in parts), len(teaching)])
        begun = learned / learned[-1]  # share of the work before each run

        def run(rows: Rows, stage: str, base: float, width: float) -> Course:
            network.restore(start)
            keep = home / "checkpoints" / f"{examples.fingerprint[:16]}-{recipe.fingerprint[:16]}-{stage}.safetensors"
            members = network.members()
            timed = replace(recipe, hours=recipe.hours * width / len(members))  # all runs together keep the budget
            courses = []
            for at, member in enumerate(members):
                lesson = lesson_of(inputs, drawn(rows, at, len(members), recipe.seed), examples.soft_labels, weights)
                own, part = keep if at == 0 else keep.with_stem(f"{keep.stem}-{at}"), width / len(members)

                def tell(_: str, share: float, begun: float = base + at * part, part: float = part) -> None:
                    progress("train", begun + part * share)

                courses.append(teach(member, lesson, timed, own, tell, self.clock))
            record.stage(stage, courses[0].losses)
            return courses[0]

        unseen: list[Floats] = []
        for at, (kept, held) in enumerate(parts):
            run(kept, f"part-{at + 1}", begun[at], begun[at + 1] - begun[at])
            unseen.append(look_at(inputs, recipe, network)[held])
        fitted = Fitted()
        if parts:
            weighed = replace(examples, weights=weights)
            fitted = judge_voices(np.concatenate(unseen), features, weighed, parts, recipe.seed)
        course = run(teaching, "whole", begun[-2], 1 - begun[-2])
        probe = fit_probe(features, examples.soft_labels, weights, fitted.pull)
        card = self.card(examples, recipe, fitted, course, self.clock() - started)
        written: Version = team().first_only(lambda: write_version(home, card, network.trained(), probe))
        progress("written", 1.0)
        return written

    def card(self, examples: Examples, recipe: Recipe, fitted: Fitted, course: Course, seconds: float) -> VersionCard:
        """Fill in the version card."""
        epochs = [part for part in np.array_split(course.losses, recipe.epochs) if len(part)]
        return VersionCard(
            created_at=self.now().isoformat(),
            kind=examples.kind,
            labels=examples.labels,
            base_hash=hash_of_base(examples.kind, recipe),
            recipe=recipe,
            examples_hash=examples.fingerprint,
            examples=len(examples),
            blend=fitted.blend,
            metrics=fitted.metrics,
            losses=tuple(round(float(part.mean()), 5) for part in epochs),
            seconds=round(seconds, 2),
            device=str(device_for(recipe.device)),
            libraries={name: library_version(name) for name in LIBRARIES},
            withdrawn_workers=examples.withdrawn,
        )

    def score(
        self, folder: Path, contents: Iterable[str], batch: int = 32, chunk: int = 4096
    ) -> Iterator[tuple[Floats, Floats]]:
        """Yield (suggestions (n, K), embeddings (n, D)) for every `chunk` contents, in their order.

        The pool is never held in memory. Raises VersionRefused, BadExamples.
        """
        loaded.cache_clear()  # every byte is checked again, once for each pool
        version, _, _ = loaded(folder)
        stream = iter(contents)
        while pieces := list(islice(stream, chunk)):
            yield scored_once(folder.parent, version.hash, pieces, lambda some: self.shared(folder, some, batch))

    def shared(self, folder: Path, contents: Sequence[str], batch: int) -> Scored:
        """Return (suggestions (n, K), embeddings (n, D)), each process of the team having done its share."""
        announce("shared", folder, contents, batch)
        version, network, probe = loaded(folder)

        def mine(rows: Rows) -> Scored:
            return suggest(network, probe, version.card, [contents[row] for row in rows], batch)

        return whole(team().together(mine, len(contents)), len(contents))


def build_network(kind: Kind, recipe: Recipe, labels: int) -> Network:
    """Return an untrained network, or an ensemble, on the recipe's device; the seed decides its random weights."""
    if recipe.ensemble > 1:
        alone = replace(recipe, ensemble=1)
        return Ensemble(lambda at: build_network(kind, replace(alone, seed=alone.seed + at), labels), recipe.ensemble)
    torch.manual_seed(recipe.seed)
    network: Network
    if kind is Kind.TEXT:
        network = TextNetwork(base_folder(recipe.base), recipe, labels)
    else:
        network = ImageNetwork(base_folder(recipe.vision_base) if recipe.vision_base else None, recipe, labels)
    return network.to(device_for(recipe.device)).eval()


@lru_cache(maxsize=2)
def loaded(folder: Path) -> tuple[Version, Network, Probe]:
    """Return a version with its network and probe; raises VersionRefused."""
    version = open_version(folder)
    return version, *load_network(version)


def hash_of_base(kind: Kind, recipe: Recipe) -> str:
    """Return the hash of the base that the recipe starts from; empty where it starts from nothing."""
    if kind is Kind.IMAGE:
        return base_hash(base_folder(recipe.vision_base)) if recipe.vision_base else ""
    return base_hash(base_folder(recipe.base))


def load_network(version: Version) -> tuple[Network, Probe]:
    """Return a version's network, ready to score, and its probe; raises VersionRefused."""
    card = version.card
    if hash_of_base(card.kind, card.recipe) != card.base_hash:
        raise VersionRefused(f"version {version.hash[:12]}: it grew on another base than the one found here")
    weights, probe = read_weights(version)
    network = build_network(card.kind, card.recipe, len(probe.bias))
    try:
        network.restore(weights)
    except (KeyError, ValueError) as error:
        raise VersionRefused(f"version {version.hash[:12]}: its weights do not fit its recipe ({error})") from error
    network.merge()
    return network, probe


def look_at(inputs: Inputs, recipe: Recipe, what: Callable[[Batch], Tensor]) -> Floats:
    """Return (N, ?): what a half of the network says about all inputs, in their order."""
    parts, order = [], []
    device = device_for(recipe.device)
    for rows, said in looked(inputs, what, device, recipe.batch_size, recipe.batch_tokens, recipe.exact):
        parts.append(said.float().cpu().double().numpy())
        order.append(rows)
    return np.concatenate(parts)[np.argsort(np.concatenate(order))]
