"""What customers like this one buy, and what goes with what this one bought: scores of products by customer.

Sources: nearest neighbours among customers (Aggarwal 2016, "Recommender Systems", chapter 2.3), with their
purchases decayed as in Hu et al. 2020, "Modeling Personalized Item Frequency Information for Next-basket
Recommendation"; EASE (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data"); item-to-item
co-purchase (Linden, Smith and York 2003), and the same by customers instead of orders; hidden tastes
(`models.recommendations.factors`).
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import lapack

from models.recommendations.bought_before import Array, Places, Repertoire
from models.recommendations.factors import Factors
from models.recommendations.purchases import DAY, Purchases

LIVE = 12_000
"""Products that are scored, those sold most lately."""
EASE = 3_000
"""Products between which EASE learns weights; its time grows with the cube. `alike` is known of them, too."""
PENALTY = 2.0
"""Of EASE, in mean diagonals of its Gram matrix."""
NEIGHBOURS = 200
"""Customers asked."""
POOL = 20_000
"""Customers among whom neighbours are looked for, those who ordered last."""
NEAREST = 50
"""Products that go with one."""
LARGEST = 300
"""Products of the largest order that says what goes together."""
NAMES = ("neighbours", "neighbours_first", "ease", "alike", "together", "factors")

Matrix = NDArray[np.float32]


class Affinity:
    """Learned from the purchases before a moment.

    Attributes:
        live: the places of the products that are scored, ascending.
        position: where a product stands among them, -1 if not, shape (products,).
    """

    def __init__(self, past: Purchases, own: Repertoire, cut: float) -> None:
        age, products = (cut - past.at) / DAY, len(past.products)
        lately = np.bincount(past.product, weights=0.5 ** (age / 90.0), minlength=products)
        sold = int((lately > 0.0).sum())
        self._heaviest = np.argsort(-lately, kind="stable")[: min(LIVE, sold)]
        self.live: Places = np.sort(self._heaviest)
        self.position: Places = np.full(products, -1)
        self.position[self.live] = np.arange(len(self.live))
        self._neighbours(past, own, age)
        lasting = _decayed(past, age, 180.0)[:, self.live]
        self._paired_items(lasting)
        self._lasting, self._factors = lasting, Factors(lasting[self._pool])
        self._recent = _decayed(past, age, 45.0)[:, self.live]
        self._together = _together(past, age, self.position, len(self.live))

    def scores(self, customers: Places) -> dict[str, Matrix]:
        """The scores by `NAMES`, each of shape (customers, live products)."""
        likeness = (self._taste[customers] @ self._tastes).toarray()
        likeness[self._pool[None, :] == customers[:, None]] = 0.0
        near = _largest(likeness, NEIGHBOURS)
        total = np.maximum(np.asarray(near.sum(axis=1)), 1e-9)
        lasting = self._lasting[customers]
        paired = lasting[:, self._paired]
        return {
            "neighbours": (near @ self._theirs).toarray() / total,
            "neighbours_first": (near @ self._their_first).toarray() / total,
            "ease": self._of_live(paired @ self._weights),
            "alike": self._of_live((paired @ self._alike).toarray()),
            "together": (self._recent[customers] @ self._together).toarray(),
            "factors": self._factors.scores(lasting),
        }

    def _of_live(self, scores: Matrix) -> Matrix:
        """Scores of the paired products, 0 for the others."""
        found = np.zeros((len(scores), len(self.live)), dtype=np.float32)
        found[:, self._paired] = scores
        return found

    def because(self, customer: int, products: Places) -> Places:
        """Of the customer's latest products the one that goes best with each of these; -1 where none does."""
        bought = self._recent[customer]
        found = np.full(len(products), -1)
        at = self.position[products]
        if not bought.nnz or not (at >= 0).any():
            return found
        pull = sparse.diags(bought.data) @ self._together[bought.indices]
        share = pull.tocsc()[:, at[at >= 0]].toarray()
        most = share.argmax(axis=0)
        goes = share[most, np.arange(share.shape[1])] > 0.0
        found[at >= 0] = np.where(goes, self.live[bought.indices[most]], -1)
        return found

    def _neighbours(self, past: Purchases, own: Repertoire, age: Array) -> None:
        """Taste is what one buys, decayed, rare products counting more; neighbours are near by cosine."""
        people, products = len(past.customers), len(past.products)
        buyers = np.bincount(own.product, minlength=products)
        rarity = np.maximum(np.log(people / np.maximum(buyers, 1)), 0.1).astype(np.float32)
        taste = _decayed(past, age, 90.0, most=None)
        taste.data = np.log1p(2.0 * taste.data)
        taste = taste @ sparse.diags(rarity)
        norm = np.sqrt(np.asarray(taste.multiply(taste).sum(axis=1)).ravel())
        self._taste = (sparse.diags((1.0 / np.maximum(norm, 1e-9)).astype(np.float32)) @ taste).tocsr()
        last = np.full(people, np.inf)
        np.minimum.at(last, past.customer, age)
        known = int(np.isfinite(last).sum())
        self._pool: Places = np.sort(np.argsort(last, kind="stable")[: min(POOL, known)])
        self._tastes = self._taste[self._pool].T.tocsr()
        self._theirs = _decayed(past, age, 30.0)[self._pool][:, self.live]
        first = (0.5 ** (own.first / 20.0)).astype(np.float32)
        matrix = sparse.csr_matrix((first, (own.customer, own.product)), shape=(people, products))
        self._their_first = matrix[self._pool][:, self.live]

    def _paired_items(self, lasting: sparse.csr_matrix) -> None:
        """What goes with what by customers: the weights of EASE, and each product's nearest by the cosine."""
        self._paired: Places = np.sort(self.position[self._heaviest[:EASE]])
        bought = lasting[:, self._paired]
        gram = (bought.T @ bought).toarray()
        self._alike = _largest(_cosine(gram), NEAREST)
        diagonal = np.diag_indices_from(gram)
        gram[diagonal] += max(PENALTY * gram[diagonal].mean(), 1e-3)
        inverse = _inverse(gram)
        weights = -inverse / np.diag(inverse)
        weights[diagonal] = 0.0
        self._weights: Matrix = weights.astype(np.float32)


