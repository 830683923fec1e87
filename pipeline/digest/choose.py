"""Which events of a period are news, and in which order.

Comes in: what is told of each event (Contender), the present time, the start of the period and the
reader's weights. Goes out: the chosen ones with the parts of their importance, the most important
first. The same events give the same order, however they come in.

    importance = voices * pace * weight * new * kind * report * talk * saga * room * news

    voices  log2(1 + independent sources): the second voice counts more than the tenth. An owner
            counts once, copies and rewrites not at all
    pace    how fast they came: voices after the first, an hour from when it broke until the last
            of them spoke, against the median of the period; its fourth root, from 0.8 to 1.25
    weight  the same logarithm with the reader's weights of sources in place of ones, over voices;
            1 where no weight was set, 0 where all sources have weight 0 (it is then left out)
    new     halves with every two periods (in the digest of a day: 48 hours) since the event broke:
            to its reader all of a period is new; halves once more when it broke before the period
    kind    the weight of the category (choose.toml, or the reader's)
    report  share of members that report, from 0.4 (only commentary and roundups) to 1
    talk    1 + a tenth of log10(1 + comments): readers' interest breaks ties, it decides nothing
    saga    0.6 for each related event that stands above it already
    room    0.2 once its category has a third of the page, or the one owner that tells it a fifth:
            whatever else is at least a fifth as important goes first
    news    of an event that was told before and comes back: voices counts those who report anew
            in place of all; 1 for all others
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from math import ceil, log2, log10, prod
from statistics import median
from typing import TYPE_CHECKING

from pipeline.tables import tables

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from storage.models import Event

HALVES_IN = 2.0  # periods
WRONG_CLOCK = timedelta(hours=1)  # a time a little ahead of ours is no fault
BEGAN_EARLIER = 0.5
SAGA = 0.6
SAME_SAGA = 0.2  # score from which a related event is another chapter of the same
REPORTING = ("original", "rewrite", "copy")
SLOW, FAST = 0.8, 1.25  # bounds of what the pace can do
OF_A_CATEGORY, OF_AN_OWNER = 3, 5  # one part in so many of the page, two events at the least
NO_ROOM = 0.2


@dataclass(frozen=True, slots=True)
class Report:
    """A member of a contender: who tells it, as what, and when."""

    source: str
    owner: str
    role: str = "original"
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contender:
    """What ranks an event; little enough to be read of every event of a week."""

    id: int
    category: str
    first_published: datetime | None
    last_published: datetime | None
    reports: tuple[Report, ...]
    independent: int = 1
    comments: int | None = None
    language: str = "en"
    related: frozenset[int] = frozenset()  # other chapters of the same saga


@dataclass(frozen=True, slots=True)
class Weights:
    """What the reader has set in newsfold.toml; what is not named has the usual weight."""

    categories: Mapping[str, float] = field(default_factory=dict)
    sources: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A contender that was chosen, and why it stands where it stands."""

    contender: Contender
    importance: float
    parts: Mapping[str, float]  # the product of these is the importance


@dataclass(frozen=True, slots=True)
class Chosen:
    """An event of the digest, and why it stands where it stands."""

    event: Event
    importance: float
    parts: Mapping[str, float]


USUAL = Weights()


def choose(events: Iterable[Event], now: datetime, since: datetime, most: int = 20) -> list[Chosen]:
    """The most important of whole events. They do not know their sources, so their pace, the
    reader's weights and sole owners count for nothing; views.choose_events knows all of it."""
    whole = {event.id: event for event in events}
    ranked = best(map(as_contender, whole.values()), now, since, most)
    return [Chosen(whole[one.contender.id], one.importance, one.parts) for one in ranked]


def importance(event: Event, now: datetime, since: datetime) -> dict[str, float]:
    """The parts that a whole event has by itself, as far as it knows them."""
    return parts_of(as_contender(event), now, since)


def as_contender(event: Event) -> Contender:
    """What a whole event tells of itself."""
    return Contender(
        event.id,
        event.category,
        event.first_published,
        event.last_published,
        tuple(Report("", "", member.role) for member in event.members),
        event.independent,
        event.comments,
        event.language,
        frozenset(other.event_id for other in event.related if other.score >= SAME_SAGA),
    )


def best(
    contenders: Iterable[Contender],
    now: datetime,
    since: datetime,
    most: int = 20,
    weights: Weights = USUAL,
) -> list[Ranked]:
    """The most important events with a story between `since` and `now`."""
    ranking = rank(contenders, now, since, most, weights)
    return [ranked for _, ranked in zip(range(most), ranking, strict=False)]


def rank(
    contenders: Iterable[Contender],
    now: datetime,
    since: datetime,
    most: int = 20,
    weights: Weights = USUAL,
) -> Generator[Ranked, bool | float | None, None]:
    """All of them, the most important first, on a page that has place for `most`. Who takes one
    says so by asking for the next; to pass one over, send False. Of one that was told before, send
    what part of it is news: it comes again in its place, and that time is taken or passed over."""
    period = [one for one in contenders if _is_in(one, now, since)]
    usual = usual_pace(period)
    parts = {one.id: {**parts_of(one, now, since, weights, usual), "news": 1.0} for one in period}
    waiting = [(-_product(parts[one.id]), one.id, one) for one in period]
    heapq.heapify(waiting)
    page = _Page(most, period)
    while waiting:
        # What stands on the page only ever lowers the others, so whoever is still ahead of the
        # next one after a second look is ahead of all.
        _, _, first = heapq.heappop(waiting)
        told = {**parts[first.id], **page.parts(first)}
        score = _product(told)
        if waiting and (-score, first.id) > waiting[0][:2]:
            heapq.heappush(waiting, (-score, first.id, first))
        elif score:
            answer = yield Ranked(first, score, told)
            if isinstance(answer, float):
                parts[first.id]["news"] = answer
                heapq.heappush(waiting, (-_product(parts[first.id]), first.id, first))
            elif answer is not False:
                page.take(first)


