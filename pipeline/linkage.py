"""Average linkage over a sparse graph: the method that puts matches together.

Comes in: pairs with scores. Goes out: groups whose members are alike on average. Pairs that are
not given count as 0. (UPGMA: Sokal and Michener, 1958; here with a heap over the pairs that
exist, so that the cost follows these and not all pairs.) It knows nothing about stories.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Array = np.ndarray[Any, Any]


def groups(
    count: int, left: Array, right: Array, scores: Array, threshold: float
) -> list[list[int]]:
    """Groups of 0..count-1, each sorted, in the order of their smallest members.

    Pair i has the members left[i] and right[i] and the score scores[i]; each pair is given once.
    Two groups are joined while the mean score over all pairs across them is at least
    `threshold`, the most alike first; among equals the smaller numbers go first, so that the
    result depends on the numbering alone.
    """
    found: list[list[int]] = []
    for members, pairs in _components(count, left, right, scores, threshold):
        found += _linked(members, pairs, threshold)
    return sorted(found)


def _components(
    count: int, left: Array, right: Array, scores: Array, threshold: float
) -> Iterator[tuple[list[int], tuple[Array, Array, Array]]]:
    """Parts that no pair at the threshold connects: no group reaches across them."""
    strong = scores >= threshold
    ones = np.ones(int(strong.sum()), dtype=np.int8)
    graph = sparse.coo_matrix((ones, (left[strong], right[strong])), shape=(count, count))
    number, part = connected_components(graph, directed=False)
    order = np.argsort(part, kind="stable")
    bounds = np.searchsorted(part[order], np.arange(number + 1))
    inside = np.flatnonzero(part[left] == part[right])
    inside = inside[np.argsort(part[left[inside]], kind="stable")]
    pair_bounds = np.searchsorted(part[left[inside]], np.arange(number + 1))
    for (start, end), (first, last) in zip(pairwise(bounds), pairwise(pair_bounds), strict=True):
        chosen = inside[first:last]
        yield order[start:end].tolist(), (left[chosen], right[chosen], scores[chosen])


def _linked(
    members: list[int], pairs: tuple[Array, Array, Array], threshold: float
) -> list[list[int]]:
    if len(members) <= 2:
        return [members]  # one alone, or two with a pair at the threshold
    place = {member: position for position, member in enumerate(members)}
    left, right, scores = (part.tolist() for part in pairs)
    linkage = _Linkage(
        len(members),
        ((place[a], place[b], score) for a, b, score in zip(left, right, scores, strict=True)),
        threshold,
    )
    linkage.run()
    return [sorted(members[place] for place in group) for group in linkage.members if group]


class _Linkage:
    """The state of one run: what each group holds, and the sums of scores between groups."""

    def __init__(
        self, count: int, pairs: Iterable[tuple[int, int, float]], threshold: float
    ) -> None:
        self.members: list[list[int]] = [[position] for position in range(count)]
        self._threshold = threshold
        self._sums: list[dict[int, float]] = [{} for _ in range(count)]
        self._changes = [0] * count  # tells entries of the heap that are out of date
        for left, right, score in pairs:
            self._sums[left][right] = self._sums[right][left] = score
        self._heap: list[tuple[float, int, int, int, int]] = []
        for left in range(count):
            for right in self._sums[left]:
                if left < right:
                    self._propose(left, right, push=False)
        heapify(self._heap)

    def _propose(self, left: int, right: int, *, push: bool = True) -> None:
        left, right = min(left, right), max(left, right)
        mean = self._sums[left][right] / (len(self.members[left]) * len(self.members[right]))
        if mean >= self._threshold:
            entry = (-mean, left, right, self._changes[left], self._changes[right])
            if push:
                heappush(self._heap, entry)
            else:
                self._heap.append(entry)

    def run(self) -> None:
        while self._heap:
            _, left, right, left_change, right_change = heappop(self._heap)
            if (self._changes[left], self._changes[right]) == (left_change, right_change):
                self._join(left, right)

    def _join(self, left: int, right: int) -> None:
        """`right` becomes a part of `left`."""
        self.members[left] += self.members[right]
        self.members[right] = []
        self._changes[left] += 1
        self._changes[right] = -1  # no entry of the heap is about it any more
        del self._sums[left][right]
        for other, total in self._sums[right].items():
            if other != left:
                del self._sums[other][right]
                self._sums[left][other] = self._sums[left].get(other, 0.0) + total
                self._sums[other][left] = self._sums[left][other]
        self._sums[right] = {}
        for other in self._sums[left]:
            self._propose(left, other)
