"""Two ids of one customer become one, live and in an import."""

import threading

import msgspec
import pytest

from ebbtide.domain.event import decode
from ebbtide.domain.ingest import accept
from ebbtide.logs.events import RedisEventLog
from ebbtide.logs.rejected import RejectedLog
from features import profile
from features.store.online import OnlineStore
from streaming.flow import build, run
from streaming.sinks import FeatureSink
from streaming.sources import ImportSource, LogSource
from streaming.updater import Updater
from streaming.work import LATE, TAKEN, TOO_MANY

DAY = 86_400.0
FIRST = 20_000
NOW = (FIRST + 30) * DAY


class Company:
    """Calls as they come in, the flow that takes them, and what is known afterwards."""

    def __init__(self, redis, folder, *, live):
        self.redis, self.folder, self.live = redis, folder, live
        self.log = RedisEventLog(redis, partitions=5)
        self.calls = []
        self.imported = 0

    def sees(self, kind, day, **fields):
        raw, event = accept(
            {"type": kind, "timestamp": (FIRST + day) * DAY, **fields},
            received_at=NOW,
            message_id=f"m{len(self.calls)}",
        )
        self.calls.append((event.customer, event.id, raw))

    def order(self, day, **who):
        self.sees("track", day, event="Order Completed", properties={"revenue": 10 + day}, **who)

    def runs(self):
        if not self.live:
            fresh, self.imported = self.calls[self.imported :], len(self.calls)
            self._flow(ImportSource(self.imported, [raw for _, _, raw in fresh]))
            return
        self.log.append(self.calls)
        while self.log.length():  # what is passed on comes in the next round
            self._flow(LogSource(self.log, self.redis, threading.Event(), once=True))

    def _flow(self, source):
        sink = FeatureSink(
            self.redis,
            RejectedLog(self.folder / "rejected"),
            lambda: 0.0,
            log=self.log if self.live else None,
        )
        run(build(source, sink, Updater(OnlineStore(self.redis))))

    def knows(self, customer):
        state = OnlineStore(self.redis).read(customer)
        return profile.named(profile.vector(state, NOW)) if state else None

    def refused(self):
        path = self.folder / "rejected" / "stream.jsonl"
        return (
            [msgspec.json.decode(line)["reason"] for line in path.read_bytes().splitlines()]
            if path.exists()
            else []
        )


@pytest.fixture(params=[True, False], ids=["live", "import"])
def company(request, redis, tmp_path):
    return Company(redis, tmp_path, live=request.param)


def as_one(company, events):
    """What is known of somebody who did all of this under one id."""
    state = profile.new_state()
    for raw in events:
        profile.update(state, decode(raw))
    return profile.named(profile.vector(state, NOW))


def test_an_identify_brings_the_anonymous_history_to_the_customer(company):
    company.order(1, anonymousId="a1")
    company.order(3, userId="u1")
    company.order(5, anonymousId="a1")
    company.sees("identify", 6, userId="u1", anonymousId="a1")
    company.runs()
    expected = as_one(company, [raw for _, _, raw in company.calls])
    assert company.knows("u1") == pytest.approx(expected, rel=1e-9, nan_ok=True)
    assert expected["orders_total"] == 3


def test_what_comes_later_under_the_old_id_counts_for_the_customer(company):
    company.sees("identify", 1, userId="u1", anonymousId="a1")
    company.order(2, anonymousId="a1")
    company.order(3, userId="u1")
    company.runs()
    assert company.knows("u1")["orders_total"] == 2
    assert repr(company.knows("a1")) == repr(company.knows("u1"))


@pytest.mark.parametrize("company", [True], ids=["live"], indirect=True)
@pytest.mark.parametrize("lagging", [True, False])
def test_how_far_the_flow_is_behind_does_not_decide_what_is_late(company, lagging):
    company.sees("identify", 1, userId="u1", anonymousId="a1")
    if not lagging:
        company.runs()
    company.order(2, anonymousId="a1")
    company.order(9, anonymousId="a1")
    company.order(3, anonymousId="a1")  # six days behind the newest of this id
    company.order(20, userId="u1")
    company.runs()
    assert company.knows("u1")["orders_total"] == 3
    assert company.refused() == [LATE]


def test_what_was_sent_on_is_sent_on_again_to_the_last_of_a_chain(company):
    for number in range(4):
        company.sees("alias", 1, userId=f"u{number + 1}", previousId=f"u{number}")
    company.runs()
    company.order(5, userId="u0")
    company.runs()
    assert company.knows("u4")["orders_total"] == 1
    assert company.refused() == []


def test_a_senders_own_field_does_not_disturb_what_is_sent_on(company):
    company.sees("identify", 1, userId="u1", anonymousId="a1")
    company.runs()
    company.order(2, anonymousId="a1", hops="many")
    company.runs()
    assert company.knows("u1")["orders_total"] == 1


def test_an_alias_joins_two_known_ids(company):
    company.order(1, userId="old")
    company.sees("alias", 2, userId="new", previousId="old")
    company.order(3, userId="old")
    company.runs()
    assert company.knows("new")["orders_total"] == 2


