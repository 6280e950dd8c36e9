import numpy as np
import pytest

from ebbtide.errors import InputError, ModelError
from features.catalog import NAMES
from models.churn.churn import Plan, defaults, label
from models.churn.tuning import budget, tune

PLAN = Plan(main=30, active=120, horizons=())


@pytest.fixture(scope="module")
def trials(frame):
    return tune(frame, NAMES, PLAN, seconds=600, most=3)


def test_the_best_trial_comes_first_and_is_no_worse_than_the_defaults(trials, frame):
    kept = defaults(len(frame), PLAN.seed)
    [untouched] = [trial for trial in trials if trial.params == {name: kept[name] for name in trial.params}]
    losses = [trial.log_loss for trial in trials]
    assert len(trials) == 3
    assert losses == sorted(losses)
    assert losses[0] <= untouched.log_loss


@pytest.mark.slow
def test_the_same_seed_tries_the_same(trials, frame):
    again = tune(frame, NAMES, PLAN, seconds=600, most=3)
    assert [trial[:3] for trial in again] == [trial[:3] for trial in trials]


def test_a_spent_budget_still_makes_one_trial_and_tells_of_its_seconds(frame):
    told = []
    assert len(tune(frame, NAMES, PLAN, seconds=1e-9, advance=told.append)) == 1
    assert len(told) == 1


def test_a_single_cut_off_cannot_be_searched_on(frame):
    alone = frame[frame["cutoff"] == frame["cutoff"].min()]
    for rows in (alone, frame.assign(**{label(30): np.nan})):
        with pytest.raises(ModelError, match="--tune: expected cut-offs more than 30 days"):
            tune(rows, NAMES, PLAN, seconds=1)


@pytest.mark.parametrize(("text", "seconds"), [("30s", 30), ("5m", 300), (" 1h ", 3600), ("0.5m", 30)])
def test_a_budget_is_a_number_with_its_unit(text, seconds):
    assert budget(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "m", "0s", "-1m", "5 minutes", "1e3s", "nan"])
def test_anything_else_is_no_budget(text):
    with pytest.raises(InputError, match="30s, 5m or 1h"):
        budget(text)
