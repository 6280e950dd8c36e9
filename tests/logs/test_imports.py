"""Which files were imported."""

import pytest

from ebbtide.errors import InputError
from ebbtide.logs.imports import ImportLedger


def test_imports_are_numbered_from_one(redis):
    ledger = ImportLedger(redis)
    first = ledger.begin("aa", "a.csv")
    ledger.finish("aa", first)
    assert (first.number, ledger.begin("bb", "b.csv").number) == (1, 2)


def test_the_same_file_is_found_again_and_known_to_be_done(redis):
    ledger = ImportLedger(redis)
    ledger.finish("aa", ledger.begin("aa", "a.csv"))
    again = ImportLedger(redis).begin("aa", "a.csv")
    assert (again.number, again.done) == (1, True)


def test_an_interrupted_import_is_finished_before_another_begins(redis):
    ledger = ImportLedger(redis)
    ledger.begin("aa", "a.csv")
    with pytest.raises(InputError, match=r"a\.csv was interrupted"):
        ledger.begin("bb", "b.csv")
    assert not ledger.begin("aa", "a.csv").done


def test_an_import_that_brought_nothing_can_be_forgotten(redis):
    ledger = ImportLedger(redis)
    ledger.begin("aa", "a.csv")
    ledger.forget("aa")
    assert ledger.begin("bb", "b.csv").number == 1
