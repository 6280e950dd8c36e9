"""Score the whole base: every customer's probabilities and value at risk, to a file and as a summary."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis import Redis

from ebbtide.errors import InputError, ModelError
from ebbtide.jobs.progress import Progress

if TYPE_CHECKING:
    from models.churn.scorer import ChurnScorer
    from models.churn.sweep import Swept

Write = Callable[["Swept"], None]
SUFFIXES = (".parquet", ".csv")


@dataclass(frozen=True)
class AtRisk:
    """One of those with the most value at risk."""

    customer: str
    stage: str
    probability: float
    value_at_risk: float


@dataclass(frozen=True)
class ScoreResult:
    """What a sweep found. The probability is that at `horizon` days.

    `judged` are those of whom churn can be foretold; `value_model` is the version of the model of value in
    Redis, None without one.
    """

    model: str
    value_model: str | None
    horizon: int
    customers: int
    judged: int
    stages: dict[str, int]
    mean_probability: float | None
    value_at_risk: float
    top: tuple[AtRisk, ...]
    out: str | None = None


def score_all(client: Redis, *, now: float, progress: Progress, out: Path | None = None) -> ScoreResult:
    """Score everyone as of `now` (Unix seconds, UTC), in bounded memory; with `out`, a row each into it.

    Raises:
        ModelError: there is no champion, or it cannot be used.
        InputError: `out` is neither parquet nor CSV.
    """
    from features.store.online import OnlineStore
    from models.churn import scorer as scorers
    from models.churn import sweep
    from models.value import value

    if out is not None and out.suffix not in SUFFIXES:
        raise InputError(f"--out: expected a file that ends in {' or '.join(SUFFIXES)}, found {out}")
    scorer = scorers.load(client)
    if scorer is None:
        raise ModelError("no champion to score with: run `ebbtide train`")
    valuer = value.load(client)
    main = scorer.days.index(scorer.horizon)
    summary = sweep.Summary()
    with progress("Scores") as advance, _writer(out, scorer) as write:
        for chunk in sweep.sweep(OnlineStore(client), scorer, valuer.predict_many, now):
            write(chunk)
            summary.add(chunk, main)
            advance(len(chunk.customers))
    top = tuple(AtRisk(r.customer, r.stage.value, r.probability, r.value_at_risk) for r in summary.top)
    return ScoreResult(
        model=scorer.version,
        value_model=valuer.version,
        horizon=scorer.horizon,
        customers=summary.customers,
        judged=summary.judged,
        stages={stage.value: count for stage, count in summary.stages.most_common()},
        mean_probability=summary.mean_probability,
        value_at_risk=summary.value_at_risk,
        top=top,
        out=None if out is None else str(out),
    )


@contextlib.contextmanager
def _writer(out: Path | None, scorer: "ChurnScorer") -> Iterator[Write]:
    """Write chunks to a draft, which becomes the file when all went well."""
    if out is None:
        yield lambda _: None
        return
    draft = out.with_name(f".{out.name}.draft")
    try:
        with _opened(draft, out.suffix, scorer) as write:
            yield write
        draft.replace(out)
    except OSError as error:
        raise InputError(f"--out: expected a place to write to, found {out} ({error})") from error
    finally:
        draft.unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(draft: Path, suffix: str, scorer: "ChurnScorer") -> Iterator[Write]:
    import pyarrow as pa
    from pyarrow import csv, parquet

    numbers = [f"churn_{days}" for days in scorer.days] + ["expected_value", "value_at_risk"]
    texts = [("customer_id", pa.string()), ("stage", pa.string())]
    schema = pa.schema([*texts, *((name, pa.float64()) for name in numbers)])
    opened: Any = csv.CSVWriter if suffix == ".csv" else parquet.ParquetWriter
    with opened(str(draft), schema) as writer:

        def write(chunk: "Swept") -> None:
            columns = [*chunk.curve.T, chunk.worth, chunk.at_risk]
            values = [pa.array(column, from_pandas=True) for column in columns]
            writer.write_table(pa.table([chunk.customers, list(map(str, chunk.stages)), *values], schema))

        yield write
