"""How MLflow scores with a churn model: a frame of raw signals in, a column of probabilities per horizon out.

MLflow keeps this file with each model and runs it to load one; the model itself is a document of plain values
beside it, so nothing is unpickled. Ebbtide must be installed where a model is loaded.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel

from ebbtide.errors import ModelError
from models.churn.artefact import decode
from models.churn.churn import label
from models.churn.curve import ChurnCurve


class ChurnModel(PythonModel):  # type: ignore[misc]
    """A churn model as MLflow's `pyfunc`."""

    def load_context(self, context: Any) -> None:
        """Read the document."""
        self._curve = ChurnCurve(decode(Path(context.artifacts["churn"]).read_bytes()))

    def predict(self, model_input: pd.DataFrame) -> pd.DataFrame:
        """Give the columns `churned_60` and so on, for a frame with a column per signal (NaN is missing).

        Raises:
            ModelError: a signal has no column.
        """
        names = self._curve.artefact.names
        absent = [name for name in names if name not in model_input.columns]
        if absent:
            raise ModelError(
                f"churn model: expected a column for each of {len(names)} signals, found none for "
                f"{', '.join(absent[:5])}{' and others' if len(absent) > 5 else ''}; where a value is not "
                "known, give NaN"
            )
        signals = model_input[list(names)].to_numpy(np.float64)
        columns = [label(days) for days in self._curve.days]
        return pd.DataFrame(self._curve.predict_many(signals), columns=columns, index=model_input.index)


mlflow.models.set_model(ChurnModel())
