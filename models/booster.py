"""LightGBM scoring through its C API, without importing its Python package.

The package takes seconds to import (it brings pandas and scikit-learn); the shared library inside it takes
milliseconds.
Source of the calls: https://lightgbm.readthedocs.io/en/stable/C-API.html
"""

import ctypes
import importlib.util
from collections.abc import Mapping
from ctypes import byref, c_char_p, c_double, c_int, c_int32, c_int64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ebbtide.errors import ModelError

Array = NDArray[np.float64]

REPEATABLE: Mapping[str, Any] = {
    "deterministic": True,
    "force_row_wise": True,
    # Two threads gain little on such rows, and wait on each other for minutes when the cores are shared.
    "num_threads": 1,
    "verbosity": -1,
}
"""Parameters of every training: the same trees from the same rows, and nothing said meanwhile."""

_FLOAT64 = 1
_ROW_MAJOR = 1
_LOG_ODDS = 1
_CONTRIBUTIONS = 3
_ALL_ITERATIONS = -1
_PARAMETERS = b"num_threads=1"


@cache
def _library() -> ctypes.CDLL:
    found = importlib.util.find_spec("lightgbm")
    if found is None or found.origin is None:
        raise ModelError(
            "lightgbm: expected the package to be installed, found none; install the requirements"
        )
    path = Path(found.origin).parent / "lib" / "lib_lightgbm.so"
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ModelError(
            f"lightgbm: expected its library at {path}, found {error}; reinstall the package"
        ) from error
    library.LGBM_GetLastError.restype = c_char_p
    return library


def _call(name: str, *arguments: object) -> None:
    library = _library()
    if getattr(library, name)(*arguments) != 0:
        raise _fault(name)


def _fault(name: str) -> ModelError:
    return ModelError(f"lightgbm, {name}: {_library().LGBM_GetLastError().decode(errors='replace')}")


class FastBooster:
    """Trees trained by LightGBM that score one row in microseconds. Scores are log-odds.

    Args:
        model_text: the model as LightGBM saves it (`Booster.model_to_string()`).
        row: the place, of shape (features,), that `score_row` reads its row from; boosters may share one.
            Whoever shares boosters between threads must see to it that one at a time fills and scores.

    Raises:
        ModelError: the text is not a model, it takes rows of another width, or LightGBM is not installed.
    """

    def __init__(self, model_text: str, row: Array) -> None:
        self._handle, self._fast = c_void_p(), c_void_p()
        # LightGBM's parser does not fail on half a model: it ends the process. So the frame is checked first.
        if not (model_text.startswith("tree\n") and "\nend of trees\n" in model_text):
            raise ModelError(
                "churn model: expected a whole model in LightGBM's text format, found "
                f"{len(model_text)} characters that begin {model_text[:20]!r} "
                f"and end {model_text[-20:]!r}; train it again"
            )
        _call("LGBM_BoosterLoadModelFromString", model_text.encode(), byref(c_int()), byref(self._handle))
        count = c_int()
        _call("LGBM_BoosterGetNumFeature", self._handle, byref(count))
        self.features: int = count.value
        """The number of values in a row."""
        self._check_width(len(row))
        self._row = row
        self._result = c_double()
        _call(
            "LGBM_BoosterPredictForMatSingleRowFastInit",
            self._handle,
            c_int(_LOG_ODDS),
            c_int(0),
            c_int(_ALL_ITERATIONS),
            c_int(_FLOAT64),
            c_int32(self.features),
            c_char_p(_PARAMETERS),
            byref(self._fast),
        )
        self._score = _library().LGBM_BoosterPredictForMatSingleRowFast
        # Built once: each `byref` costs about as much as a tree.
        self._arguments = (
            self._fast,
            row.ctypes.data_as(c_void_p),
            byref(c_int64()),
            byref(self._result),
        )

    def score_row(self) -> float:
        """Give the log-odds for what is in the row; NaN is a missing value."""
        if self._score(*self._arguments) != 0:
            raise _fault("LGBM_BoosterPredictForMatSingleRowFast")
        return self._result.value

    def score_many(self, matrix: Array) -> Array:
        """Give the log-odds for each row of a matrix of shape (n, features)."""
        found: Array = self._predict(matrix, _LOG_ODDS, 1)[:, 0]
        return found

    def contributions(self, vector: Array) -> Array:
        """Say how much each value moves the log-odds: SHAP values, shape (features + 1,), last the base.

        They sum to the log-odds of the row. Takes milliseconds, so it is not for every event.
        Source: Lundberg et al. 2018, "Consistent individualized feature attribution for tree ensembles".
        """
        found: Array = self._predict(vector.reshape(1, -1), _CONTRIBUTIONS, self.features + 1)[0]
        return found

    def _predict(self, matrix: Array, kind: int, width: int) -> Array:
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        self._check_width(rows.shape[1])
        out = np.empty((len(rows), width))
        if not len(rows):
            return out
        _call(
            "LGBM_BoosterPredictForMat",
            self._handle,
            rows.ctypes.data_as(c_void_p),
            c_int(_FLOAT64),
            c_int32(len(rows)),
            c_int32(self.features),
            c_int(_ROW_MAJOR),
            c_int(kind),
            c_int(0),
            c_int(_ALL_ITERATIONS),
            c_char_p(_PARAMETERS),
            byref(c_int64()),
            out.ctypes.data_as(ctypes.POINTER(c_double)),
        )
        return out

    def _check_width(self, found: int) -> None:
        if found != self.features:
            raise ModelError(
                f"churn model: expected {self.features} values in a vector, found {found}; "
                "the model and the catalog differ, train it again"
            )

    def close(self) -> None:
        """Free the memory that LightGBM holds. The booster cannot score afterwards."""
        if self._fast:
            _call("LGBM_FastConfigFree", self._fast)
            self._fast = c_void_p()
        if self._handle:
            _call("LGBM_BoosterFree", self._handle)
            self._handle = c_void_p()

    def __del__(self) -> None:
        if hasattr(self, "_fast"):
            self.close()
