"""Runs the API on uvicorn, until it is told to stop."""

import errno
import ipaddress
import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ebbtide.errors import ConfigError
from serving import direct
from serving.routes import decisions

PATIENCE = 5
"""Seconds that requests under way get to end."""


def connect(url: str, *, timeout: float = 2.0) -> Redis:
    """Return a client fit for the API: it fails within `timeout` seconds instead of waiting.

    One retry, at once, replaces a connection that Redis has closed; the client's own default would sleep in
    the event loop.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        retry=Retry(NoBackoff(), 1),
    )


def run(app: FastAPI, *, host: str, port: int, api_key: str | None, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; requests under way may end.

    Args:
        app: made by `serving.app.create_app`.
        host: the address to listen on.
        port: the port to listen on; 0 takes a free one.
        api_key: as the app has it; without one, only this machine may ask.
        on_ready: called with the API's address once it answers.

    Raises:
        ConfigError: the address cannot be listened on, or should not be.
    """
    if api_key is None and not _is_local(host):
        raise ConfigError(
            f"host {host}: expected an API key to listen beyond this machine, found none; "
            "set EBBTIDE_API_KEY, or EBBTIDE_HOST=127.0.0.1"
        )
    with _bound(host, port) as listener:
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            http=direct.protocol(decisions.direct(app)),
            lifespan="on",
            timeout_graceful_shutdown=PATIENCE,
        )
        _Server(config, lambda: on_ready(address)).run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_ready()


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port} on {host}: expected a free one, found it in use; "
                "stop what listens there, or set EBBTIDE_PORT to another (0 takes a free one)"
            ) from error
        raise ConfigError(f"{host}:{port}: expected an address to listen on: {error.strerror}") from error
    return listener
