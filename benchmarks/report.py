"""How a benchmark speaks: options in, progress to stderr, a table or one JSON object as the last line."""

import argparse
import gc
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

Result = dict[str, Any]
"""Figures by name; a sub-object holds those of one data set or of one side."""

SIGNIFICANT = 4
"""Digits that mean something in a figure that was measured."""


def say(text: str) -> None:
    """Tell what is going on, to stderr."""
    print(text, file=sys.stderr, flush=True)


def options(about: str | None) -> argparse.ArgumentParser:
    """A parser with what all benchmarks have; each adds its sizes."""
    parser = argparse.ArgumentParser(
        description=(about or "").partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    return parser


def show(result: Result, *, as_json: bool) -> None:
    """Print the result with what it was measured on."""
    rounded = _rounded({**result, "machine": {"cores": os.cpu_count(), "python": platform.python_version()}})
    if as_json:
        print(json.dumps(rounded))
        return
    table = Table("figure", "value")
    for name, value in _flat(rounded):
        table.add_row(name, str(value))
    Console().print(table)


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes, begun with no garbage left of what came before."""
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the ratios of rounds: two sides of one round met the same noise."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank).

    >>> percentile([4.0, 1.0, 3.0, 2.0], 0.5)
    2.0
    """
    ordered = sorted(values)
    return ordered[max(math.ceil(round(share * len(ordered), 6)) - 1, 0)]


@contextmanager
def told(text: str) -> Iterator[None]:
    """Say what begins, and how long it took."""
    started = time.perf_counter()
    yield
    say(f"{text}: {time.perf_counter() - started:.1f} s")


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _rounded(each) for name, each in value.items()}
    return float(f"{value:.{SIGNIFICANT}g}") if isinstance(value, float) else value


def _flat(result: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in result.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
