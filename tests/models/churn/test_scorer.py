import subprocess
import sys

import msgspec
import numpy as np
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ebbtide.errors import ModelError, StoreError
from features.catalog import NAMES
from models.churn.artefact import digest, encode
from models.churn.scorer import ModelWatcher, load
from models.registry.published import KEY, fields


@pytest.fixture
def put(redis, trained):
    """Puts a model into Redis by hand: `put("v1")`, or with changed fields of the document."""

    def write(version, raw=None, **changes):
        raw = raw or encode(msgspec.structs.replace(trained.artefact, **changes))
        redis.hset(KEY, mapping=fields(version, raw, digest(raw)))

    return write


def test_without_a_champion_there_is_no_scorer(redis):
    assert load(redis) is None
    assert ModelWatcher(redis).refresh(0.0) is None


def test_it_scores_as_the_model_that_was_trained(put, redis, trained, later):
    put("1-a")
    scorer = load(redis)
    long, short = trained.predict(later), trained.predict(later, 30)
    matrix = later[list(NAMES)].to_numpy(float)
    assert (scorer.version, scorer.horizon, scorer.active, scorer.days) == ("1-a", 60, 120, (30, 60))
    assert np.array_equal(scorer.predict_many(matrix), long)
    for vector, at_30, at_60 in zip(matrix[:50].tolist(), short, long, strict=False):
        assert scorer.score(vector) == pytest.approx({"30": at_30, "60": at_60})
        assert scorer.predict_one(vector) == pytest.approx(at_60)


def test_a_few_rows_are_scored_to_the_last_bit_as_each_alone(put, redis, later):
    put("1-a")
    curve = load(redis).curve
    matrix = later[list(NAMES)].to_numpy(float)
    for count in (1, 2, 3, 7, 16, 33, 64):
        rows = matrix[count : 2 * count]
        assert curve.predict_few(rows) == [curve.predict_one(row) for row in rows.tolist()]


def test_contributions_add_up_to_the_log_odds_of_the_main_horizon(put, redis, later):
    put("1-a")
    scorer = load(redis)
    matrix = later[list(NAMES)].to_numpy(float)[:20]
    for vector, odds in zip(matrix.tolist(), scorer.curve.log_odds(matrix)[:, -1], strict=True):
        assert scorer.contributions(vector).sum() == pytest.approx(odds)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"catalog": "0-other"}, "expected one for catalog .* found one for 0-other"),
        ({"names": NAMES[:-1]}, f"with {len(NAMES) - 1}"),
        ({"expected": (2.0, 2.0)}, r"expected \[2.0, 2.0\] for its example"),
        ({"expected": (0.5,)}, "for its example"),
        ({"main": 45}, "its main horizon, 45 days, among those it has, found 30, 60"),
        ({"format": 0}, "expected a document of format 1, found 0"),
        ({"horizons": ()}, "churn model"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_the_reason(put, redis, changes, message):
    put("1-a", **changes)
    with pytest.raises(ModelError, match=message):
        load(redis)


@pytest.mark.parametrize("missing", ["model", "digest"])
def test_a_hash_without_its_fields_is_refused(put, redis, missing):
    put("1-a")
    redis.hdel(KEY, missing)
    with pytest.raises(ModelError, match="expected version 1-a as it was published"):
        load(redis)


def test_a_document_that_was_changed_is_refused(put, redis):
    put("1-a")
    redis.hset(KEY, "model", redis.hget(KEY, "model") + b" ")
    with pytest.raises(ModelError, match="damaged"):
        load(redis)


@pytest.mark.parametrize("raw", [b"nonsense", b"{}", b"\xff"])
def test_something_else_than_a_document_is_refused(put, redis, raw):
    put("1-a", raw=raw)
    with pytest.raises(ModelError, match="expected a document of format 1"):
        load(redis)


def test_half_a_forest_is_refused(put, redis, trained):
    first, *others = trained.artefact.horizons
    put("1-a", horizons=(msgspec.structs.replace(first, trees=first.trees[:5000]), *others))
    with pytest.raises(ModelError, match="expected a whole model"):
        load(redis)


def test_a_new_version_is_picked_up_at_the_next_look_and_not_before(put, redis):
    watcher = ModelWatcher(redis, interval=1.0)
    put("1-a")
    assert watcher.refresh(10.0).version == "1-a"
    put("2-b")
    assert watcher.refresh(10.9).version == "1-a"
    assert watcher.refresh(11.0).version == "2-b"


def test_the_same_version_is_not_loaded_again(put, redis):
    put("1-a")
    watcher = ModelWatcher(redis)
    assert watcher.refresh(0.0) is watcher.refresh(5.0)


def test_a_new_version_that_fails_its_check_leaves_the_old_one_serving(put, redis):
    watcher = ModelWatcher(redis)
    put("1-a")
    watcher.refresh(0.0)
    put("2-b", expected=(0.1, 0.2))
    assert watcher.refresh(2.0).version == "1-a"
    assert "churn model 2-b: expected [0.1, 0.2]" in watcher.fault
    put("3-c")
    assert watcher.refresh(4.0).version == "3-c"
    assert watcher.fault is None


def test_without_redis_it_says_so(tmp_path):
    client = Redis(unix_socket_path=str(tmp_path / "none.sock"), retry=Retry(NoBackoff(), 0))
    for call in (lambda: load(client), lambda: ModelWatcher(client).refresh(0.0)):
        with pytest.raises(StoreError, match="is Redis running"):
            call()


def test_scoring_and_reasons_import_none_of_the_heavy_packages():
    heavy = ["lightgbm", "mlflow", "feast", "pandas", "sklearn", "matplotlib", "river"]
    modules = "sys, models.churn.scorer, models.explain.reasons"
    code = f"import {modules}; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
