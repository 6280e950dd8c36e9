"""What the API counts and times, for Prometheus. Every label has few values: none comes from a customer."""

import re
import time
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_FIELDS = frozenset(
    {"type", "event", "userId", "anonymousId", "previousId", "messageId", "timestamp", "sentAt", "properties"}
    | {"traits"}
)


def faulty_field(reason: str) -> str:
    """Return the field of an event that a reason for its rejection names, `other` if none is known.

    >>> faulty_field("`timestamp`: expected an ISO 8601 time, found 'soon'")
    'timestamp'
    >>> faulty_field("Expected `float | null`, got `object` - at `$.properties.revenue`")
    'properties'
    >>> faulty_field("expected an object, found int")
    'other'
    """
    named = re.findall(r"`(?:\$\.)?(\w+)", reason)
    return next((name for name in named if name in _FIELDS), "other")


class Metrics:
    """The metrics of one app, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Histogram(
            "ebbtide_http_request_duration_seconds",
            "Time to answer a request, by route.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.received = Counter(
            "ebbtide_events_received",
            "Events accepted, duplicates included.",
            ("type",),
            registry=self.registry,
        )
        self.duplicates = Counter(
            "ebbtide_events_duplicate", "Events that the log had already.", registry=self.registry
        )
        self.rejected = Counter(
            "ebbtide_events_rejected", "Events refused, by faulty field.", ("field",), registry=self.registry
        )
        self.items_taken = Counter(
            "ebbtide_items_described", "Items taken in, those said again included.", registry=self.registry
        )
        self.items_rejected = Counter("ebbtide_items_rejected", "Items refused.", registry=self.registry)
        self.decisions = Counter(
            "ebbtide_decisions", "Decisions given, tests not counted.", ("stage",), registry=self.registry
        )

    @lru_cache(maxsize=1024)  # noqa: B019 - one for each app; to look a label up takes longer than to count
    def request(self, method: str, route: str, status: int) -> Histogram:
        """The times of requests of one kind."""
        return self.requests.labels(method, route, str(status))

    @lru_cache(maxsize=64)  # noqa: B019
    def decision(self, stage: str) -> Counter:
        """The decisions for customers of a stage."""
        return self.decisions.labels(stage)


class Timing:
    """ASGI middleware: observes the duration and the status of every request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and time it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500  # what the server answers if the app raises before it has answered

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        try:
            await self._app(scope, receive, watch)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            seconds = time.perf_counter() - began
            self._metrics.request(scope["method"], route, status).observe(seconds)
