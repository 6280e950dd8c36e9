"""Every churn model, in every form, against the conformance kit."""

import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest

from features.catalog import NAMES, VERSION
from models.churn.artefact import Artefact, Churned, decode, encode
from models.churn.churn import Plan, label, train
from models.churn.curve import ChurnCurve
from models.churn.online import OnlineChurn
from models.churn.scorer import ChurnScorer
from models.evaluation.peers import PEERS, Past
from models.registry.registry import DOCUMENT, load_mlflow
from tests.models.conftest import ACTIVE, HORIZON, SHORTER, population
from tests.suites.churn_models import CHECKS, Array, Model

QUICK = {"learning_rate": 0.2, "num_leaves": 4}


@cache
def rows(churned: Churned) -> pd.DataFrame:
    """Rows to train on: the longer the horizon, the fewer are silent, and the more have cancelled."""
    frame = population(seed=1, customers=250)
    if churned is Churned.SILENCE:
        return frame
    return frame.assign(**{label(SHORTER): frame[label(HORIZON)], label(HORIZON): frame[label(SHORTER)]})


@cache
def artefact(churned: Churned, seed: int) -> Artefact:
    plan = Plan(HORIZON, ACTIVE, churned, horizons=(SHORTER,), seed=seed, params=QUICK)
    return train(rows(churned), NAMES, VERSION, plan).artefact


def as_curve(made: Artefact) -> Model:
    """As training leaves it."""
    curve = ChurnCurve(made)
    return Model(curve.predict_many, made.churned is Churned.SILENCE, lambda: as_curve(decode(encode(made))))


def as_scorer(made: Artefact) -> Model:
    """As the API scores: one vector at a time."""
    scorer = ChurnScorer("1", made)

    def predict(signals: Array) -> Array:
        return np.array([list(scorer.score(vector).values()) for vector in signals.tolist()])

    return Model(predict, made.churned is Churned.SILENCE, lambda: as_scorer(decode(encode(made))))


def as_pyfunc(made: Artefact) -> Model:
    """As MLflow loads it."""
    mlflow = load_mlflow()
    source = Path(__file__).parents[2] / "models" / "registry" / "pyfunc.py"
    with TemporaryDirectory() as folder:
        document, saved = Path(folder) / DOCUMENT, Path(folder) / "model"
        document.write_bytes(encode(made))
        mlflow.pyfunc.save_model(
            saved,
            python_model=str(source),
            artifacts={"churn": str(document)},
            pip_requirements=["numpy"],
        )
        loaded = mlflow.pyfunc.load_model(str(saved))

    def predict(signals: Array) -> Array:
        return loaded.predict(pd.DataFrame(signals, columns=list(NAMES))).to_numpy()

    return Model(predict, made.churned is Churned.SILENCE, lambda: as_pyfunc(made))


def as_corrected(made: Artefact) -> Model:
    """As the stream corrects it, once some labels were learned."""
    online, curve = OnlineChurn(horizon=HORIZON), ChurnCurve(made)
    for customer, said in enumerate(curve.predict_many(signals())[:, -1].tolist()):
        online.remember(f"c{customer}", 0.0, said)
    online.advance((HORIZON + 1) * 86_400.0)

    def corrected(online: OnlineChurn) -> Model:
        def predict(signals: Array) -> Array:
            return np.array([[online.predict(said)] for said in curve.predict_many(signals)[:, -1].tolist()])

        return Model(
            predict, True, lambda: corrected(OnlineChurn.from_dict(json.loads(json.dumps(online.to_dict()))))
        )

    return corrected(online)


def as_peer(name: str) -> Model:
    """What the field would use: it has no saved form, but the same past gives the same answers."""
    frame = rows(Churned.SILENCE)
    matrix = frame[list(NAMES)].to_numpy(float)
    past = Past(matrix, frame[label(HORIZON)].to_numpy() == 1.0, matrix, HORIZON)
    return Model(lambda signals: PEERS[name](past, signals).reshape(-1, 1), True, lambda: as_peer(name))


@cache
def signals() -> Array:
    """Customers to score, a tenth of the values missing."""
    found = population(seed=2, customers=40, cutoffs=1)[list(NAMES)].to_numpy(float)
    found.flags.writeable = False
    return found


MODELS: dict[str, Callable[[], Model]] = {
    "silence": lambda: as_curve(artefact(Churned.SILENCE, 7)),
    "silence, another seed": lambda: as_curve(artefact(Churned.SILENCE, 8)),
    "cancellation": lambda: as_curve(artefact(Churned.CANCEL, 7)),
    "silence, as served": lambda: as_scorer(artefact(Churned.SILENCE, 7)),
    "cancellation, as served": lambda: as_scorer(artefact(Churned.CANCEL, 7)),
    "silence, in MLflow": lambda: as_pyfunc(artefact(Churned.SILENCE, 7)),
    "silence, corrected online": lambda: as_corrected(artefact(Churned.SILENCE, 7)),
} | {name: partial(as_peer, name) for name in PEERS if name != "bg_nbd"}
"""BG/NBD is left out: it may fail to converge, and then says so instead of a probability."""


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS[request.param]()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_each_model_conforms(model: Model, check: Callable[[Model, Array], None]):
    check(model, signals().copy())
