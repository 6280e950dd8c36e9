"""Events in, as Segment's HTTP tracking API has them.

Source: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/
"""

from functools import partial
from typing import Any

import msgspec
from fastapi import APIRouter, HTTPException, Request, Response
from starlette.concurrency import run_in_threadpool

from ebbtide.domain.event import CALL_TYPES
from ebbtide.domain.ingest import MAX_EVENT_BYTES
from serving.intake import Taken
from serving.problems import documented, problem
from serving.schemas import TakenResponse
from serving.services import Given, Services

router = APIRouter(prefix="/v1", tags=["events"])

_PROBLEMS = documented(400, 401, 413, 415, 503)
_ORDER = {
    "event": "Order Completed",
    "userId": "14911",
    "messageId": "till-7-000123",
    "timestamp": "2024-01-02T10:00:00Z",
    "properties": {
        "order_id": "A-1",
        "revenue": 12.5,
        "products": [{"product_id": "tea", "name": "Tea", "price": 2.5, "quantity": 5}],
    },
}
_EXAMPLES: dict[str, dict[str, Any]] = {
    "track": _ORDER,
    "identify": {"userId": "14911", "traits": {"name": "Ada", "email": "ada@example.org"}},
    "page": {"userId": "14911", "name": "Home", "properties": {"url": "https://shop.example.org/"}},
    "screen": {"userId": "14911", "name": "Basket"},
    "group": {"userId": "14911", "groupId": "household-9", "traits": {"name": "The Smiths"}},
    "alias": {"userId": "14911", "previousId": "anonymous-5"},
}


def _body(schema: dict[str, Any], example: dict[str, Any]) -> dict[str, Any]:
    content = {"application/json": {"schema": schema, "example": example}}
    return {"requestBody": {"required": True, "content": content}}


_BATCH_SCHEMA = {
    "type": "object",
    "required": ["batch"],
    "properties": {
        "batch": {"type": "array", "minItems": 1, "items": {"type": "object"}},
        "sentAt": {"type": "string", "format": "date-time"},
    },
}


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(400, f"body: expected JSON ({error})") from error
    if not isinstance(found, dict):
        raise HTTPException(400, f"body: expected an object, found {type(found).__name__}")
    return found


def _answer(taken: Taken) -> Response:
    refused = [{"index": one.index, "reason": one.reason} for one in taken.refused]
    if not taken.accepted:
        return problem(400, f"no event was accepted; the first: {taken.refused[0].reason}", rejected=refused)
    body = {
        "success": True,
        "accepted": taken.accepted,
        "duplicates": taken.duplicates,
        "rejected": refused,
    }
    return Response(msgspec.json.encode(body), media_type="application/json")


def _take_batch(body: bytes, services: Services) -> Response:
    found = _decoded(body)
    calls = found.get("batch")
    if not isinstance(calls, list) or not calls:
        given = type(calls).__name__ if calls else "none"
        raise HTTPException(400, f"`batch`: expected a list with one event at least, found {given}")
    return _answer(services.intake.take(calls, received_at=services.clock(), sent_at=found.get("sentAt")))


@router.post(
    "/batch",
    summary="Take many calls",
    response_model=TakenResponse,
    responses=_PROBLEMS,
    openapi_extra=_body(_BATCH_SCHEMA, {"batch": [{"type": "track", **_ORDER}]}),
)
async def batch(request: Request, services: Given) -> Response:
    """Take many events, 500 KB at most and 32 KB each.

    Those that cannot be used are named in the answer and kept aside with the reason; all others are in the
    event log when the answer comes. Gzip is understood.
    """
    body = await request.body()
    return await run_in_threadpool(_take_batch, body, services)


def _add_single(type_: str) -> None:
    @router.post(
        f"/{type_}",
        name=type_,
        summary=f"Take one {type_} call",
        operation_id=f"take_{type_}",
        response_model=TakenResponse,
        responses=_PROBLEMS,
        openapi_extra=_body({"type": "object"}, _EXAMPLES[type_]),
    )
    async def take(request: Request, services: Given) -> Response:
        """Take one event, 32 KB at most; it is in the event log when the answer comes."""
        body = await request.body()
        if len(body) > MAX_EVENT_BYTES:
            raise HTTPException(413, f"body: expected at most {MAX_EVENT_BYTES} bytes, found {len(body)}")
        take_call = partial(
            services.intake.take, [{**_decoded(body), "type": type_}], received_at=services.clock()
        )
        # A thread costs more than Redis does, and less than the decisions that would wait for Kafka.
        return _answer(await run_in_threadpool(take_call) if services.intake.waits else take_call())


for _type in CALL_TYPES:
    _add_single(_type)
