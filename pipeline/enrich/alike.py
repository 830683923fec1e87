"""What sentences share with others, for many at once.

Comes in: sentences as their stems, with what each stem weighs. Goes out: a table of sums, one for
each two sentences. Common stems are multiplied as a dense matrix, the many others as a sparse one.
"""

from __future__ import annotations

from collections import Counter
from itertools import chain, count
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Sentences = Sequence[Collection[str]]
    Weights = Mapping[str, float]
    Entries = tuple[NDArray[np.float32], tuple[NDArray[np.intp], NDArray[np.intp]]]

FEW = 700  # stems up to which all of them are multiplied as dense
COMMON = 12  # else those with more sentences than this


class Shared:
    """Sentences that others are held against."""

    def __init__(self, sentences: Sentences, weights: Weights | None = None) -> None:
        self._weights = weights
        self._common = _numbered(dict.fromkeys(chain.from_iterable(sentences)))
        self._rare: dict[str, int] = {}
        if len(self._common) > FEW:
            counted = Counter(chain.from_iterable(sentences))
            self._common = _numbered(stem for stem, times in counted.items() if times > COMMON)
            self._rare = _numbered(stem for stem in counted if stem not in self._common)
        self._dense = self._as_dense(sentences)
        self._sparse = self._as_sparse(sentences) if self._rare else None

    def with_each(self, sentences: Sentences) -> NDArray[np.float32]:
        """A row for each of these and a column for each of those: the sum of weight x weight over
        the stems that both have."""
        sparse = self._as_sparse(sentences) if self._rare else None
        return self._product(self._as_dense(sentences), sparse)

    def among_themselves(self) -> NDArray[np.float32]:
        """The same of every two of those."""
        return self._product(self._dense, self._sparse)

    def _product(self, dense: NDArray[np.float32], sparse: csr_matrix) -> NDArray[np.float32]:
        result: NDArray[np.float32] = dense @ self._dense.T
        if sparse is not None and self._sparse is not None:
            product = (sparse @ self._sparse.T).tocoo()
            result[product.row, product.col] += product.data
        return result

    def _as_dense(self, sentences: Sentences) -> NDArray[np.float32]:
        matrix = np.zeros((len(sentences), len(self._common)), dtype=np.float32)
        values, places = self._entries(sentences, self._common)
        matrix[places] = values
        return matrix

    def _as_sparse(self, sentences: Sentences) -> csr_matrix:
        shape = (len(sentences), len(self._rare))
        return csr_matrix(self._entries(sentences, self._rare), shape=shape)

    def _entries(self, sentences: Sentences, column: Mapping[str, int]) -> Entries:
        """The weights of stems, and the row and column of each."""
        found = [[column[stem] for stem in sentence if stem in column] for sentence in sentences]
        columns = np.array(list(chain.from_iterable(found)), dtype=np.intp)
        rows = np.repeat(np.arange(len(found)), [len(row) for row in found])
        if self._weights is None:
            return np.ones(len(columns), dtype=np.float32), (rows, columns)
        weight = np.array([self._weights[stem] for stem in column], dtype=np.float32)
        return weight[columns], (rows, columns)


def _numbered(stems: Iterable[str]) -> dict[str, int]:
    return dict(zip(stems, count(), strict=False))
