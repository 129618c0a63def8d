"""The night's process: composed anew each time, ends when the night ends. The only door to torch."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import structlog

from bot.log import set_up
from bot.schedule import night_due
from bot.settings import Settings
from bot.telegram.views_night import night_failed, night_report
from bot.telegram.words import Tongue, Words
from core.audit import trust_in
from core.campaign import Campaign, Kind
from core.errors import Conflict, NothingToLearn, TrainingFailed
from core.forecast import Forecast, forecast
from core.ids import Account
from core.night import NightReport, run_night
from core.ports import Claim, Letter
from core.refit import beliefs_of
from core.registry import forgettable
from storage.archive import SqlArchive
from storage.engine import parse
from training.checkpoint import FULL
from training.evaluate import Interval
from training.pictures import LearningPoint, NightWords, night_picture
from training.recipe import STEPS, Method, Recipe
from training.teacher import Teacher
from training.team import follow, team
from training.trainer import TransformerTrainer
from training.versions import forget, sweep
from training.word_teacher import WordTeacher

log: structlog.stdlib.BoundLogger = structlog.get_logger("crowdloop.night")


def run(settings: Settings, slug: str = "", again: bool = False) -> int:
    """The nights that are due, one after the other; exit status 1 where one failed."""
    os.nice(10)  # the bot and the database come first
    set_up(())
    if not team().first:  # `accelerate launch -m bot night`: one process has the night, the others its training
        trainer = TransformerTrainer()
        follow(team(), {"train": trainer.train, "shared": trainer.shared})
        return 0
    try:
        return 1 if _nights(settings, slug, again) else 0
    finally:
        team().dismiss()


def _nights(settings: Settings, slug: str, again: bool) -> int:
    """How many of the nights that are due have failed."""
    archive = SqlArchive(parse(settings.storage.url))
    campaigns = [archive.campaign_named(slug)] if slug else archive.campaigns()
    failed = 0
    for campaign in campaigns:
        claim = _claim(archive, settings, campaign, again)
        if claim is not None:
            failed += not Night(settings, archive, campaign, asked_for=again).run(claim)
    return failed


def _claim(archive: SqlArchive, settings: Settings, campaign: Campaign, again: bool) -> Claim | None:
    now, zone = datetime.now(UTC), ZoneInfo(campaign.draft.zone)
    night: date | None = now.astimezone(zone).date()
    if not again:
        night = night_due(now, zone, settings.training.train_at, None, campaign.created_at)
    return archive.claim(campaign.id, night, now, again) if night else None


class Night:
    """One campaign's night."""

    def __init__(self, settings: Settings, archive: SqlArchive, campaign: Campaign, asked_for: bool) -> None:
        self.settings, self.archive, self.campaign, self.asked_for = settings, archive, campaign, asked_for
        self.log = log.bind(campaign=campaign.slug)

    def run(self, claim: Claim) -> bool:
        """True where a version was written; a failure is told to the admins in one sentence."""
        try:
            report = run_night(
                self.archive,
                self.teacher(),
                claim,
                lambda: datetime.now(UTC),
                np.random.default_rng(),
                lambda stage: self.log.info("night.stage", stage=stage),
                self.letters,
                self.settings.training.promotion_confidence,
            )
        except NothingToLearn as error:  # news only for who asked
            self.fail(claim, str(error), quietly=not self.asked_for)
            return not self.asked_for
        except TrainingFailed as error:
            self.fail(claim, str(error))
            return False
        except Conflict as error:  # another runner took over: the night is theirs
            self.log.warning("night.lost", reason=str(error))
            return False
        except BaseException as error:
            sweep(self.home)
            self.fail(claim, in_words(error))
            if isinstance(error, OSError) and error.errno in FULL:
                return False
            raise
        self.log.info("night.done", version=report.version, promoted=report.promoted)
        self.forget()
        return True

    def forget(self) -> None:
        """The files of old versions; their rows and judgements stay."""
        old = forgettable(self.archive.versions(self.campaign.id), self.settings.training.keep_versions)
        gone = forget(self.home, old)
        sweep(self.home)
        self.log.info("versions.forgotten", versions=gone)

    @property
    def home(self) -> Path:
        """Where this campaign's versions lie."""
        return Path(self.settings.storage.versions) / self.campaign.slug

    def teacher(self) -> Teacher | WordTeacher:
        """The trainer of this campaign's versions."""
        if self.campaign.draft.kind is Kind.SPANS:
            return WordTeacher(self.home, recipe_of(self.settings), self.campaign.labels[0])
        return Teacher(
            self.home,
            recipe_of(self.settings),
            self.campaign.labels,
            self.archive.media,
            TransformerTrainer(trackers=self.settings.training.trackers),
            self.campaign.draft.glossary,
            self.settings.training.search_hours if self.settings.training.search == "weekly" else 0.0,
            self.campaign.draft.kind is Kind.RATING,
            self.campaign.draft.kind is Kind.MULTI,
        )

    def letters(self, report: NightReport) -> Sequence[Letter]:
        """The report with its picture, for each admin in their language."""
        pictures: dict[str, str] = {}
        coming = self.coming()

        def write(admin: int, language: str) -> Sequence[Letter]:
            say = Words.of(language)
            if say.language not in pictures:
                drawn = night_picture(report, self.history(report), words_of_picture(say))
                pictures[say.language] = self.archive.add_media(drawn, "image/png")
            return [night_report(report, pictures[say.language], say, admin, coming)]

        return self._to_admins(write)

    def coming(self) -> Forecast:
        """What the campaign still needs, by the answers that are there."""
        snapshot, rng = self.archive.snapshot(self.campaign.id), np.random.default_rng()
        a_day = self.archive.tempo(self.campaign.id, datetime.now(UTC))
        return forecast(snapshot, beliefs_of(snapshot), trust_in(snapshot, rng), a_day, rng)

    def history(self, report: NightReport) -> list[LearningPoint]:
        """What the nights before reached."""
        return [
            LearningPoint(version.taught, Interval(judged.accuracy, judged.low, judged.high))
            for version in self.archive.versions(self.campaign.id)
            if (judged := version.judgement) is not None and version.id != report.version
        ]

    def fail(self, claim: Claim, reason: str, quietly: bool = False) -> None:
        """Closes the night without a version; the admins read why."""
        self.log.error("night.failed", reason=reason)
        slug = self.campaign.slug
        letters = self._to_admins(lambda admin, lang: night_failed(slug, reason, Words.of(lang), admin))
        self.archive.fail(claim, reason, [] if quietly else letters, datetime.now(UTC))

    def _to_admins(self, write: Callable[[int, str], Sequence[Letter]]) -> list[Letter]:
        admins = sorted(self.settings.telegram.admins)
        return [
            letter for admin in admins for letter in write(admin, self.archive.language(Account("telegram", admin)))
        ]


