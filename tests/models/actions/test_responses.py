import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebbtide.domain.action import NOTHING, Action
from ebbtide.errors import ModelError
from features.catalog import NAMES, VERSION
from models.actions.responses import (
    CLICK,
    CONVERSION,
    Line,
    Money,
    ResponseModel,
    Responses,
    Taught,
    check_catalog,
    decode,
    encode,
)
from models.churn.artefact import Scale

TWO = ("first", "second")
MAIL = Action(id="mail", channel="email", message="", response=0.2, value=10.0)
OFFER = Action(id="offer", channel="email", message="", response=0.1, value=10.0, outcome="conversion")
BASKET = Action(id="basket", channel="email", message="", response=0.1, value=20.0, outcome="value")


def line(bias: float = 0.0, weights: tuple[float, ...] = (0.0, 0.0), rows: int = 100) -> Line:
    return Line(rows, bias, weights)


def model(kinds: dict[str, Taught], money: dict[str, Money] | None = None) -> ResponseModel:
    return ResponseModel("c", TWO, Scale((0.0, 0.0), (1.0, 1.0)), kinds, money or {})


def test_an_untaught_model_says_what_the_entries_state() -> None:
    longer = msgspec.structs.replace(OFFER, window_days=21.0)
    said = Responses(model({})).respond([1.0, math.nan], [NOTHING, MAIL, OFFER, longer])
    assert said == pytest.approx([0.0, 0.2, 0.1, 0.1])
    assert Responses(model({})).respond([1.0, math.nan], [BASKET]) == pytest.approx([0.1])


def test_a_new_action_starts_at_its_entry_put_right_by_what_all_share() -> None:
    shared = {CLICK: Taught(line(bias=math.log(2.0)), 1.0, {"other": line(bias=5.0)})}
    odds = 2.0 * 0.2 / 0.8
    assert Responses(model(shared)).respond([0.0, 0.0], [MAIL]) == pytest.approx([odds / (1.0 + odds)])


def test_an_action_departs_from_what_all_share_by_its_own_line() -> None:
    taught = {CLICK: Taught(line(), 0.0, {"mail": line(weights=(math.sqrt(2.0), 0.0))})}
    found = Responses(model(taught)).respond([math.expm1(1.0), 7.0], [MAIL])
    assert found == pytest.approx([1.0 / (1.0 + math.exp(-1.0))])  # sign(x) * log(1 + |x|) is 1


def test_a_conversion_counts_by_what_it_adds_to_doing_nothing() -> None:
    own = {"offer": line(bias=-1.0), NOTHING.id: line(bias=1.0, rows=10**9)}
    found = Responses(model({CONVERSION: Taught(line(), 0.0, own)})).respond([0.0, 0.0], [OFFER])
    assert found[0] == pytest.approx(1.0 / (1.0 + math.e) - 1.0 / (1.0 + 1.0 / math.e))
    assert found[0] < 0.0  # whom contact drives away


def test_doing_nothing_is_scaled_to_the_window_of_the_action() -> None:
    own = {"offer": line(), NOTHING.id: line(rows=10**9)}
    longer = msgspec.structs.replace(OFFER, window_days=14.0)
    found = Responses(model({CONVERSION: Taught(line(), 0.0, own)})).respond([0.0, 0.0], [longer])
    assert found == pytest.approx([0.5 - 0.75])


def test_money_counts_in_units_of_the_value_stated() -> None:
    own = {"basket": line(), NOTHING.id: line(bias=-math.log(9.0))}
    money = {"basket": Money(20, 20 * 60.0), NOTHING.id: Money(20, 20 * 10.0)}
    found = Responses(model({CONVERSION: Taught(line(), 0.0, own)}, money)).respond([0.0, 0.0], [BASKET])
    assert found == pytest.approx([(0.5 * (20.0 + 60.0) / 2 - 0.1 * (20.0 + 10.0) / 2) / 20.0])


@given(value=st.one_of(st.floats(allow_infinity=False), st.just(math.nan)))
def test_a_click_is_a_probability_whatever_the_signals(value: float) -> None:
    taught = {CLICK: Taught(line(weights=(3.0, -9.0)), 1.0, {})}
    assert 0.0 <= Responses(model(taught)).respond([value, -value], [MAIL])[0] <= 1.0


def test_the_document_is_read_back_as_it_was_and_named_by_its_content() -> None:
    document = model({CLICK: Taught(line(), 1.0, {"mail": line()})})
    assert decode(encode(document)) == document
    assert Responses(document).version == Responses(decode(encode(document))).version
    assert Responses(document).version != Responses(model({})).version


@pytest.mark.parametrize(
    "raw",
    [
        b"no",
        encode(msgspec.structs.replace(model({}), format=9)),
        encode(model({CLICK: Taught(line(weights=(1.0,)), 1.0, {})})),
    ],
)
def test_another_document_is_refused(raw: bytes) -> None:
    with pytest.raises(ModelError, match="response model: expected"):
        decode(raw)


def test_a_model_for_other_signals_is_refused() -> None:
    width = len(NAMES)
    check_catalog(ResponseModel(VERSION, NAMES, Scale((0.0,) * width, (1.0,) * width), {}, {}))
    with pytest.raises(ModelError, match="learned anew"):
        check_catalog(model({}))


def test_scores_do_not_change_what_they_are_given() -> None:
    vector = np.array([1.0, 2.0])
    Responses(model({})).respond(vector.tolist(), [MAIL])
    assert vector.tolist() == [1.0, 2.0]
