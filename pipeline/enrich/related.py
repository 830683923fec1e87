"""Other events about the same names, which are other happenings.

Comes in: the names of each event with counts, its time, and in how many events a name stands.
Goes out: for each event the few that share its rare names, nearer ones first. Names that
everybody has (a day, a country) relate nothing. Two events of one category are related, too, when
a roundup tells of both: its editor has put them side by side. Of an event of which it is known how
much its names say in all, its marks do, and nobody need spell its names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from hashlib import blake2b
from heapq import nsmallest
from itertools import groupby, islice, permutations
from math import log
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from pipeline.enrich import numbers
from pipeline.enrich.subject import holds
from storage.models import Related

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

WINDOW = timedelta(days=30)  # further apart, two events have little to tell each other
FADES_IN = 20.0  # days after which a relation counts exp(-1)
MOST = 5
ENOUGH = 0.1  # score below which two events only happen to mention the same company
ENOUGH_ALONE = 0.3  # cosine from which a single shared name, in no title, is what both are about
COMMON = 0.05  # a name in a larger share of the events than this relates nothing by itself
COMMON_IN_ALL = 200  # events: with very many, less than that share is common, too
ALWAYS_RARE = 6  # events; with few events at all every name would look common
ROUNDUP = "roundup"
BY_EDITOR = 0.8  # of the weaker of the two relations to the roundup
_BYLINE = re.compile(r"(?:By|Von|Reporting|Editing)\s")
AT_ONCE = 250  # events that are held against all others in one step: bounds the memory
_MARK = np.dtype([("name", "<u8"), ("mentions", "<u2")])
ROUNDING = 1e-4  # of what a score can be at most, which is summed in another order


@dataclass(frozen=True, slots=True)
class EventNames:
    """What an event is about, as names with the number of its stories that have each; or these as
    `marks_of` has them.

    Names of sources do not belong in here: "Reuters" relates nothing. `length` is how much all of
    them say, as Near has it, where that is known.
    """

    event_id: int
    names: Mapping[str, int] | bytes
    when: datetime
    category: str = ""
    title: str = ""
    length: float | None = None


def marks_of(names: Mapping[str, int]) -> bytes:
    """Names as numbers, with their counts; without what relates nothing. 10 bytes a name."""
    told = [(_number(name), min(n, 0xFFFF)) for name, n in names.items() if relates(name)]
    return np.array(told, _MARK).tobytes()


class _Both(NamedTuple):
    """Another event by its row, how near and how alike it is, and the names that both have: their
    columns, and how much each says of the two."""

    row: int
    score: float
    alike: float
    names: NDArray[np.intp]
    said: NDArray[np.float64]


class _Pairs(NamedTuple):
    """Pairs of events by their rows; a row of `shared` tells what each name says of a pair."""

    lefts: NDArray[np.intp]
    rights: NDArray[np.intp]
    scores: NDArray[np.float64]
    alike: NDArray[np.float64]
    shared: csr_matrix

    def others(self) -> Iterator[tuple[int, Iterator[_Both]]]:
        """Each event on the left with those on its right, the nearest first."""
        order = np.lexsort((self.rights, -self.scores, self.lefts)).tolist()
        for left, pairs in groupby(order, key=self.lefts.tolist().__getitem__):
            yield left, map(self._right, pairs)

    def _right(self, pair: int) -> _Both:
        names = slice(*self.shared.indptr[pair : pair + 2])
        return _Both(
            int(self.rights[pair]),
            float(self.scores[pair]),
            float(self.alike[pair]),
            self.shared.indices[names],
            self.shared.data[names],
        )


def related(
    event: EventNames,
    others: Iterable[EventNames],
    frequency: Mapping[str, int],
    events: int,
) -> tuple[Related, ...]:
    """The events most related to one. `frequency` says in how many of the `events` a name is."""
    near = Near([event, *others], frequency, events)
    return near.nearest([event.event_id])[event.event_id]


def relate_all(
    events: Iterable[EventNames], frequency: Mapping[str, int], total: int
) -> dict[int, tuple[Related, ...]]:
    """The same for many events at once: only those with a rare name in common are compared."""
    return everybody(Near(events, frequency, total))


def everybody(near: Near) -> dict[int, tuple[Related, ...]]:
    """What all events are related to, none of which was related before."""
    found = near.nearest(near.known)
    roundups = {id_: told for id_, told in found.items() if near.known[id_].category == ROUNDUP}
    return side_by_side(found, roundups, near.known)


class Near:
    """Events as rows of a matrix of names, so that many are held against all others at once.

    `known` holds them by id, `lengths` how much the names of each say in all, as the length of a
    vector. `frequency` tells in how many of `total` events a name is: each that counts, and of
    events whose length is not known every name.
    """

    def __init__(
        self, events: Iterable[EventNames], frequency: Mapping[str, int], total: int
    ) -> None:
        self.known = {e.event_id: e for e in sorted(events, key=lambda event: event.event_id)}
        self._events = list(self.known.values())
        self._row = {event_id: row for row, event_id in enumerate(self.known)}
        self._days = np.array([event.when.timestamp() / 86_400 for event in self._events])
        # In the order of names: sums are then the same, whatever other events there are.
        self._columns = sorted(name for name in frequency if relates(name))
        self._names = self._matrix([_says(frequency[name], total) for name in self._columns])
        rare = np.array([is_rare(name, frequency, total) for name in self._columns], dtype=bool)
        self._rare = self._names[:, rare]
        common = self._names[:, ~rare]
        self._common_lengths = np.sqrt(np.asarray(common.multiply(common).sum(axis=1)).ravel())

    def _matrix(self, said: Sequence[float]) -> csr_matrix:
        """How much each name says of each event, as vectors of length 1: the rarer it is in others
        and the more frequent in this one, the more."""
        marks = [e.names if isinstance(e.names, bytes) else marks_of(e.names) for e in self._events]
        told = np.frombuffer(b"".join(marks), _MARK)
        sizes = np.fromiter((len(each) // _MARK.itemsize for each in marks), dtype=int)
        columns = _places(told["name"], [_number(name) for name in self._columns])
        some = columns >= 0
        rows, columns = np.repeat(np.arange(len(marks)), sizes)[some], columns[some]
        counts = np.log1p(told["mentions"][some], dtype=float)
        matrix = csr_matrix(
            (counts * np.array(said)[columns], (rows, columns)),
            shape=(len(marks), len(self._columns)),
        )
        matrix.eliminate_zeros()
        matrix.sort_indices()
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        known = np.array([event.length or np.nan for event in self._events], dtype=float)
        lengths = np.where(np.isnan(known), lengths.round(9), known)  # in whatever order summed
        self.lengths = dict(zip(self.known, lengths.tolist(), strict=True))
        matrix.data /= np.repeat(lengths, np.diff(matrix.indptr))
        return matrix

    def nearest(self, event_ids: Collection[int]) -> dict[int, tuple[Related, ...]]:
        """The most related events of each, none of which is a roundup."""
        found: dict[int, tuple[Related, ...]] = dict.fromkeys(sorted(event_ids), ())
        for row, others in self._others(event_ids):
            told = (both for both in others if self._events[both.row].category != ROUNDUP)
            relations = filter(None, (self._relation(row, both) for both in told))
            found[self._events[row].event_id] = tuple(islice(relations, MOST))
        return found

    def relations(self, event_ids: Collection[int]) -> dict[int, tuple[Related, ...]]:
        """All that each is related to, however many, roundups among them."""
        found: dict[int, tuple[Related, ...]] = {}
        for row, others in self._others(event_ids):
            relations = (self._relation(row, both) for both in others)
            found[self._events[row].event_id] = tuple(filter(None, relations))
        return found

    def _relation(self, row: int, both: _Both) -> Related | None:
        event, other = self._events[row], self._events[both.row]
        if len(both.names) == 1 and both.alike < ENOUGH_ALONE:
            name = self._columns[both.names[0]]
            if not (holds(event.title, [name]) and holds(other.title, [name])):
                return None
        telling = sorted(zip((-both.said).tolist(), both.names.tolist(), strict=True))[:3]
        names = ", ".join(self._columns[column] for _, column in telling)
        return Related(other.event_id, both.score, f"both name {names}")

    def _others(self, event_ids: Collection[int]) -> Iterator[tuple[int, Iterator[_Both]]]:
        """Each event, by its row, with the others that may be related to it, the nearest first."""
        rows = np.array(sorted(self._row[id_] for id_ in event_ids), dtype=int)
        for start in range(0, len(rows), AT_ONCE):
            yield from self._pairs(rows[start : start + AT_ONCE]).others()

    def _pairs(self, rows: NDArray[np.intp]) -> _Pairs:
        """Pairs of these events and others with a rare name of theirs that score high enough."""
        product = (self._rare[rows] @ self._rare.T).tocoo()
        lefts, rights, alike = rows[product.row], product.col, product.data
        days = np.abs(self._days[lefts] - self._days[rights])
        fades = np.exp(-days / FADES_IN)
        at_most = alike + self._common_lengths[lefts] * self._common_lengths[rights]
        open_ = (lefts != rights) & (days <= WINDOW.days) & (at_most * fades >= ENOUGH - ROUNDING)
        lefts, rights, fades = lefts[open_], rights[open_], fades[open_]
        shared = self._names[lefts].multiply(self._names[rights]).tocsr()
        alike = np.asarray(shared.sum(axis=1)).ravel()
        high = alike * fades >= ENOUGH
        scores = np.minimum(alike * fades, 1.0).round(4)
        return _Pairs(lefts[high], rights[high], scores[high], alike[high], shared[high])


def _places(wanted: NDArray[np.uint64], numbers: Sequence[int]) -> NDArray[np.intp]:
    """Where each of the wanted stands among the numbers; -1 for one that does not."""
    known = np.array(numbers, np.uint64)
    order = np.argsort(known)
    known = np.append(known[order], np.uint64(0))
    place = np.searchsorted(known[:-1], wanted)
    found: NDArray[np.intp] = np.where(known[place] == wanted, np.append(order, -1)[place], -1)
    return found


def side_by_side(
    found: Mapping[int, Sequence[Related]],
    roundups: Mapping[int, Sequence[Related]],
    events: Mapping[int, EventNames],
) -> dict[int, tuple[Related, ...]]:
    """The same, and what roundups have put side by side. `roundups` are what these are related to;
    `events` holds whatever is in their lists."""
    best: dict[int, dict[int, Related]] = {
        event_id: {related.event_id: related for related in told}
        for event_id, told in found.items()
    }
    for roundup, told in roundups.items():
        for left, right in permutations(told, 2):
            if events[left.event_id].category != events[right.event_id].category:
                continue
            if left.event_id not in best:
                continue
            score = round(BY_EDITOR * min(left.score, right.score), 4)
            because = f"“{events[roundup].title}” tells of both"
            known = best[left.event_id].get(right.event_id)
            if known is None or known.score < score:
                best[left.event_id][right.event_id] = Related(right.event_id, score, because)
    return {id_: first(related.values()) for id_, related in best.items()}


def first(related: Iterable[Related]) -> tuple[Related, ...]:
    """The most related ones, which are told."""
    return tuple(nsmallest(MOST, related, key=_by_score))


def _by_score(related: Related) -> tuple[float, int]:
    return -related.score, related.event_id


def _says(count: int, total: int) -> float:
    """How much a name in so many of all events says of one that has it: the rarer, the more, and 1
    what no other has. (IDF, Sparck Jones, 1972, as a share of the most that there can be: so it
    grows no more with the number of events, and lengths that were worked out long ago still hold.)
    """
    return max(1 - log(max(count, 1)) / log(total + 1), 0.0)


@lru_cache(maxsize=100_000)
def _number(name: str) -> int:
    """The same on every machine; of a million names hardly two have one."""
    digest = blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


@lru_cache(maxsize=100_000)
def relates(name: str) -> bool:
    """Whether it names somebody or something: no day, month, country, byline or button does."""
    if len(name) <= 2 or _BYLINE.match(name) or name in _no_names():
        return False
    return not all(word.isdigit() or word in _no_names() for word in name.split())


@lru_cache(maxsize=1)
def _no_names() -> frozenset[str]:
    table = numbers.data()["no_names"]
    return frozenset([*table["words"], *table["places"], *table["furniture"]])


def is_rare(name: str, frequency: Mapping[str, int], total: int) -> bool:
    return frequency.get(name, 1) <= max(ALWAYS_RARE, min(COMMON * total, COMMON_IN_ALL))
