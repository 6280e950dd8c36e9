"""How and when a customer may be spoken to: consent, quiet hours, and caps on contacts in rolling windows."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from ebbtide.domain.action import Action

DAY = 86_400.0
ANY = "*"
"""Every channel, or every purpose."""
_EVERYTHING = f"{ANY}:{ANY}"
TRANSACTIONAL = "transactional"
"""The purpose of what a customer asked for, such as a receipt: it needs no consent."""


class Contact(msgspec.Struct, frozen=True):
    """An action that was reserved for a customer; `at` in Unix seconds, UTC."""

    decision: str
    channel: str
    action: str
    at: float


class History(msgspec.Struct, frozen=True):
    """What a customer got: contacts as far back as caps look, and when each action was taken last."""

    contacts: tuple[Contact, ...] = ()
    taken: Mapping[str, float] = {}


class Reach(msgspec.Struct, frozen=True, rename="camel"):
    """What a customer said of being spoken to: consent by `channel:purpose`, and their time zone (IANA).

    What stands there is settled: the newest word on a channel and purpose. `*` is any channel or any purpose.
    """

    consent: Mapping[str, tuple[float, bool]] = {}
    time_zone: str | None = None

    def allows(self, channel: str, purpose: str) -> bool | None:
        """Whether the customer lets a channel be used for a purpose; None if they never said.

        The newest word on the channel counts, and of one time a refusal. A purpose refused on all channels,
        as in a consent banner, is refused; one allowed there opens no channel.

        >>> Reach({"email:*": (5.0, True), "*:marketing": (3.0, False)}).allows("email", "marketing")
        False
        >>> Reach({"*:*": (3.0, False), "sms:marketing": (5.0, True)}).allows("sms", "marketing")
        True
        >>> Reach({"*:marketing": (3.0, True)}).allows("sms", "marketing") is None
        True
        """
        consent = self.consent
        if not consent:
            return None
        banner = consent.get(f"{ANY}:{purpose}")
        if banner is not None and not banner[1]:
            return False
        newest: tuple[float, bool] | None = None
        for key in (f"{channel}:{purpose}", f"{channel}:{ANY}", _EVERYTHING):
            word = consent.get(key)
            if word is None or (word[1] and key is _EVERYTHING):
                continue
            if newest is None or word[0] > newest[0] or (word[0] == newest[0] and not word[1]):
                newest = word
        return None if newest is None else newest[1]


class Cap(msgspec.Struct, frozen=True):
    """At most so many contacts in any `days` days: on the channels together, per channel, or per action.

    `names` are the channels or actions that it holds for; none: all of them.
    """

    per: Literal["all", "channel", "action"]
    most: int
    days: float
    names: frozenset[str] = frozenset()

    def counted(self, action: Action) -> frozenset[str] | None:
        """The channels (per action: the actions) whose contacts stand against one more; None: it has no say.

        An empty set means all channels.
        """
        own = action.id if self.per == "action" else action.channel
        if self.names and own not in self.names:
            return None
        return self.names if self.per == "all" else frozenset({own})

    def full(self, action: Action, contacts: Sequence[Contact], now: float) -> bool:
        """Whether contacts leave no room for one more by an action at `now`."""
        counted = self.counted(action) if len(contacts) >= self.most else None
        if counted is None:
            return False
        since = now - self.days * DAY
        recent = [each for each in contacts if each.at > since]
        if counted:
            of_actions = self.per == "action"
            recent = [each for each in recent if (each.action if of_actions else each.channel) in counted]
        return len(recent) >= self.most

    def rule(self, action: Action) -> str:
        """The cap in words, as it rules an action out.

        >>> Cap("channel", 1, 7.0).rule(Action(id="nudge", channel="sms", message=""))
        'cap: 1 per 7 days on sms'
        """
        days = "day" if self.days == 1 else f"{self.days:g} days"
        on = {"all": ", ".join(sorted(self.names)) or "all channels", "channel": action.channel}
        return f"cap: {self.most} per {days} on {on.get(self.per, action.id)}"


def first_full(action: Action, contacts: Sequence[Contact], caps: Iterable[Cap], now: float) -> Cap | None:
    """The first cap that leaves no room for an action at `now`; None if there is room.

    A contact counts as long as less than the window's days have passed. One later than `now`, as two clocks
    may bring it about, counts too: then no window holds too many, whichever way it is laid.
    """
    return next((cap for cap in caps if cap.full(action, contacts, now)), None)


class QuietHours(msgspec.Struct, frozen=True):
    """Minutes of the day, by the customer's clock, in which some channels are silent; may span midnight."""

    start: int
    end: int
    channels: frozenset[str]

    def holds(self, now: float, zone: ZoneInfo) -> bool:
        """Whether it is quiet at `now` (Unix seconds, UTC) by the clock of a time zone.

        >>> QuietHours(21 * 60, 8 * 60, frozenset({"sms"})).holds(1_750_000_000.0, ZoneInfo("Asia/Tokyo"))
        True
        """
        local = datetime.fromtimestamp(now, zone)
        minute = local.hour * 60 + local.minute
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end

    def __str__(self) -> str:
        return " to ".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (self.start, self.end))


class ContactPolicy(msgspec.Struct, frozen=True):
    """The company's rules for contacts. `opt_in` are channels that need a yes; others need no refusal."""

    time_zone: str = "UTC"
    quiet_hours: QuietHours | None = None
    caps: Sequence[Cap] = ()
    opt_in: frozenset[str] = frozenset()

    @property
    def longest(self) -> float:
        """Seconds that the longest window of a cap looks back."""
        return max((cap.days * DAY for cap in self.caps), default=0.0)
