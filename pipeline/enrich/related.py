"""Other events about the same names, which are other happenings.

Comes in: the names of each event with counts, its time, and in how many events a name stands.
Goes out: for each event the few that share its rare names, nearer ones first. Names that
everybody has (a day, a country) relate nothing. Two events of one category are related, too, when
a roundup tells of both: its editor has put them side by side. Of an event of which it is known how
much its names say in all, only those that others share need to come in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from heapq import nsmallest
from itertools import chain, groupby, permutations
from math import exp, log, log1p, sqrt
from typing import TYPE_CHECKING

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
ROUNDING = 1e-4  # of scores, as they are stored


@dataclass(frozen=True, slots=True)
class EventNames:
    """What an event is about, as names with the number of its stories that have each.

    Names of sources do not belong in here: "Reuters" relates nothing. With the `length` of all
    names, as Near has it, `names` may be those alone that others share.
    """

    event_id: int
    names: Mapping[str, int]
    when: datetime
    category: str = ""
    title: str = ""
    length: float | None = None


@dataclass(frozen=True, slots=True)
class _Weighed:
    """An event's names, each with how much it says of it; `length` of that as a vector."""

    event_id: int
    when: datetime
    weights: Mapping[str, float]
    length: float
    title: str


def related(
    event: EventNames,
    others: Iterable[EventNames],
    frequency: Mapping[str, int],
    events: int,
) -> tuple[Related, ...]:
    """The events most related to one. `frequency` says in how many of the `events` a name is."""
    saying = _Saying(frequency, events)
    weighed = [_weigh(other, saying) for other in others]
    return _nearest(_weigh(event, saying), weighed, frequency, events)


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
    vector. `frequency` is that of all their names, in `total` events.
    """

    def __init__(
        self, events: Iterable[EventNames], frequency: Mapping[str, int], total: int
    ) -> None:
        self._frequency, self._total = frequency, total
        self._saying = _Saying(frequency, total)
        self._events = sorted(events, key=lambda event: event.event_id)
        self.known = {event.event_id: event for event in self._events}
        self._close: dict[int, _Weighed] = {}
        self._row = {event_id: row for row, event_id in enumerate(self.known)}
        self._days = np.array([event.when.timestamp() / 86_400 for event in self._events])
        column: dict[str, int] = {}
        self._names = self._matrix(column)
        rare = np.array([is_rare(name, frequency, total) for name in column], dtype=bool)
        self._rare = self._names[:, rare]
        common = self._names[:, ~rare]
        self._common_lengths = np.sqrt(np.asarray(common.multiply(common).sum(axis=1)).ravel())

    def _matrix(self, column: dict[str, int]) -> csr_matrix:
        """How much each name says of each event, as vectors of length 1: as `_weigh` has it, for
        all at once. `column` is filled with the column of each name."""
        told = [event.names for event in self._events]
        columns = [column.setdefault(name, len(column)) for name in chain.from_iterable(told)]
        counts = np.fromiter(chain.from_iterable(names.values() for names in told), dtype=float)
        said = np.fromiter((self._saying[name] for name in column), dtype=float)
        matrix = csr_matrix(
            (np.log1p(counts) * said[columns], columns, np.cumsum([0, *map(len, told)])),
            shape=(len(told), len(column)),
        )
        matrix.eliminate_zeros()
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        known = np.array([event.length or np.nan for event in self._events], dtype=float)
        lengths = np.where(np.isnan(known), lengths.round(9), known)  # in whatever order summed
        self.lengths = dict(zip(self.known, lengths.tolist(), strict=True))
        matrix.data /= np.repeat(lengths, np.diff(matrix.indptr))
        return matrix

    def _weighed(self, row: int) -> _Weighed:
        """Few of them are looked at closely, some of these often."""
        found = self._close.get(row)
        if found is None:
            found = self._close[row] = _weigh(self._events[row], self._saying)
        return found

    def nearest(self, event_ids: Collection[int]) -> dict[int, tuple[Related, ...]]:
        """The most related events of each, none of which is a roundup."""
        found: dict[int, tuple[Related, ...]] = dict.fromkeys(sorted(event_ids), ())
        for row, others in self._pairs(event_ids):
            relations: list[Related] = []
            for score, other in others:
                if self._events[other].category == ROUNDUP:
                    continue
                if len(relations) >= MOST and score < relations[MOST - 1].score - ROUNDING:
                    break
                relation = self._relation(row, other)
                if relation is not None:
                    relations = sorted([*relations, relation], key=_by_score)
            found[self._events[row].event_id] = tuple(relations[:MOST])
        return found

    def relations(self, event_ids: Collection[int]) -> dict[int, tuple[Related, ...]]:
        """All that each is related to, however many, roundups among them."""
        found: dict[int, tuple[Related, ...]] = {}
        for row, others in self._pairs(event_ids):
            relations = (self._relation(row, other) for _, other in others)
            found[self._events[row].event_id] = tuple(filter(None, relations))
        return found

    def _relation(self, row: int, other: int) -> Related | None:
        return _relation(self._weighed(row), self._weighed(other), self._frequency, self._total)

    def _pairs(self, event_ids: Collection[int]) -> Iterator[tuple[int, list[tuple[float, int]]]]:
        """Each event with the others that may be related to it, by their rows: (score, row) of
        each, the nearest first."""
        rows = np.array(sorted(self._row[id_] for id_ in event_ids), dtype=int)
        for start in range(0, len(rows), AT_ONCE):
            lefts, rights, scores = self._scores(rows[start : start + AT_ONCE])
            order = np.lexsort((rights, -scores, lefts))
            pairs = zip(
                lefts[order].tolist(), scores[order].tolist(), rights[order].tolist(), strict=True
            )
            for row, group in groupby(pairs, key=lambda pair: pair[0]):
                yield row, [(score, other) for _, score, other in group]

    def _scores(
        self, rows: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Pairs of events that share a rare name, with all scores that are high enough."""
        product = (self._rare[rows] @ self._rare.T).tocoo()
        lefts, rights, alike = rows[product.row], product.col, product.data
        days = np.abs(self._days[lefts] - self._days[rights])
        fades = np.exp(-days / FADES_IN)
        at_most = alike + self._common_lengths[lefts] * self._common_lengths[rights]
        open_ = (lefts != rights) & (days <= WINDOW.days) & (at_most * fades >= ENOUGH - ROUNDING)
        lefts, rights, fades = lefts[open_], rights[open_], fades[open_]
        alike = np.asarray(self._names[lefts].multiply(self._names[rights]).sum(axis=1)).ravel()
        scores = alike * fades
        high = scores >= ENOUGH - ROUNDING
        return lefts[high], rights[high], scores[high]


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


