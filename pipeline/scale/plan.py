"""Which stories are compared and linked where, so that no task holds more than it should.

Comes in: the times and languages of all stories, as numbers. Goes out: tasks. It never sees a
story. Stories are put in the order of language and time. A task compares a stretch of them with
each other and with those after it that a window can reach; where these are too many for one task,
several share them. Undated stories come first in their language, and reach all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much a task holds at most. It bounds the memory, and changes nothing else."""

    own: int = 25_000  # stories that are compared with each other and all others
    others: int = 75_000  # stories that these are compared with
    block: int = 25_000  # stories whose groups are linked together
    few_pairs: int = 2_000_000  # that are linked in one place, and need no blocks any more
    bucket: int = 2_000  # stories whose events are described together


USUAL = Sizes()


@dataclass(frozen=True, slots=True)
class Task:
    """Stretches of the order: own ones, and others after them. Several tasks can have the same
    own ones; the first of them compares these with each other, too."""

    own: tuple[int, int]
    others: tuple[int, int]
    first: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """`place[row]` is where a story stands in the order, -1 for one that is compared with none."""

    place: Array
    tasks: tuple[Task, ...]

    def wanted(self, rows: Array) -> tuple[Array, Array, Array]:
        """For each task that wants some of these rows: which (indices), the task of each, and
        whether they are its own."""
        places = self.place[rows]
        found = []
        for number, task in enumerate(self.tasks):
            for (start, end), is_own in ((task.own, True), (task.others, False)):
                at = np.flatnonzero((places >= start) & (places < end))
                if len(at):
                    found.append((at, np.full(len(at), number), np.full(len(at), is_own)))
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_)
        at, numbers, own = (np.concatenate(part) for part in zip(*found, strict=True))
        return at, numbers, own


def plan(
    languages: Array,
    times: Array,
    alone: Array,
    seconds: float,
    sizes: Sizes,
) -> Plan:
    """`times` are in seconds, NaN for the undated; those `alone` are compared with none; two
    dated stories more than `seconds` apart are never compared."""
    order = np.lexsort((times, ~np.isnan(times), languages))
    order = order[~alone[order]]
    place = np.full(len(times), -1, dtype=np.int64)
    place[order] = np.arange(len(order))
    return Plan(place, tuple(_tasks(languages[order], times[order], seconds, sizes)))


def _tasks(languages: Array, times: Array, seconds: float, sizes: Sizes) -> Iterator[Task]:
    own, others = sizes.own, sizes.others
    bounds = np.flatnonzero(np.diff(languages, prepend=-1, append=-1)).tolist()
    for begin, stop in pairwise(bounds):
        dated = begin + int(np.isnan(times[begin:stop]).sum())
        for start in range(begin, dated, own):
            end = min(start + own, dated)
            yield from _shared((start, end), stop, others)
        for start in range(dated, stop, own):
            end = min(start + own, stop)
            last = np.searchsorted(times[dated:stop], times[end - 1] + seconds, side="right")
            yield from _shared((start, end), dated + int(last), others)


def _shared(own: tuple[int, int], last: int, others: int) -> Iterator[Task]:
    """The tasks of one stretch, whose others go up to `last`."""
    starts = range(own[1], last, others) or [own[1]]
    for number, start in enumerate(starts):
        yield Task(own, (start, min(start + others, max(last, own[1]))), number == 0)
