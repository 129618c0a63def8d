"""Fixtures of the contract tests."""

from __future__ import annotations

import pytest

from core.ports import Ledger
from tests.contracts.floor import Floor, floor_of
from tests.contracts.stores import archive, house, ledger, postgres_url, sqlite_template

__all__ = ["archive", "house", "ledger", "postgres_url", "sqlite_template"]


@pytest.fixture
async def floor(ledger: Ledger) -> Floor:
    return await floor_of(ledger)
