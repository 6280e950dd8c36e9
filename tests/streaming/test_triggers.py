"""Triggers in the flow, with a real Redis: what fires live is what the back-test says, each once."""

from itertools import accumulate, groupby

import pytest

from ebbtide.domain import identity
from ebbtide.domain.event import decode
from ebbtide.domain.trigger import STAGE_ENTERED, tick
from ebbtide.jobs.backtest_triggers import replayed
from ebbtide.logs.events import BEGINNING, Record, RedisEventLog
from ebbtide.logs.rejected import RejectedLog
from ebbtide.logs.timers import Timers
from ebbtide.logs.triggers import TriggerLog
from ebbtide.logs.waiting import Waiting
from features.store.online import OnlineStore
from models.churn.scorer import ChurnScorer, ModelWatcher
from models.triggers.moments import Moments
from models.triggers.snapshot import churn_by
from models.triggers.trigger_file import load
from streaming.changes import IMPORTED, Batch
from streaming.sinks import FeatureSink
from streaming.ticker import SETTLE, Ticker
from streaming.updater import Updater
from tests.churn_model import artefact, publish
from tests.trigger_shop import DAY, HOUR, START, call, events

PARTITIONS = 3


class Live:
    """The flow without its engine: a log in Redis, updater and sink, a ticker, and a clock that is moved."""

    def __init__(self, redis, folder):
        self.redis, self.folder, self.now = redis, folder, START
        self.log, self.triggers = RedisEventLog(redis, PARTITIONS), TriggerLog(redis)
        self.ticker = Ticker(redis, self.log)
        self.read = dict.fromkeys(range(PARTITIONS), BEGINNING)
        self.begin()

    def begin(self):
        """Start the flow anew: it knows what Redis knows."""
        champion = ModelWatcher(self.redis, interval=0.0)
        moments = Moments(load(), churn_by(lambda: champion.refresh(self.now)))
        self.updater = Updater(OnlineStore(self.redis), clock=lambda: self.now, moments=moments)
        rejected = RejectedLog(self.folder / "rejected")
        sink = FeatureSink(
            *(self.redis, rejected, lambda: self.now),
            log=self.log,
            triggers=self.triggers,
            timers=Timers(self.redis),
            waiting=Waiting(self.redis),
        )
        self.part = sink.build("", 0, 1)

    def send(self, lines):
        self.log.append([(customer, decode(raw).id, raw) for _, customer, raw in lines])

    def flow(self):
        """Read the log to its end."""
        busy = True
        while busy:
            busy = False
            for number, after in self.read.items():
                if records := self.log.read(number, after, 100):
                    self.part.write_batch([self.updater.apply(Batch(number, records))])
                    self.read[number], busy = records[-1].offset, True

    def until(self, now):
        """Let the time pass, by a quarter of an hour, and ticks come."""
        while self.now < now:
            self.now = min(self.now + HOUR / 4, now)
            if self.ticker.step(self.now):
                self.flow()

    def found(self):
        return sorted(
            (one for _, one in self.triggers.walk()), key=lambda one: (one.fired_at, one.trigger_id)
        )


@pytest.fixture
def live(redis, tmp_path):
    return Live(redis, tmp_path)


