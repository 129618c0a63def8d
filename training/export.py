"""Take a version away: a Hugging Face folder with the adapter merged, checked against the version before it is kept."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from core.item import BETWEEN, between
from core.marks.worth import stacked
from training.errors import VersionRefused
from training.examples import Floats, Rows
from training.export_card import readme
from training.portable import portable, portable_reader
from training.recipe import Aim, Method
from training.speaker import Speaker
from training.text_network import TextNetwork
from training.word_reader import WordReader
from training.words import places_of

CLOSE = 1e-4  # greatest difference of a probability that is still the same one
SAMPLES = 24  # texts on which an export is compared with its version


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and how far it is from the version that it came from."""

    folder: Path
    differences: dict[str, float]  # file -> greatest difference of a probability, over the samples


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes one more build into an export's folder and says what it thinks of texts."""

    file: str
    write: Callable[[Path, Sequence[str]], Floats]

    def __call__(self, folder: Path, texts: Sequence[str]) -> Floats:
        """Return (N, K) probabilities by the build just written."""
        return self.write(folder, texts)


def export(
    speaker: Speaker | WordReader,
    folder: Path,
    title: str,
    glossary: str = "",
    further: Sequence[Writer] = (),
    withdrawn: int = 0,
) -> Exported:
    """Write config, tokenizer, model.safetensors and README.md into a new folder, whole or not at all.

    `glossary` is the campaign's as CSV, "" where it has none; `further` writes other builds beside them;
    `withdrawn` people have withdrawn their answers since the version was trained. Raises
    VersionRefused where the method cannot be folded into the base, where the folder is there already, or where what
    was written says anything else than the version.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise VersionRefused(f"{folder} is there already: name a new folder.")
    recipe = speaker.version.card.recipe
    merges = recipe.method is not Method.PREFIX and recipe.aim in (Aim.LABEL, Aim.RATING, Aim.SPANS)
    if not isinstance(speaker.network, TextNetwork) or not merges:
        raise VersionRefused("Only a single network that reads texts, taught by a method that merges, is exported.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    try:
        differences = fill(part, speaker, further)
        if glossary:
            (part / "glossary.csv").write_text(glossary, encoding="utf-8")
        labels = speaker.labels if isinstance(speaker, Speaker) else (speaker.label,)
        card = readme(speaker.version, title, labels, differences, bool(glossary), withdrawn)
        (part / "README.md").write_text(card, encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        part.chmod(0o755)
        for path in part.iterdir():
            path.chmod(0o644)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Exported(folder, differences)


def fill(part: Path, speaker: Speaker | WordReader, further: Sequence[Writer]) -> dict[str, float]:
    """Write every build and return how far each is from the version; raises VersionRefused."""
    network = speaker.network
    assert isinstance(network, TextNetwork)
    model = portable(speaker) if isinstance(speaker, Speaker) else portable_reader(speaker)
    model.save_pretrained(part)
    network.tokenizer.model_max_length = network.max_length
    network.tokenizer.save_pretrained(part)
    texts = samples(network.tokenizer, network.max_length)
    if network.pairs:
        texts = [between(*two) for two in zip(texts, reversed(texts), strict=True)]
    if isinstance(speaker, Speaker):
        expected, said = speaker.say(texts, exact=True), by_transformers(part, texts)
    else:
        expected, said = speaker.look(texts, exact=True)[0], words_by_transformers(part, texts)
    differences = {"model.safetensors": apart(expected, said)}
    if differences["model.safetensors"] > CLOSE:
        raise VersionRefused(f"The export would differ from its version by {max(differences.values()):.2g}.")
    for build in further:
        differences[build.file] = apart(expected, build(part, texts))
    return differences


def samples(tokenizer: PreTrainedTokenizerBase, longest: int) -> list[str]:
    """Return texts of all lengths, drawn from the tokenizer's own vocabulary."""
    rng = np.random.default_rng(0)
    lengths = np.linspace(1, longest + 4, SAMPLES).astype(int)
    drawn = [rng.integers(0, len(tokenizer), length).tolist() for length in lengths]
    return [str(tokenizer.decode(tokens, skip_special_tokens=True)) or "a" for tokens in drawn]


def by_transformers(folder: Path, texts: Sequence[str]) -> Floats:
    """Return (N, K) what the folder says when it is loaded as anybody would."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True).eval()
    found = []
    with torch.inference_mode():
        for text in texts:
            told = tokenizer(text.split(BETWEEN), padding=True, truncation=True, return_tensors="pt")
            logits = model(**told).logits.double()
            found.append((logits.sigmoid() if model.config.several else logits.softmax(-1))[0].numpy())
    return np.stack(found)


def words_by_transformers(folder: Path, texts: Sequence[str]) -> Floats:
    """Return (N, W) chances of words to be marked, nan where none is read, by the folder as anybody would load it."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model = AutoModelForTokenClassification.from_pretrained(folder, trust_remote_code=True).eval()

    def say(ids: Rows, mask: Rows) -> Floats:
        with torch.inference_mode():
            logits = model(torch.from_numpy(ids), torch.from_numpy(mask)).logits
        return np.asarray(logits.double().softmax(-1).numpy())

    return words_said(tokenizer, say, texts)


def words_said(tokenizer: PreTrainedTokenizerBase, say: Callable[[Rows, Rows], Floats], texts: Sequence[str]) -> Floats:
    """Return (N, W) chances of words to be marked, each by its first token, nan where none is read; `say` takes ids and
    mask (1, T) and returns (1, T, 2)."""
    found = []
    for text in texts:
        told = tokenizer(text, truncation=True, return_offsets_mapping=True)
        ids = np.array([told["input_ids"]], dtype=np.int64)
        places, said = places_of(text, told["offset_mapping"]), say(ids, np.ones_like(ids))[0, :, 1]
        found.append(np.where(places >= 0, said[places], np.nan))
    return stacked(found)


def apart(one: Floats, other: Floats) -> float:
    """Return the greatest difference of a probability that both say."""
    return float(np.nanmax(np.abs(one - other)))
