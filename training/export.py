"""Take a version away: a Hugging Face folder with the adapter merged, checked against the version before it is kept."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from core.item import BETWEEN, between
from training.errors import VersionRefused
from training.examples import Floats
from training.export_card import readme
from training.exported_model import CrowdloopConfig, CrowdloopForSequenceClassification
from training.heads import GradeHead
from training.probe import Probe
from training.recipe import Aim, Method
from training.speaker import Speaker
from training.text_network import TextNetwork

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
    speaker: Speaker,
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
    merges = recipe.method is not Method.PREFIX and recipe.aim in (Aim.LABEL, Aim.RATING)
    if not isinstance(speaker.network, TextNetwork) or not merges:
        raise VersionRefused(
            "Only a single network that gives texts one label or grade, by a method that merges, is exported."
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    try:
        differences = fill(part, speaker, further)
        if glossary:
            (part / "glossary.csv").write_text(glossary, encoding="utf-8")
        card = readme(speaker.version, title, speaker.labels, differences, bool(glossary), withdrawn)
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


def fill(part: Path, speaker: Speaker, further: Sequence[Writer]) -> dict[str, float]:
    """Write every build and return how far each is from the version; raises VersionRefused."""
    network = speaker.network
    assert isinstance(network, TextNetwork)
    portable(speaker).save_pretrained(part)
    network.tokenizer.model_max_length = network.max_length
    network.tokenizer.save_pretrained(part)
    texts = samples(network.tokenizer, network.max_length)
    if network.pairs:
        texts = [between(*two) for two in zip(texts, reversed(texts), strict=True)]
    expected = speaker.say(texts, exact=True)
    differences = {"model.safetensors": apart(expected, by_transformers(part, texts))}
    if differences["model.safetensors"] > CLOSE:
        raise VersionRefused(f"The export would differ from its version by {max(differences.values()):.2g}.")
    for build in further:
        differences[build.file] = apart(expected, build(part, texts))
    return differences


def portable(speaker: Speaker) -> CrowdloopForSequenceClassification:
    """Return the version as one model with its adapters merged into the layers and its calibration in the output."""
    network, card = speaker.network, speaker.version.card
    assert isinstance(network, TextNetwork)
    unwrap(network)
    full = network.upper.config.to_dict()
    full.pop("_name_or_path", None)  # where this machine keeps the base
    names = dict(enumerate(speaker.labels or [str(at) for at in range(len(speaker.probe.bias))]))
    config = CrowdloopConfig(
        base=full,
        trained_layers=card.recipe.trained_layers,
        network_temperature=card.blend.network_temperature,
        probe_temperature=card.blend.probe_temperature,
        probe_share=card.blend.probe_share,
        final_temperature=card.blend.temperature,
        graded=card.recipe.aim is Aim.RATING,
        pairs=card.recipe.pairs,
        several=speaker.several,
        problem_type="multi_label_classification" if speaker.several else "single_label_classification",
        id2label=names,
        label2id={name: at for at, name in names.items()},
    )
    model = CrowdloopForSequenceClassification(config)
    model.train(False)
    model.load_state_dict(weights_of(network, speaker.probe, card.blend.probe_share))
    return model


def unwrap(network: nn.Module) -> None:
    """Put each merged layer where its adapter stood."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BaseTunerLayer):
                if not child.merged:
                    child.merge()
                setattr(parent, name, child.get_base_layer())


def weights_of(network: TextNetwork, probe: Probe, share: float) -> dict[str, Tensor]:
    """Return the weights by the names that they have in the exported model; the probe's centre and scale folded in."""
    head = network.head if isinstance(network.head, GradeHead) else network.head.get_submodule("linear")
    scaled = probe.weight / probe.scale
    voices: dict[str, nn.Module | None] = {
        "lower": network.lower,
        "upper": network.upper if share < 1 else None,
        "head": head if share < 1 else None,
        "twin": network.twin if share > 0 else None,
    }
    found = {
        f"{voice}.{name}": weight.detach().cpu().contiguous()
        for voice, module in voices.items()
        if module is not None
        for name, weight in module.state_dict().items()
    }
    if share > 0:
        found["probe.weight"] = scaled.T.contiguous()
        found["probe.bias"] = probe.bias - probe.centre @ scaled
    return found


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


def apart(one: Floats, other: Floats) -> float:
    """Return the greatest difference of a probability."""
    return float(np.abs(one - other).max())
