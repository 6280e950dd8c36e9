"""The API as a process of its own, as `ebbtide serve` runs it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_SERVE = """
import json, sys
from pathlib import Path
from models.actions.actions import load
from serving.app import create_app
from ebbtide.logs.events import RedisEventLog, partition_of, stream_key
from serving.server import connect, run

heavy = ("feast", "mlflow", "lightgbm", "pandas", "river", "sklearn", "bytewax", "matplotlib")

def ready(address):
    loaded = [name for name in heavy if name in sys.modules]
    print(json.dumps({"address": address, "loaded": loaded}), flush=True)

redis, rejected, key = connect(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] or None
log = RedisEventLog(redis, partitions=4)
app = create_app(redis=redis, log=log, write_key="k", catalogue=load(), rejected=rejected, api_key=key)
run(app, host="127.0.0.1", port=0, api_key=key, on_ready=ready)
print("ended", flush=True)
"""


@dataclass
class ApiProcess:
    """A process that is ready: where it answers, and which heavy modules it has loaded."""

    process: subprocess.Popen[str]
    address: str
    loaded: list[str]

    @property
    def place(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self.address.removeprefix("http://").split(":")
        return host, int(port)


@contextmanager
def running_api(redis_socket: Path, folder: Path, api_key: str = "") -> Iterator[ApiProcess]:
    """Run the API over a Redis, with the policy that ships; the write key is `k`."""
    command = [sys.executable, "-c", _SERVE, f"unix://{redis_socket}", str(folder), api_key]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    try:
        assert process.stdout is not None
        yield ApiProcess(process, **json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()
