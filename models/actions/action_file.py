"""The form of `actions.yaml`: which keys it has and what each may hold."""

import json
import math
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    field_validator,
    model_validator,
)

from ebbtide.domain.action import NOTHING, Action, OutcomeKind, Send
from ebbtide.domain.contact import Cap, ContactPolicy, QuietHours
from ebbtide.domain.customer import Stage
from ebbtide.errors import ConfigError
from models.actions.exploration import ALWAYS_BEST
from models.actions.messages import faults
from models.expressions import OF_CUSTOMER, OF_ITEM, Allowed, Expression, close_to
from models.recommendations.offering import Terms

Channel = Literal["email", "push", "sms", "in_app", "web", "call"]
OUTBOUND: tuple[Channel, ...] = ("email", "push", "sms", "call")
"""Channels that reach customers when they did not ask; the others wait until they come."""
CONSENT: dict[Channel, Literal["opt_in", "opt_out"]] = {"push": "opt_in", "sms": "opt_in", "call": "opt_in"}
"""What holds on a channel of which the file says nothing; `opt_out` on all others."""
LONGEST_DAYS = 366.0
_MINUTES = 24 * 60
_NAME = r"^[a-z][a-z0-9_]*$"


def _condition(text: object) -> Expression:
    return _compiled(text, OF_CUSTOMER)


def _condition_of_item(text: object) -> Expression:
    return _compiled(text, OF_ITEM)


def _compiled(text: object, allowed: Allowed) -> Expression:
    try:
        return Expression(text if isinstance(text, str) else json.dumps(text, default=str), allowed)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _minute(value: object) -> int:
    """Minutes since midnight; YAML reads an unquoted 21:00 as the number 21 x 60 + 0."""
    if isinstance(value, str):
        hours, _, minutes = value.partition(":")
        if hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60:
            return int(hours) * 60 + int(minutes)
    elif isinstance(value, int) and 0 <= value < _MINUTES:
        return value
    raise ValueError('expected a time of the day, such as "21:00"')


def _moment(value: object, days: int = 0) -> float:
    """Unix seconds of a date (its midnight in UTC, `days` later) or of a time (UTC where it has no zone)."""
    if isinstance(value, str):
        try:
            value = (
                datetime.fromisoformat(value) if len(value) > len("2026-12-01") else date.fromisoformat(value)
            )
        except ValueError:
            value = None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return (datetime(value.year, value.month, value.day, tzinfo=UTC) + timedelta(days)).timestamp()
    raise ValueError("expected a date, such as 2026-12-01")


def _zone(name: object) -> str:
    try:
        return ZoneInfo(str(name)).key
    except (KeyError, OSError, ValueError) as error:
        near = close_to(str(name), available_timezones())
        raise ValueError(f"expected a time zone of IANA, found {name!r}{near}") from error


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True)


class Valid(_Part):
    """The time in which an action may be taken; a date as end is a day that still belongs to it."""

    start: Annotated[float, BeforeValidator(_moment)] = Field(-math.inf, alias="from")
    until: Annotated[float, BeforeValidator(lambda value: _moment(value, days=1))] = math.inf

    @model_validator(mode="after")
    def _right_way_round(self) -> "Valid":
        if self.start >= self.until:
            raise ValueError("expected `from` before `until`")
        return self


class Entry(_Part):
    """One action."""

    id: str = Field(pattern=_NAME, max_length=64)
    channel: Channel
    message: str = Field(min_length=1)
    stages: list[Annotated[Stage, Field(strict=False)]] = Field(list(Stage), min_length=1)
    when: Annotated[Expression | None, PlainValidator(_condition)] = None
    response: float = Field(ge=0, le=1)
    value: float
    cost: float = Field(0.0, ge=0)
    retains: bool = False
    purpose: str = Field("marketing", pattern=_NAME, max_length=64)
    valid: Valid = Field(default_factory=Valid)
    after: list[str] = []
    outcome: OutcomeKind = "click"
    window_days: float = Field(7.0, gt=0, le=LONGEST_DAYS)
    send: Send = "now"

    @field_validator("id")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value == NOTHING.id:
            raise ValueError("expected another id, since doing nothing is always a candidate")
        return value

    @field_validator("message")
    @classmethod
    def _known_slots(cls, value: str) -> str:
        if found := list(faults(value)):
            raise ValueError("; ".join(found))
        return value

    @model_validator(mode="after")
    def _may_wait(self) -> "Entry":
        if self.send != "now" and self.channel not in OUTBOUND:
            raise ValueError(f"expected `send: now` on {self.channel}, which waits for the customer to come")
        return self

    def action(self) -> Action:
        """The entry as the rest of Ebbtide knows it."""
        given = self.model_dump(exclude={"valid", "when", "stages", "after"})
        return Action(
            **given,
            stages=frozenset(self.stages),
            when=None if self.when is None else self.when.text,
            valid_from=self.valid.start,
            valid_until=self.valid.until,
            after=frozenset(self.after),
        )


