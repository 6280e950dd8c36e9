"""The shapes of items, as the API documents them; a test holds them against `ebbtide.domain.item`."""

from typing import Any

from pydantic import ConfigDict, Field

from ebbtide.logs.items import MOST
from serving.schemas import Shape

ITEM: dict[str, Any] = {
    "id": "tea-100",
    "name": "Assam, 100 g",
    "category": "Tea",
    "brand": "Leaf",
    "price": 4.5,
    "stock": 12,
    "availableFrom": "2026-01-01",
    "url": "https://shop.example.org/tea-100",
    "attributes": {"organic": True, "grams": 100},
}


class ItemShape(Shape):
    """What is said of an item. What is left out stays as it was, and null takes it away."""

    id: str | int = Field(description="As in `product_id` of the events, 200 letters at most.")
    name: str | None = None
    category: str | None = None
    brand: str | None = None
    price: float | None = Field(None, ge=0, description="Of one unit, in the currency of the events.")
    stock: float | None = Field(None, description="How many are left; null where nobody counts.")
    available_from: str | float | None = Field(
        None, description="Not shown before it: an ISO 8601 time, a date, or Unix seconds."
    )
    available_until: str | float | None = Field(
        None, description="Not shown from it on; a date is a day that still belongs to the time."
    )
    url: str | None = None
    image: str | None = None
    attributes: dict[str, str | float | bool] | None = Field(
        None, description="Whatever conditions should be able to read, as `item.attributes.NAME`."
    )


class StoredItemShape(ItemShape):
    """An item as it is kept; what nobody said is left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [ITEM]})

    sold_out_since: str | None = Field(None, description="When its stock fell to 0, as long as it is.")


class ItemsRequest(Shape):
    """Items to describe."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [ITEM, {"id": "tea-250", "stock": 0}]}]}
    )

    # Looked at one by one: a bad one gets a problem of its own, and stops no other.
    items: list[Any] = Field(
        min_length=1,
        max_length=MOST,
        description="Each as a stored item, 2,048 bytes at most.",
        json_schema_extra={"items": {"$ref": "#/components/schemas/StoredItemShape"}},
    )


class ItemAnswer(Shape):
    """What became of one item: its `id` and `new`, or `problem`."""

    id: str | None = None
    new: bool | None = Field(None, description="Whether nothing was known of it before.")
    problem: dict[str, Any] | None = None


class ItemsResponse(Shape):
    """What became of each item, in their order."""

    accepted: int
    answers: list[ItemAnswer]