def play(live, lines):
    """Send what happened, hour by hour, as time passes; a sign-in is heard of before what follows it."""
    sign_ins = accumulate(b'"identify"' in raw for _, _, raw in [(0, "", b""), *lines])
    parts = dict(zip(lines, sign_ins, strict=False))
    for _, group in groupby(lines, key=lambda line: (line[0] // HOUR, parts[line])):
        hour = list(group)
        live.until(hour[0][0])
        live.send(hour)
        live.flow()
        live.now = max(live.now, hour[-1][0])
    end = lines[-1][0]
    for partition in range(PARTITIONS):  # as if the last event had come in each
        Timers(live.redis).heard(partition, end, end)
    live.until(end + SETTLE)


def test_what_fires_live_is_what_the_back_test_says(live):
    lines = events()
    play(live, lines)
    expected = replayed([raw for _, _, raw in lines], Moments(load())).fired
    assert live.found() == expected
    rules = {one.rule for one in expected}
    assert rules >= {
        "viewed_not_bought",
        "back_in_stock",
        "cart_left",
        "going_quiet",
        "detractor",
        "renewal_at_risk",
        STAGE_ENTERED,
    }
    assert len({one.trigger_id for one in expected}) == len(expected) > 200


@pytest.mark.parametrize("seed", [4, 5])
def test_it_is_so_in_other_shops_where_many_sign_in_late(live, seed):
    lines = events(customers=15, days=40, seed=seed, signing_in=0.5)
    play(live, lines)
    assert live.found() == replayed([raw for _, _, raw in lines], Moments(load())).fired


def test_with_a_champion_too_what_fires_live_is_what_the_back_test_says(live):
    publish(live.redis, base_rate=0.1)
    lines = events()
    play(live, lines)
    scorer = ChurnScorer("1", artefact(base_rate=0.1))
    expected = replayed([raw for _, _, raw in lines], Moments(load(), churn_by(lambda: scorer))).fired
    assert live.found() == expected
    foreseen = [one for one in expected if one.reason.endswith("overdue and likely to leave")]
    assert len(foreseen) > 10
    assert {one.stage for one in foreseen} == {"slipping"}


def test_a_new_champion_moves_nobody_whom_it_does_not_see_across_both_limits(live):
    publish(live.redis, base_rate=0.1)
    lines = [
        (START + day * DAY, "c", call(START + day * DAY, "c", "Order Completed", day, order_id=str(day)))
        for day in range(0, 101, 10)
    ]
    for line in lines:
        live.until(line[0])
        live.send([line])
        live.flow()
    live.until(START + 117.5 * DAY)
    entered = [one.stage for one in live.found() if one.rule == STAGE_ENTERED]
    assert entered[-1] == "slipping"
    # Of this customer they say 1.3, 0.8 and 1.4 times the odds of the base, then nothing.
    for version, base_rate, more in (
        ("2", 0.33, []),
        ("3", 0.5, ["loyal"]),
        ("4", 0.42, []),
        ("5", None, []),
    ):
        publish(live.redis, version, base_rate=base_rate)
        live.until(live.now + DAY)
        entered += more
        assert [one.stage for one in live.found() if one.rule == STAGE_ENTERED] == entered


def test_without_ticks_the_next_event_finds_what_silence_had_fired(live):
    lines = events(customers=5)
    play(live, lines)
    expected = live.found()
    live.redis.flushall()
    late = Live(live.redis, live.folder / "late")
    for line in lines:
        late.send([line])
    late.flow()
    late.until(lines[-1][0] + SETTLE)
    assert late.found() == expected


def test_a_batch_delivered_again_fires_nothing_again(live):
    lines = events(customers=5)
    live.send(lines)
    live.flow()
    once = live.found()
    for number in range(PARTITIONS):
        live.read[number] = BEGINNING
    live.begin()
    live.flow()
    assert live.found() == once


def test_ticks_that_come_twice_fire_once(live):
    live.send([(START, "c", call(START, "c", "Product Added", 1, product_id="p"))])
    live.flow()
    live.now = START + 2 * HOUR
    for ticker in (live.ticker, Ticker(live.redis, live.log)):
        ticker.step(live.now)
    live.flow()
    assert [one.rule for one in live.found()] == [STAGE_ENTERED, "cart_left"]
    assert [one.fired_at for one in live.triggers.open_of("c", live.now)] == ["2023-11-14T23:13:20Z"]
    assert live.triggers.open_of("c", live.now + 3 * DAY) == []


def test_what_an_import_brought_fires_nothing_and_its_silence_does(live):
    lines = [
        (START + day * DAY, "c", call(START + day * DAY, "c", "Order Completed", day, order_id=str(day)))
        for day in range(0, 100, 10)
    ]
    live.now = START + 95 * DAY
    records = [Record(IMPORTED, (1, number), raw) for number, (_, _, raw) in enumerate(lines, 1)]
    live.part.write_batch([live.updater.apply(Batch(IMPORTED, records))])
    assert live.found() == []
    live.until(START + 130 * DAY)
    assert [one.rule for one in live.found()] == [STAGE_ENTERED, "going_quiet"]


def test_a_customer_known_by_two_ids_is_spoken_to_as_one(live):
    lines = [(START, "a", call(START, "a", "Product Added", 1, product_id="p"))]
    lines += [(START + 60, "u", call(START + 60, "u", "identify", 2, was="a"))]
    live.send(lines)
    live.flow()
    live.until(START + 2 * HOUR)
    [cart] = [one for one in live.found() if one.rule == "cart_left"]
    assert cart.customer_id == "u"


def test_time_that_passes_is_nothing_heard_of_a_customer(live):
    live.send([(START, "c", call(START, "c", "Order Completed", 1, order_id="1"))])
    live.flow()
    told = identity.encode(tick("c", START + DAY))
    changes = live.updater.apply(Batch(0, [Record(0, (2**42, 0), told)]))
    assert [row.customer for row in changes.states] == ["c"]
    assert changes.heard() == []
