"""A path that is answered in front of ASGI, whose machinery would cost a good part of a decision.

FastAPI documents it by a route of its own with the same path, which answers the same; but who has no key is
told that before faults of the body. What is out of the ordinary goes there: bodies that are empty, large,
compressed or of no stated length, and clients that read slowly.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from serving.packets import OnePacket

Headers = Mapping[bytes, bytes]


class Reply(NamedTuple):
    """A response: its status, headers without those of the server, and the whole body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Direct(NamedTuple):
    """What is answered directly.

    Attributes:
        path: POSTs of this path are.
        answer: takes a request's headers and whole body, and whom to give the reply, at once or later. It
            tells faults in replies, and raises nothing.
        observe: told the status of each reply, and the seconds that it took.
    """

    path: str
    answer: Callable[[Headers, bytes, Callable[[Reply], None]], None]
    observe: Callable[[int, float], None]


class DirectProtocol(OnePacket):
    """uvicorn's protocol, which hands requests of one path to `direct` instead of an ASGI application."""

    direct: ClassVar[Direct]

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._begun: tuple[RequestResponseCycle, Headers] | None = None

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """A request begins; when others came before it, its body may be here already."""
        headers = self._headers_if_plain(cycle) if app is self.app else None
        if headers is None:
            super()._start_asgi_task(cycle, app)
        elif cycle.more_body:
            self._begun = cycle, headers
        else:
            self.loop.call_soon(self._answer, cycle, headers)

    def on_message_complete(self) -> None:
        """A request is here as a whole."""
        super().on_message_complete()
        if self._begun is not None and not self._begun[0].more_body:
            begun, self._begun = self._begun, None
            self._answer(*begun)

    def _headers_if_plain(self, cycle: RequestResponseCycle) -> Headers | None:
        """The headers of a request that is ours to answer, with a body that needs no care; else None."""
        scope = cycle.scope
        if scope["path"] != self.direct.path or scope["method"] != "POST":
            return None
        headers = dict(reversed(list(scope["headers"])))  # of two of one name the first counts, as in FastAPI
        length = headers.get(b"content-length", b"")
        plain = (
            length.isdigit()
            and 0 < int(length) <= HIGH_WATER_LIMIT  # of more, the protocol waits for a reader
            and headers.get(b"content-type", b"").partition(b";")[0].lower() == b"application/json"
            and b"content-encoding" not in headers
            and not cycle.waiting_for_100_continue
            and not self.flow.write_paused
        )
        return headers if plain else None

    def _answer(self, cycle: RequestResponseCycle, headers: Headers) -> None:
        began = time.perf_counter()

        def give(reply: Reply) -> None:
            self.direct.observe(reply.status, time.perf_counter() - began)
            self._send(cycle, reply)

        self.direct.answer(headers, bytes(cycle.body), give)

    def _send(self, cycle: RequestResponseCycle, reply: Reply) -> None:
        """Send a reply as the cycle would, unless the client has gone."""
        if cycle.disconnected or self.transport.is_closing():
            return
        content = [STATUS_LINE[reply.status]]
        for name, value in (*cycle.default_headers, *reply.headers):
            content += (name, b": ", value, b"\r\n")
        if not cycle.keep_alive:
            content.append(b"connection: close\r\n")
        content += (b"\r\n", reply.body)
        self.transport.write(b"".join(content))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()


def protocol(answered: Direct) -> type[DirectProtocol]:
    """The protocol that answers a path directly, for `uvicorn.Config(http=...)`."""

    class Answering(DirectProtocol):
        direct = answered

    return Answering
