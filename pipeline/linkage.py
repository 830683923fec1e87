"""Average linkage over a sparse graph: the method that puts matches together.

Comes in: pairs with scores. Goes out: groups whose members are alike on average. Pairs that are
not given count as 0. (UPGMA: Sokal and Michener, 1958; here with a heap over the pairs that
exist, so that the cost follows these and not all pairs.) What somebody says is together, or apart,
stays so whatever the scores; it is no likeness, so it neither adds to a mean nor thins it out. It
knows nothing about stories.

Who joins two groups makes neither more alike to a third one than it was to the nearer of the two.
So two groups that are each other's nearest are joined whatever becomes of all others, and one that
has nothing alike stays as it is: a part of the graph can be settled by itself, as far as it sees.
Sums are whole billionths, and so the same in any order.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

BILLION = 1e9

if TYPE_CHECKING:
    from collections.abc import Iterable

    Array = np.ndarray[Any, Any]
    _Entry = tuple[float, int, int, int, int, int]  # -mean, two groups, their changes, whose it is


def groups(
    count: int,
    left: Array,
    right: Array,
    scores: Array,
    threshold: float,
    together: Iterable[Iterable[int]] = (),
    apart: Iterable[tuple[Iterable[int], Iterable[int]]] = (),
) -> list[list[int]]:
    """Groups of 0..count-1, each sorted, in the order of their smallest members.

    Pair i has the members left[i] and right[i] and the score scores[i]; each pair is given once.
    Two groups are joined while the mean score over all pairs across them is at least
    `threshold`, the most alike first; among equals the smaller numbers go first, so that the
    result depends on the numbering alone.

    The members of each of `together` end in one group, with all that are alike to any of them; and
    none of the one side of an `apart` is in a group with one of the other. The two must not
    contradict each other.
    """
    bonds = _Bonds(together, apart)
    whole, enough = in_billionths(scores), float(in_billionths(threshold))
    linkage = _Linkage(_connected(count, left, right, whole, enough), enough, bonds)
    linkage.run()
    found: dict[int, list[int]] = {}
    for group, members in enumerate(linkage.members):
        if members:
            found.setdefault(bonds.of(group), []).extend(members)
    return sorted(sorted(members) for members in found.values())


def in_billionths(scores: Any) -> Any:
    """Scores as whole numbers, whose sums are exact."""
    return np.rint(np.asarray(scores, dtype=float) * BILLION)


def settled(
    sizes: Array, left: Array, right: Array, sums: Array, threshold: float, own: Array
) -> tuple[Array, Array]:
    """As much of groups() as a part of the graph can tell by itself.

    `sums` are those of the scores across the groups left[i] and right[i], in billionths, and
    `sizes` how many members each group has; each pair is given once. All pairs of the groups that
    are `own` are there. Goes out: for each group the smallest number of those that it is joined
    with, and whether it is open yet: its nearest is not own, or is open itself. What is not open
    stays as it is, whatever becomes of the others. With all own nothing is open.
    """
    shape = (len(sizes), len(sizes))
    both = (np.concatenate([left, right]), np.concatenate([right, left]))
    matrix = sparse.csr_matrix((np.concatenate([sums, sums]).astype(float), both), shape=shape)
    linkage = _Linkage(matrix, float(in_billionths(threshold)), _Bonds((), ()), sizes)
    linkage.stuck = set(np.flatnonzero(~own).tolist())
    linkage.run()
    root = np.arange(len(sizes))
    for group, members in enumerate(linkage.members):
        root[members] = group
    is_open = np.zeros(len(sizes), dtype=bool)
    is_open[list(linkage.stuck)] = True
    return root, is_open[root]


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


class _Bonds:
    """Which groups are bound together whatever their scores, and which must not be. A bond is
    named by one of its groups; a group without any word about it is a bond of its own."""

    def __init__(
        self,
        together: Iterable[Iterable[int]],
        apart: Iterable[tuple[Iterable[int], Iterable[int]]],
    ) -> None:
        self._upper: dict[int, int] = {}
        self._apart: dict[int, set[int]] = {}
        for members in together:
            first, *others = sorted(members)
            for other in others:
                self.join(first, other)
        for side, far in apart:
            for one, other in product({*map(self.of, side)}, {*map(self.of, far)}):
                self._apart.setdefault(one, set()).add(other)
                self._apart.setdefault(other, set()).add(one)

    def of(self, group: int) -> int:
        """The bond of a group."""
        while group in self._upper:
            group = self._upper[group]
        return group

    def part(self, group: int, other: int) -> bool:
        """Whether two groups must not be joined."""
        return bool(self._apart) and self.of(other) in self._apart.get(self.of(group), ())

    def join(self, group: int, other: int) -> None:
        """Two groups are in one bond from now on, and keep away from all that either must."""
        upper, lower = sorted((self.of(group), self.of(other)))
        if upper == lower:
            return
        self._upper[lower] = upper
        for far in self._apart.pop(lower, ()):
            self._apart[far].discard(lower)
            self._apart[far].add(upper)
            self._apart.setdefault(upper, set()).add(far)


class _Linkage:
    """The state of one run: what each group holds, the sums of scores between groups, and a heap
    with the nearest group of each.

    Who joins two groups makes neither of them more alike to a third one than it was to the nearer
    of the two. So the nearest of a group stays its nearest until it changes itself, and an entry of
    the heap that is out of date only ever promises too much: it is looked up anew when it comes up.
    So is one of two groups that must not be joined since other groups were.
    """

    def __init__(
        self,
        scores: sparse.csr_matrix,
        threshold: float,
        bonds: _Bonds,
        sizes: Array | None = None,
    ) -> None:
        count = scores.shape[0]
        self.stuck: set[int] = set()  # of which not all pairs are known, or those of their nearest
        self._sizes = [1] * count if sizes is None else sizes.tolist()
        self._bonds = bonds
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
        sizes, size = self._sizes, self._sizes[group]
        best, nearest = self._threshold, -1
        for other, total in self._sums[group].items():
            mean = total / (size * sizes[other])
            if mean > best or (mean == best and not 0 <= nearest < other):
                if self._bonds.part(group, other):
                    continue
                best, nearest = mean, other
        if nearest < 0:
            return None
        left, right = min(group, nearest), max(group, nearest)
        return (-best, left, right, self._changes[left], self._changes[right], group)

    def run(self) -> None:
        while self._heap:
            _, left, right, left_change, right_change, group = heappop(self._heap)
            is_current = (self._changes[left], self._changes[right]) == (left_change, right_change)
            if is_current and not self.stuck.isdisjoint((left, right)):
                self.stuck.add(group)  # its nearest will not change here, and so it will not
                continue
            if is_current and not self._bonds.part(left, right):
                self._join(left, right)
                self._bonds.join(left, right)
                group = left
            if self.members[group] and (entry := self._nearest(group)):
                heappush(self._heap, entry)

    def _join(self, left: int, right: int) -> None:
        """`right` becomes a part of `left`."""
        self.members[left] += self.members[right]
        self.members[right] = []
        self._sizes[left] += self._sizes[right]
        self._changes[left] += 1
        self._changes[right] = -1  # no entry of the heap is about it any more
        del self._sums[left][right]
        mine, sums = self._sums[left], self._sums
        for other, total in sums[right].items():
            if other != left:
                its = sums[other]
                del its[right]
                mine[other] = its[left] = mine.get(other, 0.0) + total
        self._sums[right] = {}
