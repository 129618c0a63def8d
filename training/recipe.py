"""One recipe: everything that decides how a version is trained, one sentence a field."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum


class Method(StrEnum):
    """Which weights move."""

    LORA = "lora"
    RSLORA = "rslora"
    DORA = "dora"
    ADALORA = "adalora"
    IA3 = "ia3"
    PREFIX = "prefix"
    FULL = "full"
    HEAD = "head"


STEPS = {
    Method.LORA: 1e-3, Method.RSLORA: 3.5e-4, Method.DORA: 1e-3, Method.ADALORA: 5e-3, Method.IA3: 5e-2,
    Method.PREFIX: 5e-2, Method.FULL: 2e-4, Method.HEAD: 1e-3,
}  # fmt: skip
"""The step size that suits each method: trec, 200 labels, on examples that no benchmark learns from or judges by."""


class Kind(StrEnum):
    """What the contents are."""

    TEXT = "text"
    IMAGE = "image"


class Aim(StrEnum):
    """What kind of answer is learned."""

    LABEL = "label"  # one of K
    LABELS = "labels"  # any of K
    RATING = "rating"  # one of K grades in their order
    PAIR = "pair"  # which of two contents
    SPANS = "spans"  # one of C tags a token


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train one version; the same recipe and the same examples give the same version card."""

    base: str = ""
    """Text network to start from: a Hugging Face id or a folder; empty means the packaged all-MiniLM-L6-v2."""
    vision_base: str = ""
    """Image network to start from: an id or a folder; empty means a small vision transformer from scratch."""
    aim: Aim = Aim.LABEL
    """What kind of answer is learned, which decides the head and the loss."""
    method: Method = Method.LORA
    """Which weights move: one of peft's adapters, a prefix, all weights of the trained layers, or the head alone."""
    rank: int = 64
    """Rank of the adapters; AdaLoRA's mean rank at the end."""
    alpha: int = 128
    """Adapter scale; the update is multiplied by alpha / rank, by alpha / root of rank in rsLoRA, which is more."""
    prefix_tokens: int = 8
    """Learned keys and values before the text's own, where the method is prefix tuning."""
    trained_layers: int = 3
    """How many layers from the top are trained; what the frozen ones below say is computed once and kept."""
    learning_rate: float = 1e-3
    """Peak step size of the trained layers; what suits each method is in `STEPS`."""
    head_learning_rate: float = 1e-2
    """Peak step size of the head, which starts from nothing and so wants a larger one."""
    epochs: int = 10
    """How often each example is seen."""
    least_steps: int = 60
    """Steps at least: few examples are seen more often, up to four times as often."""
    batch_size: int = 32
    """Examples a step."""
    batch_tokens: int = 8192
    """Most padded tokens in one forward pass when scoring; long texts travel in smaller batches."""
    weight_decay: float = 0.01
    """Pull of the weights towards zero (AdamW)."""
    warmup: float = 0.1
    """Share of the steps in which the step size rises from zero; afterwards it falls linearly to zero."""
    max_length: int = 128
    """Tokens of a text that are read; the rest is cut."""
    image_size: int = 32
    """Pixels of a side to which pictures are brought when the network starts from scratch."""
    patch_size: int = 8
    """Pixels of a side of one patch when the network starts from scratch."""
    contrast: float = 1.0
    """Weight of the contrast between texts of one label and others beside the cross-entropy; 0 is off."""
    adversarial: str = ""
    """fgm or pgd: also learn from inputs moved to where the loss is higher; empty is off."""
    adversarial_radius: float = 0.1
    """How far they move, as a share of the norm of an example's states."""
    r_drop: float = 0.0
    """Weight of the difference between two passes with their own dropout; 0 is off."""
    token_cutoff: float = 0.0
    """Chance of a token to be hidden in a step; 0 is off."""
    mixup: float = 0.0
    """Both parameters of the Beta distribution of the share in which examples are mixed; 0 is off."""
    noise_filter: bool = False
    """Whether labels that the other examples contradict are left out (confident learning)."""
    ensemble: int = 1
    """Members, each an adapter and a head on one frozen base, taught on their own draw of the examples."""
    held_out: float = 0.2
    """Share of the examples on which the version is calibrated before it is trained again on all of them."""
    hours: float = 4.0
    """Time for one training; when it runs short the step size falls faster, and what was learned is kept."""
    pairs: bool = False
    """Contents are pairs, whose texts are read apart and then compared; the examples say so, whatever stands here."""
    seed: int = 0
    """Where all chance comes from."""
    device: str = "auto"
    """cpu, cuda, cuda:1 ..., or auto: the first GPU if there is one."""
    exact: bool = False
    """Float32 also where a device has bfloat16, in which GPUs learn and score, and processors that have it score."""

    def __post_init__(self) -> None:
        """Refuse what can never be right."""
        object.__setattr__(self, "method", Method(self.method))
        object.__setattr__(self, "aim", Aim(self.aim))
        counts = ("rank", "prefix_tokens", "trained_layers", "epochs", "batch_size", "batch_tokens", "max_length")
        for name in (*counts, "image_size", "ensemble"):
            if getattr(self, name) < 1:
                raise ValueError(f"recipe: {name} must be at least 1, not {getattr(self, name)}")
        for name in ("alpha", "learning_rate", "head_learning_rate", "hours"):
            if not getattr(self, name) > 0:
                raise ValueError(f"recipe: {name} must be above 0, not {getattr(self, name)}")
        for name in ("warmup", "held_out"):
            if not 0 <= getattr(self, name) <= 0.5:
                raise ValueError(f"recipe: {name} must lie between 0 and 0.5, not {getattr(self, name)}")
        for name in ("contrast", "r_drop", "token_cutoff", "mixup"):
            if not 0 <= getattr(self, name) < (1 if name == "token_cutoff" else 100):
                raise ValueError(f"recipe: {name} cannot be {getattr(self, name)}")
        if self.adversarial not in ("", "fgm", "pgd") or not self.adversarial_radius > 0:
            raise ValueError(f"recipe: adversarial is fgm, pgd or empty, its radius above 0, not {self.adversarial!r}")
        if self.options and self.aim is not Aim.LABEL:
            raise ValueError(f"recipe: its options are for one label of K, not for {self.aim.value}")
        if self.patch_size not in (2, 4, 8, 16, 32) or self.image_size % self.patch_size:
            raise ValueError(f"recipe: patch_size must be a power of two that divides image_size {self.image_size}")

    @property
    def options(self) -> bool:
        """Return whether any option changes how a batch is learned."""
        return bool(self.adversarial or self.r_drop or self.token_cutoff or self.mixup)

    @property
    def fingerprint(self) -> str:
        """Return the sha256 of all fields."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def suited_to(self, kind: Kind, examples: int, pairs: bool = False) -> Recipe:
        """Return the recipe for N examples of this kind: few are seen more often; a network from scratch trains all
        weights, about 400 steps."""
        if kind is Kind.TEXT or self.vision_base:
            often = max(self.epochs, -(-self.least_steps * self.batch_size // examples))
            return replace(self, epochs=min(4 * self.epochs, often), pairs=pairs)
        epochs = min(60, max(10, round(400 * self.batch_size / examples)))
        return replace(
            self,
            method=Method.FULL,
            learning_rate=3e-3,
            head_learning_rate=3e-3,
            epochs=epochs,
            weight_decay=0.05,
            contrast=0.0,
        )


def recipe_from(values: dict[str, object]) -> Recipe:
    """Build a recipe from a version card's JSON; raises ValueError on a field that no recipe has."""
    unknown = set(values) - {field.name for field in fields(Recipe)}
    if unknown:
        raise ValueError(f"recipe: unknown field {min(unknown)}")
    return Recipe(**values)  # type: ignore[arg-type]