def _nearest(
    event: _Weighed, others: Iterable[_Weighed], frequency: Mapping[str, int], total: int
) -> tuple[Related, ...]:
    found = []
    for other in others:
        if other.event_id == event.event_id or abs(other.when - event.when) > WINDOW:
            continue
        relation = _relation(event, other, frequency, total)
        if relation is not None:
            found.append(relation)
    return first(found)


def _relation(
    event: _Weighed, other: _Weighed, frequency: Mapping[str, int], total: int
) -> Related | None:
    mine, theirs = event.weights, other.weights
    both = {name: mine[name] * theirs[name] for name in mine if name in theirs}
    if not any(is_rare(name, frequency, total) for name in both):
        return None
    alike = sum(both.values()) / (event.length * other.length)
    days = abs(other.when - event.when) / timedelta(days=1)
    score = alike * exp(-days / FADES_IN)
    if score < ENOUGH:
        return None
    if len(both) == 1 and alike < ENOUGH_ALONE:
        (name,) = both
        if not (holds(event.title, [name]) and holds(other.title, [name])):
            return None
    telling = sorted(both, key=lambda name: (-both[name], name))[:3]
    return Related(other.event_id, round(min(score, 1.0), 4), f"both name {', '.join(telling)}")


class _Saying(dict[str, float]):
    """How much a name says of an event that has it: the rarer, the more, and 1 what no other has;
    each worked out once. (IDF, Sparck Jones, 1972, as a share of the most that there can be: so it
    grows no more with the number of events, and lengths that were worked out long ago still hold.)
    """

    def __init__(self, frequency: Mapping[str, int], total: int) -> None:
        super().__init__()
        self._frequency, self._total = frequency, total

    def __missing__(self, name: str) -> float:
        said = 1 - log(max(self._frequency.get(name, 1), 1)) / log(self._total + 1)
        self[name] = max(said, 0.0) if _relates(name) else 0.0
        return self[name]


def _weigh(event: EventNames, saying: _Saying) -> _Weighed:
    """How much each name says of the event: rare in others, frequent in this one."""
    weights = {
        name: log1p(count) * said
        for name, count in event.names.items()
        if (said := saying[name]) > 0
    }
    length = event.length or sqrt(sum(weight * weight for weight in weights.values()))
    return _Weighed(event.event_id, event.when, weights, length, event.title)


@lru_cache(maxsize=100_000)
def _relates(name: str) -> bool:
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
