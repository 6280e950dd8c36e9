"""What pydantic found wrong with a field, in words that name the expectation and the finding.

Source of the types and their context: https://docs.pydantic.dev/latest/errors/validation_errors/
"""

import json
from collections.abc import Mapping
from reprlib import Repr
from typing import Any

_EXPECTED = {
    "missing": "a value",
    "extra_forbidden": "no such field",
    "string_type": "text",
    "string_too_short": "text of at least {min_length} letter(s)",
    "string_too_long": "text of at most {max_length} letters",
    "string_pattern_mismatch": "text like {pattern}",
    "int_type": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "greater_than": "a number over {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number under {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "list_type": "a list",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "too_short": "at least {min_length}",
    "too_long": "at most {max_length}",
    "datetime_from_date_parsing": "an ISO 8601 time",
    "datetime_parsing": "an ISO 8601 time",
}
_NAME = r"^[a-z][a-z0-9_]*$"
_BOUNDED = Repr()
_BOUNDED.maxlevel, _BOUNDED.maxstring = 2, 80
"""Shows a value as it is, but for what is deep or long."""


def told(*faults: Mapping[str, Any]) -> str:
    """What was expected and what was found, of faults of one field: as many as it has types.

    Args:
        faults: as `ValidationError.errors()` gives them.

    >>> told({"type": "less_than_equal", "ctx": {"le": 50}, "msg": "", "input": 51})
    'expected a number of at most 50, found 51'
    >>> told(*({"type": type_, "msg": "", "input": None} for type_ in ("string_type", "int_type")))
    'expected text or an integer, found null'
    """
    expected = " or ".join(dict.fromkeys(map(_expected, faults)))
    found = "" if ", found " in expected else f", found {_found(faults[0])}"
    return f"expected {expected}{found}"


def _expected(fault: Mapping[str, Any]) -> str:
    context = fault.get("ctx", {})
    if context.get("pattern") == _NAME:
        return "small letters, digits and _, a letter first"
    if (known := _EXPECTED.get(fault["type"])) is not None:
        return known.format(**context)
    message: str = fault["msg"].removeprefix("Value error, ")
    return message.removeprefix("Input should be ").removeprefix("expected ")


def _found(fault: Mapping[str, Any]) -> str:
    """What was given, in a few words; of a list with too many or too few, how many."""
    if fault["type"] == "missing":
        return "none"
    if fault["type"] in ("too_short", "too_long"):
        return str(fault["ctx"]["actual_length"] or len(fault["input"]))
    found = fault["input"]
    return json.dumps(found) if found is None or isinstance(found, bool) else _BOUNDED.repr(found)
