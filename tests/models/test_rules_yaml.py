"""A file of rules is read as it stands: nothing of it is dropped in silence."""

import pytest

from models import rules_yaml


def test_keys_that_come_by_a_merge_may_be_said_again():
    text = b"base: &base {a: 1, b: 2}\nown: {<<: *base, a: 3}\n"
    assert rules_yaml.read(text) == ({"base": {"a": 1, "b": 2}, "own": {"a": 3, "b": 2}}, [])


def test_every_key_that_stands_twice_is_told_with_its_line():
    parsed, faults = rules_yaml.read(b"a: 1\nb: [{c: 1, c: 2}]\na: 2\n")
    assert parsed == {"a": 2, "b": [{"c": 2}]}
    assert sorted(faults) == [
        "`a`: expected once, found again in line 3",
        "`c`: expected once, found again in line 2",
    ]


@pytest.mark.parametrize(
    "content",
    [b"a: [", b"\xff", b"a: !!python/object/apply:os.getcwd []", b"[" * 5_000, b"a: 1\n---\nb: 2\n"],
    ids=["broken", "no UTF-8", "code", "too deep", "two documents"],
)
def test_what_is_no_yaml_is_an_error_that_says_so(content):
    with pytest.raises(ValueError, match="expected YAML, found a fault: "):
        rules_yaml.read(content)
