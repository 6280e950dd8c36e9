"""From the event archive to the report of the lift."""

import contextlib
import json

import numpy as np
import pytest
from redis import Redis

from ebbtide.domain.ingest import iso
from ebbtide.errors import InputError
from ebbtide.jobs.report import lift, write_plot
from ebbtide.logs.archive import LiveArchive
from ebbtide.logs.decisions import DecisionLog
from ebbtide.settings import Settings
from models.actions.actions import load
from models.actions.holdout import held_out
from tests.decided import AT, POLICY, receipt

DAY = 86_400.0
SHARE = 0.2


@contextlib.contextmanager
def quiet(what, total=None):
    yield lambda units: None


def settings_with(tmp_path, holdout=SHARE):
    path = tmp_path / "actions.yaml"
    path.write_text(
        POLICY.format(exploration=10, good=0.1, bad=0.1).replace("holdout: 0.0", f"holdout: {holdout}")
    )
    return Settings(home=tmp_path, actions=path, horizon=30)


def call(customer, event, at, **properties):
    found = {
        "type": "track",
        "event": event,
        "messageId": f"{customer}-{event}-{at}",
        "userId": customer,
        "timestamp": iso(at),
        "properties": properties,
    }
    return json.dumps(found).encode()


def archived(settings, customers=4_000, effect=0.3):
    """Customers who were there before the test; the treated order more often."""
    rng = np.random.default_rng(7)
    lines = []
    for number in range(customers):
        customer = f"c{number}"
        lines.append(call(customer, "Page Viewed", AT - DAY))
        if rng.random() < 0.3 + effect * (not held_out(customer, SHARE)):
            lines.append(call(customer, "Order Completed", AT + 5 * DAY, revenue=40))
    LiveArchive(settings.events).append([*lines, b"no event"], AT)


def test_actions_that_help_are_proven_to(tmp_path, redis):
    settings = settings_with(tmp_path)
    archived(settings)
    found = lift(settings, redis, now=AT + 40 * DAY, progress=quiet, since=AT)
    assert found.retained.customers == 4_000
    assert found.retained.proven
    assert found.retained.low < 0.3 < found.retained.high
    assert found.money.low < 12.0 < found.money.high
    shown = json.loads(json.dumps(found.public()))
    assert shown["retained"]["proven"] is True
    assert shown["horizon"] == 30
    assert "followed" not in shown


def test_before_a_horizon_has_passed_nothing_is_said(tmp_path, redis):
    settings = settings_with(tmp_path)
    archived(settings, customers=300)
    found = lift(settings, redis, now=AT + 29 * DAY, progress=quiet, since=AT)
    assert found.retained.customers == 0
    assert found.public()["money"]["low"] is None


def test_it_begins_with_the_oldest_decision(tmp_path, redis: Redis):
    settings = settings_with(tmp_path)
    archived(settings, customers=300)
    with pytest.raises(InputError, match="--since"):
        lift(settings, redis, now=AT + 40 * DAY, progress=quiet)
    made = receipt(load(settings.actions), 0, np.random.default_rng(1))
    DecisionLog(redis, keep=10, seconds=100).record(made)
    assert lift(settings, redis, now=AT + 40 * DAY, progress=quiet).since == iso(AT)


def test_a_policy_that_holds_nobody_out_is_refused(tmp_path, redis):
    with pytest.raises(InputError, match="expected a policy with a `holdout`"):
        lift(settings_with(tmp_path, holdout=0.0), redis, now=AT, progress=quiet, since=AT)


@pytest.mark.parametrize("suffix", [".png", ".html"])
def test_it_is_drawn(tmp_path, redis, suffix):
    settings = settings_with(tmp_path)
    archived(settings, customers=600)
    found = lift(settings, redis, now=AT + 40 * DAY, progress=quiet, since=AT)
    path = tmp_path / f"lift{suffix}"
    write_plot(found, path)
    assert path.stat().st_size > 5_000
    with pytest.raises(InputError, match=r"\.png or \.html"):
        write_plot(found, tmp_path / "lift.pdf")
