"""Which group each story is in by now, and which groups nothing can change any more.

Comes in: what blocks have settled of their own groups (linkage.settled). Goes out: the pairs of
groups that are still to be settled, and in the end the events with their numbers. Numbers alone:
a story is its row in the order of URLs, a group the smallest row in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from pipeline.scale import columns

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """`group_of[row]` is the group of a story, `is_open[group]` whether it may still change."""

    group_of: Array
    is_open: Array

    @property
    def sizes(self) -> Array:
        return np.bincount(self.group_of, minlength=len(self.group_of))

    def after(self, told: pa.Table) -> Standing:
        """With what blocks have told of their own groups (columns.GROUP). An open group that none
        has told of has nothing to be joined with."""
        root, is_open = np.arange(len(self.group_of)), np.zeros_like(self.is_open)
        groups = told["group"].to_numpy()
        root[groups] = told["root"].to_numpy()
        is_open[root[groups]] = told["open"].to_numpy(zero_copy_only=False)
        return Standing(root[self.group_of], is_open)

    def between(self, pairs: pa.Table) -> pa.Table:
        """The pairs as pairs of open groups; of two groups there can be several yet."""
        left = self.group_of[pairs["left"].to_numpy()]
        right = self.group_of[pairs["right"].to_numpy()]
        kept = (left != right) & self.is_open[left] & self.is_open[right]
        ends = np.minimum(left, right)[kept], np.maximum(left, right)[kept]
        total = pairs["total"].to_numpy()[kept]
        return pa.table([*ends, total], schema=columns.PAIR)


def standing_alone(count: int) -> Standing:
    """Every story by itself, and open."""
    return Standing(np.arange(count), np.ones(count, dtype=bool))


def by_time(out_by: Array) -> Array:
    """The id of each story, from 1: by when it was out, then by URL, which is the order of rows."""
    ids = np.empty(len(out_by), dtype=np.int64)
    ids[np.argsort(out_by, kind="stable")] = np.arange(1, len(out_by) + 1)
    return ids


def events_of(group_of: Array, ids: Array) -> Array:
    """The event of each story, from 1, in the order of their first reports."""
    first = np.full(len(ids), np.iinfo(np.int64).max)
    np.minimum.at(first, group_of, ids)
    return np.unique(first[group_of], return_inverse=True)[1] + 1


def buckets(event_of: Array, size: int) -> Array:
    """The bucket of each story: whole events, in their order, of some `size` stories."""
    counts = np.bincount(event_of)
    before = np.cumsum(counts) - counts
    return (before // size)[event_of]
