"""What the API is held against: an empty FastAPI route with the same shapes, and `feast serve`."""

import argparse
import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import uvicorn
import yaml
from fastapi import FastAPI

from benchmarks.workshop import Workshop
from ebbtide.jobs.apply import apply
from feature_repo import definitions
from features.catalog import NAMES
from features.store import layout
from features.store.feast import connection_string
from serving.schemas_decisions import DecisionRequest, DecisionResponse

PATH = "/v1/decisions"
FEAST_PATH = "/get-online-features"
_START_SECONDS = 120.0
_OTHERS = ("EBBTIDE_", "PROMETHEUS_")
"""Settings that a server should not take over: some are made by importing Feast, as the benchmark does."""


def empty_app(answer: Mapping[str, Any]) -> FastAPI:
    """A route that reads the same request, decides nothing, and gives the same answer each time."""
    app = FastAPI()
    found = DecisionResponse.model_validate(answer)

    @app.post(PATH)
    async def decide(request: DecisionRequest) -> DecisionResponse:  # noqa: ARG001
        return found

    return app


def feast_body(customer: str, now: float) -> dict[str, Any]:
    """The question for all signals of a customer, each named: Feast's faster way to ask."""
    names = [f"customer_signals:{name}" for name in NAMES]
    return {"features": names, "entities": {layout.ENTITY_KEY: [customer], "now": [now]}}


@contextlib.contextmanager
def feast_serve(shop: Workshop) -> Iterator[int]:
    """Run `feast serve` with one worker over the workshop; gives its port."""
    apply(shop.settings, shop.url)
    repo = Path(definitions.__file__).parent
    settings = yaml.safe_load((repo / "feature_store.yaml").read_text())
    settings["registry"] = str(shop.settings.root / "feast.db")
    settings["online_store"]["connection_string"] = connection_string(shop.url)
    folder = shop.settings.root / "feast"
    folder.mkdir()
    (folder / "feature_store.yaml").write_text(yaml.safe_dump(settings))
    # Not to be restarted after a thousand requests, which is the default.
    served = [str(Path(sys.executable).with_name("feast")), "--chdir", str(folder), "serve"]
    served += ["--workers", "1", "--max-requests", "0", "--no-access-log"]
    left_behind = str(folder)  # what Feast counts by, it leaves in the folder for temporary files
    with serving(served, {"PYTHONPATH": str(repo.parent), "TMPDIR": left_behind}) as port:
        yield port


@contextlib.contextmanager
def empty_route(folder: Path, answer: bytes) -> Iterator[int]:
    """Run the empty route on uvicorn, as the API runs; gives its port."""
    path = folder / "answer.json"
    path.write_bytes(answer)
    with serving([sys.executable, "-m", "benchmarks.serving_peers", "--answer", str(path)]) as port:
        yield port


@contextlib.contextmanager
def serving(command: Sequence[str], settings: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run a server while the context lasts; gives its port (told as `--port`) once it listens there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OTHERS)}
    told = {**kept, **(settings or {})}
    process = subprocess.Popen([*command, "--port", str(port)], env=told, stdout=sys.stderr)
    try:
        _wait(process, port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r}: expected it to listen on port {port}, found nothing there")


def main() -> None:
    """Serve the empty route."""
    parser = argparse.ArgumentParser(description="Serve an empty route, always with the same answer.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--answer", type=Path, required=True, help="a file with the answer")
    given = parser.parse_args()
    app = empty_app(json.loads(given.answer.read_bytes()))
    config = uvicorn.Config(app, port=given.port, log_level="warning", access_log=False)
    asyncio.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
