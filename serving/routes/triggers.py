"""Triggers: the moments to speak to customers, as a list and as a stream."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from ebbtide.domain.trigger import STAGE_ENTERED, Fired
from ebbtide.logs.triggers import TriggerLog
from serving.parameters import ONLY_KNOWN
from serving.problems import documented
from serving.schemas_triggers import EXAMPLE, TriggersResponse
from serving.services import Given

router = APIRouter(prefix="/v1", tags=["triggers"])
LOOKED_AT = 5_000
"""Triggers looked through for one page at most; a filter that few pass goes on at the page's cursor."""
POLL = 0.5
"""Seconds between two looks at what has fired, for a stream."""
HEARTBEAT = 15.0
"""Seconds after which a silent stream says that it is alive."""
PLACE = r"^\d{1,20}-\d{1,20}$"

Rule = Annotated[str | None, Query(max_length=64, description="Only this rule; `Stage Entered` for stages.")]
Customer = Annotated[str | None, Query(max_length=512, description="Only this customer.")]


def _problems() -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"example": EXAMPLE}}
    return {200: {"content": content}, **documented(401, 422, 503)}


# Async, as decisions are: few short round trips to Redis take less time than a change of threads.
@router.get(
    "/triggers",
    summary="List what fired",
    response_model=TriggersResponse,
    responses=_problems(),
    dependencies=[ONLY_KNOWN],
)
async def triggers(
    services: Given,
    rule: Rule = None,
    customer: Customer = None,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many on a page.")] = 50,
    cursor: Annotated[
        str | None, Query(pattern=PLACE, description="`next` of the page before, with the same filters.")
    ] = None,
) -> Response:
    """List what fired, the newest first. Moves between stages are left out unless asked for.

    `next` is null on the last page.
    """
    page: list[Fired] = []
    following, last = None, cursor
    for looked_at, (place, one) in enumerate(services.triggers.walk(cursor)):
        if len(page) == limit or looked_at == LOOKED_AT:
            following = last
            break
        last = place
        if _wanted(one, rule, customer):
            page.append(one)
    body = {"triggers": page, "next": following}
    return Response(msgspec.json.encode(body), media_type="application/json")


@router.get(
    "/triggers/stream",
    summary="Follow what fires",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
        **documented(401, 422, 503),
    },
    dependencies=[ONLY_KNOWN],
)
async def stream(
    services: Given,
    rule: Rule = None,
    customer: Customer = None,
    last_event_id: Annotated[
        str | None, Header(pattern=PLACE, description="The last event seen; `0-0` for all that are kept.")
    ] = None,
) -> Response:
    """Follow what fires, as server-sent events: `trigger`, or `stage` for a move to another stage.

    After a break of the connection the browser goes on behind the last event that it saw.
    """
    after = services.triggers.newest() if last_event_id is None else last_event_id
    return StreamingResponse(
        told(services.triggers, after, rule, customer),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def told(log: TriggerLog, after: str, rule: str | None, customer: str | None) -> AsyncIterator[bytes]:
    """What fires behind a place of the log, as server-sent events; never ends.

    Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    yield b"retry: 2000\n\n"
    silent = 0.0
    while True:
        found = log.behind(after)
        for place, one in found:
            after = place
            if _wanted(one, rule or one.rule, customer):
                silent = 0.0
                yield _event(place, one)
        if not found:
            await asyncio.sleep(POLL)
            silent += POLL
        if silent >= HEARTBEAT:
            silent = 0.0
            yield b": nothing yet\n\n"


def _wanted(one: Fired, rule: str | None, customer: str | None) -> bool:
    if customer is not None and one.customer_id != customer:
        return False
    return one.rule != STAGE_ENTERED if rule is None else one.rule == rule


def _event(place: str, one: Fired) -> bytes:
    kind = b"stage" if one.rule == STAGE_ENTERED else b"trigger"
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (place.encode(), kind, msgspec.json.encode(one))
