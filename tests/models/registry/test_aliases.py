"""The history of aliases, in a real MLflow store."""

import pytest

from models.registry.aliases import LONGEST_WHY, Move, before, moves, record

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning")

MODEL = "a-model"


@pytest.fixture
def client(tmp_path):
    import mlflow

    made = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db", f"sqlite:///{tmp_path}/mlflow.db")
    made.create_registered_model(MODEL)
    return made


def moved(at, version, alias="champion", before=None):
    return Move(at=at, alias=alias, version=version, before=before, by="ann", why="tested")


def test_moves_are_kept_in_their_order_whatever_the_clock_says(client):
    kept = [moved(200.5, "2"), moved(200.5, "1", before="2"), moved(10.0, "3", "challenger")]
    for each in kept:
        record(client, MODEL, each)
    assert moves(client, MODEL) == kept


def test_a_reason_too_long_for_a_tag_is_cut(client):
    record(client, MODEL, Move(1.0, "champion", "1", None, "ann", "x" * 9_000))
    assert moves(client, MODEL)[0].why == "x" * LONGEST_WHY


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([], None),
        (["1"], None),
        (["1", "2"], "1"),
        (["1", "2", "3"], "2"),
        (["1", "2", "3", "2"], "1"),  # rolled back once: the next way back is further
        (["1", "2", "1"], None),
        (["1", "2", "1", "3"], "1"),
    ],
)
def test_rolling_back_twice_goes_back_two_versions(held, expected):
    history = [moved(float(n), version) for n, version in enumerate(held)]
    assert before([*history, moved(9.0, "7", "challenger")], "champion") == expected


def test_a_champion_from_before_the_history_was_kept_can_be_gone_back_to():
    assert before([moved(1.0, "2", before="1")], "champion") == "1"
