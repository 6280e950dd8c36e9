"""The ledger: the contact that a decision takes and its receipt, entered together in one round trip."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from ebbtide import bulk
from ebbtide.domain.contact import Cap
from ebbtide.lines import Steps
from ebbtide.logs.contacts import Claim, Contacts, Reservation
from ebbtide.logs.decisions import DecisionLog
from ebbtide.logs.receipts import Written


class Entry(NamedTuple):
    """A place to reserve and a receipt to log, None for what is not asked.

    `again` puts the receipt in the place of one that was entered before.
    """

    place: Reservation | None
    receipt: Written | None
    again: bool = False


class Ledger:
    """Enters decisions that were made under some caps. Raises `redis.RedisError` if Redis does not answer."""

    def __init__(self, contacts: Contacts, decisions: DecisionLog, caps: Sequence[Cap]) -> None:
        self._contacts, self._decisions, self._caps = contacts, decisions, caps
        self._claims: dict[str, Claim] = {}

    def enter(self, parts: Callable[[], Iterable[Sequence[Entry]]]) -> Steps[list[Cap | None]]:
        """Reserve the place of each entry and log its receipt; gives the first cap that is full of each.

        Where a cap is full, the receipt is in the log all the same, for another one to take its place: the
        receipt of a decision that is not given yet. A call may be repeated.

        Args:
            parts: gives all entries, some at a time: Redis works on some while the next are made.
        """
        claims: list[tuple[int, Claim] | None] = []

        def packets() -> Iterator[list[bulk.Command]]:
            claims.clear()
            place = 0
            for part in parts():
                commands: list[bulk.Command] = []
                for entry in part:
                    claim = None if entry.place is None else self._claim(entry.place)
                    claims.append(None if claim is None else (place + len(commands), claim))
                    commands += self._commands(entry, claim)
                place += len(commands)
                yield commands

        answers = yield from self._contacts.told(packets)
        return [None if each is None else each[1].full(answers[each[0]]) for each in claims]

    def _commands(self, entry: Entry, claim: Claim | None) -> Iterator[bulk.Command]:
        if claim is not None and entry.place is not None:
            yield claim.command(entry.place)
        if entry.receipt is not None:
            yield from self._decisions.commands(entry.receipt, again=entry.again)

    def _claim(self, place: Reservation) -> Claim:
        action = place.action
        found = self._claims.get(action.id)
        if found is None:
            found = self._claims[action.id] = Claim.of(action, self._caps)
        return found
