"""What the triggers of a back-test amount to: how often, for whom, with which others, and what came after."""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import msgspec

from ebbtide.domain import ingest
from ebbtide.domain.customer import Stage
from ebbtide.domain.trigger import Fired
from models.triggers.triggers import Rules

DAY = 86_400.0
SOON = 7
"""Days within which an order counts as the answer, and another trigger as an overlap."""
STEP = 7
"""Days between two moments at which the base is asked the same as those who were spoken to."""
MANY = 0.2
"""The share of all customers from which on a rule speaks to everybody at once."""
LEAST = 20
"""Triggers from which on that is said."""


class RuleFigures(msgspec.Struct, frozen=True):
    """What one rule did.

    Attributes:
        id: of the rule.
        fired: how often.
        customers: for how many different ones.
        share: of all customers known by the end.
        per_week: how often in an average week.
        ordered: share of triggers after which an order came within 7 days; None if none has 7 days after it.
        ordered_base: the same share of all customers active at weekly moments.
        churned: precision against churn: share of triggers after which none came in the horizon.
        churned_base: the same of all customers active at weekly moments.
        judged: triggers with a whole horizon after them.
        busiest_day: the day (UTC) on which it fired most.
        most_a_day: how often, on that day.
        most_share: for which share of the customers known on that day.
        stages: how often in which stage of life.
        overlaps: by other rule the share of triggers within 7 days of one of it, for the same customer.
    """

    id: str
    fired: int
    customers: int
    share: float
    per_week: float
    ordered: float | None
    ordered_base: float | None
    churned: float | None
    churned_base: float | None
    judged: int
    busiest_day: str | None
    most_a_day: int
    most_share: float
    stages: dict[str, int]
    overlaps: dict[str, float]


class StageFigures(msgspec.Struct, frozen=True):
    """What came after moves to a stage.

    Attributes:
        stage: that was entered.
        entered: how often.
        customers: how many different ones did.
        ordered: share after which an order came within 7 days; None if none has 7 days after it.
        churned: share after which none came in the horizon; None if none has one after it.
        judged: moves with a whole horizon after them.
    """

    stage: str
    entered: int
    customers: int
    ordered: float | None
    churned: float | None
    judged: int


@dataclass(frozen=True)
class Base:
    """All customers of a log.

    Args:
        orders: the times of each customer's orders, ascending, in Unix seconds.
        seen: when each customer was first seen.
        owners: the customer whom another id turned out to be.
        since: triggers are counted from here on.
        until: the end of the log.
        horizon: days without an order that count as churn.
    """

    orders: Mapping[str, Sequence[float]]
    seen: Mapping[str, float]
    owners: Mapping[str, str]
    since: float
    until: float
    horizon: int

    def within(self, fired: Iterable[Fired]) -> list[Fired]:
        """Those that are counted."""
        return [one for one in fired if self.since <= at(one) <= self.until]

    def moments_of(self, fired: Iterable[Fired]) -> list[tuple[str, float]]:
        """For whom triggers fired, as known by the end, and when."""
        return [(self.owners.get(one.customer_id, one.customer_id), at(one)) for one in fired]

    def ordered(self, customer: str, moment: float, days: float) -> bool:
        """Whether an order came within so many days behind a moment."""
        times = self.orders.get(customer, ())
        return bisect_right(times, moment + days * DAY) > bisect_right(times, moment)

    def share_ordered(self, pairs: Iterable[tuple[str, float]], days: float) -> tuple[float | None, int]:
        """The share with an order within so many days, of those with as many days after them; their count."""
        whole = [pair for pair in pairs if pair[1] + days * DAY <= self.until]
        if not whole:
            return None, 0
        return sum(self.ordered(*pair, days) for pair in whole) / len(whole), len(whole)

    @cached_property
    def known_at(self) -> list[float]:
        """When customers were first seen, ascending."""
        return sorted(self.seen.values())

    @cached_property
    def moments(self) -> list[tuple[str, float]]:
        """Weekly moments of all customers who ordered in the horizon before them."""
        found = []
        for customer, times in self.orders.items():
            moment = self.since
            while moment <= self.until:
                if bisect_right(times, moment) > bisect_left(times, moment - self.horizon * DAY):
                    found.append((customer, moment))
                moment += STEP * DAY
        return found

    @staticmethod
    def iso(moment: float) -> str:
        """Unix seconds as ISO 8601."""
        return ingest.iso(moment)


