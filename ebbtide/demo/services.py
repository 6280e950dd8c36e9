"""The API and the flow as processes of their own, as they run in production."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2 as httpx

from ebbtide.errors import EbbtideError
from ebbtide.settings import Settings

_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Service:
    """A running process and where its output goes."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path

    def must_run(self) -> None:
        """Raise an EbbtideError if it has ended."""
        if self.process.poll() is not None:
            raise EbbtideError(f"{self.name} ended by itself; {self.log} says why")


@contextlib.contextmanager
def running(settings: Settings, redis_url: str, name: str, *arguments: str) -> Iterator[Service]:
    """Run `ebbtide ARGUMENTS` while the context lasts."""
    folder = settings.root / "logs"
    folder.mkdir(exist_ok=True)
    log = folder / f"{name}.log"
    environment = {**os.environ, "EBBTIDE_HOME": str(settings.root), "EBBTIDE_REDIS_URL": redis_url}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ebbtide", *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches the demo, which stops its services in order
        )
    try:
        yield Service(name, process, log)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port(preferred: int) -> int:
    """The preferred port if nothing listens there, else any free one."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise EbbtideError("no free port on 127.0.0.1")


def wait_until_ready(client: httpx.Client, service: Service) -> None:
    """Return once `/readyz` says 200."""
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        service.must_run()
        with contextlib.suppress(httpx.TransportError):
            if client.get("/readyz").status_code == httpx.codes.OK:
                return
        time.sleep(0.1)
    raise EbbtideError(f"{service.name} was not ready within {_READY_SECONDS:.0f} s; {service.log} says why")