def in_words(error: BaseException) -> str:
    """What stopped a night, where it was nothing that training knows of."""
    if isinstance(error, OSError) and error.errno in FULL:
        return f"Nothing more could be written ({error.strerror}): make room where the versions lie."
    return f"An unexpected {type(error).__name__} stopped it; the log says more."


def words_of_picture(say: Tongue) -> NightWords:
    """The words on the picture."""
    return NightWords(
        title=say("Night report"),
        before=say("serving version"),
        after=say("tonight's version"),
        accuracy=say("Accuracy on audit items"),
        reliability=say("Is its confidence honest?"),
        says=say("confidence, %"),
        right=say("right, %"),
        curve=say("Accuracy by items learned"),
        confusion=say("Where it errs (rows: crowd, columns: version)"),
        shares=say("Label shares, % of items"),
        crowd=say("crowd"),
        sure=say("How sure it is, items"),
        promoted=say("Tonight's version is better and serves from now on."),
        kept=say("The serving version stays; tonight's is kept as a candidate."),
        lacks=say("No"),
        holds=say("Yes"),
        cases=say("How sure it is, labels"),
        parts=say("Yes and no, % of labels"),
        nothing=say("No audit item has enough answers yet: nothing to judge by."),
    )


def recipe_of(settings: Settings) -> Recipe:
    """The recipe that the settings ask for."""
    chosen, method = settings.training, Method(settings.training.method)
    return Recipe(
        base=chosen.base,
        vision_base=chosen.vision_base,
        method=method,
        epochs=chosen.epochs,
        learning_rate=chosen.learning_rate or STEPS[method],
        hours=chosen.hours,
        device=chosen.device,
    )
