"""Items as jobs: describe them from a file, and say what is described and what is not."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from redis import Redis

from ebbtide.clock import Clock
from ebbtide.errors import InputError
from ebbtide.jobs.progress import Progress
from ebbtide.logs.items import MOST, ItemCatalogue
from ebbtide.logs.rejected import RejectedLog, Rejection
from ebbtide.settings import Settings

SHOWN = 10
"""Products named in a report."""


@dataclass(frozen=True)
class ItemsTaken:
    """What a file of items did: rows by what became of them, and where those rejected are kept."""

    source: str
    new: int
    known: int
    back_in_stock: int
    rejected: dict[str, int]
    kept: Path | None


@dataclass(frozen=True)
class ItemsReport:
    """What is known of items.

    `described` of them something was said; of these `sold_out` have no stock, and `out_of_dates` may not be
    shown now. `unknown` products were bought and nothing was said of them, `examples` the first by id.
    """

    described: int
    sold_out: int
    out_of_dates: int
    bought: int
    unknown: int
    examples: list[str]


def take_items(
    settings: Settings, client: Redis, path: Path, mapping: str | None, *, clock: Clock, progress: Progress
) -> ItemsTaken:
    """Describe the items of a file. Rows that cannot be used are kept with their reason, the rest goes on.

    Raises:
        InputError: the file or the mapping cannot be used, or no row of it can.
    """
    from streaming.importing.items import item_mapping, read_items

    faults: list[Rejection] = []
    rows = read_items(path, item_mapping(mapping) if mapping else None, faults)
    catalogue, counts = ItemCatalogue(client), Counter[str]()
    with progress("Items") as advance:
        while block := list(islice(rows, MOST)):
            puts = catalogue.put([item for _, item in block], clock())
            for (line, item), put in zip(block, puts, strict=True):
                if put.item is None:
                    faults.append(Rejection(line, put.fault, item))
                counts["new" if put.new else "known"] += put.item is not None
                counts["back"] += put.restocked
            advance(len(block))
    reasons = Counter(fault.reason for fault in faults)
    if not counts["new"] + counts["known"]:
        [(reason, count)] = reasons.most_common(1) or [("empty lines only", 0)]
        raise InputError(f"{path}: none of {len(faults)} rows can be used; {count} times: {reason}")
    rejected = RejectedLog(settings.rejected)
    rejected.reject_many(path.name, sorted(faults, key=lambda fault: fault.line or 0), at=clock())
    kept = rejected.path(path.name) if faults else None
    shown = dict(reasons.most_common(SHOWN))
    return ItemsTaken(path.name, counts["new"], counts["known"], counts["back"], shown, kept)


def report(client: Redis, now: float) -> ItemsReport:
    """Say what is described, and which products were bought and are not."""
    catalogue = ItemCatalogue(client)
    counts = Counter[str]()
    for item in catalogue.walk():
        counts["described"] += 1
        counts["sold out"] += item.sold_out
        counts["out of dates"] += not item.sold_out and not item.available(now)
    bought = sorted(_bought(client))
    unknown = catalogue.unknown(bought)
    return ItemsReport(
        described=counts["described"],
        sold_out=counts["sold out"],
        out_of_dates=counts["out of dates"],
        bought=len(bought),
        unknown=len(unknown),
        examples=unknown[:SHOWN],
    )


def _bought(client: Redis) -> Iterator[str]:
    """The products that were bought or viewed, as recommendations know them."""
    from models.recommendations.item_store import RECORDS

    return (id_.decode() for id_, _ in client.hscan_iter(RECORDS, count=MOST))
