"""Other events about the same names, which are other happenings.

Comes in: the names of each event with counts, its time, and in how many events a name stands.
Goes out: for each event the few that share its rare names, nearer ones first. Names that
everybody has (a day, a country) relate nothing. Two events of one category are related, too, when
a roundup tells of both: its editor has put them side by side.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import permutations
from math import exp, log, log1p, sqrt
from typing import TYPE_CHECKING

from pipeline.enrich import numbers
from pipeline.enrich.subject import holds
from storage.models import Related

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

WINDOW = timedelta(days=30)  # further apart, two events have little to tell each other
FADES_IN = 20.0  # days after which a relation counts exp(-1)
MOST = 5
ENOUGH = 0.1  # score below which two events only happen to mention the same company
ENOUGH_ALONE = 0.3  # cosine from which a single shared name, in no title, is what both are about
COMMON = 0.05  # a name in a larger share of the events than this relates nothing by itself
ALWAYS_RARE = 6  # events; with few events at all every name would look common
ROUNDUP = "roundup"
BY_EDITOR = 0.8  # of the weaker of the two relations to the roundup
_BYLINE = re.compile(r"(?:By|Von|Reporting|Editing)\s")
MOST_NAMES = 40  # of one event; the rest is said in passing


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
    weighed = [_weigh(other, frequency, events) for other in others]
    return _nearest(_weigh(event, frequency, events), weighed, frequency, events)


def relate_all(
    events: Iterable[EventNames], frequency: Mapping[str, int], total: int
) -> dict[int, tuple[Related, ...]]:
    """The same for many events at once: only those with a rare name in common are compared."""
    in_order = sorted(events, key=lambda event: event.event_id)
    known = [_weigh(event, frequency, total) for event in in_order]
    having: dict[str, list[_Weighed]] = defaultdict(list)
    for event in known:
        for name in event.weights:
            if _is_rare(name, frequency, total):
                having[name].append(event)
    found: dict[int, tuple[Related, ...]] = {}
    for event in known:
        candidates = {o.event_id: o for name in event.weights for o in having.get(name, ())}
        found[event.event_id] = _nearest(event, candidates.values(), frequency, total)
    return _side_by_side(found, {event.event_id: event for event in in_order})


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
            if events[left.event_id].category == ROUNDUP:
                continue
            score = round(BY_EDITOR * min(left.score, right.score), 4)
            because = f"“{events[roundup].title}” tells of both"
            known = best[left.event_id].get(right.event_id)
            if known is None or known.score < score:
                best[left.event_id][right.event_id] = Related(right.event_id, score, because)
    return {id_: _first(related.values()) for id_, related in best.items()}


def _first(related: Iterable[Related]) -> tuple[Related, ...]:
    return tuple(sorted(related, key=lambda r: (-r.score, r.event_id))[:MOST])


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
    if not any(_is_rare(name, frequency, total) for name in both):
        return None
    alike = sum(both.values()) / (event.length * other.length)
    days = abs(other.when - event.when) / timedelta(days=1)
    score = alike * exp(-days / FADES_IN)
    titled = any(holds(event.title, [name]) and holds(other.title, [name]) for name in both)
    if score < ENOUGH or (len(both) == 1 and alike < ENOUGH_ALONE and not titled):
        return None
    telling = sorted(both, key=lambda name: (-both[name], name))[:3]
    return Related(other.event_id, round(min(score, 1.0), 4), f"both name {', '.join(telling)}")


def _weigh(event: EventNames, frequency: Mapping[str, int], total: int) -> _Weighed:
    """How much each name says of the event: rare in others, frequent in this one."""
    weighed = {
        name: log1p(count) * log((total + 1) / max(frequency.get(name, 1), 1))
        for name, count in event.names.items()
        if _relates(name)
    }
    kept = sorted(weighed, key=lambda name: (-weighed[name], name))[:MOST_NAMES]
    weights = {name: weighed[name] for name in kept if weighed[name] > 0}
    length = sqrt(sum(weight * weight for weight in weights.values()))
    return _Weighed(event.event_id, event.when, weights, length, event.title)


def _relates(name: str) -> bool:
    """Whether it names somebody or something: no day, month, country, byline or button does."""
    if len(name) <= 2 or _BYLINE.match(name) or name in _no_names():
        return False
    return not all(word.isdigit() or word in _no_names() for word in name.split())


@cache
def _no_names() -> frozenset[str]:
    table = numbers.data()["no_names"]
    return frozenset([*table["words"], *table["places"], *table["furniture"]])


def _is_rare(name: str, frequency: Mapping[str, int], total: int) -> bool:
    return frequency.get(name, 1) <= max(ALWAYS_RARE, COMMON * total)
