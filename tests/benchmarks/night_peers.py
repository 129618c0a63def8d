"""What the night is compared with: a linear probe, Hugging Face's Trainer with peft, SetFit; each calibrated alike.

Every peer learns four fifths first, one temperature is fitted on the fifth that is left, then it learns everything, as
ours does. `trainer` is TrainingArguments() and LoraConfig() as they come (5e-5, 3 epochs, batches of 8);
`trainer_tuned` has our step size, epochs and batches on all linear layers of all six blocks. `setfit` is the setfit
package with contrastive pairs as published (num_iterations 20), but at most `SETFIT_PAIRS` of them (or one round of
two an example), so that a table takes hours.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

from training.bases import base_folder
from training.calibrate import fit_temperature, softmax
from training.examples import Examples, Floats, held_parts, sorted_batches

Voice = Callable[[Sequence[str]], Floats]  # texts -> (N, K) log probabilities
Learn = Callable[[Sequence[str], Floats, int], Voice]  # texts, one-hot labels (N, K), seed
SETFIT_PAIRS = 2000
FLOOR = 1e-4  # of a probability, before logarithms: a label that a peer never saw has none


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What a peer thinks of the judged texts, and what it took."""

    suggestions: Floats  # (M, K)
    seconds: float


def calibrated(learn: Learn, examples: Examples, judged: Sequence[str], seed: int) -> Said:
    """Learn, fit a temperature, learn again with everything, and speak."""
    started = time.perf_counter()
    kept, held = held_parts(len(examples), 0.2, np.random.default_rng(seed))[0]
    texts, labels = np.array(examples.contents, dtype=object), examples.soft_labels
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # progress bars and load reports
        said = learn(list(texts[kept]), labels[kept], seed)(list(texts[held]))
        heat = fit_temperature(said, labels[held], np.ones(len(held)))
        final = learn(list(texts), labels, seed)(judged)
    return Said(softmax(final / heat), time.perf_counter() - started)


def spread_out(chances: Floats, classes: Sequence[int], k: int) -> Floats:
    """Log probabilities of all K labels from those of the labels that were there."""
    full = np.full((len(chances), k), FLOOR)
    full[:, list(classes)] = np.maximum(chances, FLOOR)
    return np.asarray(np.log(full / full.sum(axis=1, keepdims=True)))


def embedded(model: torch.nn.Module, tokenizer: object, texts: Sequence[str]) -> Floats:
    """Mean-pooled states of length one, as all-MiniLM-L6-v2 is meant to be used."""
    tokens = tokenizer(list(texts), truncation=True, max_length=128)["input_ids"]  # type: ignore[operator]
    found = np.empty((len(texts), model.config.hidden_size))
    with torch.inference_mode():
        for rows in sorted_batches([len(row) for row in tokens], 64, 1 << 13):
            batch = tokenizer.pad({"input_ids": [tokens[at] for at in rows]}, return_tensors="pt")  # type: ignore[attr-defined]
            states, mask = model(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)
            pooled = (states * mask).sum(1) / mask.sum(1)
            found[rows] = torch.nn.functional.normalize(pooled, dim=-1).numpy()
    return found


def probe(texts: Sequence[str], labels: Floats, seed: int) -> Voice:
    """Logistic regression on frozen embeddings, its strength by cross-validation where each label has enough."""
    from transformers import AutoModel, AutoTokenizer

    folder, truth = base_folder(""), labels.argmax(axis=1)
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    seen = embedded(model, tokenizer, texts)
    least = np.bincount(truth)[np.unique(truth)].min()
    if least >= 5:
        known = LogisticRegressionCV(Cs=[1, 3, 10, 30], cv=5, max_iter=400, scoring="neg_log_loss").fit(seen, truth)
    else:
        known = LogisticRegression(C=10, max_iter=400).fit(seen, truth)

    def speak(judged: Sequence[str]) -> Floats:
        return spread_out(known.predict_proba(embedded(model, tokenizer, judged)), known.classes_, labels.shape[1])

    return speak


