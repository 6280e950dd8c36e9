import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ebbtide.errors import ModelError
from features.catalog import NAMES
from models.booster import FastBooster


@pytest.fixture(scope="module")
def text(trained):
    return trained.booster.model_to_string()


@pytest.fixture(scope="module")
def matrix(later):
    return later[list(NAMES)].to_numpy(float)


def test_it_scores_as_lightgbm_does_with_values_missing(trained, text, matrix):
    expected = trained.booster.predict(matrix)
    fast = FastBooster(text)
    assert np.isnan(matrix).any()
    assert np.array_equal(fast.predict_many(matrix), expected)
    assert [fast.predict_one(row.tolist()) for row in matrix] == expected.tolist()
    assert fast.predict_one(matrix[0]) == expected[0]


def test_contributions_are_lightgbms_and_sum_to_the_log_odds(trained, text, matrix):
    fast = FastBooster(text)
    expected = trained.booster.predict(matrix[:20], pred_contrib=True)
    for row, contributions in zip(matrix[:20], expected, strict=True):
        found = fast.contributions(row.tolist())
        assert np.array_equal(found, contributions)
        assert 1 / (1 + np.exp(-found.sum())) == pytest.approx(fast.predict_one(row.tolist()))


def test_it_gives_the_same_scores_when_shared_by_threads(text, matrix):
    fast = FastBooster(text)
    expected = fast.predict_many(matrix).tolist()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fast.predict_one, matrix.tolist())) == expected


def test_no_rows_give_no_scores(text):
    assert FastBooster(text).predict_many(np.empty((0, len(NAMES)))).shape == (0,)


@pytest.mark.parametrize("width", [0, 1, len(NAMES) + 1])
def test_a_vector_of_another_width_is_refused(text, width):
    fast = FastBooster(text)
    for call in (fast.predict_one, fast.contributions):
        with pytest.raises(ModelError, match=f"expected {len(NAMES)} values in a vector, found {width}"):
            call([0.0] * width)


def test_half_a_model_is_an_error_and_not_the_end_of_the_process(text):
    for broken in ("", "nonsense", "tree\n", text[: len(text) // 2], text[len(text) // 2 :]):
        with pytest.raises(ModelError, match="expected a whole model"):
            FastBooster(broken)


def test_what_lightgbm_refuses_is_an_error_with_its_reason():
    with pytest.raises(ModelError, match="number of classes"):
        FastBooster("tree\nversion=v4\n\nend of trees\n")


def test_its_memory_is_freed_once(text):
    fast = FastBooster(text)
    fast.close()
    fast.close()
    del fast
    gc.collect()


def test_it_does_not_import_lightgbms_package():
    code = "import sys, models.booster; models.booster._library(); print('lightgbm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
