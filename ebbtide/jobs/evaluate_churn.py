"""Evaluate churn on any log: read it once, replay it, train and test at cut-offs, compare with peers."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from ebbtide.clock import Clock
from ebbtide.domain.event import Event, decode
from ebbtide.errors import InputError, ModelError
from ebbtide.jobs.progress import Advance, Progress
from ebbtide.logs.rejected import RejectedLog
from models.churn.churn import MOST_ROWS
from models.evaluation.arrivals import arrivals, weekly
from models.evaluation.backtest import Answers, Rows, answer, figures, pooled, with_intervals
from models.evaluation.learning_curve import DRAWS, Point, learning_curve
from models.evaluation.prequential import prequential
from models.evaluation.timeline import MOST_CUSTOMERS, Schedule, Stop, date, sampling, schedule, stops
from streaming.importing.importer import Log, import_events
from streaming.importing.report import Report

BATCH = 1_000
"""Events between two looks at the progress bar."""
MEASURES = ("log_loss", "roc_auc", "brier_score")
"""Of the frozen and of the corrected model, as `models.evaluation.prequential` names them."""


@dataclass(frozen=True)
class Evaluation:
    """The figures of all models on the same customers.

    `models` are of all cut-offs together, `cutoffs` of each; `failed` says why a model has no figures,
    `notes` what was left out; where asked for, `prequential` says what the online correction would have been
    worth, and `learning_curve` what fewer customers to learn from would have given at the last cut-off.
    `rows` and `answers` are what was measured, to draw it.
    """

    data: str
    horizon: int
    active: int
    test_cut: str
    n: int
    churn_rate: float
    models: list[dict[str, Any]]
    failed: dict[str, str]
    notes: list[str]
    cutoffs: list[dict[str, Any]]
    prequential: dict[str, Any] | None
    learning_curve: list[Point] | None
    rows: Rows = field(repr=False)
    answers: list[Answers] = field(repr=False)

    def public(self, *, rolling: bool) -> dict[str, Any]:
        """What is printed as JSON."""
        left_out = {"rows", "answers"} | (set() if rolling else {"cutoffs"})
        left_out |= {name for name in ("prequential", "learning_curve") if getattr(self, name) is None}
        found = {name: value for name, value in vars(self).items() if name not in left_out}
        if self.learning_curve is not None:
            found["learning_curve"] = [point._asdict() for point in self.learning_curve]
        return found


class _Contents(NamedTuple):
    """What a log holds: events, customers, its ends in Unix seconds, UTC, and lines refused by reason."""

    events: int
    customers: int
    first: float
    last: float
    refused: dict[str, int]


def evaluate_churn(
    log: Log,
    *,
    horizon: int,
    active: int,
    rolling: bool,
    clock: Clock,
    progress: Progress,
    correct: bool = False,
    curve: bool = False,
) -> Evaluation:
    """Train on earlier cut-offs, test on the last possible one, or with `rolling` on several.

    With `correct` the log's last third is also gone through in order of time, for the online correction;
    with `curve` the model is also trained on parts of the customers.
    The log is read once, into a temporary file; the states of its customers are held in memory.

    Raises:
        InputError: the log cannot be read, or holds no order.
        ModelError: it is too short, or has too few customers who left or stayed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="ebbtide-") as folder,
        (Path(folder) / "events").open("w+b") as file,
    ):
        with progress("Read") as advance:
            contents = _spool(log, file, RejectedLog(Path(folder)), clock, advance)
        planned = schedule(contents.first, contents.last, horizon=horizon, active=active, rolling=rolling)
        notes = _notes(contents)
        answers, points = _tested(file, contents, planned, progress, notes, curve=curve)
        corrected = _corrected(file, contents, horizon, active, progress, notes) if correct else None
    rows = pooled(answers, horizon)
    models = figures(rows)
    with progress("Intervals", len(models)) as advance:
        with_intervals(models, rows, advance)
    failed = {name: why for each in answers for name, why in each.failed.items()}
    return Evaluation(
        data=log.source,
        horizon=horizon,
        active=active,
        test_cut=date(planned.tests[-1]),
        n=len(rows.churned),
        churn_rate=float(rows.churned.mean()),
        models=models,
        failed=failed,
        notes=notes,
        cutoffs=[_cutoff(each, horizon) for each in answers],
        prequential=corrected,
        learning_curve=points,
        rows=rows,
        answers=answers,
    )