def trainer(texts: Sequence[str], labels: Floats, seed: int) -> Voice:
    """Hugging Face's Trainer and peft with their defaults."""
    return by_trainer(texts, labels, seed, {}, {})


def trainer_tuned(texts: Sequence[str], labels: Floats, seed: int) -> Voice:
    """The same with our step size, epochs, batches and adapters."""
    known = {"learning_rate": 1e-3, "num_train_epochs": 10, "per_device_train_batch_size": 32, "warmup_steps": 0.1}
    return by_trainer(texts, labels, seed, known, {"r": 8, "lora_alpha": 16, "target_modules": "all-linear"})


def by_trainer(
    texts: Sequence[str], labels: Floats, seed: int, arguments: dict[str, object], adapter: dict[str, object]
) -> Voice:
    """Train AutoModelForSequenceClassification with an adapter."""
    from peft import LoraConfig, get_peft_model
    from transformers import (
        AutoModelForSequenceClassification,
        AutoTokenizer,
        DataCollatorWithPadding,
        Trainer,
        TrainingArguments,
        set_seed,
    )

    set_seed(seed)
    folder, tokenizer = base_folder(""), AutoTokenizer.from_pretrained(base_folder(""))
    bare = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=labels.shape[1])
    model = get_peft_model(bare, LoraConfig(task_type="SEQ_CLS", **adapter))  # type: ignore[arg-type]
    truth = labels.argmax(axis=1)
    rows = [
        {"input_ids": ids, "labels": int(label)}
        for ids, label in zip(tokenizer(list(texts), truncation=True, max_length=128)["input_ids"], truth, strict=True)
    ]
    with tempfile.TemporaryDirectory() as folder_:
        settings = TrainingArguments(
            output_dir=folder_, report_to="none", save_strategy="no", disable_tqdm=True, logging_strategy="no",
            seed=seed, use_cpu=not torch.cuda.is_available(), dataloader_pin_memory=False, **arguments,  # type: ignore[arg-type]
        )  # fmt: skip
        Trainer(
            model=model, args=settings, train_dataset=rows, data_collator=DataCollatorWithPadding(tokenizer)
        ).train()
    model.eval()

    def speak(judged: Sequence[str]) -> Floats:
        tokens = tokenizer(list(judged), truncation=True, max_length=128)["input_ids"]
        found = np.empty((len(judged), labels.shape[1]))
        with torch.inference_mode():
            for at in sorted_batches([len(row) for row in tokens], 64, 1 << 13):
                batch = tokenizer.pad({"input_ids": [tokens[row] for row in at]}, return_tensors="pt")
                found[at] = torch.log_softmax(model(**batch.to(model.device)).logits.float(), dim=1).cpu().numpy()
        return found

    return speak


def setfit(texts: Sequence[str], labels: Floats, seed: int) -> Voice:
    """SetFit (Tunstall et al. 2022, arXiv:2209.11055), the package's recipe with a bounded number of pairs."""
    os.environ.setdefault("WANDB_DISABLED", "true")
    from datasets import Dataset, disable_progress_bars
    from setfit import SetFitModel, Trainer, TrainingArguments

    disable_progress_bars()
    truth = labels.argmax(axis=1)
    model = SetFitModel.from_pretrained(str(base_folder("")))
    rounds = max(1, min(20, SETFIT_PAIRS // (2 * len(texts))))
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder, num_iterations=rounds, num_epochs=1, batch_size=16, seed=seed, report_to="none",
            save_strategy="no", show_progress_bar=False,
        )  # fmt: skip
        rows = Dataset.from_dict({"text": list(texts), "label": [int(label) for label in truth]})
        Trainer(model=model, args=settings, train_dataset=rows).train()

    def speak(judged: Sequence[str]) -> Floats:
        chances = np.asarray(model.predict_proba(list(judged), as_numpy=True, show_progress_bar=False))
        return spread_out(chances, model.model_head.classes_, labels.shape[1])

    return speak


PEERS: dict[str, Learn] = {"probe": probe, "trainer": trainer, "trainer_tuned": trainer_tuned, "setfit": setfit}
