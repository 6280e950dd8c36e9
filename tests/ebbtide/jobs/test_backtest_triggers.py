"""A back-test of triggers says how often, for whom, with which others, and what came after."""

import json

import pytest
from typer.testing import CliRunner

from ebbtide.cli import app
from ebbtide.clock import system_clock
from ebbtide.errors import InputError
from ebbtide.jobs.backtest_triggers import backtest, replayed
from ebbtide.jobs.progress import silent
from models.triggers.moments import Moments
from models.triggers.snapshot import Foretold
from models.triggers.trigger_file import load
from streaming.importing.importer import open_log
from tests.trigger_shop import DAY, START, call, events


def file_of(folder, lines):
    path = folder / "shop.jsonl"
    path.write_bytes(b"".join(raw + b"\n" for _, _, raw in lines))
    return path


def rules_of(folder, *entries):
    path = folder / "triggers.yaml"
    path.write_text("triggers:\n" + "".join(f"  - {entry}\n" for entry in entries))
    return path


def tried(path, rules, **given):
    options = {"horizon": 30} | given
    return backtest(open_log(path), rules, **options, clock=system_clock, progress=silent)


def orders(customer, *days):
    """Orders of a customer, each with a page before it."""
    for day in days:
        number = f"{customer}-{day}"
        yield (
            START + day * DAY,
            customer,
            call(START + day * DAY, customer, "Order Completed", number, order_id=number),
        )


def test_the_figures_of_a_rule_are_those_of_its_triggers(tmp_path):
    lines = [*orders("a", 0, 5, 100), *orders("b", 0, 50), *orders("c", 0, 3, 6, 99)]
    path = file_of(tmp_path, sorted(lines))
    rules = load(
        rules_of(
            tmp_path,
            "{id: bought, events: [Order Completed], when: event.order_id != '', cooldown: 0s, reason: x}",
        )
    )
    found = tried(path, rules)
    [one] = found.triggers
    assert (one.fired, one.customers, one.share) == (9, 3, 1.0)
    assert one.per_week == pytest.approx(9 / (100 / 7))
    assert one.ordered == pytest.approx(3 / 7)  # of those with a week after them: a at 0, c at 0 and at 3
    assert one.judged == 7
    assert one.churned == pytest.approx(4 / 7)  # a at 5; b at 0 and at 50; c at 6
    assert (one.busiest_day, one.most_a_day, one.most_share) == ("2023-11-14", 3, 1.0)
    assert found.customers == 3
    assert one.stages == {"new": 6, "won_back": 2, "active": 1}


def test_only_the_last_days_are_counted_where_asked(tmp_path):
    path = file_of(tmp_path, sorted([*orders("a", 0, 5, 100), *orders("b", 0, 95)]))
    rules = load(
        rules_of(
            tmp_path,
            "{id: bought, events: [Order Completed], when: event.order_id != '', cooldown: 0s, reason: x}",
        )
    )
    found = tried(path, rules, last_days=10)
    assert found.triggers[0].fired == 2
    assert found.since == "2024-02-12T22:13:20Z"


def test_overlaps_are_those_of_one_customer_within_a_week(tmp_path):
    path = file_of(tmp_path, sorted([*orders("a", 0, 30), *orders("b", 20)]))
    rules = load(
        rules_of(
            tmp_path,
            "{id: bought, events: [Order Completed], when: event.order_id != '', reason: x}",
            "{id: again, events: [Order Completed], when: profile.orders_total >= 2, reason: x}",
        )
    )
    bought, again = tried(path, rules).triggers
    assert (bought.overlaps, again.overlaps) == ({"again": pytest.approx(1 / 3)}, {"bought": 1.0})


def test_what_came_after_moves_between_stages_is_told_stage_by_stage(tmp_path):
    path = file_of(tmp_path, sorted([*orders("a", 0, 5, 10, 100), *orders("b", 0, 7, 14, 21, 120)]))
    stages = {one.stage: one for one in tried(path, load()).stages}
    assert list(stages) == ["new", "active", "loyal", "slipping", "dormant", "lost", "won_back"]
    new, active, slipping = stages["new"], stages["active"], stages["slipping"]
    assert (new.entered, new.customers, new.ordered, new.churned, new.judged) == (2, 2, 1.0, 0.0, 2)
    assert (active.entered, active.ordered, active.churned) == (2, pytest.approx(1 / 2), pytest.approx(1 / 2))
    assert (slipping.entered, slipping.churned) == (2, 1.0)
    assert (stages["loyal"].entered, stages["loyal"].churned, stages["lost"].entered) == (0, None, 0)


