"""Documents of models: what is read, and what is said of what cannot be."""

import msgspec
import pytest

from ebbtide.errors import ModelError
from models import documents


class Weights(msgspec.Struct, frozen=True):
    values: tuple[float, ...]
    format: int = 2


def test_a_document_is_read_as_it_was_written():
    one = Weights((0.5, 2.0))
    assert documents.read(msgspec.json.encode(one), Weights, 2, "weights: expected a document") == one


@pytest.mark.parametrize(
    ("raw", "found"),
    [(b'{"values":[],"format":1}', "found 1; make it anew"), (b'{"values":"x"}', "found Expected `array`")],
)
def test_another_format_and_something_else_are_refused_with_what_was_expected(raw, found):
    with pytest.raises(ModelError, match=f"weights: expected a document of format 2, {found}"):
        documents.read(raw, Weights, 2, "weights: expected a document", "; make it anew")
