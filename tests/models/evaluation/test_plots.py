import io

import numpy as np
import pytest
from matplotlib import image

from models.churn.churn import label
from models.evaluation.plots import figures


@pytest.fixture(scope="module")
def drawn(trained, frame, later):
    return figures(trained, frame, later)


def test_every_picture_is_drawn_and_none_is_blank(drawn):
    assert set(drawn) == {
        "roc.png",
        "precision_recall.png",
        "reliability.png",
        "gains.png",
        "scores.png",
        "importance.png",
        "shap_summary.png",
        "shap_values.png",
        "over_time.png",
    }
    for figure in drawn.values():
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        buffer.seek(0)
        assert np.ptp(image.imread(buffer)[60:-60, 60:-60, :3]) > 0.5


def test_the_curves_end_where_they_must(drawn):
    for name in ("roc.png", "gains.png"):
        curve = drawn[name].axes[0].lines[-1].get_xydata()
        assert tuple(curve[0]) == (0.0, 0.0)
        assert curve[-1] == pytest.approx((1.0, 1.0))


def test_the_areas_said_are_those_of_the_evaluation(drawn, trained, later):
    from models.evaluation.evaluate import evaluate

    found = evaluate(later[label(60)].to_numpy() == 1.0, trained.predict(later))
    labels = [text.get_text() for text in drawn["roc.png"].axes[0].get_legend().get_texts()]
    assert f"model, area {found['roc_auc']:.3f}" in labels


def test_the_signal_that_matters_stands_first(drawn):
    for name in ("shap_summary.png", "shap_values.png"):
        assert drawn[name].axes[0].get_yticklabels()[-1].get_text() == "overdue_ratio"


def test_each_cut_off_has_its_point(drawn):
    points = [line.get_xydata() for line in drawn["over_time.png"].axes[0].lines]
    assert [len(line) for line in points] == [4, 4, 4, 1, 1, 1]
