"""What pydantic finds wrong is told by expectation and finding."""

from datetime import datetime
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from ebbtide.domain.faults import told


def _even(number: int) -> int:
    if number % 2:
        raise ValueError(f"expected an even number, found {number}")
    return number


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field("x", min_length=2, max_length=90, pattern=r"^[a-z][a-z0-9_]*$")
    share: float = Field(0.5, gt=0, le=1)
    many: list[int] = Field([1], min_length=1, max_length=2)
    kind: Literal["a", "b"] = "a"
    on: bool = True
    at: datetime | None = None
    even: Annotated[int, AfterValidator(_even)] = 2
    inner: dict[str, int] = {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "x"}, "expected text of at least 2 letter(s), found 'x'"),
        ({"name": "A b"}, "expected small letters, digits and _, a letter first, found 'A b'"),
        ({"name": None}, "expected text, found null"),
        ({"share": 0.0}, "expected a number over 0, found 0.0"),
        ({"share": 1.5}, "expected a number of at most 1, found 1.5"),
        ({"share": "much"}, "expected a number, found 'much'"),
        ({"many": []}, "expected at least 1, found 0"),
        ({"many": [1, 2, 3]}, "expected at most 2, found 3"),
        ({"many": {}}, "expected a list, found {}"),
        ({"kind": "c"}, "expected 'a' or 'b', found 'c'"),
        ({"on": "maybe"}, "expected true or false, found 'maybe'"),
        ({"colour": "red"}, "expected no such field, found 'red'"),
        ({"even": 3}, "expected an even number, found 3"),
        ({"inner": 3}, "expected keys with values, found 3"),
    ],
)
def test_each_fault_names_expectation_and_finding(given: dict[str, Any], expected: str):
    with pytest.raises(ValidationError) as caught:
        Shape.model_validate(given)
    assert told(*caught.value.errors()[:1]) == expected


def test_what_is_missing_is_found_to_be_none():
    class Needs(BaseModel):
        id: str | int

    with pytest.raises(ValidationError) as caught:
        Needs.model_validate({})
    assert told(*caught.value.errors()) == "expected a value, found none"
    with pytest.raises(ValidationError) as caught:
        Needs.model_validate({"id": None})
    assert told(*caught.value.errors()) == "expected text or an integer, found null"


def test_a_finding_is_short_however_deep_or_long_it_is():
    deep: Any = "x"
    for _ in range(5_000):
        deep = [deep]
    for found in (deep, "x" * 100_000, list(range(100_000))):
        fault = {"type": "bool_type", "msg": "", "input": found}
        assert len(told(fault)) < 150
