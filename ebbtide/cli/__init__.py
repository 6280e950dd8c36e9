"""The command line. Verbs import what they need when they run, so that `--help` answers at once."""

import logging
import signal
import sys
from types import FrameType

import typer

from ebbtide import __version__
from ebbtide.cli import (
    action_models,
    alerts,
    evaluate,
    items,
    models,
    monitor,
    replay,
    report,
    triggers,
    verbs,
    what_if,
)
from ebbtide.errors import EbbtideError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Ebbtide notices customers drifting away, and answers what to do next for each of them.",
    epilog="Settings come from the environment (EBBTIDE_HOME, EBBTIDE_PORT, ...): see docs/operating.md.",
)
app.command("demo", epilog="Example: ebbtide demo --exit")(verbs.demo)
app.command(
    "import",
    epilog="Example: ebbtide import shop.csv --map customer=ID,time=DATE,order=NO,value=SUM --shift-to-now",
)(verbs.import_)
app.command("items", epilog="Example: ebbtide items items.csv --map id=SKU,name=TITLE,stock=LEFT")(
    items.items
)
app.command("stream", epilog="Example: ebbtide stream --once")(verbs.stream)
app.command("recommend", epilog="Example: ebbtide recommend --days 14 --json")(verbs.recommend)
app.command("train", epilog="Example: ebbtide train --horizon 60 --active 120 --json")(verbs.train)
app.command("serve", epilog="Example: ebbtide serve --port 0")(verbs.serve)
app.command("alerts", epilog="Example: ebbtide alerts --follow --json")(alerts.alerts)
app.command("score", epilog="Example: ebbtide score --all --out scores.parquet")(alerts.score)
app.command("monitor", epilog="Example: ebbtide monitor --out drift.html --json")(monitor.monitor)
app.command("what-if", epilog="Example: ebbtide what-if --policy new-actions.yaml --json")(what_if.what_if)
app.command("apply", epilog="Example: ebbtide apply --json")(verbs.apply)
app.command("mlflow", epilog="Example: ebbtide mlflow --port 5000")(verbs.mlflow)
app.command("check", epilog="Example: ebbtide check --json")(verbs.check)
verify = typer.Typer(no_args_is_help=True, help="Prove what the documentation claims, on a log of yours.")
verify.command("parity", epilog="Example: ebbtide verify parity --events a.jsonl --json")(verbs.parity)
app.add_typer(verify, name="verify")
app.add_typer(replay.app, name="replay")
app.add_typer(evaluate.app, name="evaluate")
models.app.command("promote-actions", epilog="Example: ebbtide models promote-actions --json")(
    action_models.promote_actions
)
app.add_typer(models.app, name="models")
app.add_typer(triggers.app, name="triggers")
app.add_typer(report.app, name="report")


def _version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"ebbtide {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    pass


def main() -> None:
    """Run the command line. An error of ours is one line on standard error, and exit code 1."""

    def end(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        sys.exit(128 + signum)  # so that whatever was started is stopped on the way out

    signal.signal(signal.SIGTERM, end)
    if not sys.warnoptions:  # libraries warn their developers; whoever wants to see it runs python -W default
        logging.captureWarnings(capture=True)
        logging.getLogger("py.warnings").addHandler(logging.NullHandler())
    try:
        app()
    except EbbtideError as error:
        _fail(str(error))
    except OSError as error:
        if error.filename is None:
            raise
        _fail(f"{error.filename}: expected a file or folder that can be used, found none ({error.strerror})")
    except Exception as error:
        # Redis may go away under any verb; its client takes long to import, so it is known by its name here.
        if not type(error).__module__.startswith("redis."):
            raise
        _fail(f"Redis: {error}; run `ebbtide check`")


def _fail(message: str) -> None:
    line = " ".join(message.split())
    sys.stderr.write(f"ebbtide: {line}\n")
    sys.exit(1)