def at(fired: Fired) -> float:
    """When a trigger fired, in Unix seconds."""
    return ingest.parse_time(fired.fired_at, "firedAt")


def figures(rules: Rules, fired: Sequence[Fired], base: Base) -> list[RuleFigures]:
    """The figures of each rule, in the order of the file."""
    ordered_base, _ = base.share_ordered(base.moments, SOON)
    stayed_base, _ = base.share_ordered(base.moments, base.horizon)
    by_rule: dict[str, list[Fired]] = defaultdict(list)
    for one in fired:
        by_rule[one.rule].append(one)
    overlaps = _overlaps({rule: base.moments_of(found) for rule, found in by_rule.items()})
    return [
        _figures(rule.id, by_rule[rule.id], base, (ordered_base, stayed_base), overlaps[rule.id])
        for rule in rules.rules
    ]


def _figures(
    rule: str,
    fired: Sequence[Fired],
    base: Base,
    of_base: tuple[float | None, float | None],
    overlaps: dict[str, float],
) -> RuleFigures:
    pairs = base.moments_of(fired)
    ordered, _ = base.share_ordered(pairs, SOON)
    stayed, judged = base.share_ordered(pairs, base.horizon)
    days = Counter(moment // DAY for _, moment in pairs)
    day, most = days.most_common(1)[0] if days else (None, 0)
    known = bisect_right(base.known_at, (day + 1) * DAY) if day is not None else 0
    customers = len({customer for customer, _ in pairs})
    return RuleFigures(
        id=rule,
        fired=len(pairs),
        customers=customers,
        share=customers / len(base.seen),
        per_week=len(pairs) / max((base.until - base.since) / (7 * DAY), 1.0),
        ordered=ordered,
        ordered_base=of_base[0],
        churned=None if stayed is None else 1.0 - stayed,
        churned_base=None if of_base[1] is None else 1.0 - of_base[1],
        judged=judged,
        busiest_day=None if day is None else datetime.fromtimestamp(day * DAY, UTC).date().isoformat(),
        most_a_day=most,
        most_share=most / known if known else 0.0,
        stages=dict(Counter(one.stage for one in fired).most_common()),
        overlaps=overlaps,
    )


def stage_figures(entered: Sequence[Fired], base: Base) -> list[StageFigures]:
    """What came after the moves to each stage, in the order of a life."""
    found = []
    for stage in Stage:
        pairs = base.moments_of(one for one in entered if one.stage == stage)
        stayed, judged = base.share_ordered(pairs, base.horizon)
        found.append(
            StageFigures(
                stage=stage,
                entered=len(pairs),
                customers=len({customer for customer, _ in pairs}),
                ordered=base.share_ordered(pairs, SOON)[0],
                churned=None if stayed is None else 1.0 - stayed,
                judged=judged,
            )
        )
    return found


def _overlaps(by_rule: Mapping[str, Sequence[tuple[str, float]]]) -> dict[str, dict[str, float]]:
    """For each rule and other one, the share of triggers within a week of one of the other."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for rule, pairs in by_rule.items():
        for customer, moment in pairs:
            times[rule, customer].append(moment)
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for rule, pairs in by_rule.items():
        for other in by_rule:
            near = sum(_near(sorted(times.get((other, customer), ())), moment) for customer, moment in pairs)
            if other != rule and near:
                found[rule][other] = near / len(pairs)
    return found


def _near(times: Sequence[float], moment: float) -> bool:
    return bisect_right(times, moment + SOON * DAY) > bisect_left(times, moment - SOON * DAY)


def warnings(counted: Sequence[RuleFigures]) -> list[str]:
    """What a marketer should know before the rules go live."""
    found = [
        f"{one.id}: fired for {one.most_a_day:,} customers on {one.busiest_day}, {one.most_share:.0%} of "
        "those known then; narrow `when`, or all are spoken to at once"
        for one in counted
        if one.most_share > MANY and one.most_a_day >= LEAST
    ]
    if never := [one.id for one in counted if not one.fired]:
        found.append(f"never fired on this log: {', '.join(never)}")
    return found
