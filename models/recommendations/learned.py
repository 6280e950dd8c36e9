"""What is learned of earlier windows: how likely a candidate is bought; a guess, and LightGBM on top."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.booster import REPEATABLE
from models.recommendations.affinity import Matrix
from models.recommendations.first_guess import FirstGuess

ROUNDS = (50, 200)
"""Trees, at least and at most."""
CUSTOMERS_PER_ROUND = 20
"""Of all windows: few customers cannot tell a rule from chance, however many products they bought."""
SEED = 7
PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.06,
    "num_leaves": 15,
    "min_data_in_leaf": 200,
    "lambda_l2": 5.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "max_bin": 127,
    "seed": SEED,
    **REPEATABLE,
}


class Sample(NamedTuple):
    """Rows to learn from: values, whether bought, and how much each counts."""

    values: Matrix
    bought: NDArray[np.bool_]
    weight: NDArray[np.float64]


def rounds(customers: int) -> int:
    """How many trees are learned of so many customers of all windows."""
    fewest, most = ROUNDS
    return min(max(customers // CUSTOMERS_PER_ROUND, fewest), most)


class Learned:
    """How likely a candidate is bought: the first guess, and the trees that correct it.

    Args:
        sample: rows, some bought and some not.
        names: of their values.
        customers: who the rows are of, once for each window.
    """

    def __init__(self, sample: Sample, names: tuple[str, ...], customers: int) -> None:
        import lightgbm as lgb

        self.guess = FirstGuess(names, sample.values, sample.bought, sample.weight)
        label, start = sample.bought.astype(np.int8), self.guess.log_odds(sample.values)
        data = lgb.Dataset(sample.values, label, weight=sample.weight, init_score=start)
        self.trees: Any = lgb.train(PARAMETERS, data, rounds(customers))

    def log_odds(self, values: Matrix) -> NDArray[np.float64]:
        """Of each row, shape (rows,)."""
        corrected = self.guess.log_odds(values) + self.trees.predict(values, raw_score=True)
        return np.asarray(corrected, dtype=np.float64)
