"""Other events about the same names, which are other happenings.

Comes in: the names of each event with counts, its time, and in how many events a name stands.
Goes out: for each event the few that share its rare names, nearer ones first. Names that
everybody has (a day, a country) relate nothing. Two events of one category are related, too, when
a roundup tells of both: its editor has put them side by side.
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
MOST_NAMES = 40  # of one event; the rest is said in passing
AT_ONCE = 250  # events that are held against all others in one step: bounds the memory
ROUNDING = 1e-4  # of scores, as they are stored


@dataclass(frozen=True, slots=True)
class EventNames:
    """What an event is about, as names with the number of its stories that have each.

    Names of sources do not belong in here: "Reuters" relates nothing.
    """

    event_id: int
    names: Mapping[str, int]
    when: datetime
    category: str = ""
    title: str = ""


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
    events: Iterable[EventNames],
    frequency: Mapping[str, int],
    total: int,
    changed: Collection[int] | None = None,
) -> dict[int, tuple[Related, ...]]:
    """The same for many events at once: only those with a rare name in common are compared.

    With `changed`, only for these; `beside` tells what that means for the others.
    """
    in_order = sorted(events, key=lambda event: event.event_id)
    by_id = {event.event_id: event for event in in_order}
    near = _Near(in_order, frequency, total)
    roundups = {event.event_id for event in in_order if event.category == ROUNDUP}
    wanted = set(by_id) if changed is None else by_id.keys() & changed
    found = near.nearest(wanted | roundups)
    return {
        event_id: related
        for event_id, related in _side_by_side(found, by_id).items()
        if event_id in wanted
    }


def beside(
    known: Sequence[Related], event_id: int, relation: Related | None
) -> tuple[Related, ...]:
    """What an event is related to, now that another one (`event_id`) has changed: `relation` to
    it, or None for none. A relation is as strong from either side."""
    others = [related for related in known if related.event_id != event_id]
    return _first([*others, relation] if relation else others)


class _Near:
    """Events as rows of a matrix of names, so that many are held against all others at once."""

    def __init__(
        self, events: Sequence[EventNames], frequency: Mapping[str, int], total: int
    ) -> None:
        self._frequency, self._total = frequency, total
        self._saying = _Saying(frequency, total)
        self._known = events
        self._close: dict[int, _Weighed] = {}
        self._row = {event.event_id: row for row, event in enumerate(events)}
        self._days = np.array([event.when.timestamp() / 86_400 for event in events])
        column: dict[str, int] = {}
        self._names = self._matrix(column)
        rare = np.array([is_rare(name, frequency, total) for name in column], dtype=bool)
        self._rare = self._names[:, rare]
        common = self._names[:, ~rare]
        self._common_lengths = np.sqrt(np.asarray(common.multiply(common).sum(axis=1)).ravel())

    def _matrix(self, column: dict[str, int]) -> csr_matrix:
        """How much each name says of each event, as vectors of length 1: as `_weigh` has it, for
        all at once. `column` is filled with the column of each name."""
        told = [event.names for event in self._known]
        columns = [column.setdefault(name, len(column)) for name in chain.from_iterable(told)]
        counts = np.fromiter(chain.from_iterable(names.values() for names in told), dtype=float)
        said = np.fromiter((self._saying[name] for name in column), dtype=float)
        matrix = csr_matrix(
            (np.log1p(counts) * said[columns], columns, np.cumsum([0, *map(len, told)])),
            shape=(len(told), len(column)),
        )
        for row in np.flatnonzero(np.diff(matrix.indptr) > MOST_NAMES).tolist():
            kept = self._weighed(row).weights
            place = slice(matrix.indptr[row], matrix.indptr[row + 1])
            matrix.data[place] *= [name in kept for name in told[row]]
        matrix.eliminate_zeros()
        lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
        matrix.data /= np.repeat(lengths, np.diff(matrix.indptr))
        return matrix

    def _weighed(self, row: int) -> _Weighed:
        """Few of them are looked at closely, some of these often."""
        found = self._close.get(row)
        if found is None:
            found = self._close[row] = _weigh(self._known[row], self._saying)
        return found

    def nearest(self, event_ids: Collection[int]) -> dict[int, tuple[Related, ...]]:
        """The most related events of each."""
        found: dict[int, tuple[Related, ...]] = dict.fromkeys(sorted(event_ids), ())
        for row, others in self._pairs(event_ids):
            event = self._weighed(row)
            relations: list[Related] = []
            for score, other in others:
                if len(relations) >= MOST and score < relations[MOST - 1].score - ROUNDING:
                    break
                relation = _relation(event, self._weighed(other), self._frequency, self._total)
                if relation is not None:
                    relations = sorted([*relations, relation], key=_by_score)
            found[event.event_id] = tuple(relations[:MOST])
        return found

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


def _side_by_side(
    found: dict[int, tuple[Related, ...]], events: Mapping[int, EventNames]
) -> dict[int, tuple[Related, ...]]:
    """The same, with roundups taken out of the lists and what they relate put in."""
    best: dict[int, dict[int, Related]] = {
        id_: {r.event_id: r for r in related if events[r.event_id].category != ROUNDUP}
        for id_, related in found.items()
    }
    for roundup, told in found.items():
        if events[roundup].category != ROUNDUP:
            continue
        for left, right in permutations(told, 2):
            if events[left.event_id].category != events[right.event_id].category:
                continue
            if events[left.event_id].category == ROUNDUP or left.event_id not in best:
                continue
            score = round(BY_EDITOR * min(left.score, right.score), 4)
            because = f"“{events[roundup].title}” tells of both"
            known = best[left.event_id].get(right.event_id)
            if known is None or known.score < score:
                best[left.event_id][right.event_id] = Related(right.event_id, score, because)
    return {id_: _first(related.values()) for id_, related in best.items()}


def _first(related: Iterable[Related]) -> tuple[Related, ...]:
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
    return _first(found)


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
    """How much a name says of an event that has it: the rarer, the more; each worked out once."""

    def __init__(self, frequency: Mapping[str, int], total: int) -> None:
        super().__init__()
        self._frequency, self._total = frequency, total

    def __missing__(self, name: str) -> float:
        said = log((self._total + 1) / max(self._frequency.get(name, 1), 1))
        self[name] = said if _relates(name) else 0.0
        return self[name]


def _weigh(event: EventNames, saying: _Saying) -> _Weighed:
    """How much each name says of the event: rare in others, frequent in this one."""
    weighed = {
        name: log1p(count) * said
        for name, count in event.names.items()
        if (said := saying[name]) > 0
    }
    kept = nsmallest(MOST_NAMES, weighed, key=lambda name: (-weighed[name], name))
    weights = {name: weighed[name] for name in kept}
    length = sqrt(sum(weight * weight for weight in weights.values()))
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