def _decayed(past: Purchases, age: Array, half_life: float, most: float | None = 1.0) -> sparse.csr_matrix:
    """Purchases by customer and product, decayed, at `most` so many."""
    shape = (len(past.customers), len(past.products))
    weights = (0.5 ** (age / half_life)).astype(np.float32)
    found = sparse.csr_matrix((weights, (past.customer, past.product)), shape=shape)
    found.sum_duplicates()
    if most is not None:
        np.minimum(found.data, most, out=found.data)
    return found


def _cosine(gram: Matrix) -> Matrix:
    """Of each product with each other one, held down where few customers say it."""
    root = np.sqrt(np.diag(gram))
    found: Matrix = (gram / (np.outer(root, root) + 1.0)).astype(np.float32)
    np.fill_diagonal(found, 0.0)
    return found


def _inverse(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of a symmetric, positive definite matrix; a third of the work of a general one."""
    factor, _ = lapack.spotrf(matrix, lower=1)
    lower, _ = lapack.spotri(factor, lower=1)
    return np.asarray(np.tril(lower) + np.tril(lower, -1).T)


def _largest(matrix: Matrix, count: int) -> sparse.csr_matrix:
    """The largest values of each row, the others 0."""
    rows, columns = matrix.shape
    count = min(count, columns)
    places = np.argpartition(-matrix, count - 1, axis=1)[:, :count]
    values = np.take_along_axis(matrix, places, axis=1)
    starts = np.arange(rows + 1) * count
    return sparse.csr_matrix((values.ravel(), places.ravel(), starts), shape=matrix.shape)


def _together(past: Purchases, age: Array, position: Places, live: int) -> sparse.csr_matrix:
    """The cosine of two products' orders, decayed; large orders count less. The nearest of each product."""
    numbers, order = np.unique(past.order, return_inverse=True)
    size = np.bincount(order)
    kept = (position[past.product] >= 0) & (size[order] <= LARGEST)
    weights = np.sqrt(0.5 ** (age / 120.0) / np.log2(size[order] + 2.0))[kept].astype(np.float32)
    shape = (len(numbers), live)
    orders = sparse.csr_matrix((weights, (order[kept], position[past.product[kept]])), shape=shape)
    norms = np.asarray(orders.multiply(orders).sum(axis=0)).ravel()
    pairs = (orders.T @ orders).tocsr()
    rows = np.repeat(np.arange(live), np.diff(pairs.indptr))
    # The 1 holds down what few orders say.
    cosine = pairs.data / (np.sqrt(norms[rows] * norms[pairs.indices]) + 1.0)
    cosine[rows == pairs.indices] = 0.0
    pairs.data = cosine
    return _nearest(pairs)


def _nearest(likeness: sparse.csr_matrix) -> sparse.csr_matrix:
    """The `NEAREST` largest values of each row; row by row, which is faster than to sort them all."""
    kept, ends = [], [0]
    for begin, end in pairwise(likeness.indptr):
        row = likeness.data[begin:end]
        near = np.argpartition(-row, NEAREST)[:NEAREST] if len(row) > NEAREST else np.arange(len(row))
        kept.append(begin + near)
        ends.append(ends[-1] + len(near))
    chosen = np.concatenate(kept)
    return sparse.csr_matrix((likeness.data[chosen], likeness.indices[chosen], ends), shape=likeness.shape)