def parts_of(
    one: Contender,
    now: datetime,
    since: datetime,
    weights: Weights = USUAL,
    usual: float | None = None,
) -> dict[str, float]:
    """The parts that an event has by itself, whatever stands above it; see the formula."""
    began = _began(one, now, since)
    age = (now - began) / max(now - since, timedelta(minutes=1))
    reporting = sum(report.role in REPORTING for report in one.reports)
    share = reporting / len(one.reports) if one.reports else 0.0
    voices = log2(1 + max(one.independent, 1))
    return {
        "voices": voices,
        "pace": _bounded_pace(one, usual),
        "weight": log2(1 + _weighed(one, weights)) / voices,
        "new": 0.5 ** (age / HALVES_IN) * (BEGAN_EARLIER if began < since else 1.0),
        "kind": weights.categories.get(one.category, _kinds().get(one.category, 1.0)),
        "report": 0.4 + 0.6 * share,
        "talk": 1 + log10(1 + max(one.comments or 0, 0)) / 10,
    }


def share_of_news(one: Contender, anew: int) -> float:
    """The part `news` of an event of which so many owners report anew."""
    return log2(1 + max(anew, 1)) / log2(1 + max(one.independent, anew, 1))


def usual_pace(contenders: Iterable[Contender]) -> float | None:
    """The median pace of those with two voices and more."""
    known = [pace for pace in map(_pace, contenders) if pace is not None]
    return median(known) if known else None


def _pace(one: Contender) -> float | None:
    """Voices after the first, an hour; the first hour counts whole. None for a single voice."""
    first: dict[str, datetime] = {}
    for report in one.reports:
        if report.role == "original" and report.at is not None:
            first[report.owner] = min(report.at, first.get(report.owner, report.at))
    if len(first) < 2:
        return None
    took = (max(first.values()) - min(first.values())) / timedelta(hours=1)
    return (len(first) - 1) / (1 + took)


def _bounded_pace(one: Contender, usual: float | None) -> float:
    pace = _pace(one)
    if pace is None or not usual:
        return 1.0
    return float(min(max((pace / usual) ** 0.25, SLOW), FAST))


def _weighed(one: Contender, weights: Weights) -> float:
    """The weights of the voices in place of their number; of an owner the heaviest source."""
    count = max(one.independent, 1)
    if not weights.sources or not one.reports:
        return count
    speaking = [r for r in one.reports if r.role == "original"] or one.reports
    heaviest: dict[str, float] = {}
    for report in speaking:
        weight = weights.sources.get(report.source, 1.0)
        heaviest[report.owner] = max(weight, heaviest.get(report.owner, 0.0))
    return count * sum(heaviest.values()) / len(heaviest)


def _began(one: Contender, now: datetime, since: datetime) -> datetime:
    """When it broke; an event without any time stands where the period starts."""
    return min(one.first_published or one.last_published or since, now)


def _is_in(one: Contender, now: datetime, since: datetime) -> bool:
    """Whether a member is of the period. What is dated after now is left for later: a wrong clock
    must not pin an event to the top of every digest until then."""
    latest = one.last_published or one.first_published
    if latest is None:
        return True
    return latest >= since and (one.first_published or latest) <= now + WRONG_CLOCK


class _Page:
    """What was taken, as far as it bears on what may follow."""

    def __init__(self, most: int, period: Sequence[Contender]) -> None:
        self._taken: list[Contender] = []
        self._counted: Counter[tuple[str, str]] = Counter()
        # With nobody of another kind waiting, nobody needs to make room.
        self._one_category = len({one.category for one in period}) < 2
        self._one_owner = len({_sole_owner(one) for one in period}) < 2
        self._of_category = max(2, ceil(most / OF_A_CATEGORY))
        self._of_owner = max(2, ceil(most / OF_AN_OWNER))

    def take(self, one: Contender) -> None:
        self._taken.append(one)
        self._counted["category", one.category] += 1
        self._counted["owner", _sole_owner(one) or ""] += 1

    def parts(self, one: Contender) -> dict[str, float]:
        told = sum(other.id in one.related or one.id in other.related for other in self._taken)
        return {"saga": SAGA**told, "room": NO_ROOM if self._is_full(one) else 1.0}

    def _is_full(self, one: Contender) -> bool:
        owner = _sole_owner(one)
        of_category = self._counted["category", one.category] >= self._of_category
        of_owner = owner is not None and self._counted["owner", owner] >= self._of_owner
        return (of_category and not self._one_category) or (of_owner and not self._one_owner)


def _sole_owner(one: Contender) -> str | None:
    """The owner of all that is told of it, where that is one."""
    owners = {report.owner for report in one.reports}
    return owners.pop() if len(owners) == 1 else None


def _product(parts: Mapping[str, float]) -> float:
    return round(prod(parts.values()), 9)


def usual_kinds() -> set[str]:
    """The categories that have a weight."""
    return set(_kinds())


@cache
def _kinds() -> dict[str, float]:
    kinds: dict[str, float] = tables("pipeline.digest", "choose.toml")["category"]
    return kinds
