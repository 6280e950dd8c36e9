"""The demo's working folder."""

import pytest

from ebbtide.demo import workspace
from ebbtide.errors import ConfigError
from ebbtide.settings import Settings


def test_the_demo_leaves_a_log_on_kafka_alone(tmp_path):
    with (
        pytest.raises(ConfigError, match="unset EBBTIDE_KAFKA"),
        workspace.claimed(Settings(home=tmp_path, kafka="localhost:9092")),
    ):
        pass
