"""Items: what a shop says of its products, for recommendations and for what is back in stock."""

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, HTTPException, Path, Response
from starlette.concurrency import run_in_threadpool

from ebbtide.domain.item import public
from ebbtide.errors import InputError
from ebbtide.logs.items import Put
from ebbtide.logs.rejected import Rejection
from serving.problems import documented, explained, problem
from serving.schemas_items import ItemsRequest, ItemsResponse, StoredItemShape
from serving.services import Given, Services

router = APIRouter(prefix="/v1", tags=["items"])
SOURCE = "items-api"
"""The name of this route in the rejected log."""

ItemId = Annotated[str, Path(max_length=200, description="As in `product_id` of the events.")]


@router.put(
    "/items",
    summary="Describe items",
    response_model=ItemsResponse,
    responses=documented(400, 401, 413, 415, 422, 503),
)
async def put(request: ItemsRequest, services: Given) -> Response:
    """Describe up to 1,000 items, in 500 KB at most; what is left out of one stays as it was.

    An item that cannot be used gets a problem of its own, is kept aside with the reason, and stops no other.
    """
    # In a thread: a thousand items take long enough to keep decisions waiting.
    puts = await run_in_threadpool(_put, request.items, services)
    answers = [_answer(one) for one in puts]
    accepted = sum(one.item is not None for one in puts)
    if not accepted:
        return problem(422, f"no item was accepted; the first: {puts[0].fault}", answers=answers)
    body = {"accepted": accepted, "answers": answers}
    return Response(msgspec.json.encode(body), media_type="application/json")


@router.get(
    "/items/{item_id:path}",
    summary="Show an item",
    response_model=StoredItemShape,
    responses=documented(401, 404, 422, 503),
)
async def get(item_id: ItemId, services: Given) -> Response:
    """Show what was said of an item."""
    found = services.items.get(item_id)
    if found is None:
        raise _unknown(item_id)
    return Response(msgspec.json.encode(public(found)), media_type="application/json")


@router.delete(
    "/items/{item_id:path}",
    summary="Forget an item",
    status_code=204,
    responses=documented(401, 404, 422, 503),
)
async def delete(item_id: ItemId, services: Given) -> None:
    """Forget what was said of an item; what events say of it stays."""
    if not services.items.delete(item_id):
        raise _unknown(item_id)


def _put(given: list[Any], services: Services) -> list[Put]:
    now = services.clock()
    puts = services.items.put(given, now)
    refused = [(place, one.fault) for place, one in enumerate(puts) if one.item is None]
    services.rejected.reject_many(
        SOURCE, [Rejection(place, fault, given[place]) for place, fault in refused], at=now
    )
    services.metrics.items_taken.inc(len(puts) - len(refused))
    services.metrics.items_rejected.inc(len(refused))
    return puts


def _answer(one: Put) -> dict[str, Any]:
    if one.item is None:
        return {"problem": explained(InputError(one.fault))}
    return {"id": one.item.id, "new": one.new}


def _unknown(item_id: str) -> HTTPException:
    return HTTPException(404, f"expected the id of an item that was described, found {item_id!r}")
