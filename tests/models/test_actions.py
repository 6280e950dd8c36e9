"""The catalogue of actions is checked whole, and ranks by expected value."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.action import NOTHING, Action
from ebbtide.domain.customer import Stage
from ebbtide.errors import ConfigError
from models.actions import ActionCatalogue, expected_value, load, rank

GOOD = "actions:\n  - {id: a, channel: sms, stages: [new], message: Hi, response: 0.1, value: 10}\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def action(id_: str, *, value: float, cost: float = 0.0, retains: bool = False) -> Action:
    return Action(
        id=id_,
        channel="email",
        message="Hi",
        stages=frozenset({Stage.NEW}),
        response=0.5,
        value=value,
        cost=cost,
        retains=retains,
    )


def test_the_shipped_catalogue_offers_something_for_every_stage():
    catalogue = load()
    for stage in Stage:
        assert len(rank(catalogue, stage, 0.5, 50)) >= 2, stage


def test_the_version_follows_the_content(tmp_path: Path):
    first = load(written(tmp_path, GOOD)).version
    assert load(written(tmp_path, GOOD)).version == first
    assert load(written(tmp_path, GOOD.replace("10", "11"))).version != first


def test_all_faults_are_reported_together(tmp_path: Path):
    path = written(
        tmp_path,
        """
actions:
  - {id: a, channel: fax, stages: [new], message: Hi, response: 1.5, value: 10}
  - {id: b, channel: sms, stages: [newish], message: Hi, response: 0.1, value: 10, colour: red}
  - {id: c, channel: sms, stages: [], response: .nan, value: ten}
  - just text
""",
    )
    with pytest.raises(ConfigError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    for part in (
        "entry 1 (a), `channel`",
        "'fax'",
        "entry 1 (a), `response`",
        "less than or equal to 1, found 1.5",
        "entry 2 (b), `stages.0`",
        "'newish'",
        "entry 2 (b), `colour`",
        "entry 3 (c), `stages`",
        "entry 3 (c), `message`: Field required",
        "entry 3 (c), `response`",
        "entry 3 (c), `value`",
        "entry 4",
    ):
        assert part in message


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "under `actions`"),
        ("actions: []", "under `actions`"),
        ("[1, 2]", "under `actions`"),
        ("actions: {a", "expected YAML"),
        ("\x00", "expected YAML"),
        (GOOD + GOOD.partition("\n")[2], "found again: a"),
        (GOOD.replace("id: a", "id: none"), "always a candidate"),
    ],
)
def test_a_file_that_is_no_catalogue_is_one_clear_error(tmp_path: Path, text: str, part: str):
    with pytest.raises(ConfigError, match=part):
        load(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"absent\.yaml"):
        load(tmp_path / "absent.yaml")


def test_a_retaining_action_is_worth_more_to_those_who_leave():
    keeps, sells = action("keeps", value=20, retains=True), action("sells", value=20)
    catalogue = ActionCatalogue((NOTHING, keeps, sells), "v")
    assert rank(catalogue, Stage.NEW, 0.9, 1)[0].id == "keeps"
    assert rank(catalogue, Stage.NEW, 0.1, 1)[0].id == "sells"
    assert rank(catalogue, Stage.NEW, 0.9, 1)[0].expected_value == 9.0


def test_an_unknown_churn_probability_counts_as_even():
    keeps = action("keeps", value=20, retains=True)
    assert expected_value(keeps, None) == expected_value(keeps, 0.5) == 5.0


def test_what_costs_more_than_it_brings_ranks_below_doing_nothing():
    catalogue = ActionCatalogue((NOTHING, action("dear", value=1, cost=5)), "v")
    assert [one.id for one in rank(catalogue, Stage.NEW, None, 5)] == ["none", "dear"]


@given(
    stage=st.sampled_from(Stage),
    churn=st.none() | st.floats(0, 1),
    limit=st.integers(1, 50),
)
def test_a_ranking_is_eligible_sorted_bounded_and_chooses_exactly_one(stage, churn, limit):
    catalogue = load()
    ranked = rank(catalogue, stage, churn, limit)
    by_id = {one.id: one for one in catalogue.actions}
    assert 1 <= len(ranked) <= limit
    assert all(stage in by_id[one.id].stages for one in ranked)
    assert [one.expected_value for one in ranked] == sorted(
        (one.expected_value for one in ranked), reverse=True
    )
    assert [one.propensity for one in ranked] == [1.0] + [0.0] * (len(ranked) - 1)
    assert ranked[0].expected_value >= 0
