"""MLflow's own page over the working folder's store."""

import os
import subprocess
import sys

from ebbtide.settings import Settings


def run(settings: Settings, *, host: str, port: int) -> int:
    """Run MLflow's server until Ctrl-C or SIGTERM; gives its exit code."""
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", settings.mlflow_uri),
        *("--artifacts-destination", str(settings.mlflow_artifacts)),
    ]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with subprocess.Popen(command, env=environment) as server:  # noqa: S603
        try:
            return server.wait()
        except BaseException:
            server.terminate()
            raise
