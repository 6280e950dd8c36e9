"""Every error of the API as `application/problem+json`.

Source: RFC 9457, Problem Details for HTTP APIs. `errors` with a JSON pointer each is that document's own
example of an extension.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match

from ebbtide.domain.faults import told as in_words
from ebbtide.errors import EbbtideError, InputError, StoreError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": "1"}
_FIELD = re.compile(r"`(\w+)`: (.+)", re.DOTALL)
_NO_JSON = "body: expected JSON, found something else"
_NOT_SAID = "body: expected JSON and the header `Content-Type: application/json`, found another or none"
_NOT_TEXT = "There was an error parsing the body"
"""What FastAPI says of a body that is not UTF-8."""
_METHODS = ("DELETE", "GET", "PATCH", "POST", "PUT")
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


def _http(fault: HTTPException) -> Response:
    headers = dict(fault.headers or {})
    detail = fault.detail
    if detail == _NOT_TEXT:
        return problem(400, _NO_JSON)
    if detail == HTTPStatus(fault.status_code).phrase:  # the router's, which has nothing to add
        allowed = next((found for name, found in headers.items() if name.lower() == "allow"), None)
        one = "one of the methods" if "," in (allowed or "") else "the method"
        expected = "a path that `/docs` lists" if allowed is None else f"{one} {allowed}"
        detail = f"expected {expected}, found another"
    return problem(fault.status_code, detail, headers=headers)


def _invalid(error: RequestValidationError) -> Response:
    faults = error.errors()
    if faults and faults[0]["type"] == "json_invalid":
        return problem(400, _NO_JSON)
    if faults and faults[0]["loc"] == ("body",) and isinstance(faults[0]["input"], bytes):
        return problem(415, _NOT_SAID)  # FastAPI takes JSON for bytes where no header calls it that
    body = invalid([{**fault, "loc": fault["loc"][1:]} for fault in faults])
    return Response(msgspec.json.encode(body), 422, media_type=MEDIA_TYPE)


def invalid(faults: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A problem that names each faulty field, from what pydantic found in a body."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for fault in faults:
        found.setdefault("#/" + "/".join(_path(fault["loc"])), []).append(fault)
    errors = [{"pointer": pointer, "detail": in_words(*of_one)} for pointer, of_one in found.items()]
    fields = ", ".join(f"`{fault['pointer'][2:] or 'body'}`: {fault['detail']}" for fault in errors)
    return _body(422, fields, errors=errors)


def _path(location: tuple[str | int, ...]) -> Iterator[str]:
    """The fields on the way to a fault, without the names of types that pydantic puts among them."""
    return (str(part) for part in location if part not in _TYPE_NAMES)


def _ours(error: EbbtideError) -> Response:
    body = explained(error)
    headers = RETRY_AFTER if body["status"] == HTTPStatus.SERVICE_UNAVAILABLE else None
    return Response(msgspec.json.encode(body), body["status"], headers, MEDIA_TYPE)


def explained(error: EbbtideError) -> dict[str, Any]:
    """A problem that tells an error of ours; a field of the input with which it begins is named as faulty."""
    status = 422 if isinstance(error, InputError) else 503 if isinstance(error, StoreError) else 500
    field = _FIELD.fullmatch(str(error)) if isinstance(error, InputError) else None
    named = {} if field is None else {"errors": [{"pointer": f"#/{field[1]}", "detail": field[2]}]}
    return _body(status, str(error), **named)


def _no_redis(error: RedisError) -> Response:
    return problem(
        503, f"Redis: expected an answer, found none ({type(error).__name__}); try again", headers=RETRY_AFTER
    )


def _gone(_: ClientDisconnect) -> Response:
    return problem(400, "body: expected all of it, found that the client has gone")


def _unexpected(_: Exception) -> Response:
    return problem(500, "an unexpected fault; the server's log has it")


_TOLD: dict[type[Exception], Callable[[Any], Response]] = {
    HTTPException: _http,
    RequestValidationError: _invalid,
    EbbtideError: _ours,
    RedisError: _no_redis,
    ClientDisconnect: _gone,
}
EXPECTED = tuple(_TOLD)
"""Errors that are told as what they are; any other is an unexpected fault."""


def told(error: Exception) -> Response:
    """An error as a problem."""
    return next((tell for kind, tell in _TOLD.items() if isinstance(error, kind)), _unexpected)(error)


def _methods(request: Request) -> list[str]:
    """The methods of a path; the router names those of the first of its routes alone."""
    asked = {method: {**request.scope, "method": method} for method in _METHODS}
    routes = request.app.routes
    return [
        method
        for method, scope in asked.items()
        if any(route.matches(scope)[0] is Match.FULL for route in routes)
    ]


def install(app: FastAPI) -> None:
    """Make every error of an app a problem."""

    async def handle(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            error.headers = {"Allow": ", ".join(_methods(request))}
        return told(error)

    for kind in (*EXPECTED, Exception):
        app.add_exception_handler(kind, handle)