def test_a_rule_that_would_speak_to_everybody_at_once_is_named_with_the_count(tmp_path):
    lines = [line for number in range(30) for line in orders(f"c{number}", number / 1_000, 40)]
    path = file_of(tmp_path, sorted(lines))
    rules = load(
        rules_of(
            tmp_path,
            "{id: everybody, events: [silence], when: profile.recency_days >= 10, reason: x}",
            "{id: nobody, events: [silence], when: profile.recency_days >= 1000, reason: x}",
        )
    )
    first, second = tried(path, rules).warnings
    assert first.startswith("everybody: fired for 30 customers on 2023-11-24, 100% of those known then")
    assert second == "never fired on this log: nobody"


def test_what_a_customer_did_under_two_ids_is_one_customers(tmp_path):
    lines = events(customers=12)
    found = tried(file_of(tmp_path, lines), load())
    assert found.customers == 12
    assert all(one.customers <= 12 for one in found.triggers)


def test_rules_on_churn_ask_the_model_given(tmp_path):
    path = file_of(tmp_path, sorted(orders("a", 0, 5, 10, 60)))
    high = tried(path, load(), churn=lambda state, now: Foretold(0.9 if now > START + 30 * DAY else 0.1))
    assert {one.id: one.fired for one in high.triggers}["churn_high"] == 1


def test_a_log_without_events_is_an_error():
    with pytest.raises(InputError, match="expected a log of what customers did"):
        replayed([], Moments(load()))


def test_the_verb_prints_figures_and_writes_triggers_and_a_plot(tmp_path, monkeypatch):
    monkeypatch.setenv("EBBTIDE_HOME", str(tmp_path / "home"))
    path = file_of(tmp_path, events(customers=10))
    out, plot = tmp_path / "fired.jsonl", tmp_path / "stages.png"
    command = ["triggers", "backtest", "--events", str(path), "--out", str(out), "--plot", str(plot)]
    printed = CliRunner().invoke(app, [*command, "--json"])
    assert printed.exit_code == 0, printed.output
    body = json.loads(printed.stdout)
    fired = [json.loads(line) for line in out.read_text().splitlines()]
    assert sum(one["fired"] for one in body["triggers"]) == len(fired) > 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    shown = CliRunner().invoke(app, command)
    assert "viewed_not_bought" in shown.stdout
    assert "! never fired on this log: " in shown.stdout


def test_a_folder_that_is_not_there_is_named_before_any_work(tmp_path):
    command = [
        "triggers",
        "backtest",
        "--events",
        str(tmp_path / "none"),
        "--out",
        str(tmp_path / "no" / "f"),
    ]
    error = CliRunner().invoke(app, command).exception
    assert "expected a folder to write to, found none" in str(error)


def test_a_rule_that_cannot_be_used_is_named_and_the_others_are_tried(tmp_path, monkeypatch):
    monkeypatch.setenv("EBBTIDE_HOME", str(tmp_path / "home"))
    path = file_of(tmp_path, sorted(orders("a", 0, 5)))
    rules = rules_of(
        tmp_path, "{id: bad, when: churn >, reason: x}", "{id: good, when: churn > 0.5, reason: x}"
    )
    command = ["triggers", "backtest", "--events", str(path), "--triggers", str(rules), "--json"]
    body = json.loads(CliRunner().invoke(app, command).stdout)
    assert [one["id"] for one in body["triggers"]] == ["good"]
    assert body["warnings"][-1].startswith("left out: entry 1 (bad), `when`: expected CEL")


def test_who_was_only_mailed_is_nobody_to_speak_of(tmp_path):
    mailed = [
        (START + day * DAY, "m", call(START + day * DAY, "m", "Email Delivered", day)) for day in (1, 9)
    ]
    rules = load(rules_of(tmp_path, "{id: bought, events: [Order Completed], when: 'true', reason: x}"))
    found = tried(file_of(tmp_path, sorted([*orders("a", 0, 5), *mailed])), rules)
    assert (found.customers, found.triggers[0].share) == (1, 1.0)
    with pytest.raises(InputError, match="expected a log of what customers did"):
        tried(file_of(tmp_path, mailed), rules)
