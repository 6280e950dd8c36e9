"""What holds of triggers whatever a customer does, and whenever somebody looks."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from ebbtide.domain.event import Event, Product, Properties
from ebbtide.domain.ingest import parse_time
from ebbtide.domain.trigger import STAGE_ENTERED, next_look
from features.profile import decode, encode, new_state, update
from models.triggers.moments import Moments
from models.triggers.trigger_file import load

HOUR, DAY = 3600.0, 86_400.0
START = 1_000 * DAY
RULES = load()
MOMENTS = Moments(RULES)

KINDS = st.sampled_from(
    ["Product Viewed", "Product Added", "Order Completed", "Payment Failed", "NPS Submitted", "Page Viewed"]
)
GAPS = st.one_of(st.floats(0.0, 2 * HOUR), st.floats(0.0, 40 * DAY))
LIVES = st.lists(st.tuples(GAPS, KINDS, st.sampled_from("ab")), min_size=1, max_size=25)


def story(life):
    """The events of a life."""
    at = START
    for number, (gap, name, product) in enumerate(life):
        at += gap
        lines = (Product(product),) if name == "Order Completed" else ()
        given_ = {"score": float(number % 11)} if name == "NPS Submitted" else {"product_id": product}
        yield Event(f"m{number}", "c", name, at, Properties(products=lines, **given_))


def lived(events, ticks=()):
    """What fires in a life, with somebody looking at some moments."""
    state, fired = new_state(), []
    for moment in sorted(
        [*((event.at, 1, event) for event in events), *((at, 0, None) for at in ticks)], key=order
    ):
        at, _, event = moment
        fired += MOMENTS.before("c", state, at)
        if event is not None:
            update(state, event)
            fired += MOMENTS.after("c", state, event)
        state = decode(encode(state))
    return fired, state


def order(moment):
    return moment[:2]


@settings(max_examples=30, deadline=None)
@given(LIVES, st.lists(st.floats(0.0, 200 * DAY), max_size=15))
def test_when_somebody_looks_changes_nothing(life, looks):
    events = list(story(life))
    last = events[-1].at
    ticks = [START + look for look in looks if START + look <= last]
    fired, state = lived(events)
    seen, same = lived(events, ticks)
    assert (seen, encode(same)) == (fired, encode(state))


@settings(max_examples=30, deadline=None)
@given(LIVES)
def test_ids_are_unique_times_ascend_and_cooldowns_hold(life):
    events = list(story(life))
    fired, _ = lived(events, [events[-1].at + 100 * DAY])
    assert len({one.trigger_id for one in fired}) == len(fired)
    times = [parse_time(one.fired_at, "firedAt") for one in fired]
    assert times == sorted(times)
    for rule in RULES.rules:
        own = [at for at, one in zip(times, fired, strict=True) if one.rule == rule.id]
        assert all(later - sooner >= rule.cooldown - 1e-3 for sooner, later in pairwise(own))


@settings(max_examples=30, deadline=None)
@given(LIVES)
def test_each_stage_entered_is_another_than_the_one_before(life):
    events = list(story(life))
    fired, state = lived(events, [events[-1].at + 100 * DAY])
    entered = [one for one in fired if one.rule == STAGE_ENTERED]
    assert all(one.previous == before.stage != one.stage for before, one in pairwise(entered))
    assert entered[-1].stage == state.memory.stage


@given(st.floats(0.0, 2e9), st.floats(0.0, 900 * DAY))
def test_the_next_look_lies_behind_and_no_more_than_a_week_away(last_at, silence):
    found = next_look(last_at, last_at + silence)
    if found is None:
        assert silence > 720 * DAY
    else:
        assert 0.0 < found - (last_at + silence) <= (1.0 if silence < 27 * DAY else 7.0) * DAY + 1.0
