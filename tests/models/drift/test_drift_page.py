"""The page about drift: whole, readable by a parser, and safe with any name."""

from html.parser import HTMLParser

import pytest

from models.drift.drift import Calibration
from models.drift.drift_page import page

STABILITY = {"tenure_days": 1.2, "<script>": 0.15, "orders_total": 0.01}
CALIBRATION = [
    Calibration("2025-01-01", 900, 0.40, 0.41, -0.02, 0.04, 0.55),
    Calibration("2025-01-08", 910, 0.40, 0.50, 0.07, 0.13, 0.61),
]


class Reader(HTMLParser):
    """Collects tags and words, and sees that what is opened is closed."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.words = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data.strip())


def read(**changes):
    given = {
        "title": "Monitoring of 3-abc",
        "caption": "900 customers",
        "sentences": ["1 of 3 signals have shifted."],
        "stability": STABILITY,
        "calibration": CALIBRATION,
        "online": {"labels": 12.0, "online_log_loss": 0.31, "drifts": 1.0, "drift_at": 1_700_000_000.0},
    }
    reader = Reader()
    reader.feed(page(**given | changes))
    reader.close()
    assert reader.open == []
    return reader


def test_it_shows_signals_calibration_and_the_online_loss():
    found = read()
    assert found.tags.count("svg") == 2
    for word in ("Monitoring of 3-abc", "tenure_days", "shifted", "2025-01-08", "0.3100", "2023-11-14"):
        assert word in found.words


def test_names_are_shown_not_run():
    assert "script" not in read(title="<script>alert(1)</script>").tags


@pytest.mark.parametrize("calibration", [[], CALIBRATION[:1]])
def test_few_labels_or_none_are_no_obstacle(calibration):
    found = read(calibration=calibration, online={})
    assert "It has not learned yet: no label has come due in the stream." in found.words
    assert found.tags.count("svg") == 1 + bool(calibration)