def test_the_same_link_told_twice_changes_nothing(company):
    company.order(1, anonymousId="a1")
    for day in (2, 3):
        company.sees("identify", day, userId="u1", anonymousId="a1")
    company.runs()
    assert company.knows("u1")["orders_total"] == 1
    assert company.refused() == []


def test_one_shared_id_belongs_to_the_first_who_claims_it(company):
    company.order(1, anonymousId="kiosk")
    for number in range(5):
        company.order(2, userId=f"u{number}")
        company.sees("identify", 3, userId=f"u{number}", anonymousId="kiosk")
    company.runs()
    totals = sorted(company.knows(f"u{number}")["orders_total"] for number in range(5))
    assert totals == [1, 1, 1, 1, 2]
    assert company.refused() == [TAKEN] * 4


@pytest.mark.parametrize("nobody", ["null", "undefined", "0", "Unknown"])
def test_an_id_that_stands_for_nobody_is_not_merged(company, nobody):
    company.order(1, anonymousId=nobody)
    company.order(2, userId="u1")
    company.sees("identify", 3, userId="u1", anonymousId=nobody)
    company.runs()
    assert company.knows("u1")["orders_total"] == 1


def test_a_customer_takes_up_a_hundred_others_and_no_more(company):
    for number in range(103):
        company.sees("identify", 1, userId="u1", anonymousId=f"a{number}")
    company.runs()
    assert company.refused() == [TOO_MANY] * 3


def test_two_ids_that_claim_each_other_do_not_go_in_circles(company):
    company.order(1, userId="a")
    company.order(1, userId="b")
    company.sees("alias", 2, userId="a", previousId="b")
    company.sees("alias", 3, userId="b", previousId="a")
    company.runs()
    assert company.knows("a")["orders_total"] == 2
    assert repr(company.knows("b")) == repr(company.knows("a"))


@pytest.mark.parametrize("written", range(5))
def test_an_import_that_dies_between_two_customers_ends_as_one_that_does_not(
    redis, tmp_path, monkeypatch, written
):
    company = Company(redis, tmp_path, live=False)
    company.order(1, userId="u1")
    company.order(2, anonymousId="z1")
    company.order(3, anonymousId="a1")
    for day, anonymous in ((4, "z1"), (6, "a1")):
        company.sees("identify", day, userId="u1", anonymousId=anonymous)
        company.order(day + 1, anonymousId=anonymous)
    company.order(8, userId="v1")
    raws = [raw for _, _, raw in company.calls]
    die_after(written, company, raws, monkeypatch)
    company._flow(ImportSource(1, raws))
    expected = as_one(company, raws[:-1])
    for name in ("u1", "a1", "z1"):
        assert company.knows(name) == pytest.approx(expected, rel=1e-9, nan_ok=True)
    assert company.knows("v1")["orders_total"] == 1
    assert company.refused() == []


@pytest.mark.parametrize("first", ["end", "beginning"], ids=lambda first: f"the {first} of the chain first")
@pytest.mark.parametrize("written", range(4))
def test_an_import_that_dies_within_a_chain_of_merges_ends_as_one_that_does_not(
    redis, tmp_path, monkeypatch, written, first
):
    company = Company(redis, tmp_path, live=False)
    for day, name in enumerate(("u0", "u1", "u2")):
        company.order(1 + day, userId=name)
    links = [("u1", "u0"), ("u2", "u1")]
    for day, (to, previous) in enumerate(links if first == "beginning" else links[::-1]):
        company.sees("alias", 5 + day, userId=to, previousId=previous)
        company.order(7 + day, userId=previous)
    raws = [raw for _, _, raw in company.calls]
    die_after(written, company, raws, monkeypatch)
    company._flow(ImportSource(1, raws))
    expected = as_one(company, raws)
    for name in ("u0", "u1", "u2"):
        assert company.knows(name) == pytest.approx(expected, rel=1e-9, nan_ok=True)
    assert company.refused() == []


def die_after(written, company, raws, monkeypatch):
    """Import, and be killed when so many customers are written."""
    with monkeypatch.context() as patched:
        write = OnlineStore.write_rows

        def die(store, rows):
            write(store, rows[:written])
            raise InterruptedError

        patched.setattr(OnlineStore, "write_rows", die)
        with pytest.raises(InterruptedError):
            company._flow(ImportSource(1, raws))


def test_a_full_log_does_not_keep_the_flow_from_merging(redis, tmp_path):
    company = Company(redis, tmp_path, live=True)
    company.log = RedisEventLog(redis, partitions=1, backlog=1)
    company.order(1, anonymousId="a1")
    company.order(2, userId="u1")
    company.sees("identify", 3, userId="u1", anonymousId="a1")
    company.runs()
    assert company.knows("u1")["orders_total"] == 2


def test_a_sender_cannot_move_a_state(redis):
    with pytest.raises(ValueError, match="`type`"):
        accept({"type": "ebbtide.handover", "customer": "u1", "to": "me"}, received_at=NOW, message_id="m")