class Quiet(_Part):
    """Hours in which some channels are silent."""

    start: Annotated[int, BeforeValidator(_minute)] = Field(alias="from")
    end: Annotated[int, BeforeValidator(_minute)] = Field(alias="to")
    channels: list[Channel] = Field(list(OUTBOUND), min_length=1)

    @model_validator(mode="after")
    def _some_time(self) -> "Quiet":
        if self.start == self.end:
            raise ValueError("expected `from` and `to` to differ")
        return self

    def hours(self) -> QuietHours:
        """The hours as the rest of Ebbtide knows them."""
        return QuietHours(self.start, self.end, frozenset(self.channels))


class CapEntry(_Part):
    """At most so many contacts in so many days."""

    per: Literal["all", "channel", "action"]
    most: int = Field(ge=1)
    days: float = Field(gt=0, le=LONGEST_DAYS)
    channels: list[Channel] = []
    channel: Channel | None = None
    action: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> "CapEntry":
        fitting = {"all": "channels", "channel": "channel", "action": "action"}[self.per]
        for name in ("channels", "channel", "action"):
            if getattr(self, name) and name != fitting:
                raise ValueError(f"expected `{fitting}` beside `per: {self.per}` if anything, found `{name}`")
        return self

    def cap(self) -> Cap:
        """The cap as the rest of Ebbtide knows it."""
        one = self.channel or self.action
        return Cap(self.per, self.most, self.days, frozenset(self.channels if one is None else [one]))


class Contact(_Part):
    """The contact policy."""

    time_zone: Annotated[str, BeforeValidator(_zone)] = "UTC"
    quiet_hours: Quiet | None = None
    caps: list[CapEntry] = []
    consent: dict[Channel, Literal["opt_in", "opt_out"]] = {}

    def policy(self) -> ContactPolicy:
        """The policy as the rest of Ebbtide knows it."""
        quiet = self.quiet_hours
        consent = CONSENT | self.consent
        return ContactPolicy(
            time_zone=self.time_zone,
            quiet_hours=None if quiet is None else quiet.hours(),
            caps=tuple(cap.cap() for cap in self.caps),
            opt_in=frozenset(channel for channel, rule in consent.items() if rule == "opt_in"),
        )


class Items(_Part):
    """On which terms items are shown; what is left out is as for all decision points, or as it ships."""

    eligible: Annotated[Expression | None, PlainValidator(_condition_of_item)] = None
    again_after_days: float | None = Field(None, ge=0, le=LONGEST_DAYS)
    category_share: float | None = Field(None, gt=0, le=1)
    brand_share: float | None = Field(None, gt=0, le=1)

    def terms(self, otherwise: Terms) -> Terms:
        """The terms as the rest of Ebbtide knows them."""
        days, category, brand = self.again_after_days, self.category_share, self.brand_share
        return Terms(
            otherwise.eligible if self.eligible is None else self.eligible,
            otherwise.again_after if days is None else days,
            otherwise.category_share if category is None else category,
            otherwise.brand_share if brand is None else brand,
        )


class Point(_Part):
    """A decision point: what may be asked there."""

    channels: list[Channel] | None = Field(None, min_length=1)
    limit: int | None = Field(None, ge=1, le=50)
    items: Items = Field(default_factory=Items)


def _gamma(value: object) -> float:
    if value == "none":
        return ALWAYS_BEST
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf:
        return float(value)
    raise ValueError("expected `none` or a number of at least 0")


class File(_Part):
    """The whole file."""

    holdout: float = Field(0.0, ge=0, lt=1)
    exploration: Annotated[float, PlainValidator(_gamma)] = ALWAYS_BEST
    contact: Contact = Field(default_factory=Contact)
    items: Items = Field(default_factory=Items)
    actions: list[Entry] = Field(min_length=1)
    decision_points: dict[Annotated[str, Field(pattern=_NAME, max_length=64)], Point] = {}
