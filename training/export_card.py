"""The README of an export: what it is, how to load it, what it leaves out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from training.recipe import Aim
from training.versions import Version, VersionCard

CODE = """```python
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

tokenizer = PreTrainedTokenizerFast.from_pretrained(FOLDER)
model = AutoModelForSequenceClassification.from_pretrained(FOLDER, trust_remote_code=True).eval()
logits = model(**tokenizer(["a text"], truncation=True, padding=True, return_tensors="pt")).logits
probabilities = SAID  # calibrated; model.config.id2label names the columns
```"""
WORDS = """```python
from transformers import AutoModelForTokenClassification, PreTrainedTokenizerFast, pipeline

tokenizer = PreTrainedTokenizerFast.from_pretrained(FOLDER)
model = AutoModelForTokenClassification.from_pretrained(FOLDER, trust_remote_code=True).eval()
read = pipeline("token-classification", model=model, tokenizer=tokenizer, aggregation_strategy="first")
read("a text")  # what is marked; a word is told by its first token, and its score is calibrated
```"""
ONNX = """```python
import onnxruntime
told = tokenizer(["a text"], truncation=True, padding=True, return_tensors="np")
session = onnxruntime.InferenceSession(FILE)
probabilities, = session.run(None, {name: told[name].astype("int64") for name in ("input_ids", "attention_mask")})
```"""

PAIRS = """This version compares pairs. The rows that the model is given are texts, those of a pair side by side
(`["A", "B", "A of the next", "B of the next"]`); of each pair comes one row of logits."""

GLOSSARY = """## Left out

The campaign has a glossary; the meanings of its terms are put before each text that holds them (`glossary.csv` lists
both). This model does not do that by itself: do it before the tokenizer for the same probabilities."""


def readme(
    version: Version, title: str, labels: Sequence[str], differences: Mapping[str, float], glossary: bool = False,
    withdrawn: int = 0,
) -> str:  # fmt: skip
    """Return the model card as Markdown; `withdrawn` people have withdrawn their answers since it was trained."""
    card, words = version.card, version.card.recipe.aim is Aim.SPANS
    several = len(labels) < len(card.labels) and not words
    said = "logits.sigmoid()  # one for each label: several may hold, or none;" if several else "logits.softmax(-1)  #"
    told, of = _withdrawn(card, withdrawn), " (several may hold, or none)" if several else ""
    onnx = [ONNX.replace("FILE", f'"{name}"') for name in differences if name == "model.onnx"]
    code = WORDS if words else CODE.replace("SAID  #", said)
    checked = [f"- `{name}`: {difference:.2g}" for name, difference in differences.items()]
    figures = [f"- {name}: {value}" for name, value in sorted(card.metrics.items())]
    sections = [
        f"---\nlibrary_name: transformers\npipeline_tag: {'token' if words else 'text'}-classification\n---",
        f"# {title}",
        f"Version `{version.hash}`, trained by Crowdloop on {card.examples} items on {card.created_at[:10]}. "
        f"{'Marks words that are' if words else 'Labels'}: {', '.join(labels)}{of}.",
        _voices(card.blend.probe_share, "sigmoid" if several else "softmax"),
        code,
        *onnx,
        *([PAIRS] if card.recipe.pairs else []),
        *([GLOSSARY] if glossary else []),
        "## Checked\n\nGreatest difference of any probability from the version's own, over 24 texts of all lengths:",
        "\n".join(checked),
        "## Held-out figures\n\nBy the version itself, on items that it had not learned when they were taken:",
        "\n".join(figures),
        _provenance(card),
        *([f"## Withdrawn answers\n\n{told}"] if told else []),
    ]
    return "\n\n".join(sections) + "\n"


def _voices(share: float, of: str) -> str:
    alone = {0.0: "the fine-tuned network alone", 1.0: "the linear probe on the untouched base alone"}
    mixed = f"the fine-tuned network ({1 - share:.0%}) and a linear probe on the untouched base ({share:.0%}), mixed"
    return (
        f"What it says is {alone.get(share, mixed)}. All of it is in this folder: temperatures and mixture are part of "
        f"the model, and the {of} of its logits is the probability that the campaign saw. Halves, means over tokens "
        "and two voices are in no class of transformers, so the code is here, in `exported_model.py`: one readable "
        "file, which `trust_remote_code=True` runs. The ONNX builds, where they are here, need none."
    )


def withdrawn_since(people: int) -> str:
    """Return the sentence about people who asked for their answers back after a version had learned from them."""
    one = people == 1
    who, have = ("1 person", "has") if one else (f"{people:,} people", "have")
    return f"{who} whose answers it learned from {have} withdrawn them since."


def _withdrawn(card: VersionCard, since: int) -> str:
    before = f"The answers of {card.withdrawn_workers:,} workers were left out because they asked for it."
    return "\n".join([*([before] if card.withdrawn_workers else []), *([withdrawn_since(since)] if since else [])])


def _provenance(card: VersionCard) -> str:
    base, libraries = card.recipe.base, sorted(card.libraries.items())
    named = "all-MiniLM-L6-v2" if not base else Path(base).name if Path(base).is_dir() else base
    recipe = asdict(card.recipe) | {"base": named}
    lines = [
        f"- base: `{named}` (sha256 of its weights `{card.base_hash}`); its licence holds for what is made of it",
        f"- snapshot of the items: `{card.examples_hash}`",
        f"- recipe: `{json.dumps(recipe)}`",
        f"- libraries: {', '.join(f'{name} {number}' for name, number in libraries)}",
    ]
    return "## Provenance\n\n" + "\n".join(lines)
