"""The tables of task chains and of written answers."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field

from storage.columns import Row, counted_up, int64, string

FACTS = ("written",)  # append-only


class ChainRow(Row, table=True):
    """Items of `source` that are settled on `label` go on into `target`."""

    __tablename__ = "chain"
    __table_args__ = (UniqueConstraint("source", "label", "target"), CheckConstraint("source <> target", "ends"))
    id: int | None = counted_up()
    source: int = int64(foreign_key="campaign.id")
    label: int = int64()
    target: int = int64(foreign_key="campaign.id")
    apart: bool = Field(sa_type=Boolean)


class FedRow(Row, table=True):
    """An item that a chain made. Its source goes into a campaign once, or once for each of its candidates."""

    __tablename__ = "fed"
    __table_args__ = (UniqueConstraint("source", "target", "candidate"), Index("ix_fed_chain", "chain"))
    item: int = int64(primary_key=True, foreign_key="item.id")
    chain: int = int64(foreign_key="chain.id")
    source: int = int64(foreign_key="item.id")
    target: int = int64(foreign_key="campaign.id")
    candidate: str = string("")  # key of a written text; "" where the item itself went on
    apart: bool = Field(sa_type=Boolean)
    state: str = string()


class WrittenRow(Row, table=True):
    """The words of an answer: a fact, so a trigger refuses every change."""

    __tablename__ = "written"
    __table_args__ = (ForeignKeyConstraint(["question", "lease"], ["answer.question", "answer.lease"]),)
    question: str = string(primary_key=True)
    lease: int = int64(primary_key=True)
    text: str = string()
