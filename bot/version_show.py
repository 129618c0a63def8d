"""`crowdloop version show`: a version's sheet as tables for a terminal, or as one JSON object."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bot.files import content_of
from bot.settings import Settings
from bot.version_sheet import Card, Sheet, sheet_of
from core.agreement import Agreement
from core.audit import Estimate
from core.errors import BadInput, Refused
from core.version import Version
from storage.archive import SqlArchive
from storage.engine import parse
from storage.exchange.languages_csv import languages_of
from storage.migrations import pending
from training.evaluate import Interval
from training.export_card import withdrawn_since
from training.marks_card import MarksCard
from training.scorecard import LabelFigures, Scorecard

Figure = Interval | Estimate | Agreement
NIGHTS = 14  # the newest, that the table lists; JSON holds all


def run(settings: Settings, slug: str, wanted: str = "", languages: Path | None = None, as_json: bool = False) -> int:
    """Prints the sheet; the exit status. Raises what `bot.version_sheet.sheet_of` raises, BadInput for a wrong file."""
    if pending(settings.storage.url):
        raise Refused("The schema of the database is not the newest: run `crowdloop migrate` (serve does it too).")
    known = languages_of(languages.name, content_of(languages)) if languages else {}
    archive = SqlArchive(parse(settings.storage.url))
    sheet = sheet_of(archive, settings, slug, wanted, known, np.random.default_rng(0))
    if languages and not sheet.languages:
        raise BadInput(languages.name, f"knows the language of too few audit items of '{slug}' to judge any.")
    if as_json:
        print(json.dumps(plain(told(sheet, slug)), ensure_ascii=False))
    else:
        shown(sheet, slug, Console())
    return 0


def shown(sheet: Sheet, slug: str, console: Console) -> None:
    """Prints the tables, one below the other."""
    version, items = sheet.version, sheet.card.items
    part = f"{items:,}" if items == sheet.there else f"{items:,} of {sheet.there:,}"
    console.print(
        f"Version {version.id[:8]} of {slug} ({version.state.value}, taught {version.taught:,} items), judged on "
        f"{part} audit items by the answers of today. Figures in %, with 95 % intervals.",
        highlight=False,
    )
    if version.withdrawn:
        console.print(withdrawn_since(version.withdrawn), highlight=False)
    tables = [all_items(sheet), by_label(sheet.labels, sheet.card.labels), by_night(sheet.curve)]
    if sheet.languages:
        tables.insert(2, by_language(sheet.languages))
    for table in tables:
        console.print(table)


def all_items(sheet: Sheet) -> Table:
    """What is said of all items at once, and of the workers beside it."""
    card, ceiling = sheet.card, sheet.ceiling
    shares: dict[str, Figure] = {
        **(shares_of_marks(card) if isinstance(card, MarksCard) else shares_of(card)),
        "macro precision": card.macro_precision,
        "macro recall": card.macro_recall,
        "macro F1": card.macro_f1,
        "macro ROC-AUC": card.macro_roc_auc,
        "expected calibration error": card.ece,
        "one worker agrees with the others": ceiling.worker,
        "the version agrees with them": ceiling.version,
    }
    most = 1 if isinstance(card, MarksCard) else 2
    numbers: dict[str, Figure] = {
        "log loss, nats": card.log_loss,
        f"Brier score, 0 to {most}": card.brier,
        "workers: Krippendorff's alpha": sheet.alpha,
        "workers: Fleiss' kappa": sheet.kappa,
    }
    table = table_of("all items", "", "95 % interval")
    for name, figure in shares.items():
        table.add_row(name, number(100 * figure.value, 1), span(figure, 100, 1))
    for name, figure in numbers.items():
        table.add_row(name, number(figure.value, 3), span(figure, 1, 3))
    return table


def shares_of(card: Scorecard) -> dict[str, Figure]:
    """Each item has one label and is called by one."""
    return {"accuracy (= micro precision, recall, F1)": card.accuracy}


def shares_of_marks(card: MarksCard) -> dict[str, Figure]:
    """Each label of an item, or word of a text, is a yes or no."""
    return {
        "accuracy of yes and no": card.accuracy,
        "items without any mistake": card.exact,
        "micro precision": card.micro_precision,
        "micro recall": card.micro_recall,
        "micro F1": card.micro_f1,
    }


def by_label(labels: Sequence[str], figures: Sequence[LabelFigures]) -> Table:
    """Each label against all others."""
    table = table_of("label", "items", "precision", "recall", "F1", "ROC-AUC")
    for label, one in zip(labels, figures, strict=True):
        table.add_row(label, number(one.items, 1), *map(share, (one.precision, one.recall, one.f1, one.roc_auc)))
    return table


def by_language(languages: Mapping[str, Card]) -> Table:
    """The audit items of each language."""
    table = table_of("language", "items", "accuracy", "macro F1", "ECE", "log loss")
    for language, one in languages.items():
        figures = map(share, (one.accuracy, one.macro_f1, one.ece))
        table.add_row(language, f"{one.items:,}", *figures, number(one.log_loss.value, 3))
    return table


def by_night(versions: Sequence[Version]) -> Table:
    """The learning curve: each version as its own night judged it, on the audit items of that night."""
    table = table_of("night", "version", "", "taught", "audit items", "accuracy")
    for one in versions[-NIGHTS:]:
        right, items = reached(one), one.judgement.items if one.judgement else 0
        row = (f"{one.created_at:%Y-%m-%d}", one.id[:8], one.state.value, f"{one.taught:,}")
        table.add_row(*row, f"{items:,}", share(right) if right else "not judged")
    return table


def reached(version: Version) -> Interval | None:
    """The accuracy of a version by its own night; None where that had nothing to judge by."""
    judged = version.judgement
    return Interval(judged.accuracy, judged.low, judged.high) if judged and judged.items else None


def told(sheet: Sheet, slug: str) -> dict[str, object]:
    """All of it as plain numbers by name; shares of 1, not %."""
    version = sheet.version
    return {
        "campaign": slug,
        "version": version.id,
        "state": version.state.value,
        "taught": version.taught,
        "withdrawn": version.withdrawn,
        "audit_items": sheet.there,
        "all": named(sheet.card, sheet.labels),
        "languages": {language: named(card, sheet.labels) for language, card in sheet.languages.items()},
        "ceiling": asdict(sheet.ceiling),
        "alpha": asdict(sheet.alpha),
        "kappa": asdict(sheet.kappa),
        "nights": [night(one) for one in sheet.curve],
    }


def named(card: Card, labels: Sequence[str]) -> dict[str, object]:
    """A scorecard with its labels by name."""
    found = asdict(card)
    return found | {"labels": dict(zip(labels, found["labels"], strict=True))}


def night(version: Version) -> dict[str, object]:
    """A point of the learning curve."""
    right = reached(version)
    return {
        "at": version.created_at.isoformat(),
        "version": version.id,
        "state": version.state.value,
        "taught": version.taught,
        "accuracy": asdict(right) if right else None,
    }


def plain(told: object) -> object:
    """The same with null for what nothing defines: JSON knows no nan."""
    if isinstance(told, Mapping):
        return {name: plain(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [plain(value) for value in told]
    return None if isinstance(told, float) and not math.isfinite(told) else told


def table_of(*columns: str) -> Table:
    """A table without a frame; figures stand to the right."""
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    for at, column in enumerate(columns):
        table.add_column(column, justify="right" if at else "left")
    return table


def share(found: Figure) -> str:
    """A share of 1 with its interval, in whole %."""
    return f"{number(100 * found.value)} {span(found, 100)}".strip()


def span(found: Figure, times: float, digits: int = 0) -> str:
    """The interval of a figure."""
    if not math.isfinite(found.value):
        return ""
    return f"({number(times * found.low, digits)}-{number(times * found.high, digits)})"


def number(value: float, digits: int = 0) -> str:
    """A figure; "-" where nothing defines it."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"
