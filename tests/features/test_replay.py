"""A replay, in which two ids may turn out to be one customer."""

from ebbtide.domain.event import Event
from ebbtide.domain.identity import MOST_MERGES
from features.catalog import NAMES
from features.profile import vector
from features.replay import Replay, Taken
from features.signals.testing import order


def link(customer, other, day):
    return Event(f"{customer}-{other}-{day}", customer, "identify", day * 86_400.0, also=other)


def replayed(*events):
    replay = Replay()
    taken = [replay.take(event) for event in events]
    return replay, taken


def orders(replay, customer):
    return vector(replay.states[customer], 9e8)[NAMES.index("orders_total")]


def test_who_is_linked_has_one_history_and_what_comes_later_counts_for_the_owner():
    replay, taken = replayed(
        order(1, customer="a"), order(2, customer="u"), link("u", "a", 3), order(4, customer="a")
    )
    assert taken == [Taken("a", None), Taken("u", None), Taken("u", "a"), Taken("u", None)]
    assert replay.states.keys() == {"u"}
    assert orders(replay, "u") == 3


def test_an_id_belongs_to_the_first_who_claims_it():
    replay, taken = replayed(link("u", "a", 1), link("v", "a", 2), order(3, customer="a"))
    assert taken[1] == Taken("v", None)
    assert orders(replay, "u") == 1


def test_a_chain_of_links_leads_to_its_end():
    replay, _ = replayed(link("b", "a", 1), link("c", "b", 2), order(3, customer="a"), link("a", "d", 4))
    assert {replay.person(each) for each in "abcd"} == {"c"}
    assert orders(replay, "c") == 1


def test_ids_that_claim_each_other_are_the_first_claimant():
    replay, taken = replayed(link("b", "a", 1), link("a", "b", 2))
    assert taken[1] == Taken("b", None)
    assert replay.states.keys() == {"b"}


def test_a_customer_takes_up_so_many_others_and_no_more():
    replay, _ = replayed(*(link("u", f"a{number}", 1) for number in range(MOST_MERGES + 2)))
    assert len(replay.owners) == MOST_MERGES
