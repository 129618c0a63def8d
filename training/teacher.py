"""The core's Trainer port over the transformers here: contents in, version ids and scores out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from core.errors import NothingToLearn, TrainingFailed, VersionRefused
from core.glossary import Term, explained
from core.ids import VersionId
from core.item import Content, Medium
from core.version import Floats, Lessons, Scores
from training.examples import Examples
from training.recipe import Aim, Kind, Recipe
from training.search import groups_of, judge_by_folds, weekly
from training.several import names, narrow, wide
from training.team import team
from training.trainer import TransformerTrainer
from training.versions import read_card

MIXED = "A campaign that mixes texts and pictures cannot be learned by one network yet."
KINDS = {Medium.TEXT: Kind.TEXT, Medium.PAIR: Kind.TEXT, Medium.IMAGE: Kind.IMAGE}


@dataclass(frozen=True, slots=True)
class Teacher:
    """Teaches the versions of one campaign; they lie under `home`, pictures for the network in a folder beside them."""

    home: Path
    recipe: Recipe
    labels: tuple[str, ...]
    media: Callable[[str], bytes]  # sha256 -> picture
    trainer: TransformerTrainer = field(default_factory=TransformerTrainer)
    glossary: tuple[Term, ...] = ()  # put before the texts that its terms occur in
    search_hours: float = 0.0  # for the weekly search for a better recipe; 0 is none
    graded: bool = False  # the labels are grades in their order
    several: bool = False  # several of the labels may hold: targets and scores are (N, K) chances

    def cross_fit(self, lessons: Lessons) -> Floats:
        """(N, K) what is learnt from the other lessons says of each; TrainingFailed says why it cannot."""
        said = self.trainer.cross_fit(self._examples(lessons), self.recipe)
        return narrow(said) if self.several else said

    def train(self, lessons: Lessons, tell: Callable[[str], None]) -> VersionId:
        """The id of a new version; TrainingFailed says why there is none."""
        examples = self._examples(lessons)
        recipe = replace(self.recipe, aim=Aim.RATING) if self.graded else self.recipe
        if self.several:  # sets are alike in most labels: nothing to draw together, and no single one to doubt
            recipe = replace(recipe, contrast=0.0, noise_filter=False)
        if self.search_hours and team().size == 1:  # the engine of several processes knows trainings, not searches
            tell("search 0%")
            judge = partial(judge_by_folds, examples, groups_of(examples.contents))
            recipe = weekly(recipe, self.home, judge, self.search_hours, self.trainer.now())
        version = self.trainer.train(examples, recipe, self.home, lambda stage, share: tell(f"{stage} {share:.0%}"))
        return VersionId(version.hash)

    def score(self, version: VersionId, contents: Sequence[Content]) -> Iterator[Scores]:
        """What a version thinks of contents, in their order, a chunk at a time."""
        if not contents:
            return
        card = read_card(self.home / version)
        if card.labels and self.labels and card.labels != self._columns:
            raise VersionRefused(f"version {version[:12]}: its labels, or their order, are not those of this campaign")
        if _kind_of(contents) is not card.kind:
            raise TrainingFailed(MIXED)
        for probabilities, embeddings in self.trainer.score(self.home / version, map(self._piece, contents)):
            yield Scores(narrow(probabilities) if self.several else probabilities, embeddings)

    @property
    def _columns(self) -> tuple[str, ...]:
        return names(self.labels) if self.several else self.labels

    def _examples(self, lessons: Lessons) -> Examples:
        return Examples(
            kind=_kind_of(lessons.contents),
            contents=tuple(map(self._piece, lessons.contents)),
            soft_labels=wide(lessons.targets) if self.several else lessons.targets,
            weights=lessons.weights,
            labels=self._columns,
            voices=tuple(map(tuple, lessons.voices)),
            withdrawn=lessons.withdrawn,
            likelihoods=lessons.likelihoods,
        )

    def _piece(self, content: Content) -> str:
        """The words, or the path of the picture, written out once."""
        if not content.medium.is_file:
            return explained(self.glossary, content.words)
        path = self.home / "media" / content.media
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_bytes(self.media(content.media))
            part.rename(path)
        return str(path)


def _kind_of(contents: Sequence[Content]) -> Kind:
    media = {content.medium for content in contents}
    if not media <= KINDS.keys():
        raise NothingToLearn("No network learns from sounds yet: the answers alone settle these items.")
    kinds = {KINDS[medium] for medium in media}
    if len(kinds) != 1:
        raise TrainingFailed(MIXED)
    return kinds.pop()
