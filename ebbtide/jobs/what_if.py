"""Judge a changed policy on the decision log before it goes live."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis import Redis

from ebbtide.domain.ingest import iso
from ebbtide.jobs.progress import Advance, Progress
from ebbtide.logs import outcomes
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.documents import Documents
from ebbtide.logs.outcomes import Attributed
from ebbtide.settings import Settings

if TYPE_CHECKING:
    from models.actions.logged import Row
    from models.actions.what_if import WhatIf

MOST = 20_000
"""Decisions judged: the newest ones whose outcome is known."""
_CHUNK = 500


@dataclass(frozen=True)
class Report:
    """What a changed policy would have brought: `found`, from decisions between `first` and `last`."""

    policy: str
    version: str
    first: str | None
    last: str | None
    found: "WhatIf"

    def public(self) -> dict[str, Any]:
        """What `--json` prints."""
        shown = asdict(self)
        found: dict[str, Any] = shown.pop("found")
        return shown | found


def what_if(settings: Settings, client: Redis, path: Path, *, progress: Progress) -> Report:
    """Judge the policy in a file on what the one in force decided.

    Raises:
        ConfigError: the file is no policy; all its faults together.
        StoreError: what is logged cannot be read.
        redis.RedisError: Redis does not answer.
    """
    from models.actions import actions
    from models.actions import what_if as model

    changed = actions.load(path)
    reigning = actions.load(settings.actions or actions.SHIPPED)
    with progress("Decisions with a known outcome") as advance:
        rows = decided(client, advance)
    with progress("Decide again", len(rows)) as advance:
        costs = {action.id: action.cost for action in reigning.actions}
        found = model.what_if(rows, changed, costs, _outcomes(client), advance)
    ends = [iso(rows[place].receipt.at) for place in (0, -1)] if rows else [None, None]
    return Report(str(path), changed.version, ends[0], ends[1], found)


def _outcomes(client: Redis) -> Callable[[str], int]:
    """How many outcomes the response model of a version was learned from; 0 if it is no longer kept."""
    from models.actions.kept import Kept

    kept = Kept(Documents(client))

    def count(version: str) -> int:
        found = kept.responses(version)
        return 0 if found is None else found.outcomes

    return count


def decided(client: Redis, advance: Advance) -> "list[Row]":
    """The newest decisions from which something can be told, with what came of them, in due order."""
    from models.actions.logged import Row
    from models.actions.recorded import says_nothing

    log = DecisionLog(client)
    found = []
    for chunk in _chunks(list(outcomes.read(client))[-MOST:]):
        receipts = log.get_many([outcome.decision_id for outcome in chunk])
        found += [
            Row(receipt, outcome)
            for receipt, outcome in zip(receipts, chunk, strict=True)
            if receipt is not None and not says_nothing(receipt)
        ]
        advance(len(chunk))
    return found


def _chunks(found: Sequence[Attributed]) -> Iterator[list[Attributed]]:
    rest = iter(found)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
