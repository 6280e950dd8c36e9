import pytest
from redis import Redis

from ebbtide.errors import ModelError
from features.catalog import NAMES, VERSION
from models.actions.action_learning import ResponseLearner
from models.actions.response_watcher import KEY, ResponseWatcher, load, publish


def document(catalog: str = VERSION):
    return ResponseLearner(catalog, NAMES).document()


def test_what_was_published_is_found_under_its_version(redis: Redis) -> None:
    assert load(redis) is None
    version = publish(redis, document(), "3")
    found = load(redis)
    assert found is not None
    assert found.version == version
    assert version.startswith("3-")


def test_a_damaged_document_is_refused(redis: Redis) -> None:
    publish(redis, document(), "3")
    redis.hset(KEY, "model", b"{}")
    with pytest.raises(ModelError, match="damaged"):
        load(redis)


def test_a_new_model_is_taken_up_at_the_next_look(redis: Redis) -> None:
    watcher = ResponseWatcher(redis, interval=1.0)
    assert watcher.refresh(0.0) is None
    version = publish(redis, document(), "1")
    assert watcher.refresh(0.5) is None
    found = watcher.refresh(1.5)
    assert found is not None
    assert found.version == version
    assert watcher.refresh(3.0) is found


def test_a_model_for_other_signals_leaves_the_old_one_in_place(redis: Redis) -> None:
    watcher = ResponseWatcher(redis, interval=1.0)
    publish(redis, document(), "1")
    before = watcher.refresh(0.0)
    publish(redis, document("another"), "2")
    assert watcher.refresh(2.0) is before
    assert watcher.fault is not None
    assert "learned anew" in watcher.fault
