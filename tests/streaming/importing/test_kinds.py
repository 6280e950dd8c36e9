from pathlib import Path

import pytest

from streaming.importing.kinds import WORDS, segment_name


@pytest.mark.parametrize("name", WORDS)
def test_a_name_of_the_specification_stands_for_itself_and_is_documented(name: str) -> None:
    assert segment_name(name) == segment_name(name.upper().replace(" ", "_")) == name
    assert f"`{name}`" in (Path(__file__).parents[3] / "docs" / "events.md").read_text()


@pytest.mark.parametrize("words", WORDS.values())
def test_a_word_stands_for_one_event_only(words: str) -> None:
    assert len({segment_name(word) for word in words.split()}) == 1
