"""A version as one model of transformers: adapters merged, both voices and their calibration inside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peft.tuners.tuners_utils import BaseTunerLayer
from torch import Tensor, nn

from training.exported_model import CrowdloopConfig, CrowdloopForSequenceClassification, CrowdloopForTokenClassification
from training.heads import GradeHead
from training.probe import Probe
from training.recipe import Aim
from training.speaker import Speaker
from training.text_network import TextNetwork
from training.word_reader import WordReader

OUTSIDE = "O"  # what taggers call a token that is not marked


def portable(speaker: Speaker) -> CrowdloopForSequenceClassification:
    """Return the version as one model with its adapters merged into the layers and its calibration in the output."""
    network, card = speaker.network, speaker.version.card
    assert isinstance(network, TextNetwork)
    full = base_of(network)
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


def portable_reader(reader: WordReader) -> CrowdloopForTokenClassification:
    """Return a version that marks words as one model: its adapters merged, its temperature in the output."""
    network, card = reader.network, reader.version.card
    full = base_of(network)
    config = CrowdloopConfig(
        base=full,
        trained_layers=card.recipe.trained_layers,
        network_temperature=card.blend.network_temperature,
        id2label={0: OUTSIDE, 1: reader.label},
        label2id={OUTSIDE: 0, reader.label: 1},
    )
    model = CrowdloopForTokenClassification(config)
    model.train(False)
    parts = {"lower": network.lower, "upper": network.upper, "head": network.head.get_submodule("linear")}
    model.load_state_dict(named(parts))
    return model


def base_of(network: TextNetwork) -> dict[str, Any]:
    """Return the configuration of the base, whose layers are put where their adapters stood."""
    unwrap(network)
    full: dict[str, Any] = network.upper.config.to_dict()
    full.pop("_name_or_path", None)  # where this machine keeps the base
    return full


def named(parts: Mapping[str, nn.Module | None]) -> dict[str, Tensor]:
    """Return the weights of parts by the names that they have in the exported model."""
    return {
        f"{part}.{name}": weight.detach().cpu().contiguous()
        for part, module in parts.items()
        if module is not None
        for name, weight in module.state_dict().items()
    }


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
    found = named(voices)
    if share > 0:
        found["probe.weight"] = scaled.T.contiguous()
        found["probe.bias"] = probe.bias - probe.centre @ scaled
    return found
