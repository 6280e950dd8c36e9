"""Alerts: who is at risk, the most value at risk first."""

import base64
import binascii
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response

from ebbtide.domain.alert import Alert, Status
from ebbtide.domain.customer import Stage
from ebbtide.errors import InputError
from ebbtide.logs.alerts import Place
from serving.parameters import ONLY_KNOWN
from serving.problems import documented
from serving.schemas_alerts import EXAMPLE, AlertsResponse
from serving.services import Given

router = APIRouter(prefix="/v1", tags=["alerts"])
LOOKED_AT = 5_000
"""Alerts looked through for one page at most; a filter that few pass goes on at the page's cursor."""


def _problems() -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"example": EXAMPLE}}
    return {200: {"content": content}, **documented(401, 422, 503)}


# Async, as decisions are: few short round trips to Redis take less time than a change of threads.
@router.get(
    "/alerts",
    summary="List who is at risk",
    response_model=AlertsResponse,
    responses=_problems(),
    dependencies=[ONLY_KNOWN],
)
async def alerts(
    services: Given,
    status: Annotated[Status, Query(description="Open ones, or those cleared (newest first).")] = Status.OPEN,
    min_value: Annotated[
        float, Query(alias="minValue", ge=0, allow_inf_nan=False, description="The least value at risk.")
    ] = 0.0,
    stage: Annotated[Stage | None, Query(description="The stage when the alert was raised.")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="At most so many on a page.")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next` of the page before, with the same filters.")
    ] = None,
) -> Response:
    """List customers at risk: how likely, what is at stake, why, what changed, until when there is a chance.

    Open alerts come by value at risk, the highest first, cleared ones by the time of clearing. `next` is null
    on the last page.
    """
    page: list[Alert] = []
    following = None
    after = None if cursor is None else _place(cursor)
    for looked_at, (place, alert) in enumerate(services.alerts.walk(status, after, min_value)):
        if len(page) == limit or looked_at == LOOKED_AT:
            following = _cursor(after)
            break
        after = place
        if alert.value_at_risk >= min_value and stage in (None, alert.stage):
            page.append(alert)
    body = {"alerts": page, "next": following}
    return Response(msgspec.json.encode(body), media_type="application/json")


def _cursor(place: Place | None) -> str | None:
    return (
        None if place is None else base64.urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")
    )


def _place(cursor: str) -> Place:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        return msgspec.json.decode(base64.b64decode(padded, altchars=b"-_", validate=True), type=Place)
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise InputError(f"`cursor`: expected `next` of an earlier page, found {cursor!r}") from error
