"""Which events of a period are news, and in which order.

Comes in: events, the present time and the start of the period. Goes out: the chosen ones with the
parts of their importance, the most important first. The same events give the same order, however
they come in.

    importance = voices * new * kind * report * talk * saga

    voices  log2(1 + independent sources): the second voice counts more than the tenth
    new     halves with every two periods (in the digest of a day: 48 hours) since the event broke:
            to its reader all of a period is new; halves once more when it broke before the period
    kind    the weight of the category (choose.toml)
    report  share of members that report, from 0.4 (only commentary and roundups) to 1
    talk    1 + a tenth of log10(1 + comments): readers' interest breaks ties, it decides nothing
    saga    0.6 for each related event that stands above it already
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from math import log2, log10, prod
from typing import TYPE_CHECKING

from pipeline.tables import tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from storage.models import Event

HALVES_IN = 2.0  # periods
WRONG_CLOCK = timedelta(hours=1)  # a time a little ahead of ours is no fault
BEGAN_EARLIER = 0.5
SAGA = 0.6
SAME_SAGA = 0.2  # score from which a related event is another chapter of the same
REPORTING = ("original", "rewrite", "copy")


@dataclass(frozen=True, slots=True)
class Chosen:
    """An event of the digest, and why it stands where it stands."""

    event: Event
    importance: float
    parts: Mapping[str, float]  # the product of these is the importance


def choose(events: Iterable[Event], now: datetime, since: datetime, most: int = 20) -> list[Chosen]:
    """The most important events with a story between `since` and `now`."""
    waiting = [
        (importance(event, now, since), event) for event in events if _is_in(event, now, since)
    ]
    waiting.sort(key=lambda pair: (-_product(pair[0]), pair[1].id))
    chosen: list[Chosen] = []
    while waiting and len(chosen) < most:
        best = min(range(len(waiting)), key=lambda i: (-_with_saga(waiting[i], chosen)[0], i))
        score, parts = _with_saga(waiting[best], chosen)
        chosen.append(Chosen(waiting.pop(best)[1], score, parts))
    return chosen


def importance(event: Event, now: datetime, since: datetime) -> dict[str, float]:
    """The parts whose product ranks an event; see the formula above."""
    began = _began(event, now, since)
    age = (now - began) / max(now - since, timedelta(minutes=1))
    reports = [member for member in event.members if member.role in REPORTING]
    share = len(reports) / len(event.members) if event.members else 0.0
    return {
        "voices": log2(1 + max(event.independent, 1)),
        "new": 0.5 ** (age / HALVES_IN) * (BEGAN_EARLIER if began < since else 1.0),
        "kind": _kinds().get(event.category, 1.0),
        "report": 0.4 + 0.6 * share,
        "talk": 1 + log10(1 + max(event.comments or 0, 0)) / 10,
    }


def _began(event: Event, now: datetime, since: datetime) -> datetime:
    """When it broke; an event without any time stands where the period starts."""
    return min(event.first_published or event.last_published or since, now)


def _is_in(event: Event, now: datetime, since: datetime) -> bool:
    """Whether a member is of the period. What is dated after now is left for later: a wrong clock
    must not pin an event to the top of every digest until then."""
    latest = event.last_published or event.first_published
    if latest is None:
        return True
    return latest >= since and (event.first_published or latest) <= now + WRONG_CLOCK


def _with_saga(
    waiting: tuple[dict[str, float], Event], chosen: list[Chosen]
) -> tuple[float, dict[str, float]]:
    parts, event = waiting
    near = {relation.event_id for relation in event.related if relation.score >= SAME_SAGA}
    told = sum(1 for other in chosen if other.event.id in near or _names(other.event, event.id))
    parts = {**parts, "saga": SAGA**told}
    return _product(parts), parts


def _names(event: Event, other_id: int) -> bool:
    return any(r.event_id == other_id and r.score >= SAME_SAGA for r in event.related)


def _product(parts: Mapping[str, float]) -> float:
    return round(prod(parts.values()), 9)


@cache
def _kinds() -> dict[str, float]:
    kinds: dict[str, float] = tables("pipeline.digest", "choose.toml")["category"]
    return kinds
