"""Which of many numbered things belong together, as pairs of them are told (union-find).

Comes in: pairs of positions, many at a time, as two arrays. Goes out: groups, at any moment
between. Groups are only ever joined, and it never asks what the things are. (Galler and Fischer,
1964; ways are halved: Tarjan and van Leeuwen, 1984.) Where all pairs are known from the start,
connected_components of SciPy does the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Groups:
    """Positions 0 to `count` - 1, each alone at first; the root of a group is its smallest."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def roots(self, positions: Array) -> Array:
        """The root of the group of each position, in the same shape, (n,)."""
        found = self._parent[positions]
        while True:
            above = self._parent[self._parent[found]]
            if np.array_equal(above, found):
                break
            self._parent[found] = above  # halves the way for those that ask next
            found = above
        self._parent[positions] = found
        return found

    def apart(self, left: Array, right: Array) -> Array:
        """Which of the n pairs (left[i], right[i]) are of two groups: n booleans."""
        different: Array = self.roots(left) != self.roots(right)
        return different

    def join(self, left: Array, right: Array) -> None:
        """Make one group of the groups of each of the n pairs; in which order is all one."""
        while len(left):
            left, right = self.roots(left), self.roots(right)
            open_ = left != right
            left, right = left[open_], right[open_]
            # Where several pairs have one larger root the last wins: the others come again.
            self._parent[np.maximum(left, right)] = np.minimum(left, right)

    def all(self) -> list[list[int]]:
        """The groups of two and more: each ascending, and in the order of their roots."""
        roots = self.roots(np.arange(len(self._parent)))
        some = np.flatnonzero(np.bincount(roots)[roots] > 1)  # most are alone
        order = some[np.argsort(roots[some], kind="stable")]
        cuts = np.flatnonzero(np.diff(roots[order])) + 1
        return [group.tolist() for group in np.split(order, cuts) if len(group)]
