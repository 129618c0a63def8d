"""Fixtures of the contract tests."""

from tests.contracts.stores import archive, house, ledger, postgres_url, sqlite_template

__all__ = ["archive", "house", "ledger", "postgres_url", "sqlite_template"]
