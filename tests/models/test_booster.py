import gc
import subprocess
import sys

import lightgbm
import numpy as np
import pytest

from ebbtide.errors import ModelError
from features.catalog import NAMES
from models.booster import FastBooster

WIDTH = len(NAMES)


@pytest.fixture(scope="module")
def text(trained):
    return trained.artefact.horizons[0].trees


@pytest.fixture(scope="module")
def matrix(later):
    return later[list(NAMES)].to_numpy(float)


@pytest.fixture
def row():
    return np.empty(WIDTH)


def test_it_scores_as_lightgbm_does_with_values_missing(text, matrix, row):
    expected = lightgbm.Booster(model_str=text).predict(matrix, raw_score=True)
    fast = FastBooster(text, row)
    assert np.isnan(matrix).any()
    assert np.array_equal(fast.score_many(matrix), expected)
    found = []
    for values in matrix:
        row[:] = values
        found.append(fast.score_row())
    assert found == expected.tolist()


def test_boosters_may_share_a_row(trained, matrix, row):
    boosters = [FastBooster(each.trees, row) for each in trained.artefact.horizons]
    row[:] = matrix[3]
    expected = [booster.score_many(matrix[3:4])[0] for booster in boosters]
    assert [booster.score_row() for booster in boosters] == expected


def test_contributions_are_lightgbms_and_sum_to_the_log_odds(text, matrix, row):
    fast = FastBooster(text, row)
    expected = lightgbm.Booster(model_str=text).predict(matrix[:20], pred_contrib=True)
    for values, contributions in zip(matrix[:20], expected, strict=True):
        found = fast.contributions(values)
        assert np.array_equal(found, contributions)
        assert found.sum() == pytest.approx(fast.score_many(values.reshape(1, -1))[0])


def test_no_rows_give_no_scores(text, row):
    assert FastBooster(text, row).score_many(np.empty((0, WIDTH))).shape == (0,)


@pytest.mark.parametrize("width", [0, 1, WIDTH + 1])
def test_a_vector_of_another_width_is_refused(text, row, width):
    wrong = np.zeros(width)
    fast = FastBooster(text, row)
    calls = (
        lambda: FastBooster(text, wrong),
        lambda: fast.contributions(wrong),
        lambda: fast.score_many(wrong.reshape(1, -1)),
    )
    for call in calls:
        with pytest.raises(ModelError, match=f"expected {WIDTH} values in a vector, found {width}"):
            call()


def test_half_a_model_is_an_error_and_not_the_end_of_the_process(text, row):
    for broken in ("", "nonsense", "tree\n", text[: len(text) // 2], text[len(text) // 2 :]):
        with pytest.raises(ModelError, match="expected a whole model"):
            FastBooster(broken, row)


def test_what_lightgbm_refuses_is_an_error_with_its_reason(row):
    with pytest.raises(ModelError, match="number of classes"):
        FastBooster("tree\nversion=v4\n\nend of trees\n", row)


def test_its_memory_is_freed_once(text, row):
    fast = FastBooster(text, row)
    fast.close()
    fast.close()
    del fast
    gc.collect()


def test_it_does_not_import_lightgbms_package():
    code = "import sys, models.booster; models.booster._library(); print('lightgbm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
