"""The tables of being forgotten: what keeps out those who were kept out before."""

from __future__ import annotations

from sqlalchemy import CheckConstraint

from storage.columns import Row, floats, int64, string

BARS = ("bar", "secret")


class BarRow(Row, table=True):
    """Somebody who was kept out of a campaign, and then forgotten."""

    __tablename__ = "bar"
    digest: str = string(primary_key=True)  # HMAC of the account, by the key below
    campaign: int = int64(primary_key=True, foreign_key="campaign.id")
    admission: str = string()


class SecretRow(Row, table=True):
    """One row, made when it is first needed."""

    __tablename__ = "secret"
    __table_args__ = (CheckConstraint("id = 1", "one"),)
    id: int = int64(primary_key=True)
    key: bytes = floats()
