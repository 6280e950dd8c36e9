import numpy as np
import pytest

from ebbtide.domain.action import NOTHING, Action
from ebbtide.errors import ModelError
from models.actions.action_learning import Outcome, ResponseLearner
from models.actions.responses import Responses, encode

NAMES = ("interest", "noise", "constant")


def action(name: str, **changes: object) -> Action:
    return Action(id=name, channel="email", message="", response=0.1, value=1.0, **changes)


MAIL, CALL = action("mail"), action("call")
OFFER, SECOND = action("offer", outcome="conversion"), action("second", outcome="conversion")


def vector(rng: np.random.Generator) -> np.ndarray:
    found = np.array([rng.normal(), rng.normal(), 5.0])
    found[rng.random(3) < 0.1] = np.nan
    return found


def taught(rates: dict[Action, object], rows: int = 3_000, seed: int = 7) -> ResponseLearner:
    """Each action's rate is a number, or a function of the interest."""
    rng = np.random.default_rng(seed)
    learner = ResponseLearner("c", NAMES)
    actions = list(rates)
    for _ in range(rows):
        one = actions[rng.integers(len(actions))]
        signals = vector(rng)
        rate = rates[one]
        chance = rate(np.nan_to_num(signals[0])) if callable(rate) else rate
        learner.learn(Outcome(one, signals, bool(rng.random() < chance), 10.0))
    return learner


def respond(learner: ResponseLearner, interest: float, *actions: Action) -> list[float]:
    return Responses(learner.document()).respond([interest, 0.0, 5.0], actions)


def test_rates_are_learned_for_each_action() -> None:
    learner = taught({MAIL: 0.05, CALL: 0.3})
    assert respond(learner, 0.0, MAIL, CALL) == pytest.approx([0.05, 0.3], abs=0.04)
    assert learner.rows == 3_000


def test_whom_an_action_suits_is_learned() -> None:
    learner = taught({MAIL: lambda x: 1 / (1 + np.exp(-2 * x)), CALL: lambda x: 1 / (1 + np.exp(2 * x))})
    keen_mail, keen_call = respond(learner, 1.5, MAIL, CALL)
    shy_mail, shy_call = respond(learner, -1.5, MAIL, CALL)
    assert keen_mail > 0.75 > 0.25 > keen_call
    assert shy_mail < 0.25 < 0.75 < shy_call


def test_a_new_action_starts_from_what_all_share() -> None:
    learner = taught({MAIL: 0.4, CALL: 0.4})
    started = respond(learner, 0.0, action("new"))[0]
    assert started == pytest.approx(0.4, abs=0.1)  # all respond more than their entries state


def test_whom_contact_drives_away_has_a_response_below_zero() -> None:
    away = {NOTHING: 0.5, OFFER: lambda x: 0.2 if x > 0 else 0.7}
    learner = taught(away)
    assert respond(learner, 2.0, OFFER)[0] < 0.0 < respond(learner, -2.0, OFFER)[0]


def test_conversions_and_clicks_are_learned_apart() -> None:
    learner = taught({MAIL: 0.9, OFFER: 0.05})
    clicks, offers = respond(learner, 0.0, MAIL, OFFER)
    assert clicks > 0.8
    assert offers < 0.15


def test_money_is_learned_where_it_is_the_outcome() -> None:
    basket = action("basket", outcome="value")
    assert respond(taught({basket: 0.5}), 0.0, basket)[0] == pytest.approx(5.0, abs=0.5)  # 10 each, value 1


def test_without_an_effect_none_is_invented() -> None:
    learner = taught({NOTHING: 0.2, OFFER: 0.2, SECOND: 0.2}, rows=6_000)
    assert np.abs(respond(learner, 0.0, OFFER, SECOND)).max() < 0.05


def test_a_saved_learner_goes_on_as_if_nothing_had_happened() -> None:
    learner = taught({MAIL: 0.3, OFFER: 0.1}, rows=200)
    again = ResponseLearner.from_bytes(learner.to_bytes())
    rng = np.random.default_rng(1)
    for _ in range(50):
        outcome = Outcome(MAIL, vector(rng), bool(rng.random() < 0.3))
        learner.learn(outcome)
        again.learn(outcome)
    assert encode(again.document()) == encode(learner.document())
    assert again.to_bytes() == learner.to_bytes()


def test_a_state_of_another_format_is_refused() -> None:
    with pytest.raises(ModelError, match="expected a saved state of format 1"):
        ResponseLearner.from_bytes(b"{}")
    raw = ResponseLearner("c", NAMES).to_bytes().replace(b'"format":1', b'"format":9')
    with pytest.raises(ModelError, match="found 9"):
        ResponseLearner.from_bytes(raw)
