"""What holds of every signal of the catalog: order does not matter, histories merge, states are bounded."""

import functools
import math
import re
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.domain.event import Campaign, ConsentGiven, Context, Device, Event, Location, Product, Properties
from features.catalog import SIGNALS

DAY = 86_400.0
FIRST = 19_000
DOCS = Path(__file__).parents[3] / "docs" / "features.md"
KINDS = sorted(
    {name for signal in SIGNALS.values() for name in signal.EVENTS or ()} | {"identify", "Chat Started"}
)
TEXTS = (None, "Great service, I love it!", "Terrible, want my money back", "It is okay.")


def body(kind, random, products=6):
    """What an event of a kind carries: all that signals read, drawn from little so that things meet."""

    def maybe(*values):
        return random.choice((None, *values))

    def line(place):
        names = [
            f"p{random.randrange(products):011}",
            random.choice((2.0, 9.99, 25.0)),
            random.choice((1.0, 3.0)),
        ]
        return Product(
            names[0], category=maybe("Toys", "tea"), brand=maybe("Elm"), price=names[1], quantity=names[2]
        )

    one = line(0)
    ordered = tuple(map(line, range(random.randrange(5)))) if kind == "Order Completed" else ()
    properties = Properties(
        products=ordered,
        revenue=maybe(5.0, 17.5, 240.0),
        discount=maybe(2.5),
        coupon=maybe("SPRING"),
        product_id=one.product_id,
        category=one.category,
        brand=one.brand,
        price=maybe(4.0, 11.0),
        quantity=maybe(1.0, 2.0),
        score=maybe(0.0, 3.0, 6.0, 9.0),
        rating=maybe(1.0, 5.0),
        comment=random.choice(TEXTS),
        ticket_id=maybe(f"t{random.randrange(products):011}"),
        first_contact=maybe(True, False),
        plan=maybe("basic", "plus"),
        renewal_date=maybe("2023-05-01", 1_700_000_000.0),
    )
    campaign = Campaign(medium=maybe("email", "cpc"), source=maybe("google", "newsletter"))
    context = Context(
        Device(maybe("ios", "desktop")),
        campaign,
        Location(maybe("DE", "FR")),
        maybe("Europe/Berlin", "Asia/Tokyo"),
        maybe(ConsentGiven({"Advertising": random.random() < 0.5, f"Purpose {random.randrange(40)}": True})),
    )
    said = {"email_opt_in": maybe(True, False), "unsubscribed": maybe(True, False), "timeZone": maybe("UTC")}
    traits = random.choice((None, {"country": "GB"}, {"address": {"country": "US"}}, said))
    return kind, properties, traits, random.choice((None, context))


