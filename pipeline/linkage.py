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
    Array = np.ndarray[Any, Any]
    _Entry = tuple[float, int, int, int, int, int]  # -mean, two groups, their changes, whose it is


def groups(
    count: int, left: Array, right: Array, scores: Array, threshold: float
) -> list[list[int]]:
    """Groups of 0..count-1, each sorted, in the order of their smallest members.

    Pair i has the members left[i] and right[i] and the score scores[i]; each pair is given once.
    Two groups are joined while the mean score over all pairs across them is at least
    `threshold`, the most alike first; among equals the smaller numbers go first, so that the
    result depends on the numbering alone.
    """
    linkage = _Linkage(_connected(count, left, right, scores, threshold), threshold)
    linkage.run()
    return [sorted(members) for members in linkage.members if members]


def _connected(
    count: int, left: Array, right: Array, scores: Array, threshold: float
) -> sparse.csr_matrix:
    """The scores from both sides, without those of pairs that lie in two parts which no score at
    the threshold connects: no group reaches across these."""
    strong = scores >= threshold
    shape = (count, count)
    graph = sparse.coo_matrix((strong[strong], (left[strong], right[strong])), shape=shape)
    part = connected_components(graph, directed=False)[1]
    inside = part[left] == part[right]
    left, right, scores = left[inside], right[inside], scores[inside]
    both = (np.concatenate([left, right]), np.concatenate([right, left]))
    return sparse.csr_matrix((np.concatenate([scores, scores]), both), shape=shape)


class _Linkage:
    """The state of one run: what each group holds, the sums of scores between groups, and a heap
    with the nearest group of each.

    Who joins two groups makes neither of them more alike to a third one than it was to the nearer
    of the two. So the nearest of a group stays its nearest until it changes itself, and an entry of
    the heap that is out of date only ever promises too much: it is looked up anew when it comes up.
    """

    def __init__(self, scores: sparse.csr_matrix, threshold: float) -> None:
        count = scores.shape[0]
        self.members: list[list[int]] = [[position] for position in range(count)]
        self._threshold = threshold
        others, sums = scores.indices.tolist(), scores.data.tolist()
        self._sums: list[dict[int, float]] = [
            dict(zip(others[start:end], sums[start:end], strict=True))
            for start, end in pairwise(scores.indptr.tolist())
        ]
        self._changes = [0] * count  # tells entries of the heap that are out of date
        entries = (self._nearest(group) for group in range(count) if self._sums[group])
        self._heap = [entry for entry in entries if entry is not None]
        heapify(self._heap)

    def _nearest(self, group: int) -> _Entry | None:
        """The group that is the most alike, if it is alike enough; among equals the smallest."""
        size = len(self.members[group])
        best, nearest = self._threshold, -1
        for other, total in self._sums[group].items():
            mean = total / (size * len(self.members[other]))
            if mean > best or (mean == best and not 0 <= nearest < other):
                best, nearest = mean, other
        if nearest < 0:
            return None
        left, right = min(group, nearest), max(group, nearest)
        return (-best, left, right, self._changes[left], self._changes[right], group)

    def run(self) -> None:
        while self._heap:
            _, left, right, left_change, right_change, group = heappop(self._heap)
            if (self._changes[left], self._changes[right]) == (left_change, right_change):
                self._join(left, right)
                group = left
            if self.members[group] and (entry := self._nearest(group)):
                heappush(self._heap, entry)

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
