"""Evaluating actions from a file: the object that it gives, and an error for each log that cannot be used."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ebbtide.errors import InputError
from ebbtide.jobs.action_table import Columns
from ebbtide.jobs.evaluate_actions import evaluate_actions
from ebbtide.jobs.progress import silent
from tests.models.randomised import randomised_log

SHARED = Path(__file__).parents[4] / "shared" / "data"
COLUMNS = Columns("deed", "bought", "chance", ("age", "member"))
CERTAIN = {"call": 1.0, "mail": 1.0, "none": 1.0}
FIGURES = {"name", "ips", "snips", "dr", "dr_low", "dr_high", "effective_sample_size", "effective_rewards"}
HILLSTROM = Columns(
    "segment",
    "visit",
    "0.333333",
    ("recency", "history", "mens", "womens", "zip_code", "newbie", "channel"),
)


def table(rows=600, seed=1):
    log, _ = randomised_log(
        lambda x, action: 0.3 - 0.2 * (action - 1) * np.sign(x[:, 0]), rows=rows, seed=seed
    )
    deeds = [log.actions[place] for place in log.taken]
    return log.context.with_columns(
        deed=pl.Series(deeds), bought=pl.Series(log.reward), chance=pl.Series(log.propensity)
    )


def write(frame, path):
    match path.suffix:
        case ".parquet":
            frame.write_parquet(path)
        case ".csv":
            frame.write_csv(path)
        case _:
            frame.write_ndjson(path)
    return path


def run(path, columns=COLUMNS, **costs):
    return evaluate_actions(path, columns, costs, progress=silent)


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_any_format_gives_each_policy_with_its_figures(tmp_path, kind):
    found = run(write(table(), tmp_path / f"log.{kind}")).public()
    names = [one["name"] for one in found["policies"]]
    constants = ["always:call", "always:mail", "always:none"]
    assert [name for name in names if name != "vw"] == ["ebbtide", "uniform", "logging", *constants]
    assert all(set(one) == FIGURES for one in found["policies"])
    assert (found["rows"], found["trained_on"], found["judged_on"]) == (600, 300, 300)
    assert found["actions"] == ["call", "mail", "none"]


def test_csv_and_parquet_give_the_same_figures(tmp_path):
    frame = table()
    text, typed = (run(write(frame, tmp_path / name)) for name in ("log.csv", "log.parquet"))
    assert text.policies == typed.policies


def test_the_logging_policy_is_worth_what_it_got_less_what_it_spent(tmp_path):
    found = run(write(table(), tmp_path / "log.csv"), mail=0.5)
    free = run(write(table(), tmp_path / "log.csv"))
    logging, before = (next(one for one in each.policies if one.name == "logging") for each in (found, free))
    assert logging.dr == pytest.approx(logging.snips)
    assert logging.effective_sample_size == 300
    assert logging.dr < before.dr


def test_one_number_may_be_the_propensity_of_all_rows_and_numbers_may_name_actions(tmp_path):
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"deed": rng.integers(2, size=400), "bought": rng.random(400) < 0.3})
    for name in ("log.csv", "log.parquet", "log.jsonl"):
        found = run(write(frame, tmp_path / name), Columns("deed", "bought", "0.5"))
        assert found.actions == ["0", "1"]
        assert not [note for note in found.notes if "do not fit" in note]


def test_propensities_that_do_not_fit_the_choices_are_told(tmp_path):
    path = write(table(rows=2_000), tmp_path / "log.csv")
    found = run(path, Columns("deed", "bought", "0.9"))
    assert any("do not fit how often these were taken: call, mail, none" in note for note in found.notes)


def test_a_test_with_unequal_arms_needs_no_column_only_the_chance_of_each_arm(tmp_path):
    deeds = np.random.default_rng(1).choice(["none", "mail"], size=2_000, p=[0.2, 0.8])
    frame = pl.DataFrame({"deed": deeds, "bought": np.arange(2_000) % 7 == 0})
    path = write(frame, tmp_path / "log.csv")
    found = run(path, Columns("deed", "bought", {"mail": 0.8, "none": 0.2}))
    column = pl.when(pl.col("deed") == "mail").then(0.8).otherwise(0.2).alias("chance")
    same = run(write(frame.with_columns(column), tmp_path / "with.csv"), Columns("deed", "bought", "chance"))
    assert found.policies == same.policies
    assert not [note for note in found.notes if "do not fit" in note]


@pytest.mark.parametrize(("yes", "no"), [("TRUE", "FALSE"), ("True", "False"), ("Yes", "No"), ("1", "0")])
def test_rewards_may_be_written_as_spreadsheets_and_r_write_truths(tmp_path, yes, no):
    frame = table()
    plain = run(write(frame, tmp_path / "plain.csv"))
    words = pl.when(pl.col("bought") == 1).then(pl.lit(yes)).otherwise(pl.lit(no)).alias("bought")
    assert run(write(frame.with_columns(words), tmp_path / "words.csv")).policies == plain.policies


def test_a_context_of_numbers_stays_one_when_some_are_written_as_missing(tmp_path):
    gaps = pl.int_range(pl.len()) % 9 == 0
    frame = table()
    empty = run(write(frame.with_columns(age=pl.when(~gaps).then("age")), tmp_path / "empty.csv"))
    for word in ("NA", "NaN", "null", "N/A"):
        words = pl.when(gaps).then(pl.lit(word)).otherwise(pl.col("age").cast(pl.String)).alias("age")
        assert run(write(frame.with_columns(words), tmp_path / "words.csv")).policies == empty.policies


def test_too_few_rewards_or_customers_for_an_interval_are_told(tmp_path):
    rare = table(rows=2_000).with_columns(bought=pl.int_range(pl.len()) % 400 == 0)
    notes = run(write(rare, tmp_path / "rare.csv")).notes
    assert any("fewer than 5 effective rewards speak of ebbtide" in note for note in notes)
    few = table().with_columns(who=pl.int_range(pl.len()) // 20)
    notes = run(write(few, tmp_path / "few.csv"), Columns("deed", "bought", "chance", (), "who")).notes
    assert any("fewer than 50 customers (15) are judged on" in note for note in notes)


def test_without_vowpal_wabbit_a_note_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "vowpalwabbit", None)
    found = run(write(table(), tmp_path / "log.csv"))
    assert "vw" not in [one.name for one in found.policies]
    assert any('vowpalwabbit is not installed: pip install "ebbtide[peers]"' in note for note in found.notes)


def test_rows_of_a_customer_stay_in_one_half(tmp_path):
    frame = table().with_columns(who=pl.Series([f"c{row // 200}" for row in range(600)]))
    path = write(frame, tmp_path / "log.csv")
    assert run(path).judged_on == 300
    assert run(path, Columns("deed", "bought", "chance", ("age",), "who")).judged_on in (200, 400)


def test_contexts_may_be_times_categories_and_truths_but_not_lists(tmp_path):
    frame = table().with_columns(
        when=pl.lit("2025-01-01").str.to_date(),
        kind=pl.col("member").cast(pl.Categorical),
        new=pl.col("age") > 0,
        items=pl.lit([1, 2]).implode(),
    )
    path = write(frame, tmp_path / "log.parquet")
    assert run(path, Columns("deed", "bought", "chance", ("when", "kind", "new"))).rows == 600
    with pytest.raises(InputError, match="numbers or text in `items`, found List"):
        run(path, Columns("deed", "bought", "chance", ("items",)))


def test_many_actions_work_and_those_never_judged_are_told(tmp_path):
    rng = np.random.default_rng(1)
    frame = pl.DataFrame({"deed": rng.integers(700, size=1_500), "bought": rng.random(1_500) < 0.1})
    found = run(write(frame, tmp_path / "log.parquet"), Columns("deed", "bought", str(1 / 700)))
    constants = [one for one in found.policies if one.name.startswith("always:")]
    unseen = len(found.actions) - len(constants)
    assert unseen > 0
    assert any(f"left out: {unseen} constant actions" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "columns", "costs", "message"),
    [
        ({}, Columns("deed", "bought", "luck"), {}, "no column luck; the columns are: age, member, deed"),
        ({}, Columns("what", "bought", "chance", ("old",)), {}, "no column what, old; the columns are"),
        ({}, Columns("deed", "bought", "1.5"), {}, r"--propensity: .* above 0 and at most 1; found 1\.5"),
        ({"chance": "0"}, COLUMNS, {}, r"row 4: `chance`: .* found '0'$"),
        ({"chance": "1.01"}, COLUMNS, {}, "row 4: `chance`: expected the probability .* found '1.01'"),
        ({"chance": ""}, COLUMNS, {}, "row 4: `chance`: .* found nothing"),
        ({"chance": "nan"}, COLUMNS, {}, "row 4: `chance`: .* found 'nan'"),
        ({"bought": "maybe"}, COLUMNS, {}, "row 4: `bought`: expected a number, true or .* found 'maybe'"),
        ({"bought": "inf"}, COLUMNS, {}, "row 4: `bought`: expected a number, true or .* found 'inf'"),
        ({"bought": ""}, COLUMNS, {}, "row 4: `bought`: .* 0 where nothing came of it, found nothing"),
        ({"deed": ""}, COLUMNS, {}, "row 4: `deed`: expected an action, found nothing"),
        (
            {},
            Columns("deed", "bought", "chance", ("bought",)),
            {},
            "--context: .* before the choice, found `b",
        ),
        (
            {},
            Columns("deed", "bought", "chance", ("age", "chance")),
            {},
            "--context: .* before the choice, found `chance`; leave it out",
        ),
        (
            {},
            Columns("deed", "bought", {"call": 0.4, "mail": 0.6}),
            {},
            "actions call, mail, none; found call",
        ),
        (
            {},
            Columns("deed", "bought", CERTAIN),
            {},
            "--propensity: expected numbers that add up to 1, found 3",
        ),
        ({}, Columns("deed", "bought", CERTAIN | {"mail": 40.0}), {}, "at most 1; found 40"),
        (
            {"age": ""},
            Columns("deed", "bought", "chance", (), "age"),
            {},
            "row 4: `age`: expected a customer",
        ),
        ({}, COLUMNS, {"fax": 1.0}, "--cost: no action fax; the actions are: call, mail, none"),
    ],
)
def test_a_log_that_cannot_be_used_is_an_error_that_names_the_row_or_the_column(
    tmp_path, change, columns, costs, message
):
    frame = table().cast(pl.String).with_row_index("row")
    for name, value in change.items():
        bad = pl.when(pl.col("row") == 2).then(pl.lit(value)).otherwise(pl.col(name))
        frame = frame.with_columns(bad.alias(name))
    with pytest.raises(InputError, match=message):
        run(write(frame.drop("row"), tmp_path / "log.csv"), columns, **costs)


def test_one_action_too_few_rows_and_a_broken_line_are_errors(tmp_path):
    path = tmp_path / "log.csv"
    with pytest.raises(InputError, match="expected at least 100 rows, found 60"):
        run(write(table(rows=60), path))
    with pytest.raises(InputError, match="at least two actions in `deed`, found 'mail'"):
        run(write(table().with_columns(deed=pl.lit("mail")), path))
    with pytest.raises(InputError, match=r"rewards that differ in `bought`, found 0 in each row; is it"):
        run(write(table().with_columns(bought=pl.lit(0)), path))
    write(table(), path)
    path.write_text(path.read_text() + "1,2\n")
    with pytest.raises(InputError, match="row 602: expected 5 fields"):
        run(path)
    with pytest.raises(InputError, match="no such file"):
        run(tmp_path / "nowhere.csv")


def ebbtide(*words):
    command = [sys.executable, "-m", "ebbtide", "evaluate", "actions", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_verb_prints_one_json_object_or_a_table(tmp_path):
    path = write(table(), tmp_path / "log.csv")
    options = ["--action", "deed", "--reward", "bought", "--propensity", "chance", "--context", "age, member"]
    printed = ebbtide(path, *options, "--cost", "mail=0.05", "--json")
    assert json.loads(printed.stdout)["costs"] == {"mail": 0.05}
    shown = ebbtide(path, *options)
    assert "always:none" in shown.stdout
    assert "ebbtide chose by" in shown.stdout
    assert "beyond chance" in shown.stdout
    dear = ebbtide(path, *options, "--cost", "mail=9", "--cost", "call=9")
    assert "took the best constant action for everybody" in " ".join(dear.stdout.split())


def test_the_verb_refuses_a_log_without_propensities_and_a_cost_without_a_number(tmp_path):
    path = write(table(), tmp_path / "log.csv")
    options = ["--action", "deed", "--reward", "bought"]
    refused = ebbtide(path, *options)
    assert refused.returncode == 1
    assert "--propensity: expected a column" in refused.stderr
    refused = ebbtide(path, *options, "--propensity", "chance", "--cost", "mail")
    assert "--cost: expected ACTION=NUMBER, found 'mail'" in refused.stderr
    refused = ebbtide(path, *options, "--propensity", "mail=0.5", "--propensity", "most")
    assert "--propensity: expected ACTION=NUMBER, found 'most'" in refused.stderr


def test_the_verb_takes_the_chance_of_each_action_and_shows_money_with_two_decimals(tmp_path):
    path = write(table().with_columns(bought=pl.col("bought") * 1_234.5), tmp_path / "log.csv")
    chances = [word for name in ("call", "mail", "none") for word in ("--propensity", f"{name}=0.333")]
    shown = ebbtide(path, "--action", "deed", "--reward", "bought", *chances)
    assert "always:mail" in shown.stdout
    assert re.search(r"│ logging +│ +[\d,]+\.\d\d │", shown.stdout)


@pytest.mark.slow
def test_on_real_mails_no_constant_action_is_better():
    path = SHARED / "hillstrom.parquet"
    if not path.exists():
        pytest.skip("the log of the mails is not here")
    for costs in ({}, {"Mens E-Mail": 0.05, "Womens E-Mail": 0.05}):
        found = {one.name: one.dr for one in run(path, HILLSTROM, **costs).policies}
        assert found["ebbtide"] >= max(found[name] for name in found if name.startswith("always:"))
        assert found["ebbtide"] > found["uniform"]
