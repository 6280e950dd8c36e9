"""Figures are computed and shown as they should be."""

import json

import pytest

from benchmarks.report import median_ratio, percentile, show


def test_a_ratio_is_the_median_of_those_of_the_rounds():
    assert median_ratio([2.0, 90.0, 8.0], [1.0, 9.0, 2.0]) == 4.0


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_the_nearest_rank(share, expected):
    assert percentile(range(1, 101), share) == expected


def test_the_json_is_one_line_with_what_it_was_measured_on(capsys):
    show({"ratio": 1.23456, "events": 123456, "sides": {"ours": 0.000123456}}, as_json=True)
    [line] = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert found.pop("machine").keys() == {"cores", "python"}
    assert found == {"ratio": 1.235, "events": 123456, "sides": {"ours": 0.0001235}}


def test_the_table_names_figures_within_figures(capsys):
    show({"sides": {"ours": 2.0}}, as_json=False)
    assert "sides.ours" in capsys.readouterr().out
