"""ONNX builds of a version: the whole graph up to the calibrated probabilities, in float or with int8 weights."""

from __future__ import annotations

import importlib.util
import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast

from core.item import BETWEEN
from training.errors import VersionRefused
from training.examples import Floats, Rows
from training.export import Writer, words_said
from training.exported_model import CrowdloopForSequenceClassification, CrowdloopForTokenClassification

Portable = CrowdloopForSequenceClassification | CrowdloopForTokenClassification

FLOAT, INT8 = "model.onnx", "int8_model.onnx"
NEEDED = ("onnx", "onnxscript", "onnxruntime")
OPSET = 18


class Probabilities(nn.Module):
    """(ids, mask) -> probabilities: what the graph holds."""

    def __init__(self, model: Portable) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return (B, K) the probabilities that the version serves, (B, T, 2) where it marks words."""
        logits = self.model(input_ids, attention_mask).logits
        return torch.sigmoid(logits) if self.model.config.several else torch.softmax(logits, -1)


def onnx_writers(int8: bool) -> list[Writer]:
    """Return what writes the builds that are asked for; VersionRefused where the extra is not installed."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise VersionRefused(f"{', '.join(missing)} is missing: pip install 'crowdloop[onnx]'.")
    return [Writer(FLOAT, write_float), *([Writer(INT8, write_int8)] if int8 else [])]


def loaded(folder: Path) -> Portable:
    """Return the model that lies in a folder."""
    (name,) = json.loads((folder / "config.json").read_text(encoding="utf-8"))["architectures"]
    marks = name == CrowdloopForTokenClassification.__name__
    kind = CrowdloopForTokenClassification if marks else CrowdloopForSequenceClassification
    return kind.from_pretrained(folder, attn_implementation="eager")


def write_float(folder: Path, texts: Sequence[str]) -> Floats:
    """Write the graph of the model that lies in the folder; return what it says of texts (N, K)."""
    model = loaded(folder)
    model.train(False)
    ids = torch.randint(5, 50, (4, 7))
    either = torch.export.Dim.DYNAMIC
    shape = {0: either, 1: either}
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Probabilities(model), (ids, torch.ones_like(ids)), folder / FLOAT, dynamo=True, opset_version=OPSET,
            input_names=["input_ids", "attention_mask"], output_names=["probabilities"],
            dynamic_shapes=(shape, shape), external_data=False, verbose=False,
        )  # fmt: skip
    return OnnxSpeaker.of(folder, FLOAT).compare(texts)


def write_int8(folder: Path, texts: Sequence[str]) -> Floats:
    """Write the graph with weights of 8 bits; return what it says of texts (N, K).

    Linear layers have a scale for each output, embeddings one for all. Activations are quantised as they come
    (dynamic), so that nothing has to be calibrated on items. Norms, softmax and calibration stay in float.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(folder / FLOAT)
    del graph.graph.value_info[:]  # the exporter's shapes of folded constants contradict the quantiser's own
    parts = ["MatMul", "Gemm", "Gather"]
    quantize_dynamic(graph, folder / INT8, op_types_to_quantize=parts, per_channel=True, weight_type=QuantType.QInt8)
    return OnnxSpeaker.of(folder, INT8).compare(texts)


@dataclass(frozen=True, slots=True)
class OnnxSpeaker:
    """An ONNX build in memory, for checks and benchmarks."""

    session: object
    tokenizer: PreTrainedTokenizerFast

    @classmethod
    def of(cls, folder: Path, file: str, threads: int = 0) -> OnnxSpeaker:
        """Load a build; `threads` 0 takes all cores."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(str(folder / file), options, providers=["CPUExecutionProvider"])
        return cls(session, PreTrainedTokenizerFast.from_pretrained(folder))

    def compare(self, texts: Sequence[str]) -> Floats:
        """Return (N, K) probabilities, or (N, W) chances of words to be marked."""
        (told,) = self.session.get_outputs()  # type: ignore[attr-defined]
        return self.words(texts) if len(told.shape) == 3 else self.say(texts)

    def words(self, texts: Sequence[str]) -> Floats:
        """Return (N, W) chances of words to be marked, nan where none is read."""

        def say(ids: Rows, mask: Rows) -> Floats:
            (said,) = self.session.run(None, {"input_ids": ids, "attention_mask": mask})  # type: ignore[attr-defined]
            return np.asarray(said, np.float64)

        return words_said(self.tokenizer, say, texts)

    def say(self, texts: Sequence[str], batch: int = 32) -> Floats:
        """Return (N, K) probabilities, in the order of the texts; batches hold texts of like length."""
        tokens = [self.tokenizer(text.split(BETWEEN), truncation=True)["input_ids"] for text in texts]
        order = sorted(range(len(texts)), key=lambda at: max(map(len, tokens[at])))
        found: list[Floats] = [np.zeros(0)] * len(texts)
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            told = self.tokenizer.pad({"input_ids": [part for at in rows for part in tokens[at]]}, return_tensors="np")
            fed = {name: np.asarray(told[name], np.int64) for name in ("input_ids", "attention_mask")}
            (said,) = self.session.run(None, fed)  # type: ignore[attr-defined]
            for at, row in zip(rows, said, strict=True):
                found[at] = np.asarray(row, np.float64)
        return np.stack(found)
