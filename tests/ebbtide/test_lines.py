"""Questions to a real Redis that leave their thread to others meanwhile."""

import pytest
from redis import ResponseError

from ebbtide.lines import Lines, finished


@pytest.fixture
def lines(redis):
    return Lines(redis)


def get(*names):
    return lambda: [[("GET", name) for name in names]]


def ask(lines, *names):
    return finished(lines.ask(get(*names)))


def test_each_command_has_its_answer(lines, redis):
    redis.mset({"a": "1", "b": "2"})
    assert ask(lines, "b", "nobody", "a") == [b"2", None, b"1"]


def test_packets_are_asked_as_one(lines, redis):
    redis.mset({"a": "1", "b": "2"})
    packets = [[("GET", "a")], [], [("GET", "nobody"), ("GET", "b")]]
    assert finished(lines.ask(lambda: packets)) == [b"1", None, b"2"]


def test_nothing_is_asked_of_nothing(lines):
    assert ask(lines) == []
    assert finished(lines.ask(list)) == []


def test_what_was_asked_later_may_be_answered_first(lines, redis):
    redis.mset({"a": "1", "b": "2"})
    first, second = lines.ask(get("a")), lines.ask(get("b"))
    assert next(first) is not next(second)
    assert finished(second) == [b"2"]
    assert finished(first) == [b"1"]


def test_a_connection_is_used_again(lines, redis):
    ask(lines, "a")
    known = redis.info("clients")["connected_clients"]
    for _ in range(5):
        ask(lines, "a")
    assert redis.info("clients")["connected_clients"] == known


def test_a_refused_command_is_told_and_its_answers_are_not_taken_for_the_next_ones(lines, redis):
    redis.rpush("list", 1)
    redis.set("a", "1")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        ask(lines, "a", "list", "a", "a")
    assert ask(lines, "nobody") == [None]


def test_answers_that_nobody_waits_for_any_more_are_not_taken_for_others(lines, redis):
    redis.set("a", "1")
    gone = lines.ask(get("a"))
    next(gone)
    gone.close()
    assert ask(lines, "nobody") == [None]


@pytest.mark.parametrize("asked", [False, True], ids=["before it is asked", "before it answers"])
def test_a_connection_that_redis_has_closed_is_opened_again(lines, redis, asked):
    redis.set("a", "1")
    ask(lines, "a")
    steps = lines.ask(get("a"))
    if asked:
        next(steps)
    redis.client_kill_filter(_type="normal", skipme=False)
    assert finished(steps) == [b"1"]
