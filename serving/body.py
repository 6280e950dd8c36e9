"""Bodies, bounded while they are read so that no sender fills memory; gzip is inflated within the bound."""

import zlib
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problems import problem


@dataclass
class BodyError(Exception):
    """A body that is not taken."""

    status: HTTPStatus
    detail: str


class _DisconnectedError(Exception):
    """The client has gone; nobody waits for an answer."""


class BoundedBody:
    """ASGI middleware: reads each request's body up to `limit` bytes, as sent and as inflated."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413, 415 or 400 for a body that is not taken; else hand it on whole."""
        if scope["type"] != "http" or scope["method"] not in ("POST", "PUT", "PATCH"):
            await self._app(scope, receive, send)
            return
        if _plain_within(scope, self._limit):
            await self._app(scope, receive, send)
            return
        try:
            body = self._inflated(await self._read(receive), Headers(scope=scope))
        except BodyError as error:
            await problem(error.status, error.detail)(scope, receive, send)
            return
        except _DisconnectedError:
            return
        _describe_plain(scope, len(body))
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _DisconnectedError
            body += message.get("body", b"")
            if len(body) > self._limit:
                raise self._too_large()
            if not message.get("more_body"):
                return bytes(body)

    def _inflated(self, body: bytes, headers: Headers) -> bytes:
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding == "identity":
            return body
        if encoding != "gzip":
            raise BodyError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"Content-Encoding: expected gzip or none, found {encoding!r}",
            )
        inflater = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            found = inflater.decompress(body, self._limit + 1)
        except zlib.error as error:
            raise BodyError(HTTPStatus.BAD_REQUEST, f"body: expected gzip ({error})") from error
        if len(found) > self._limit:
            raise self._too_large()
        if not inflater.eof:
            raise BodyError(HTTPStatus.BAD_REQUEST, "body: expected gzip, found a part of it")
        return found

    def _too_large(self) -> BodyError:
        return BodyError(HTTPStatus(413), f"body: expected at most {self._limit} bytes, found more")


def _plain_within(scope: Scope, limit: int) -> bool:
    """Whether the body is told to be plain and small; the server reads no more of it than was told."""
    told = dict(scope["headers"])
    length = told.get(b"content-length", b"")
    return b"content-encoding" not in told and length.isdigit() and int(length) <= limit


def _describe_plain(scope: Scope, length: int) -> None:
    headers = MutableHeaders(raw=list(scope["headers"]))
    del headers["content-encoding"]
    headers["content-length"] = str(length)
    scope["headers"] = headers.raw  # in place: the middleware outside reads the route that is put there later


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
