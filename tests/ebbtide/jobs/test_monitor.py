"""Monitoring where there is nobody to look at; where there is, see `test_models`."""

import pytest

from ebbtide.errors import ModelError
from ebbtide.jobs.monitor import monitor
from ebbtide.jobs.progress import silent
from ebbtide.settings import Settings
from models.churn.artefact import Churned
from tests.churn_model import publish


@pytest.mark.parametrize(
    ("churned", "wanted"),
    [
        (Churned.SILENCE, "with an order in the last 120 days, found none"),
        (Churned.CANCEL, "with a running subscription that they have not asked to end, found none"),
    ],
)
def test_it_says_whom_it_looked_for(redis, tmp_path, churned, wanted):
    publish(redis, churned=churned)
    with pytest.raises(ModelError, match=f"expected customers {wanted}"):
        monitor(Settings(home=tmp_path), redis, "unix:///unused", now=0.0, progress=silent)
