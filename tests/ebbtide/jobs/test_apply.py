"""Feast told of a working folder, and of another one by the same process."""

import pytest

from ebbtide.jobs.apply import apply
from ebbtide.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:On demand feature view:RuntimeWarning")


def test_each_working_folder_has_a_history_of_its_own(tmp_path):
    for name in ("one", "other"):
        store = apply(Settings(home=tmp_path / name), "redis://localhost:6379/0")
        [source] = [each for each in store.list_data_sources() if each.name == "customer_state_history"]
        assert source.path == str(tmp_path / name / "history")
