"""Which stories are worth comparing at all: never all pairs.

Comes in: readings. Goes out: pairs that share some of their heaviest words and whose times are
near, with the cosine of their word vectors. It decides nothing about events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.feature_extraction import DictVectorizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from scipy import sparse

    from pipeline.reading import Reading

HEAVIEST = 24  # words of a story that stand in the index; the others cannot make a candidate
MIN_SHARED = 0.05  # cosine over the heaviest words alone; below this nothing else can help
BLOCK = 1000  # stories that are looked up at once: bounds the memory
PAIRS_AT_ONCE = 100_000  # pairs whose exact cosine is computed at once: the same

Array = np.ndarray[Any, Any]


def candidates(
    readings: Sequence[Reading], window: timedelta
) -> Iterator[tuple[Array, Array, Array]]:
    """Pairs of positions in `readings` (left before right) and their cosines, in blocks.

    Two stories more than `window` apart are never compared; an undated one is compared with all.
    """
    if not readings:
        return
    words = DictVectorizer()
    full = words.fit_transform([reading.weights for reading in readings])
    index = words.transform([_heaviest(reading.weights) for reading in readings])
    times = _seconds(readings)
    for rows, others in _blocks(times, window.total_seconds()):
        left, right = _sharing(index, rows, others)
        near = ~(np.abs(times[left] - times[right]) > window.total_seconds())  # NaN is near
        left, right = left[near], right[near]
        yield np.minimum(left, right), np.maximum(left, right), _cosines(full, left, right)


def _heaviest(weights: dict[str, float]) -> dict[str, float]:
    if len(weights) <= HEAVIEST:
        return weights
    return dict(sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:HEAVIEST])


def _seconds(readings: Sequence[Reading]) -> Array:
    """Times as seconds, NaN for the undated."""
    return np.array([r.when.timestamp() if r.when else np.nan for r in readings])


def _blocks(times: Array, window: float) -> Iterator[tuple[Array, Array]]:
    """Rows that are looked up together, and the columns that may be near enough to them.

    Dated stories go in order of time, so that a block sees only what lies in its window. Every
    pair comes once: a block sees itself and what comes after it; the undated come first.
    """
    order = np.argsort(times, kind="stable")  # NaN sorts last
    dated = order[~np.isnan(times[order])]
    undated = order[np.isnan(times[order])]
    for start in range(0, len(undated), BLOCK):
        yield undated[start : start + BLOCK], np.concatenate((undated[start:], dated))
    for start in range(0, len(dated), BLOCK):
        rows = dated[start : start + BLOCK]
        end = np.searchsorted(times[dated], times[rows[-1]] + window, side="right")
        yield rows, dated[start:end]


def _sharing(index: sparse.csr_matrix, rows: Array, columns: Array) -> tuple[Array, Array]:
    """Positions of the pairs of a row and a column that share enough of their heaviest words."""
    shared = (index[rows] @ index[columns].T).tocoo()
    # `columns` begins with `rows` themselves: take each pair within the block once.
    wanted = (shared.data >= MIN_SHARED) & (shared.col > shared.row)
    return rows[shared.row[wanted]], columns[shared.col[wanted]]


def _cosines(full: sparse.csr_matrix, left: Array, right: Array) -> Array:
    found = np.empty(len(left))
    for start in range(0, len(left), PAIRS_AT_ONCE):
        part = slice(start, start + PAIRS_AT_ONCE)
        products = full[left[part]].multiply(full[right[part]])
        found[part] = np.asarray(products.sum(axis=1)).ravel()
    return found
