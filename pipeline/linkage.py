"""Average linkage over a sparse graph: the method that puts matches together.

Comes in: pairs with scores. Goes out: groups whose members are alike on average. Pairs that are
not given count as 0. (UPGMA: Sokal and Michener, 1958; here with a heap over the pairs that
exist, so that the cost follows these and not all pairs.) It knows nothing about stories.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def groups(
    count: int, pairs: Iterable[tuple[int, int, float]], threshold: float
) -> list[list[int]]:
    """Groups of 0..count-1, each sorted, in the order of their smallest members.

    Two groups are joined while the mean score over all pairs across them is at least
    `threshold`, the most alike first; among equals the smaller numbers go first, so that the
    result depends on the numbering alone.
    """
    linkage = _Linkage(count, pairs, threshold)
    linkage.run()
    return [sorted(members) for members in linkage.members if members]


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
