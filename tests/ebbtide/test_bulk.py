"""Many commands over one connection, to a real Redis."""

import hiredis
import pytest
from redis import ResponseError

from ebbtide import bulk
from ebbtide.bulk import PACKET


@pytest.fixture(params=["by command", "packed"])
def ask(request):
    if request.param == "by command":
        return bulk.ask
    return lambda redis, command, things: bulk.ask(
        redis, command, things, lambda some: b"".join(hiredis.pack_command(command(t)) for t in some)
    )


def get(name):
    return "GET", name


def test_each_thing_has_its_answer_however_many_there_are(redis, ask):
    names = [f"n{number}" for number in range(2 * PACKET + 1)]
    ask(redis, lambda name: ("SET", name, f"of {name}"), names)
    assert ask(redis, get, ["nobody", *names]) == [None, *(f"of {name}".encode() for name in names)]


def test_nothing_is_asked_of_nothing(redis, ask):
    assert ask(redis, get, []) == []


def test_a_refused_command_is_told_and_its_answers_are_not_taken_for_the_next_ones(redis, ask):
    redis.rpush("list", 1)
    redis.set("a", "1")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        ask(redis, get, ["a", "list", "a", "a"])
    assert ask(redis, get, ["nobody"]) == [None]
    assert redis.get("a") == b"1"


def test_a_connection_that_redis_has_closed_is_opened_again(redis, ask):
    redis.set("a", "1")
    assert ask(redis, get, ["a"]) == [b"1"]
    redis.client_kill_filter(_type="normal", skipme=False)
    assert ask(redis, get, ["a"]) == [b"1"]
