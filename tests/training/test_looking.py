"""Looking at many contents: every row once, whatever the memory takes.

Planted and caught: a batch that did not fit is dropped; its size is not remembered; every RuntimeError is taken for
short memory; `exact` is not handed on.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.test_loop import Cramped
from training import looking
from training.errors import OutOfMemory
from training.looking import looked
from training.network import halves
from training.text_inputs import TokenInputs

CPU = torch.device("cpu")


def inputs(n: int = 40) -> TokenInputs:
    return TokenInputs([[at] * (1 + at % 7) for at in range(n)], 0)


@pytest.mark.parametrize("room", [100, 9, 4, 1])
def test_every_row_is_looked_at_once_in_pieces_that_fit(room: int) -> None:
    """A size that did not fit is not tried again."""
    tried: list[int] = []

    class Counted(Cramped):
        def take(self, rows: np.ndarray, device: torch.device) -> object:  # type: ignore[override]
            tried.append(len(rows))
            return super().take(rows, device)

    said: dict[int, float] = {}
    for rows, first in looked(Counted(inputs(), room), lambda batch: batch.values[:, 0], CPU, 16, 4096):
        assert not said.keys() & set(rows.tolist())
        said |= dict(zip(rows.tolist(), first.tolist(), strict=True))
    assert said == {at: at for at in range(40)}
    assert sum(size > room for size in tried) <= 4


@pytest.mark.parametrize("exact", [False, True])
def test_bfloat16_where_the_device_has_it_and_nothing_must_be_exact(
    exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for native in (False, True):
        monkeypatch.setattr(looking, "halves", lambda _, native=native: native)
        table = torch.arange(1.0, 41).unsqueeze(1).repeat(1, 3) / 7
        for _, said in looked(inputs(), lambda batch, of=table: of[batch.values] @ of[:3], CPU, 16, 4096, exact):
            assert said.dtype is (torch.bfloat16 if native and not exact else torch.float32)


def test_a_processor_without_bfloat16_keeps_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    for able, halved in (({"avx2": True, "avx512_bf16": False}, False), ({"amx_bf16": True}, True), ({}, False)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda able=able: able)
        assert halves.__wrapped__("cpu") is halved
        assert halves.__wrapped__("cuda")


def test_one_row_that_does_not_fit_says_what_to_change() -> None:
    with pytest.raises(OutOfMemory, match="lower max_length"):
        list(looked(Cramped(inputs(), 0), lambda batch: batch.values, CPU, 16, 4096))


def test_other_errors_are_not_taken_for_short_memory() -> None:
    def broken(_: object) -> None:
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes"):
        list(looked(inputs(), broken, CPU, 16, 4096))
