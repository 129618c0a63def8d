"""Reviews, and the items that they are about."""

from __future__ import annotations

from sqlalchemy import select, text, update

from core.errors import NotFound
from core.ids import CampaignId, ItemId
from core.item import Item
from core.review import Review, Ruling
from storage import mapping
from storage.part import Part
from storage.sql import START, DbRow, Statement, given, insert
from storage.tables import TABLES

ITEM, REVIEW = TABLES["item"], TABLES["review"]
RULED = ("verdict", "posterior", "problems", "priority", "truth", "seats")

NAMED = Statement(select(ITEM).where(ITEM.c.campaign == given("campaign"), ITEM.c.name == given("name")))
DISPUTED = Statement(
    select(ITEM.c.id)
    .where(
        ITEM.c.campaign == given("campaign"), text("role <> 'control' AND verdict = 'disputed'"),
        ITEM.c.id > given("after"),
    )
    .order_by(ITEM.c.id)
    .limit(given("limit"))
    .offset(START)
)  # fmt: skip
ADD_REVIEW = Statement(insert("review", "seq"))
REVIEWS_OF = Statement(select(REVIEW).where(REVIEW.c.item == given("item")).order_by(REVIEW.c.seq))
SAVE_RULED = Statement(update(ITEM).where(ITEM.c.id == given("of")).values({name: given(name) for name in RULED}))


class Reviews(Part):
    __slots__ = ()

    def item_named(self, campaign: CampaignId, name: str) -> Item:
        row = self.cursor.row(NAMED, campaign=campaign, name=name)
        if row is None:
            raise NotFound("item", name)
        return mapping.item(row)

    def disputed(self, campaign: CampaignId, after: ItemId, limit: int) -> list[ItemId]:
        return [ItemId(row[0]) for row in self.cursor.rows(DISPUTED, campaign=campaign, after=after, limit=limit)]

    def reviews_of(self, item: ItemId) -> list[Review]:
        return [_review(row) for row in self.cursor.rows(REVIEWS_OF, item=item)]

    def add_review(self, review: Review) -> None:
        values = {
            "campaign": review.campaign,
            "item": review.item,
            "admin": review.admin,
            "ruling": review.ruling.value,
            "label": review.label,
            "posterior": mapping.packed(review.posterior),
            "at": mapping.micros(review.at),
        }
        self.cursor.change(ADD_REVIEW, values)

    def save_ruled(self, item: Item) -> None:
        values = {
            "of": item.id,
            "verdict": item.verdict.value,
            "posterior": mapping.packed(item.posterior),
            "problems": item.problems,
            "priority": item.priority,
            "truth": item.truth,
            "seats": item.limit,
        }
        self.cursor.change(SAVE_RULED, values)


def _review(row: DbRow) -> Review:
    _seq, campaign, item, admin, ruling, label, posterior, at = row
    return Review(campaign, item, admin, Ruling(ruling), label, mapping.unpacked(posterior), mapping.moment(at))
