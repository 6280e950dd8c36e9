import math
import subprocess
import sys

import msgspec
import numpy as np
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ebbtide.errors import ModelError, StoreError
from features import catalog
from features.catalog import NAMES
from models.published import KEY
from models.scorer import ModelWatcher, load


@pytest.fixture
def put(redis, trained, later):
    """Puts a model into Redis by hand: `put("v1")`, or with changed fields."""
    example = later[list(NAMES)].iloc[0].tolist()
    text = trained.booster.model_to_string()

    def write(version, text=text, **changes):
        import hashlib

        meta = {
            "catalog": catalog.VERSION,
            "names": NAMES,
            "horizon": 60,
            "active": 120,
            "digest": hashlib.sha256(text.encode()).hexdigest(),
            "example": [None if math.isnan(value) else value for value in example],
            "expected": float(trained.predict(later.head(1))[0]),
        }
        fields = {"version": version, "model": text, "meta": msgspec.json.encode(meta | changes)}
        redis.hset(KEY, mapping=fields)

    return write


def test_without_a_champion_there_is_no_scorer(redis):
    assert load(redis) is None
    assert ModelWatcher(redis).refresh(0.0) is None


def test_it_scores_as_the_model_that_was_trained(put, redis, trained, later):
    put("1-a")
    scorer = load(redis)
    expected = trained.predict(later)
    matrix = later[list(NAMES)].to_numpy(float)
    assert (scorer.version, scorer.horizon, scorer.active) == ("1-a", 60, 120)
    assert np.array_equal(scorer.predict_many(matrix), expected)
    assert scorer.score(matrix[3].tolist()) == {"60": expected[3]}
    log_odds = scorer.contributions(matrix[3].tolist()).sum()
    assert 1 / (1 + math.exp(-log_odds)) == pytest.approx(expected[3])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"catalog": "0-other"}, "expected one for catalog .* found one for 0-other"),
        ({"names": NAMES[:-1]}, f"with {len(NAMES) - 1}"),
        ({"digest": "0"}, "expected the text as published"),
        ({"expected": 2.0}, "expected 2.0 for its example"),
        ({"horizon": "sixty"}, "expected a published model"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_the_reason(put, redis, changes, message):
    put("1-a", **changes)
    with pytest.raises(ModelError, match=message):
        load(redis)


@pytest.mark.parametrize("missing", ["model", "meta"])
def test_a_hash_without_its_fields_is_refused(put, redis, missing):
    put("1-a")
    redis.hdel(KEY, missing)
    with pytest.raises(ModelError, match="expected a published model"):
        load(redis)


def test_half_a_model_is_refused(put, redis, trained):
    put("1-a", text=trained.booster.model_to_string()[:5000])
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
    put("2-b", expected=0.123456)
    assert watcher.refresh(2.0).version == "1-a"
    assert "churn model 2-b: expected 0.123456" in watcher.fault
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
    code = (
        f"import sys, models.scorer, models.reasons; print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