def _spool(log: Log, file: IO[bytes], rejected: RejectedLog, clock: Clock, advance: Advance) -> _Contents:
    """Write the events of a log to a file, one a line, in time order; two passes over the log take longer."""
    report, customers = Report(), set()
    for batch in import_events(log, rejected, report, now=clock()):
        for raw in batch:
            file.write(raw + b"\n")
            customers.add(decode(raw).customer)
        advance(len(batch))
    if report.first is None or report.last is None or not report.events["Order Completed"]:
        found = ", ".join(report.events)
        raise InputError(f"{log.path}: expected orders (`Order Completed`), found none among: {found}")
    file.flush()
    refused = dict(report.rejected.most_common())
    return _Contents(report.events.total(), len(customers), report.first, report.last, refused)


def _replayed(file: IO[bytes], advance: Advance) -> Iterator[Event]:
    file.seek(0)
    done = 0
    for raw in file:
        yield decode(raw)
        done += 1
        if done == BATCH:
            advance(done)
            done = 0
    advance(done)


def _tested(
    file: IO[bytes],
    contents: _Contents,
    planned: Schedule,
    progress: Progress,
    notes: list[str],
    *,
    curve: bool,
) -> tuple[list[Answers], list[Point] | None]:
    """The answers at each cut-off and, where asked for, the learning curve at the last of them."""
    with progress("Replay, train and test", contents.events) as advance:
        answers, last = _answers(_replayed(file, advance), planned, sampling(contents.customers), notes)
    return answers, _curve(last, planned, answers[-1], progress, notes) if curve else None


def _answers(
    events: Iterator[Event], planned: Schedule, trains: Callable[[str], bool], notes: list[str]
) -> tuple[list[Answers], Stop]:
    """The answers at each cut-off but those where too little was known, and the last stop that has any."""
    found: list[Answers] = []
    faults: dict[float, ModelError] = {}
    last: Stop | None = None
    for stop in stops(events, planned, trains):
        try:
            found.append(answer(stop, planned))
            last = stop
        except ModelError as error:
            faults[stop.asked.cut] = error
    if last is None:
        raise faults[planned.tests[-1]]
    if faults:
        notes.append(_left_out(faults))
    return found, last


def _left_out(faults: dict[float, ModelError]) -> str:
    """One note of all cut-offs without answers, with the latest reason: a stray old date brings many."""
    cuts = sorted(faults)
    span = date(cuts[-1]) if len(cuts) == 1 else f"{len(cuts)} cut-offs, {date(cuts[0])} to {date(cuts[-1])}"
    return f"left out {span}: {faults[cuts[-1]]}"


def _curve(
    last: Stop, planned: Schedule, whole: Answers, progress: Progress, notes: list[str]
) -> list[Point] | None:
    """The model trained on parts of the customers; a note of each part that is too small to train on."""
    try:
        with progress("Learning curve", DRAWS) as advance:
            points, left_out = learning_curve(last, planned, whole, advance)
    except ModelError as error:
        notes.append(f"no learning curve: {error}")
        return None
    notes.extend(f"left out of the learning curve, {which}: {why}" for which, why in left_out.items())
    if points[-1].train_rows > MOST_ROWS:
        notes.append(f"learning curve: of more than {MOST_ROWS:,} rows as many train, drawn evenly")
    return points


def _corrected(
    file: IO[bytes], contents: _Contents, horizon: int, active: int, progress: Progress, notes: list[str]
) -> dict[str, Any] | None:
    """The frozen model against the corrected one, at labels that came due; where many, of those who train."""
    rolling = schedule(contents.first, contents.last, horizon=horizon, active=active, rolling=True)
    planned, taken = weekly(rolling), sampling(contents.customers)
    try:
        with progress("Replay for the correction", contents.events) as advance:
            predictions = arrivals(stops(_replayed(file, advance), planned, taken), planned, taken)
    except ModelError as error:
        notes.append(f"no online correction: {error}")
        return None
    with progress("Correct", len(predictions)) as advance:
        measured = prequential(predictions, horizon, advance=advance)
    counts = {name: int(measured[name]) for name in ("labels", "churned", "drifts")}
    span = {"first_cut": date(planned.tests[0]), "last_cut": date(planned.tests[-1])}
    told = ("batch_weight", *(f"{who}_{what}" for who in ("batch", "online") for what in MEASURES))
    return span | counts | {name: measured[name] for name in told}


def _notes(contents: _Contents) -> list[str]:
    notes = [f"left out, {reason}: {count:,}" for reason, count in contents.refused.items()]
    if contents.customers > MOST_CUSTOMERS:
        notes.append(
            f"trained on about {MOST_CUSTOMERS:,} of {contents.customers:,} customers, tested on all"
        )
    return notes


def _cutoff(answers: Answers, horizon: int) -> dict[str, Any]:
    rows = pooled([answers], horizon)
    rate = float(rows.churned.mean())
    return {
        "test_cut": date(answers.look.cut),
        "n": len(rows.churned),
        "churn_rate": rate,
        "train_rows": answers.rows,
        "models": figures(rows) if 0.0 < rate < 1.0 else [],
    }
