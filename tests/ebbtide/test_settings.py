"""Settings from the environment."""

import re
import stat
from pathlib import Path

import pytest

from ebbtide.errors import ConfigError
from ebbtide.settings import Settings, load

DOCS = Path(__file__).parents[2] / "docs" / "operating.md"


def test_all_wrong_variables_are_told_at_once(monkeypatch):
    monkeypatch.setenv("EBBTIDE_PORT", "many")
    monkeypatch.setenv("EBBTIDE_HORIZON", "0")
    told = (
        "EBBTIDE_PORT: expected an integer, found 'many'; "
        "EBBTIDE_HORIZON: expected a number of at least 1, found '0'"
    )
    with pytest.raises(ConfigError, match=told):
        load()


def test_a_working_folder_that_cannot_be_made_is_told_by_its_variable(tmp_path):
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ConfigError, match=f"EBBTIDE_HOME: expected a folder, .* found {home} "):
            _ = Settings(home=home).root


def test_the_write_key_is_made_once_and_only_its_owner_can_read_it(tmp_path):
    settings = Settings(home=tmp_path / "home")
    key = settings.sender_key()
    assert len(key) >= 24
    assert Settings(home=tmp_path / "home").sender_key() == key
    assert stat.S_IMODE((tmp_path / "home" / "write_key").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_a_key_that_is_set_goes_before_the_one_kept(tmp_path):
    assert Settings(home=tmp_path, write_key="given-one").sender_key() == "given-one"


def test_no_key_shows_in_what_settings_print(tmp_path):
    assert "secret" not in repr(Settings(home=tmp_path, write_key="secret-one", api_key="secret-two"))


@pytest.mark.parametrize("name", ["WRITE_KEY", "API_KEY"])
def test_an_empty_key_is_refused_since_anybody_could_give_it(monkeypatch, name):
    monkeypatch.setenv(f"EBBTIDE_{name}", "")
    with pytest.raises(ConfigError, match=f"EBBTIDE_{name}: expected at least 8 characters"):
        load()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_stands_in_the_docs(name):
    assert re.search(rf"`EBBTIDE_{name.upper()}`", DOCS.read_text())
