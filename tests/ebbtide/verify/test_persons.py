"""Which ids are one customer, from the raw events."""

from ebbtide.domain.event import Event
from ebbtide.domain.identity import MOST_MERGES
from ebbtide.verify.persons import owners, person


def claims(*pairs):
    """Customer `u` says `a` is theirs too, one second after the other."""
    return [Event(f"m{at}", u, "identify", float(at), also=a) for at, (u, a) in enumerate(pairs)]


def test_an_id_belongs_to_the_first_who_claims_it():
    assert owners(claims(("u", "a"), ("v", "a"))) == {"a": "u"}


def test_what_was_claimed_goes_on_with_its_customer():
    owner = owners(claims(("u", "a"), ("w", "u"), ("a", "b")))
    assert {person(each, owner) for each in "uab"} == {"w"}


def test_two_that_claim_each_other_are_one():
    assert owners(claims(("u", "v"), ("v", "u"))) == {"v": "u"}


def test_ids_of_nobody_are_not_merged_and_no_more_than_the_limit():
    assert owners(claims(("u", "null"), ("u", "u"))) == {}
    assert len(owners(claims(*(("u", f"a{number}") for number in range(MOST_MERGES + 5))))) == MOST_MERGES
