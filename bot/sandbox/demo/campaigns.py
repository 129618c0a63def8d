"""The demo's two campaigns, as an admin would bring them: a chat command and a file. Truths stay with the crowd."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from bot.sandbox.people import Shown, unique_id

SIDE = 160  # pixels of a digit on the phone; the scans have 8


@dataclass(frozen=True, slots=True)
class DemoCampaign:
    """What the admin sends, and what only the simulated crowd knows."""

    slug: str
    command: str  # what the admin writes to create it
    uploads: tuple[tuple[str, bytes, str], ...]  # files: name, content, caption
    labels: tuple[str, ...]
    wordings_zh: tuple[str, ...]  # the labels on the buttons of a Chinese phone
    truths: dict[str, int]  # item's name -> label; controls too
    shown: dict[str, int]  # what a bubble shows -> label
    budget: int  # answers on each of the two days

    def truth_of(self, bubble: Shown) -> int | None:
        """The true label of the item in a bubble, or None where it shows none."""
        if bubble.photo is not None:
            return self.shown.get(bubble.photo)
        if not bubble.keys:
            return None
        return next((label for text, label in self.shown.items() if text in bubble.words), None)


def digits(items: int = 1000, controls: int = 40, budget: int = 1300, seed: int = 7) -> DemoCampaign:
    """Handwritten digits from scikit-learn (Alpaydin and Kaynak 1998, UCI), sent as photos."""
    scans = load_digits()
    rows = np.random.default_rng(seed).permutation(len(scans.target))[: items + controls]
    names = {int(row): f"digit-{row:04d}.png" for row in rows}
    pictures = {names[int(row)]: _picture(scans.images[row]) for row in rows}
    truths = {names[int(row)]: int(scans.target[row]) for row in rows}
    known = [names[int(row)] for row in rows[items:]]
    new = [names[int(row)] for row in rows[:items]]
    return DemoCampaign(
        slug="digits",
        command="/new digits\ntitle: Handwritten digits\nquestion: Which digit is this?\n"
        f"labels: {', '.join(map(str, range(10)))}\npay: 0.01 EUR",
        uploads=(
            (
                "controls.zip",
                _archive({n: pictures[n] for n in known}, {n: truths[n] for n in known}),
                "digits controls",
            ),
            ("digits.zip", _archive({n: pictures[n] for n in new}, {}), "digits"),
        ),
        labels=tuple(map(str, range(10))),
        wordings_zh=tuple(map(str, range(10))),
        truths=truths,
        shown={unique_id(content): truths[name] for name, content in pictures.items()},
        budget=budget,
    )


def _picture(scan: np.ndarray) -> bytes:
    """A PNG of an 8 x 8 scan with values 0..16, dark ink on white."""
    ink = Image.fromarray((255 - scan * (255 / 16)).astype(np.uint8))
    stream = io.BytesIO()
    ink.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(stream, "PNG")
    return stream.getvalue()


def _archive(pictures: dict[str, bytes], truths: dict[str, int]) -> bytes:
    """A ZIP of pictures; with truths it carries a table that names them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in pictures.items():
            archive.writestr(name, content)
        if truths:
            rows = [[name, name, str(truth)] for name, truth in truths.items()]
            archive.writestr("items.csv", _table(["id", "image", "truth"], rows))
    return stream.getvalue()


def messages(controls: int = 40, budget: int = 1100, seed: int = 7) -> DemoCampaign:
    """Customer messages in eight intents, written for this demo by hand."""
    folder = files("bot.sandbox") / "data"
    told = json.loads((folder / "messages_labels.json").read_text(encoding="utf-8"))
    labels = tuple(told["labels"])
    chinese = tuple(told["names_zh"][label] for label in labels)
    rows = list(csv.DictReader(io.StringIO((folder / "messages.csv").read_text(encoding="utf-8"))))
    known = set(np.random.default_rng(seed).choice(len(rows), controls, replace=False).tolist())
    truths = {row["id"]: labels.index(row["label"]) for row in rows}
    return DemoCampaign(
        slug="messages",
        command="/new messages\ntitle: Customer messages\nquestion: What does the customer want?\n"
        f"labels: {', '.join(labels)}\npay: 0.015 EUR\nlabels.zh: " + ", ".join(chinese),
        uploads=(
            ("controls.csv", _messages([row for at, row in enumerate(rows) if at in known], True), "messages controls"),
            ("messages.csv", _messages([row for at, row in enumerate(rows) if at not in known], False), "messages"),
        ),
        labels=labels,
        wordings_zh=chinese,
        truths=truths,
        shown={row["text"].strip(): truths[row["id"]] for row in rows},
        budget=budget,
    )


def _messages(rows: Sequence[dict[str, str]], with_truth: bool) -> bytes:
    header = ["id", "text", "truth"] if with_truth else ["id", "text"]
    return _table(header, [[row["id"], row["text"], row["label"]][: len(header)] for row in rows]).encode()


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow(header)
    writer.writerows(rows)
    return stream.getvalue()
