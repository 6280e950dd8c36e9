"""A body is read as a question the same way, whether it is a plain one or not."""

import json

import msgspec
import pytest
from fastapi.exceptions import RequestValidationError
from hypothesis import given
from hypothesis import strategies as st

from serving import questions
from serving.draft import Question
from serving.schemas_decisions import DecisionRequest

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.sampled_from(["", "7", "home_page", "5", "true", "x" * 101, "y" * 513, "\ud800", "\u00e4"]),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
NAMES = st.sampled_from(
    ["customerId", "customer_id", "decisionPoint", "limit", "context", "asOf", "test", "explain", "more"]
)


def told(body: bytes, read) -> Question | str:
    try:
        found = read(body)
    except RequestValidationError as error:
        return str(error.errors()[0]["loc"])
    return msgspec.structs.replace(found, decision_id="")


def by_model(body: bytes) -> Question:
    return questions.asked(questions._read(body))


@given(st.dictionaries(NAMES, VALUES, max_size=5), VALUES)
def test_a_plain_question_is_read_as_the_model_reads_it(body: dict[str, object], customer: object):
    raw = json.dumps({"customerId": customer} | body).encode()
    assert told(raw, questions.read) == told(raw, by_model)


@pytest.mark.parametrize("field", ["customer_id", "decision_point", "limit", "test", "explain"])
def test_what_a_plain_question_leaves_out_is_what_the_model_says(field: str):
    asked = DecisionRequest(customerId="7")
    assert getattr(questions.read(b'{"customerId": "7"}'), field) == getattr(asked, field)


def test_each_question_gets_an_id_of_its_own():
    ids = {questions.read(b'{"customerId": "7"}').decision_id for _ in range(100)}
    assert len(ids) == 100
    assert {len(each) for each in ids} == {32}
