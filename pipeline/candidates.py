"""Which stories are worth comparing at all: never all pairs.

Comes in: a window. Goes out: pairs of its rows that share some of their heaviest words, or with an
embedding are alike in meaning, whose times are near, and which are in one language, unless the
embedding knows many. Whether two stories are compared follows from the two alone. It decides
nothing about events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.embeddings import at_least
from pipeline.signals import cosines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scipy import sparse

    from pipeline.window import Window

MIN_SHARED = 0.05  # cosine over the heaviest words alone; below this nothing else can help
MIN_EXPECTED = 0.12  # cosine over all words, as far as the heaviest ones tell
OF_THE_REST = 0.15  # cosine of the rests of two stories that share some of their heaviest words
MIN_COSINE = 0.17  # over all words; only pairs beyond it can bring two groups together
MIN_LIKE = 0.6  # cosine of vectors; two that share no heavy word and are less alike are two events
BLOCK = 1000  # stories that are looked up at once: bounds the memory

Array = np.ndarray[Any, Any]


def candidates(
    window: Window, rows: Array, others: Array, seconds: float
) -> Iterator[tuple[Array, Array, Array]]:
    """Pairs of a row and another one that are worth comparing, and the cosines of their words, in
    blocks, each pair once.

    `others` are the rows that each is compared with beside `rows` themselves; two dated stories
    more than `seconds` apart are never compared, an undated one is compared with all.
    """
    for some, known in _blocks(window.times, rows, others, seconds):
        left, right = _sharing_words(window, some, known)
        one_language = window.languages[left] == window.languages[right]
        left, right = _near(window, left[one_language], right[one_language], seconds)
        cosine = cosines(window, left, right)
        enough = cosine >= MIN_COSINE
        left, right, cosine = left[enough], right[enough], cosine[enough]
        if window.directions is not None:
            alike = _near(window, *_alike(window, some, known), seconds)
            left, right = _united((left, right), alike, len(window))
            cosine = cosines(window, left, right)
        yield np.minimum(left, right), np.maximum(left, right), cosine


def _sharing_words(window: Window, rows: Array, columns: Array) -> tuple[Array, Array]:
    """The pairs of a row and a column whose heaviest words promise that all of them are alike. Of
    a long text the heaviest words are a small part: there the rest may hold as much again."""
    left, right, shared = _sharing(window.index, rows, columns, MIN_SHARED)
    expected = shared + OF_THE_REST * window.rests[left] * window.rests[right]
    enough = expected >= MIN_EXPECTED
    return left[enough], right[enough]


def _near(window: Window, left: Array, right: Array, seconds: float) -> tuple[Array, Array]:
    near = ~(np.abs(window.times[left] - window.times[right]) > seconds)  # NaN is near
    return left[near], right[near]


def _alike(window: Window, rows: Array, columns: Array) -> tuple[Array, Array]:
    """The pairs of a row and a column that are alike in meaning, of those that may be."""
    assert window.vectors is not None
    left, right, _ = _sharing(window.directions, rows, columns, 1)
    if not window.multilingual:
        one_language = window.languages[left] == window.languages[right]
        left, right = left[one_language], right[one_language]
    return at_least(window.vectors, left, right, MIN_LIKE)


def _united(
    some: tuple[Array, Array], more: tuple[Array, Array], count: int
) -> tuple[Array, Array]:
    """The pairs of both (rows of `count`), each once."""
    keys = [left.astype(np.int64) * count + right for left, right in (some, more)]
    left, right = np.divmod(np.union1d(*keys), count)
    return left, right


def _blocks(
    times: Array, rows: Array, others: Array, seconds: float
) -> Iterator[tuple[Array, Array]]:
    """Rows that are looked up together, and the rows that may be near enough to them.

    In order of time, so that a block sees only what lies in its window. A block sees itself and
    the rows after it; the undated come first.
    """
    dated, undated = _in_time(times, rows)
    known, timeless = _in_time(times, others)
    for start in range(0, len(undated), BLOCK):
        after = np.concatenate((undated[start:], dated, known, timeless))
        yield undated[start : start + BLOCK], after
    for start in range(0, len(dated), BLOCK):
        some = dated[start : start + BLOCK]
        first, last = times[some[0]] - seconds, times[some[-1]] + seconds
        end = np.searchsorted(times[dated], last, side="right")
        begin, stop = np.searchsorted(times[known], (first, last), side="left")
        stop += int(np.searchsorted(times[known[stop:]], last, side="right"))
        yield some, np.concatenate((dated[start:end], known[begin:stop], timeless))


def _in_time(times: Array, rows: Array) -> tuple[Array, Array]:
    """The dated rows in order of time, and the undated ones."""
    order = rows[np.argsort(times[rows], kind="stable")]  # NaN sorts last
    is_dated = ~np.isnan(times[order])
    return order[is_dated], order[~is_dated]


def _sharing(
    index: sparse.csr_matrix, rows: Array, columns: Array, least: float
) -> tuple[Array, Array, Array]:
    """The pairs of a row and a column that share enough of their heaviest words or directions, and
    how much they share."""
    shared = index[rows] @ index[columns].T
    places = np.flatnonzero(shared.data >= least)
    row = np.searchsorted(shared.indptr, places, side="right") - 1
    column = shared.indices[places]
    # `columns` begins with `rows` themselves: take each pair within the block once.
    once = column > row
    return rows[row[once]], columns[column[once]], shared.data[places[once]]
