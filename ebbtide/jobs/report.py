"""Reports for whoever answers for the result: whether the actions help at all."""

import io
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis import Redis

from ebbtide.domain.event import Event
from ebbtide.domain.ingest import iso
from ebbtide.errors import InputError
from ebbtide.jobs.progress import Advance, Progress
from ebbtide.logs import archive
from ebbtide.logs.decisions import DecisionLog
from ebbtide.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.actions.cohort import Cohort
    from models.actions.lift import Lift

FORMATS = (".png", ".html")


@dataclass(frozen=True)
class LiftReport:
    """Customers who may get actions against those held out, each over the `horizon` days after they came in.

    `holdout` is the share held out. `followed` are the customers, for a picture.
    """

    since: str
    until: str
    horizon: int
    holdout: float
    retained: "Lift"
    money: "Lift"
    followed: "Cohort"

    def public(self) -> dict[str, Any]:
        """What `--json` prints; ends that are not known yet are null."""
        shown: dict[str, Any] = {
            name: getattr(self, name) for name in ("since", "until", "horizon", "holdout")
        }
        for name in ("retained", "money"):
            lift: Lift = getattr(self, name)
            shown[name] = {key: _finite(value) for key, value in asdict(lift).items()} | {
                "proven": lift.proven
            }
        return shown


def _finite(value: float) -> float | None:
    return value if abs(value) < float("inf") else None


def lift(
    settings: Settings,
    client: Redis,
    *,
    now: float,
    progress: Progress,
    since: float | None = None,
    horizon: int | None = None,
) -> LiftReport:
    """Compare treated customers with those held out.

    Args:
        settings: whose event archive and policy to read.
        client: of the Redis with the decision log.
        now: Unix seconds, UTC.
        progress: shows the reading.
        since: when the hold-out began; None: with the oldest decision in the log.
        horizon: days that each customer is followed; None: as set.

    Raises:
        InputError: the policy holds nobody out, there is no decision yet, or the archive cannot be read.
    """
    from models.actions import actions
    from models.actions.cohort import Trial, cohort
    from models.actions.holdout import held_out
    from models.actions.lift import latest

    policy = actions.load(settings.actions or actions.SHIPPED)
    if not 0.0 < policy.holdout < 1.0:
        raise InputError(
            f"report lift: expected a policy with a `holdout` between 0 and 1, found {policy.holdout:g}; "
            "without customers held out nobody can tell what actions bring"
        )
    began = _began(client) if since is None else since
    trial = Trial(began, horizon or settings.horizon, settings.active)
    with progress("Events") as advance:
        found = cohort(
            _events(settings.events, advance),
            trial,
            lambda customer: held_out(customer, policy.holdout),
            now=now,
        )
    retained, money = (
        latest(outcome, found.held_out, policy.holdout) for outcome in (found.retained, found.money)
    )
    return LiftReport(iso(began), iso(now), int(trial.horizon), policy.holdout, retained, money, found)


def write_plot(found: LiftReport, path: Path) -> None:
    """Draw the report into a file, PNG or a page of HTML by its ending.

    Raises:
        InputError: another ending, or the file cannot be written.
    """
    from models.actions.lift_plot import drawn

    if path.suffix not in FORMATS:
        raise InputError(f"--plot: expected a file that ends in {' or '.join(FORMATS)}, found {path}")
    figure = drawn(found.followed, found.holdout)
    try:
        if path.suffix == ".png":
            figure.savefig(path, format="png")
            return
        text = io.StringIO()
        figure.savefig(text, format="svg")
        title = "Lift over the hold-out"
        svg = text.getvalue()[text.getvalue().index("<svg") :]
        path.write_text(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>{svg}</html>\n',
            encoding="utf-8",
        )
    except OSError as error:
        raise InputError(f"--plot: expected a place to write to, found {path} ({error})") from error


def _began(client: Redis) -> float:
    receipts, _ = DecisionLog(client).after(count=1)
    if not receipts:
        raise InputError(
            "report lift: expected a decision in the log, found none; name the day with --since YYYY-MM-DD"
        )
    return receipts[0].at


def _events(folder: Path, advance: Advance) -> "Iterator[Event]":
    """The events of the archive; `advance` is told how many more were read."""
    events = archive.decoded(archive.read([folder]) if folder.exists() else ())
    while some := list(islice(events, 10_000)):
        advance(len(some))
        yield from some
