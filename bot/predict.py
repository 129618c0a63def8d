"""`crowdloop predict`: a line of text in, a line with its label out. A door to torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from bot.serving import Serving, marked, serving_of, told
from bot.settings import Settings
from core.campaign import Kind
from core.errors import BadInput, Refused
from core.item import between
from core.marks import likeliest, sureness, written
from core.marks.worth import own
from core.stretches import named
from core.stretches import written as ranges
from storage.archive import SqlArchive
from storage.engine import parse
from storage.exchange.answers_csv import line
from storage.migrations import pending
from training.speaker import Speaker
from training.word_reader import WordReader

Floats = NDArray[np.float64]


Writer = Callable[[str, Floats], str]


def run(
    settings: Settings, slug: str, texts: TextIO, out: TextIO, as_csv: bool = False, wanted: str = "",
    pairs: bool = False,
) -> int:  # fmt: skip
    """One line of output for each line of input, in order; a blank line has no label. The exit status.

    With `pairs` a tab stands between the two texts of each line; BadInput names a line without. Raises NotFound and
    Refused where no version may speak, VersionRefused where its files are damaged.
    """
    if pending(settings.storage.url):
        raise Refused("The schema of the database is not the newest: run `crowdloop migrate` (serve does it too).")
    serving = serving_of(SqlArchive(parse(settings.storage.url)), settings, slug, wanted)
    labels, words = serving.campaign.labels, serving.campaign.draft.kind is Kind.SPANS
    if words and pairs:
        raise Refused(f"The versions of {slug} mark words in texts: they read no pairs.")
    speaker: Speaker | WordReader = (
        WordReader(serving.folder, labels[0])
        if words
        else Speaker(serving.folder, labels, serving.campaign.draft.glossary)
    )
    write = (csv_writer if as_csv else json_writer)(serving)
    try:
        if as_csv:
            out.write(line(header(serving)))
        for some, said in speaker.stream(map(paired if pairs else plain, count(1), texts)):
            out.writelines(map(write, some, said))
            out.flush()
    except BrokenPipeError:  # who reads has seen enough
        return 1
    return 0


def plain(number: int, line_: str) -> str:
    """A line as one text."""
    return between(line_.rstrip("\r\n"))


def paired(number: int, line_: str) -> str:
    """A line as the two texts of a pair; blank where it is. BadInput where it has not one tab."""
    parts = line_.rstrip("\r\n").split("\t")
    if not line_.strip():
        return ""
    if len(parts) != 2 or not all(map(str.strip, parts)):
        raise BadInput(f"line {number}", "needs two texts with one tab between them.")
    return between(*parts)


def header(serving: Serving) -> list[str]:
    """Columns of the CSV."""
    if serving.campaign.draft.kind is Kind.SPANS:
        return ["label", "confidence", "words", "version"]
    return ["label", "confidence", *serving.campaign.labels, "version"]


def json_writer(serving: Serving) -> Writer:
    if serving.campaign.draft.kind is Kind.SPANS:
        return lambda text, said: json.dumps(marked(text, said, serving.version), ensure_ascii=False) + "\n"
    labels, version, several = serving.campaign.labels, serving.version, _several(serving)
    return lambda text, said: json.dumps(told(text, labels, said.tolist(), version, several), ensure_ascii=False) + "\n"


def _several(serving: Serving) -> bool:
    return serving.campaign.draft.kind is Kind.MULTI


def csv_writer(serving: Serving) -> Writer:
    def write(text: str, said: Floats) -> str:
        if serving.campaign.draft.kind is Kind.SPANS:
            of = own(said).tolist()
            cells = [ranges(likeliest(of), text), f"{sureness(of):.6f}"] if of else ["", ""]
            return line([*cells, "|".join(named(likeliest(of), text)), serving.version])
        if not text.strip():
            return line(["", "", *("" for _ in said), serving.version])
        chances, names = [f"{chance:.6f}" for chance in said], serving.campaign.labels
        if _several(serving):
            of = said.tolist()
            label, sure = written(likeliest(of), names), f"{sureness(of):.6f}"
            return line([label, sure, *chances, serving.version])
        at = int(np.argmax(said))
        return line([names[at], chances[at], *chances, serving.version])

    return write
