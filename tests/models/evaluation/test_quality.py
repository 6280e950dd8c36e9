import numpy as np
import pytest

from ebbtide.errors import ModelError
from models.churn.churn import label
from models.evaluation.evaluate import evaluate
from models.evaluation.quality import metrics


@pytest.fixture(scope="module")
def measured(trained, later):
    return metrics(trained, later)


def test_the_main_horizon_has_plain_names_and_each_value_lies_in_its_interval(measured, trained, later):
    expected = evaluate(later[label(60)].to_numpy() == 1.0, trained.predict(later))
    assert expected.items() <= measured.items()
    for name in set(expected) - {"expected_calibration_error"}:  # noise alone adds to it: it is never below 0
        assert measured[f"{name}_low"] < measured[name] < measured[f"{name}_high"]


def test_other_horizons_are_measured_where_their_labels_are_known(measured, trained, later):
    known = later.assign(**{label(30): later[label(30)].where(np.arange(len(later)) % 2 == 0)})
    half = known[known[label(30)].notna()]
    expected = evaluate(half[label(30)].to_numpy() == 1.0, trained.predict(half, 30))["roc_auc"]
    assert metrics(trained, known)["roc_auc_30"] == expected
    assert "roc_auc_30" in measured
    assert not [name for name in metrics(trained, later.assign(churned_30=np.nan)) if name.endswith("_30")]


def test_a_test_of_one_class_is_refused(trained, later):
    with pytest.raises(ModelError, match="of both classes"):
        metrics(trained, later.assign(churned_60=1.0))
