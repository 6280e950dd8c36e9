"""Every error of the API as `application/problem+json`.

Source: RFC 9457, Problem Details for HTTP APIs. `errors` with a JSON pointer each is that document's own
example of an extension.
"""

from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, cast

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from ebbtide.errors import EbbtideError, InputError, StoreError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": "1"}
_TYPE_NAMES = ("constrained-str", "int")
"""What pydantic adds to the path of a fault in a field that may be of several types."""


def problem(
    status: int, detail: str, *, headers: dict[str, str] | None = None, **extensions: object
) -> Response:
    """Return a problem as a response; `detail` says what was expected, what was found and what to do."""
    body = _body(status, detail, **extensions)
    return Response(msgspec.json.encode(body), status, headers, MEDIA_TYPE)


def _body(status: int, detail: str, **extensions: object) -> dict[str, Any]:
    told = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return {**told, **extensions}


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the problems that a route may answer with, for its OpenAPI entry."""
    schema = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
        },
    }
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


async def _http(_: Request, error: Exception) -> Response:
    fault = cast("HTTPException", error)
    return problem(fault.status_code, fault.detail, headers=dict(fault.headers or {}))


async def _invalid(_: Request, error: Exception) -> Response:
    faults = cast("RequestValidationError", error).errors()
    if faults and faults[0]["type"] == "json_invalid":
        return problem(400, "body: expected JSON, found something else")
    body = invalid([{**fault, "loc": fault["loc"][1:]} for fault in faults])
    return Response(msgspec.json.encode(body), 422, media_type=MEDIA_TYPE)


def invalid(faults: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A problem that names each faulty field, from what pydantic found in a body."""
    errors = [{"pointer": "#/" + "/".join(_path(fault["loc"])), "detail": fault["msg"]} for fault in faults]
    fields = ", ".join(f"`{fault['pointer'][2:] or 'body'}`: {fault['detail']}" for fault in errors)
    return _body(422, fields, errors=errors)


def _path(location: tuple[str | int, ...]) -> Iterator[str]:
    """The fields on the way to a fault, without the names of types that pydantic puts among them."""
    return (str(part) for part in location if part not in _TYPE_NAMES)


async def _ours(_: Request, error: Exception) -> Response:
    body = explained(cast("EbbtideError", error))
    headers = RETRY_AFTER if body["status"] == HTTPStatus.SERVICE_UNAVAILABLE else None
    return Response(msgspec.json.encode(body), body["status"], headers, MEDIA_TYPE)


def explained(error: EbbtideError) -> dict[str, Any]:
    """A problem that tells an error of ours."""
    status = 422 if isinstance(error, InputError) else 503 if isinstance(error, StoreError) else 500
    return _body(status, str(error))


async def _no_redis(_: Request, error: Exception) -> Response:
    return problem(
        503, f"Redis: expected an answer, found none ({type(error).__name__}); try again", headers=RETRY_AFTER
    )


async def _gone(_: Request, __: Exception) -> Response:
    return problem(400, "body: expected all of it, found that the client has gone")


async def _unexpected(_: Request, __: Exception) -> Response:
    return problem(500, "an unexpected fault; the server's log has it")


def install(app: FastAPI) -> None:
    """Make every error of an app a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(EbbtideError, _ours)
    app.add_exception_handler(RedisError, _no_redis)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)
