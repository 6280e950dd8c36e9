"""The contacts of each customer: reserved when a decision is made, released when the delivery fails.

One sorted set per customer holds its contacts by time, and of each action when it was taken last. A contact
is checked against all caps and kept in one script, so that of many deciders none gets a place too many.
Windows are in absolute time, to which a change to daylight-saving time does nothing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from redis import Redis
from redis.exceptions import NoScriptError

from ebbtide import bulk
from ebbtide.domain.action import Action
from ebbtide.domain.contact import DAY, Cap, Contact, History, first_full
from ebbtide.lines import Lines, Packets, Steps, finished

KEPT_DAYS = 400.0
"""Days for which it is known of an action under no cap when it was taken last."""
SKEW = DAY
"""Seconds by which the clocks of deciders may differ."""
AHEAD = DAY
"""Seconds by which a contact may lie ahead: a message may wait for the hour in which it is best sent."""

_LAST = "last"
"""Stands where a contact has its channel: the entry says when an action was taken last."""

_RESERVE = """
local now, kept = tonumber(ARGV[1]), tonumber(ARGV[4])
local entries = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local found, last = {}, nil
for i = 1, #entries, 2 do
  local member, at = entries[i], tonumber(entries[i + 1])
  if member == ARGV[2] then return 0 end
  if member == ARGV[3] then last = at end
  local channel, action = string.match(member, '^([^|]*)|([^|]*)|')
  if channel ~= 'last' then
    if at <= now - kept then redis.call('ZREM', KEYS[1], member)
    else found[#found + 1] = {at, ',' .. channel .. ',', ',' .. action .. ','} end
  end
end
for i = 6, #ARGV, 4 do
  local field, names, most, since = tonumber(ARGV[i]), ARGV[i + 1], tonumber(ARGV[i + 2]), now - ARGV[i + 3]
  for _, contact in ipairs(found) do
    if contact[1] > since and (names == '' or string.find(names, contact[field], 1, true)) then
      most = most - 1
    end
  end
  if most <= 0 then return (i - 6) / 4 + 1 end
end
local added = {}
if #ARGV > 5 then added = {ARGV[1], ARGV[2]} end
if not last or last < now then added[#added + 1] = ARGV[1]; added[#added + 1] = ARGV[3] end
if #added > 0 then redis.call('ZADD', KEYS[1], unpack(added)) end
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 0
"""
_SHA = hashlib.sha1(_RESERVE.encode(), usedforsecurity=False).hexdigest()
_RELEASE = """
local entries = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
local released = 0
for i = 1, #entries, 2 do
  local channel, action, decision = string.match(entries[i], '^([^|]*)|([^|]*)|(.*)$')
  if channel ~= 'last' and decision == ARGV[1] then
    redis.call('ZREM', KEYS[1], entries[i])
    released = released + 1
    local mark, before = 'last|' .. action .. '|', nil
    for j = 1, #entries, 2 do
      local its, other = string.match(entries[j], '^([^|]*)|([^|]*)|')
      if j ~= i and its ~= 'last' and other == action then before = entries[j + 1] end
    end
    if redis.call('ZSCORE', KEYS[1], mark) == entries[i + 1] then
      if before then redis.call('ZADD', KEYS[1], before, mark) else redis.call('ZREM', KEYS[1], mark) end
    end
  end
end
return released
"""


class Reservation(NamedTuple):
    """A place asked for: whose, by which decision, for what, and when it is sent (Unix seconds)."""

    customer: str
    decision: str
    action: Action
    at: float


class Claim(NamedTuple):
    """What an action asks of the caps: those that have a say, and the script's arguments for them."""

    action: Action
    caps: tuple[Cap, ...]
    kept: str
    expires: str
    arguments: tuple[str, ...]

    @classmethod
    def of(cls, action: Action, caps: Sequence[Cap]) -> "Claim":
        """The claim of an action: of each cap the field of a contact, names that count, places, seconds."""
        kept = max((cap.days * DAY for cap in caps), default=0.0) + SKEW + AHEAD
        ours = [(cap, names) for cap in caps if (names := cap.counted(action)) is not None]
        arguments: list[str] = []
        for cap, names in ours:
            listed = f",{','.join(sorted(names))}," if names else ""
            arguments += ["3" if cap.per == "action" else "2", listed, str(cap.most), repr(cap.days * DAY)]
        expires = str(int(max(kept, KEPT_DAYS * DAY)))
        return cls(action, tuple(cap for cap, _ in ours), repr(kept), expires, tuple(arguments))

    def command(self, place: Reservation) -> bulk.Command:
        """What reserves a place for this action, for `ebbtide.bulk`."""
        action = self.action
        member, mark = f"{action.channel}|{action.id}|{place.decision}", f"{_LAST}|{action.id}|"
        named = (key(place.customer), repr(place.at), member, mark, self.kept, self.expires)
        return "EVALSHA", _SHA, "1", *named, *self.arguments

    def full(self, answer: int) -> Cap | None:
        """What the script's answer says: the first cap that has no room; None if the place is kept."""
        return self.caps[answer - 1] if answer else None


class Contacts:
    """Contacts in Redis, over a client that does not decode responses. May be shared by threads.

    Times are Unix seconds (UTC). All methods raise `redis.RedisError` if Redis does not answer.
    """

    def __init__(self, client: Redis) -> None:
        self._client: Any = client  # redis-py types each answer as sync or async
        self._lines = Lines(client)
        self._release = self._client.register_script(_RELEASE)
        self._loaded = False

    def reserve(
        self, customer: str, decision: str, action: Action, caps: Sequence[Cap], at: float
    ) -> Cap | None:
        """Keep a contact if every cap has room for it; the first full cap if one has not, None if it is kept.

        The same decision and action again take no second place. Clocks may run apart by up to `SKEW`, and
        `at` lie ahead by up to `AHEAD`.
        """
        return self.reserve_many([Reservation(customer, decision, action, at)], caps)[0]

    def reserve_many(self, places: Sequence[Reservation], caps: Sequence[Cap]) -> list[Cap | None]:
        """`reserve` of each of many, one after the other, in one round trip."""
        claims = [Claim.of(place.action, caps) for place in places]
        calls = [claim.command(place) for claim, place in zip(claims, places, strict=True)]
        answers = finished(self.told(lambda: [calls]))
        return [claim.full(answer) for claim, answer in zip(claims, answers, strict=True)]

    def told(self, packets: Packets) -> Steps[list[Any]]:
        """The answers to packets of commands, among them those of claims, as `ebbtide.lines` has them.

        For one thread. Should Redis have forgotten the script meanwhile, all of them are given again.
        """
        if not self._loaded:
            self._load()
        try:
            return (yield from self._lines.ask(packets))
        except NoScriptError:
            self._load()
            return (yield from self._lines.ask(packets))  # what is kept takes no second place

    def _load(self) -> None:
        self._client.script_load(_RESERVE)
        self._loaded = True

    def release(self, customer: str, decision: str) -> bool:
        """Give back the place of a decision, whose message did not arrive. Returns whether it had one."""
        return bool(self._release(keys=[key(customer)], args=[decision]))

    def read(self, customers: Sequence[str]) -> list[History]:
        """What each customer got, in their order, in one round trip."""
        found = bulk.ask(self._client, _read, customers)
        return [history(zip(listed[::2], map(float, listed[1::2]), strict=True)) for listed in found]

    def full(
        self, customer: str, actions: Sequence[Action], caps: Sequence[Cap], now: float
    ) -> dict[str, Cap]:
        """The actions for which there is no room, each with the first cap that has none, in one read."""
        return full(self.read([customer])[0], actions, caps, now)


def key(customer: str) -> str:
    """The key of a customer's contacts."""
    return f"ebbtide:contacts:{customer}"


def _read(customer: str) -> bulk.Command:
    return "ZRANGE", key(customer), "0", "-1", "WITHSCORES"


def full(known: History, actions: Sequence[Action], caps: Sequence[Cap], now: float) -> dict[str, Cap]:
    """The actions for which a history leaves no room at `now`, each with the first cap that has none."""
    found = ((each.id, first_full(each, known.contacts, caps, now)) for each in actions)
    return {id_: cap for id_, cap in found if cap is not None}


def history(entries: Iterable[tuple[bytes, float]]) -> History:
    """What the sorted set of a customer says: its members with their scores."""
    contacts: list[Contact] = []
    taken: dict[str, float] = {}
    for member, at in entries:
        channel, action, decision = member.decode().split("|", 2)
        if channel == _LAST:
            taken[action] = at
        else:
            contacts.append(Contact(decision, channel, action, at))
    return History(tuple(contacts), taken)
