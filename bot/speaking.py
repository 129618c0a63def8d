"""The process in which versions speak for `POST /v1/predict`, asked over its standard input by `bot.web.speech`.

One JSON line asks: {"folder", "labels", "texts"}, "glossary" where there is one, and "words" where the version marks
words. The answer is a JSON line {"bytes": n} and n bytes, a JSON object a line for each text; or a line
{"refused": sentence}. With "telling", a label, one text's words that spoke for it and against it are the answer. A door
to torch.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO

import orjson

from bot.serving import marked, told
from core.errors import CrowdloopError, Refused
from core.glossary import Term
from core.item import BETWEEN
from training.saliency import telling
from training.speaker import Speaker
from training.word_reader import WordReader

KEPT = 4  # campaigns whose versions stay in memory


class Speakers:
    """The versions asked last, one of each campaign: a promotion or a rollback replaces the one that spoke."""

    def __init__(self) -> None:
        self._known: dict[Path, Speaker | WordReader] = {}  # by the campaign's folder, the one asked last at the end

    def of(self, folder: Path, labels: list[str], glossary: tuple[Term, ...] = ()) -> Speaker:
        """The speaker of a version. Raises VersionRefused."""
        speaker = self._known.pop(folder.parent, None)
        if not isinstance(speaker, Speaker) or (speaker.version.folder, list(speaker.labels)) != (folder, labels):
            speaker = None  # the old one is gone before the new one comes
            speaker = Speaker(folder, labels)
        speaker.glossary = glossary
        self._keep(folder, speaker)
        return speaker

    def reader_of(self, folder: Path, label: str) -> WordReader:
        """The reader of a version that marks words. Raises VersionRefused."""
        reader = self._known.pop(folder.parent, None)
        if not isinstance(reader, WordReader) or (reader.version.folder, reader.label) != (folder, label):
            reader = None
            reader = WordReader(folder, label)
        self._keep(folder, reader)
        return reader

    def _keep(self, folder: Path, speaker: Speaker | WordReader) -> None:
        self._known[folder.parent] = speaker
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]


def answer(speakers: Speakers, line: bytes) -> tuple[bytes, bytes]:
    """(head, body) for one line asked."""
    asked = orjson.loads(line)
    labels, texts = asked["labels"], asked["texts"]
    try:
        if asked.get("words"):
            return framed([orjson.dumps(one) for one in read(speakers, asked["folder"], labels[0], texts)])
        speaker = speakers.of(Path(asked["folder"]), labels, tuple(Term(**one) for one in asked.get("glossary", ())))
        if "telling" in asked:  # which words spoke for this label, in one text
            words = telling(speaker, texts[0], asked["telling"])
            return framed([orjson.dumps([(one.word, one.nats) for one in words])])
        said = speaker.say(texts)
    except CrowdloopError as error:
        return orjson.dumps({"refused": str(error)}) + b"\n", b""
    name, several = speaker.version.hash, speaker.several
    return framed([orjson.dumps(told(text, labels, row, name, several)) for text, row in zip(texts, said, strict=True)])


def read(speakers: Speakers, folder: str, label: str, texts: list[str]) -> list[dict[str, object]]:
    """What a version marks in each text. Raises VersionRefused; Refused for a pair."""
    if any(BETWEEN in text for text in texts):
        raise Refused("This campaign's versions mark words in texts: they read no pairs.")
    reader = speakers.reader_of(Path(folder), label)
    said, _ = reader.look(texts)
    return [marked(text, row, reader.version.hash) for text, row in zip(texts, said, strict=True)]


def framed(lines: list[bytes]) -> tuple[bytes, bytes]:
    """(head, body) of an answer, a line for each text."""
    body = b"\n".join(lines)
    return orjson.dumps({"bytes": len(body)}) + b"\n", body


def serve(asked: BinaryIO, out: BinaryIO) -> None:
    """Answers until nobody asks any more."""
    speakers = Speakers()
    for line in asked:
        out.writelines(answer(speakers, line))
        out.flush()


def main() -> None:
    """Gives way to the bot and the database; whatever a library prints goes to standard error."""
    os.nice(10)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(sys.stdin.buffer, out)


if __name__ == "__main__":
    main()