@functools.cache
def bodies(name):
    """Bodies of the kinds that a signal listens to."""
    random = Random(name)
    kinds = [kind for kind in KINDS if SIGNALS[name].EVENTS is None or kind in SIGNALS[name].EVENTS]
    return [body(kind, random) for kind in kinds for _ in range(60 // len(kinds) + 2)]


def event(carried, at):
    kind, properties, traits, context = carried
    return Event("m", "c", kind, at, properties, traits, context)


def of_days(name, first, last, most):
    """Events of a signal in time order, each between 1 and 23 o'clock: no session crosses midnight."""
    at = st.tuples(st.integers(first, last - 1), st.integers(60, 23 * 60)).map(
        lambda t: t[0] * DAY + t[1] * 60.0
    )
    events = st.builds(event, st.sampled_from(bodies(name)), at)
    return st.lists(events, max_size=most).map(lambda found: sorted(found, key=lambda each: each.at))


def of_one_day(name, first, most=10):
    """Events within a day of each other, some at one time."""
    at = st.integers(0, 24 * 12 - 1).map(lambda step: first * DAY + step * 300.0)
    return st.lists(st.builds(event, st.sampled_from(bodies(name)), at), min_size=1, max_size=most)


def after(name, events):
    signal = SIGNALS[name]
    state = signal.State()
    for each in events:
        signal.update(state, each)
    return state


def assert_same(name, left, right, last):
    """Equal values at the last day, and in the silence after it."""
    for now in (last * DAY, last * DAY + 3600.0, (last + 12) * DAY, (last + 100) * DAY, (last + 700) * DAY):
        pairs = zip(SIGNALS[name].value(left, now), SIGNALS[name].value(right, now), strict=True)
        for value, (a, b) in zip(SIGNALS[name].VALUES, pairs, strict=True):
            same = math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(a) and math.isnan(b))
            assert same, f"{value} at {now}: {a} and {b}"


@pytest.mark.parametrize("name", SIGNALS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_events_within_a_day_may_come_in_any_order(name, data):
    day = FIRST + data.draw(st.integers(1, 800))
    before = data.draw(of_days(name, FIRST, day, most=25))
    events = data.draw(of_one_day(name, day))
    shuffled = data.draw(st.permutations(events))
    in_order = sorted(events, key=lambda each: each.at)
    assert_same(name, after(name, before + in_order), after(name, before + shuffled), day + 1)


@pytest.mark.parametrize("name", SIGNALS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_history_dealt_to_two_states_day_by_day_is_whole_again_when_merged(name, data):
    day = FIRST + data.draw(st.integers(1, 364))
    before = data.draw(of_days(name, FIRST, day, most=25))
    events = data.draw(of_one_day(name, day))
    days = data.draw(st.sets(st.sampled_from([int(each.at // DAY) for each in before]))) if before else set()
    mine, its = ([each for each in before if (int(each.at // DAY) in days) is side] for side in (True, False))
    sides = data.draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    mine += [each for each, side in zip(events, sides, strict=True) if side]
    its += [each for each, side in zip(events, sides, strict=True) if not side]
    assert_merges(name, mine, its, day + 1)


@pytest.mark.parametrize("name", SIGNALS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_history_of_years_cut_in_two_is_whole_again_when_merged(name, data):
    cut = FIRST + data.draw(st.integers(1, 1400))
    early = data.draw(of_days(name, FIRST, cut, most=25))
    late = data.draw(of_days(name, cut, FIRST + 1500, most=25))
    first, second = data.draw(st.sampled_from([(early, late), (late, early)]))
    assert_merges(name, first, second, FIRST + 1500)


def assert_merges(name, mine, its, last):
    state, other = after(name, mine), after(name, its)
    kept = msgspec.msgpack.encode(other)
    SIGNALS[name].merge(state, other)
    whole = after(name, sorted(mine + its, key=lambda each: each.at))
    assert_same(name, state, whole, last)
    for carried in bodies(name)[:20]:
        SIGNALS[name].update(state, event(carried, last * DAY))
    assert msgspec.msgpack.encode(other) == kept, "the other state changed"


@pytest.mark.parametrize("name", SIGNALS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_state_read_back_gives_the_same_values(name, data):
    state = after(name, data.draw(of_one_day(name, FIRST)))
    read = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=type(state))
    assert_same(name, state, read, FIRST + 1)


@pytest.mark.parametrize("name", SIGNALS)
def test_any_one_event_gives_finite_values_or_missing_ones(name):
    for carried in bodies(name):
        values = SIGNALS[name].value(after(name, [event(carried, FIRST * DAY)]), (FIRST + 1) * DAY)
        assert len(values) == len(SIGNALS[name].VALUES)
        assert not any(math.isinf(value) for value in values)
        assert all(type(value) is float for value in values)


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("at", [-6.2e10, 0.0, 4e9], ids=["year 1", "1970", "2096"])
def test_a_time_that_is_plainly_wrong_breaks_nothing(name, at):
    state = after(name, [event(carried, when) for carried in bodies(name) for when in (at, FIRST * DAY)])
    other = after(name, [event(bodies(name)[0], FIRST * DAY)])
    SIGNALS[name].merge(state, other)
    msgspec.msgpack.encode(state)
    values = SIGNALS[name].value(state, (FIRST + 1) * DAY)
    assert not any(math.isinf(value) for value in values)


@pytest.mark.parametrize("name", SIGNALS)
def test_of_nothing_seen_counts_are_zero_and_all_else_is_missing_at_any_moment(name):
    signal = SIGNALS[name]
    values = signal.value(signal.State(), 0.0)
    assert all(value == 0.0 or math.isnan(value) for value in values)
    assert repr(signal.value(signal.State(), 2e9)) == repr(values)


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("pause", [60.0, 1_900.0, 0.3 * DAY, 1.7 * DAY])
def test_the_state_is_bounded_by_what_it_keeps_and_not_by_the_history(name, pause):
    random = Random(name)
    kinds = [kind for kind in KINDS if SIGNALS[name].EVENTS is None or kind in SIGNALS[name].EVENTS]
    state, sizes = SIGNALS[name].State(), []
    for number in range(3000):
        carried = body(random.choice(kinds), random, products=2000)
        SIGNALS[name].update(state, event(carried, FIRST * DAY + number * pause))
        if number in (1499, 2999):
            sizes.append(len(msgspec.msgpack.encode(state)))
    assert max(sizes) <= most_bytes(name)


def most_bytes(name):
    """What the documentation says that the state of a signal can have at most."""
    [told] = re.findall(rf"^\| {name} \| \d+ \| ([\d,]+) \|$", DOCS.read_text(), re.MULTILINE)
    return int(told.replace(",", ""))
