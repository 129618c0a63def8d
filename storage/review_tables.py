"""The table of reviews."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index

from storage.columns import Row, counted_up, floats, int64, string

REVIEWS = ("review",)  # append-only


class ReviewRow(Row, table=True):
    """What an admin said of an item: a fact, so a trigger refuses every change. The latest of an item holds."""

    __tablename__ = "review"
    __table_args__ = (
        CheckConstraint("(ruling = 'label') = (label IS NOT NULL)", "label"),
        Index("ix_review_item", "item"),
        Index("ix_review_campaign", "campaign"),
    )
    seq: int | None = counted_up()
    campaign: int = int64(foreign_key="campaign.id")
    item: int = int64(foreign_key="item.id")
    admin: int = int64(foreign_key="worker.id")
    ruling: str = string()
    label: int | None = int64(None)
    posterior: bytes = floats()  # what was believed of the item before, not calibrated
    at: int = int64()
