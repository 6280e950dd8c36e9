"""A few hidden tastes that explain who bought what: scores of products by customer, of a truncated SVD.

Source: Cremonesi, Koren and Turrin 2010, "Performance of Recommender Algorithms on Top-N Recommendation
Tasks" (PureSVD), with popular products scaled down before it as by Nikolakopoulos et al. 2019, "EigenRec".
The decomposition is the randomised one of Halko, Martinsson and Tropp 2011, from scikit-learn.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

FACTORS = 32
"""Tastes at most; one for each `SPREAD` customers or products, whichever is fewer."""
SPREAD = 8
SEED = 7
POPULARITY = 0.25
"""The power of a product's purchases by which it is scaled down, and its score up again."""

Matrix = NDArray[np.float32]


class Factors:
    """Tastes found in purchases, as directions among products. Memory: products times `FACTORS`.

    Args:
        bought: purchases of the customers to learn from, decayed, shape (customers, products).
    """

    def __init__(self, bought: sparse.csr_matrix) -> None:
        from sklearn.utils.extmath import randomized_svd

        popular = np.maximum(np.asarray(bought.sum(axis=0)).ravel(), 1e-9) ** POPULARITY
        self._down = sparse.diags((1.0 / popular).astype(np.float32))
        count = max(min(FACTORS, min(bought.shape) // SPREAD), 1)
        _, _, found = randomized_svd(self._scaled(bought), count, n_iter=3, random_state=SEED)
        self._in: Matrix = found.T.astype(np.float32)
        self._out: Matrix = (found * popular).astype(np.float32)

    def scores(self, bought: sparse.csr_matrix) -> Matrix:
        """The scores of all products, from what some customers bought, shape (customers, products)."""
        return np.asarray((self._scaled(bought) @ self._in) @ self._out, dtype=np.float32)

    def _scaled(self, bought: sparse.csr_matrix) -> sparse.csr_matrix:
        """Popular products scaled down, and customers who bought much by the root of their length."""
        length = np.sqrt(np.asarray(bought.multiply(bought).sum(axis=1)).ravel())
        return (
            (sparse.diags(np.maximum(length, 1e-9) ** -0.5) @ bought @ self._down).astype(np.float32).tocsr()
        )
