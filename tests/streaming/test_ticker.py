"""Ticks are sent when their moment has passed, by the events where there are some and else by the clock."""

import threading

import pytest

from ebbtide.domain import identity
from ebbtide.logs.events import BEGINNING, MemoryEventLog
from ebbtide.logs.timers import TIMERS, Timers
from streaming.ticker import SETTLE, SILENT, Ticker, run

NOW = 1_000_000.0


@pytest.fixture
def log():
    return MemoryEventLog(1)


@pytest.fixture
def timers(redis):
    return Timers(redis)


def sent(log):
    return [
        (tick.customer, tick.at) for tick in (identity.decode(r.raw) for r in log.read(0, BEGINNING, 100))
    ]


def test_a_tick_is_sent_once_its_moment_has_settled(redis, log, timers):
    timers.put({"c": NOW, "later": NOW + 100.0})
    ticker = Ticker(redis, log)
    assert ticker.step(NOW + SETTLE - 1) == 0
    assert ticker.step(NOW + SETTLE) == 1
    assert sent(log) == [("c", NOW)]
    assert ticker.step(NOW + SETTLE) == 0
    assert redis.zcard(TIMERS) == 1


def test_while_events_come_from_the_past_time_is_what_they_say(redis, log, timers):
    timers.put({"c": NOW - 500.0})
    timers.heard(0, NOW - 600.0, NOW)
    ticker = Ticker(redis, log)
    assert ticker.step(NOW + 1) == 0
    timers.heard(0, NOW - 400.0, NOW + 2)
    assert ticker.step(NOW + 3) == 1
    assert sent(log) == [("c", NOW - 400.0)]


def test_where_nothing_is_heard_for_a_minute_time_is_the_clocks(redis, log, timers):
    timers.put({"c": NOW})
    timers.heard(0, NOW - 600.0, NOW)
    ticker = Ticker(redis, log)
    assert ticker.step(NOW + SILENT - 1) == 0
    assert ticker.step(NOW + SILENT) == 1


def test_a_timer_put_down_anew_while_it_is_sent_stays(redis, timers):
    timers.put({"c": NOW})
    [due] = timers.due(NOW, 10)
    timers.put({"c": NOW + 100.0})
    timers.done([due])
    assert redis.zscore(TIMERS, "c") == NOW + 100.0


def test_a_customer_without_a_next_moment_has_no_timer(redis, timers):
    timers.put({"c": NOW, "d": NOW})
    timers.put({"c": None})
    assert [timer.customer for timer in timers.due(NOW, 10)] == ["d"]


def test_it_works_until_told_to_stop(redis, log, timers):
    timers.put({"c": NOW})
    stop = threading.Event()
    thread = threading.Thread(target=run, args=([Ticker(redis, log).step], lambda: NOW + SETTLE, stop))
    thread.start()
    while not sent(log):
        assert thread.is_alive()
    stop.set()
    thread.join()
    assert sent(log) == [("c", NOW)]
