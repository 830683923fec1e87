"""Many readings as columns of numbers, so that signals work on thousands of pairs at once.

Comes in: readings, and the vectors of their words where an embedding is used. Goes out: a Window:
arrays with a place for every story, and for each facet a sparse matrix with a row for every story.
It compares nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from pipeline.directions import directions
from pipeline.reading import _HEAD, COLUMNS, FACETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.embeddings import Meaning
    from pipeline.reading import Reading

HEAVIEST = 24  # words of a story that stand in the index; the others cannot make a candidate

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """Stories side by side. All arrays and matrices have one row a story, in the same order.

    `times` are seconds, NaN for the undated; `languages` and `sources` are numbers that are equal
    where these are; `index` holds the heaviest words only, `rests` the lengths of what it leaves
    out of `words`; `spoken` has a 1 a word, `totals` the sums of rows, NaN for empty ones; without
    an embedding there are neither `vectors` nor their `directions`.
    """

    readings: Sequence[Reading]
    times: Array
    languages: Array
    sources: Array
    stems: Array
    roundups: Array
    index: sparse.csr_matrix
    rests: Array
    facets: dict[str, sparse.csr_matrix]
    spoken: sparse.csr_matrix
    totals: dict[str, Array]
    vectors: Array | None = None
    directions: sparse.csr_matrix | None = None
    multilingual: bool = False

    def __len__(self) -> int:
        return len(self.readings)

    @property
    def embedded(self) -> bool:
        return self.vectors is not None


def window(readings: Sequence[Reading], meaning: Meaning | None = None) -> Window:
    """Put readings side by side."""
    marks = [reading.marks for reading in readings]
    heads = _joined((mark[:_HEAD] for mark in marks), "u1").reshape(-1, _HEAD)
    counts = _joined((mark[_HEAD : _HEAD + 2 * len(FACETS)] for mark in marks), "<u2")
    counts = counts.reshape(-1, len(FACETS)).astype(np.int64)
    totals = counts.sum(axis=1).tolist()
    start = _HEAD + 2 * len(FACETS)
    pairs = list(zip(marks, totals, strict=True))
    columns = _renumbered(_joined((mark[start : start + 4 * n] for mark, n in pairs), "<u4"))
    weights = _joined((mark[start + 4 * n :] for mark, n in pairs), "<f2").astype(np.float32)
    facets = {name: _facet(counts, number, columns, weights) for number, name in enumerate(FACETS)}
    index = _facet(np.minimum(counts, HEAVIEST), 0, columns, weights, skip=counts)
    vectors = None if meaning is None else meaning.rows(readings)
    return Window(
        readings=readings,
        times=np.array([r.at if r.dated else np.nan for r in readings], dtype=float),
        languages=_numbered([reading.language for reading in readings]),
        sources=_numbered([reading.source for reading in readings]),
        stems=heads[:, 2].astype(np.int64) + 256 * heads[:, 3].astype(np.int64),
        roundups=heads[:, 1].astype(bool),
        index=index,
        rests=np.sqrt(np.maximum(0.0, _squares(facets["words"]) - _squares(index))),
        facets=facets,
        spoken=_ones(facets["words"]),
        totals={name: _totals(facets[name]) for name in ("headline", "parties")},
        vectors=vectors,
        directions=None if vectors is None else directions(vectors),
        multilingual=meaning is not None and meaning.multilingual,
    )


def _joined(parts: Any, kind: str) -> Array:
    return np.frombuffer(b"".join(parts), dtype=kind)


def _renumbered(columns: Array) -> Array:
    """The columns that occur, as 0, 1, 2 and so on in the same order: a row that is spread out
    then fits the processor's cache."""
    occurs = np.zeros(COLUMNS, dtype=bool)
    occurs[columns] = True
    return (np.cumsum(occurs, dtype=np.int32) - 1)[columns]


def _squares(matrix: sparse.csr_matrix) -> Array:
    return np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=float).ravel()


def _ones(matrix: sparse.csr_matrix) -> sparse.csr_matrix:
    ones = np.ones_like(matrix.data)
    return sparse.csr_matrix((ones, matrix.indices, matrix.indptr), shape=matrix.shape)


def _totals(matrix: sparse.csr_matrix) -> Array:
    totals = np.asarray(matrix.sum(axis=1), dtype=float).ravel()
    totals[totals == 0] = np.nan
    return totals


def _numbered(names: list[str]) -> Array:
    return np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)[1]


def _facet(
    taken: Array, number: int, columns: Array, weights: Array, skip: Array | None = None
) -> sparse.csr_matrix:
    """The matrix of one facet. `taken` says how many marks of each facet a row takes, `skip` how
    many are stored."""
    stored = taken if skip is None else skip
    begins = np.concatenate(([0], np.cumsum(stored.ravel())))[:-1].reshape(stored.shape)
    lengths = taken[:, number]
    bounds = np.concatenate(([0], np.cumsum(lengths)))
    places = np.repeat(begins[:, number] - bounds[:-1], lengths) + np.arange(bounds[-1])
    matrix = sparse.csr_matrix(
        (weights[places], columns[places], bounds),
        shape=(len(lengths), int(columns.max(initial=-1)) + 1),
    )
    matrix.sum_duplicates()  # two marks of one story that meet in one column
    return matrix
