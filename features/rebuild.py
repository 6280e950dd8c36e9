"""The past rebuilt from the event archive: the states of all customers as they stood at chosen moments.

Events are dealt to shares by customer, ids that may turn out to be one customer to the same share, and a
share at a time is put in the order of time and replayed. So memory holds one share, however long the archive.
"""

import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from ebbtide.domain.event import Event, EventError, decode
from ebbtide.domain.identity import linked
from ebbtide.logs.archive import Part, decoded, read_lines, read_parts
from features.profile import State, encode, new_state, reached
from features.replay import Replay

EVENTS = 50_000
"""Events of a share, about."""
MOST_SHARES = 256
"""Each is a file that is open while events are dealt."""
Advance = Callable[[int], object]
_TOLD = 10_000


class Known(NamedTuple):
    """An encoded state, the time of its newest event, and the moment at which it was so; in Unix seconds."""

    customer: str
    state: bytes
    at: float
    moment: float


class Span(NamedTuple):
    """How many events there are, and the times of the oldest and the newest in Unix seconds."""

    events: int
    first: float
    last: float


class Survey(NamedTuple):
    """What a first reading of an archive tells.

    `groups` gives, for an id that an event links to another, a name that it shares with all ids that it is
    linked to, over however many links.
    """

    span: Span
    groups: dict[str, str]


def survey(parts: Sequence[Part], advance: Advance = int) -> Survey | None:
    """Read an archive once; None if it has no event. `advance` is told how many events were read."""
    count, first, last = 0, float("inf"), float("-inf")
    links: dict[str, str] = {}
    for event in _events(read_parts(parts)):
        count += 1
        if count % _TOLD == 0:
            advance(_TOLD)
        first, last = min(first, event.at), max(last, event.at)
        if event.also is not None and (other := linked(event)) is not None:
            one, two = _end(links, event.customer), _end(links, other)
            links[max(one, two)] = min(one, two)
    advance(count % _TOLD)
    if not count:
        return None
    return Survey(Span(count, first, last), {each: _end(links, each) for each in links})


def rows(
    parts: Sequence[Part], found: Survey, moments: Sequence[float], folder: Path, advance: Advance = int
) -> Iterator[Known]:
    """Give each customer's state at each moment, if it changed since the moment before.

    A state at a moment knows the events up to it, and those of that very moment. Customers come in no order,
    the states of one in that of time, each with a newer `at` than the one before. A customer who turned out
    to be another has a last state that says so.

    Args:
        parts: of the archive.
        found: what `survey` found in it.
        moments: Unix seconds, ascending.
        folder: where events are put aside meanwhile; they take the room that they have uncompressed.
        advance: told how many events more are done.
    """
    with _shares(parts, found, folder) as shares:
        for lines in shares:
            yield from _replayed(lines, moments, advance)


@contextmanager
def _shares(parts: Sequence[Part], found: Survey, folder: Path) -> Iterator[Iterable[Iterator[bytes]]]:
    """The lines of each share, in the archive's order."""
    number = min(found.span.events // EVENTS + 1, MOST_SHARES)
    if number == 1:
        yield [read_parts(parts)]
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix=".shares-") as name:
        paths = [Path(name) / str(share) for share in range(number)]
        _deal(parts, found.groups, paths)
        yield map(read_lines, paths)


def _deal(parts: Sequence[Part], groups: dict[str, str], paths: Sequence[Path]) -> None:
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for raw in read_parts(parts):
            try:
                customer = decode(raw).customer
            except EventError:
                continue
            files[zlib.crc32(groups.get(customer, customer).encode()) % len(files)].write(raw + b"\n")


def _replayed(lines: Iterable[bytes], moments: Sequence[float], advance: Advance) -> Iterator[Known]:
    """Replay a share. Of events of one time those that came first are first."""
    events = sorted(_once(_events(lines)), key=attrgetter("at"))
    replay, left = Replay(), deque(moments)
    changed: set[str] = set()
    for event in events:
        while left and left[0] < event.at:
            yield from _rows(replay, changed, left.popleft())
        if not left:
            break
        taken = replay.take(event)
        changed.add(taken.customer)
        if taken.joined is not None:
            changed.add(taken.joined)
    if left:
        yield from _rows(replay, changed, left[0])
    advance(len(events))


def _rows(replay: Replay, changed: set[str], moment: float) -> Iterator[Known]:
    """The customers changed, as they are now."""
    for customer in changed:
        state = replay.states.get(customer) or _sign_post(replay, customer)
        yield Known(customer, encode(state), state.last_at, moment)
    changed.clear()


def _sign_post(replay: Replay, customer: str) -> State:
    """What is left of a customer who turned out to be another."""
    post = new_state()
    post.merged_into = replay.owners[customer]
    post.last_at = replay.states[replay.person(customer)].last_at
    return post


def _once(events: Iterable[Event]) -> Iterator[Event]:
    """Each event once: one that the flow took again after a crash stands in the archive twice."""
    seen: set[int] = set()
    for event in events:
        mark = hash((event.customer, event.id))
        if mark not in seen:
            seen.add(mark)
            yield event


def _events(lines: Iterable[bytes]) -> Iterator[Event]:
    """What changes states."""
    return (event for event in decoded(lines) if reached(event.name))


def _end(links: dict[str, str], customer: str) -> str:
    """The last id that links lead to; each on the way is linked nearer to it."""
    while (following := links.setdefault(customer, customer)) != customer:
        links[customer] = links[following]
        customer = following
    return customer
