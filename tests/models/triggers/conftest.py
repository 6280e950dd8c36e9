"""Rules as lines of text."""

import pytest

from models.triggers.moments import Moments
from models.triggers.trigger_file import load


@pytest.fixture
def rules(tmp_path):
    def read(text, **given):
        path = tmp_path / "triggers.yaml"
        path.write_text("triggers:\n" + "".join(f"  - {line}\n" for line in text.splitlines()))
        return Moments(load(path), **given)

    return read
