"""Each benchmark runs, small, and says what it promises; how fast it was is no matter here."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = ["--events", "3000", "--customers", "150", "--rounds", "1"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def figures(name, *arguments):
    """The JSON object that is the last line of a benchmark's output."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EBBTIDE_")}
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=kept, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def assert_positive(result, *names):
    for name in names:
        assert math.isfinite(result[name]), name
        assert result[name] > 0, name


def test_the_flow_is_held_against_bytewax_a_loop_feast_and_itself():
    result = figures("flow", *SMALL, "--no-online-retail")
    assert_positive(result, "ratio_idiomatic", "ratio_loop", "ratio_feast_write", "ratio_two_workers")
    assert set(result["events_per_second"]) == {"ours", "idiomatic", "loop"}
    assert result["events"] == 3000


def test_reads_are_held_against_feast_and_a_bare_hmget():
    result = figures("read", *SMALL, "--reads", "20")
    assert_positive(result, "ratio_feast_1", "ratio_feast_100", "ratio_raw_1", "ratio_raw_100")


def test_freshness_is_told_in_milliseconds():
    result = figures("freshness", "--rate", "200", "--seconds", "2", "--customers", "100")
    assert_positive(result, "p50_ms", "p99_ms", "events_per_second", "probes")
    assert result["p50_ms"] <= result["p99_ms"] <= result["max_ms"]


def test_states_in_redis_are_held_against_snapshots():
    result = figures("snapshots", *SMALL)
    assert_positive(result, "ratio_by_customer", "ratio_by_shard")
    assert set(result["resume_seconds"]) == {"ours", "snapshots_by_customer", "snapshots_by_shard"}
    assert_positive(result["recovery_bytes"], "snapshots_by_customer", "snapshots_by_shard")


def test_memory_is_told_per_customer():
    result = figures("memory", "--customers", "2000")
    assert_positive(result, "bytes_per_customer")
    assert_positive(result["flow"], "customers", "peak_bytes", "start_bytes")
    assert result["flow"]["customers"] == 2000
    assert set(result["flow"]) >= {"growth_per_customer", "growth_per_customer_second_half"}


def test_scoring_is_held_against_lightgbm_itself():
    result = figures("scoring", "--customers", "300", "--rows", "1600", "--rounds", "1")
    assert_positive(result, "ratio_single_row", "ratio_sweep", "ratio_training", "trees")
    assert set(result["customers_per_second"]) == {"ours", "lightgbm"}


def test_policies_by_customer_are_counted_where_they_help_and_where_they_cannot():
    result = figures("personal", "--logs", "1", "--rows", "600", "--halves", "1")
    assert set(result["found"]) == {"taken", "gained"}
    assert set(result["invented"]) >= {"orders", "money"}


def test_decisions_are_held_against_an_empty_route_and_feast_serve():
    result = figures("serve", "--customers", "200", "--rounds", "1", "--seconds", "0.5")
    assert_positive(result, "ratio_empty", "ratio_feast_serve", "ratio_p99")
    assert set(result["answers_per_second"]) == {"ours", "empty", "feast_serve"}
    assert result["customers"] == 200


def test_recommendations_are_held_against_implicit_and_the_flow_without_item_statistics():
    small = ["--items", "500", "--asked", "20", "--events", "3000", "--customers", "150", "--rounds", "1"]
    result = figures("recommend", *small, "--no-online-retail")
    assert_positive(result, "ratio_implicit", "ratio_flow", "bytes_per_item", "bytes_per_list")
    assert set(result["answers_per_second"]) == {"ours", "ours_16_at_once", "als", "item_knn", "bm25"}
    assert result["items"] == 500
