"""The rows of the night's table from measured cells: means over seeds, paired intervals over seeds and items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.table import Row

Cells = Sequence[Mapping[str, object]]
Floats = NDArray[np.float64]


def matrix(cells: Cells, field: str, seeds: Sequence[int]) -> Floats:
    """(S, M) an item's figure ("right" or "loss") for these seeds."""
    by_seed = {int(str(cell["seed"])): cell[field] for cell in cells}
    return np.array([[float(x) for x in by_seed[seed]] for seed in seeds])  # type: ignore[attr-defined]


def paired(first: Floats, second: Floats, draws: int = 2000) -> tuple[float, float, float]:
    """(mean, low, high) of first - second (S, M): 95 % bootstrap over the seeds and over the items."""
    gap, rng = first - second, np.random.default_rng(0)
    means = [
        gap[rng.integers(0, len(gap), len(gap))].mean(axis=0)[rng.integers(0, gap.shape[1], gap.shape[1])].mean()
        for _ in range(draws)
    ]
    return float(gap.mean()), *(float(x) for x in np.quantile(means, [0.025, 0.975]))


def groups(cells: Cells, *fields: str) -> dict[tuple[object, ...], list[Mapping[str, object]]]:
    """Cells by these fields, in the order in which they were measured."""
    found: dict[tuple[object, ...], list[Mapping[str, object]]] = {}
    for cell in cells:
        found.setdefault(tuple(cell[field] for field in fields), []).append(cell)
    return found


def mean_of(cells: Cells, field: str) -> float:
    """Mean over seeds."""
    return float(np.mean([float(str(cell[field])) for cell in cells]))


def accuracy_rows(cells: Cells) -> Iterator[Row]:
    """Each set and size against the best peer there, then the mean over all; log loss and ECE the same way."""
    gaps: list[float] = []
    for field, part, sign in (("accuracy", "accuracy, percent", 1), ("log_loss", "log loss, nats, calibrated", -1),
                              ("ece", "calibration error, percent", -1)):  # fmt: skip
        scale = 1 if field == "log_loss" else 100
        for (name, size), here in sorted(groups(cells, "set", "size").items()):
            by_name = groups(here, "name")
            mine, peers = by_name.pop(("ours",), []), {str(key[0]): of for key, of in by_name.items()}
            if not mine or not peers:
                continue
            figures = {peer: scale * mean_of(of, field) for peer, of in peers.items()}
            by = "log_loss" if field == "ece" else field  # an even guess is well calibrated: it is no peer in that
            best = max(peers, key=lambda peer: sign * mean_of(peers[peer], by))
            words = f"{name}, {size} labels, {len(mine)} seeds, against {best}"
            yield compared(part, words, mine, peers[best], field, scale, sign, figures)
            if field == "accuracy":
                gaps.append(scale * mean_of(mine, field) - figures[best])
        if field == "accuracy" and gaps:
            yield Row(part, "mean over all, minus the best peer of each", float(np.mean(gaps)), bar="> 0",
                      reached=float(np.mean(gaps)) > 0)  # fmt: skip


def compared(
    part: str, words: str, mine: Cells, theirs: Cells, field: str, scale: float, sign: int, peers: Mapping[str, float]
) -> Row:
    """Ours with the paired interval of its lead over one peer; missed where even the best end of it is behind."""
    seeds = sorted({int(str(c["seed"])) for c in mine} & {int(str(c["seed"])) for c in theirs})
    figure = scale * mean_of(mine, field)
    if field == "ece" or not seeds:  # no figure of single items: equal within a point is equal
        ahead = sign * (figure - scale * mean_of(theirs, field))
        return Row(part, words, figure, peers=peers, bar="within 1", reached=ahead >= -1)
    of_items = {"accuracy": "right", "log_loss": "loss"}[field]
    gap, low, high = paired(matrix(mine, of_items, seeds), matrix(theirs, of_items, seeds))
    best_end = high if sign > 0 else -low
    lead = f"lead {scale * sign * gap:+.2f} [{scale * min(sign * low, sign * high):+.2f}, "
    lead += f"{scale * max(sign * low, sign * high):+.2f}], >= 0 within noise"
    return Row(part, words, figure, peers=peers, bar=lead, reached=best_end >= 0)


def soft_rows(cells: Cells) -> Iterator[Row]:
    """Soft against hard labels of the same answers."""
    leads: list[float] = []
    for (name, size), here in groups(cells, "set", "size").items():
        by_name = groups(here, "name")
        if len(by_name) == 2:
            soft, hard = by_name[("soft",)], by_name[("hard",)]
            for field, scale, sign in (("accuracy", 100, 1), ("log_loss", 1, -1)):
                figures = {"hard labels": scale * mean_of(hard, field)}
                words = f"{name}, {size} items of three answers, {len(soft)} seeds, {field}"
                yield compared("soft labels", words, soft, hard, field, scale, sign, figures)
            leads.append(100 * (mean_of(soft, "accuracy") - mean_of(hard, "accuracy")))
    if leads:
        yield Row("soft labels", "mean lead in accuracy, points", float(np.mean(leads)), bar="> 0",
                  reached=float(np.mean(leads)) > 0)  # fmt: skip


def option_rows(cells: Cells) -> Iterator[Row]:
    """The effect of each option on accuracy and log loss, with its paired interval over all sets, and its time."""
    by_name = groups(cells, "name")
    default = by_name.get(("default",), [])
    where = {(c["set"], c["size"], c["seed"]): c for c in default}
    for (name,), here in by_name.items():
        pairs = [(c, where[c["set"], c["size"], c["seed"]]) for c in here if (c["set"], c["size"], c["seed"]) in where]
        if name == "default" or not pairs:
            continue
        for field, scale in (("right", 100), ("loss", 1)):
            first, second = (
                [np.array([float(x) for x in pair[at][field]]) for pair in pairs]  # type: ignore[attr-defined]
                for at in (0, 1)
            )
            means = np.array([a.mean() - b.mean() for a, b in zip(first, second, strict=True)])
            noise = np.sqrt(sum((a - b).var() / len(a) for a, b in zip(first, second, strict=True))) / len(means)
            spread = max(noise, means.std(ddof=1) / np.sqrt(len(means)) if len(means) > 1 else 0.0)
            gap = float(means.mean())
            time = np.mean([float(a["seconds"]) / float(b["seconds"]) for a, b in pairs])  # type: ignore[arg-type]
            yield Row("options", f"{name}: change in {'accuracy, points' if field == 'right' else 'log loss, nats'}, "
                      f"{len(pairs)} draws", scale * gap, scale * (gap - 1.96 * spread), scale * (gap + 1.96 * spread),
                      bar=f"time x {time:.2f}")  # fmt: skip


def digit_rows(cells: Cells) -> Iterator[Row]:
    """Digits from scratch."""
    figure = mean_of(cells, "accuracy")
    yield Row("pictures", f"digits, 500 labels, {len(cells)} seeds, accuracy", figure, bar=">= 0.93",
              reached=figure >= 0.93)  # fmt: skip


def span_rows(cells: Cells) -> Iterator[Row]:
    """Names in new sentences."""
    figure, looked_up = mean_of(cells, "accuracy"), mean_of(cells, "majority")
    words, peers = f"names, 61 sentences, {len(cells)} seeds, F1 of exact spans", {"most frequent tag": looked_up}
    yield Row("spans", words, figure, peers=peers, bar="0.3 above", reached=figure >= looked_up + 0.3)
