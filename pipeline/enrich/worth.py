"""What each sentence of an event is worth for its TL;DR.

Comes in: the stories that are read, each with how much it has to say, and the title of the event.
Goes out: the sentences that may be taken, each with its worth: how much of what all say it says,
how early it stands, whether it names what the event is about.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from math import fsum, log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from pipeline.enrich.alike import Shared
from pipeline.enrich.stands_alone import (
    HANGING,
    can_be_shown,
    days,
    is_fit,
    kinds_of,
    stands_alone,
    without_dateline,
)
from pipeline.enrich.subject import holds, stands_in, subject_names
from pipeline.enrich.told import Said

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pipeline.enrich.told import Told

TITLES = 1.5  # what being near to the titles counts, beside being said by all
ALONE = 0.2  # what a sentence shares with the others of its story, about
FADING, LEAST_LATE = 0.22, 0.35  # how fast a sentence loses by its place, and what always stays
FADING_ALONE = 3.0  # and in the only story there is: nobody else says what matters in it
BACKGROUND = 0.05  # every sentence's standing, whatever the others say
WITHOUT_NAMES = 0.6  # times: a sentence without the event's names may be about anything
WITH_A_STAND_IN = 0.85  # times: "the company" mostly is the one of the headline
WITH_A_PAST_YEAR = 0.7  # times: what was in earlier years is no news
MUCH_OF_IT = 0.3  # share of the headline that makes a sentence as good as named
FIRST_PLACES, AT_THE_TOP = 3, 1.2  # times: where most leads stand
WITH_FIGURES, SHARED_FIGURES = 1.3, 1.7  # times: with an amount; with one that others give, too
WITH_A_DATE = 1.15  # times: of any sentence, what WITH_A_DAY is of a lead
MOST = 60  # sentences of an event that are looked at closely: the most central ones
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_AMOUNT = re.compile(
    r"[$€£]\s?\d[\d.,]*\d|[$€£]\s?\d"
    r"|\d[\d.,]*(?=\s?(?:%|per ?cent|Prozent|mill|mln|bill|bn|mrd|mio)|[KMBT]\b)",
    re.IGNORECASE,
)


@dataclass(eq=False)
class Candidate:
    """A sentence that may be taken."""

    said: Said
    told: Told
    place: int  # in its story
    voice: float  # how much its story has to say
    before: str  # the sentence before it in its story
    amounts: frozenset[str]
    of_headline: frozenset[str] = frozenset()  # stems that the headline has, too
    is_named: bool = False  # whether it holds a name of the event, or much of its headline
    days: frozenset[str] = frozenset()
    kinds: Collection[str] = ()  # of what makes it unfit to stand alone, and the like
    worth: float = 0.0
    points: float = 0.0  # what it is worth by itself: 0 when it cannot stand alone

    @property
    def text(self) -> str:
        return self.said.text

    @property
    def refers(self) -> bool:
        """Whether it calls the event's party `the company`: the headline says which one that is."""
        return "standing_for" in self.kinds

    @property
    def follows_on(self) -> bool:
        """Whether it reads well right behind the sentence before it: it only begins with `it`."""
        return "follows" in self.kinds and is_fit(self.said, self.kinds)

    @property
    def names(self) -> list[str]:
        """Those of its story that stand in it."""
        text = self.text
        return [name for name in self.told.real_names if name in text and stands_in(text, name)]

    @property
    def names_a_past_year(self) -> bool:
        """Whether it names a year before that of its story."""
        when = self.told.story.when
        return when is not None and any(
            word < str(when.year) for word in self.said.numbers if _YEAR.fullmatch(word)
        )


@dataclass(frozen=True)
class Headline:
    """What the headline says: its words, the names it is about, how much each word says."""

    said: Said
    subject: tuple[str, ...]
    weights: Mapping[str, float]

    @cached_property
    def _titled(self) -> list[str]:
        return [name for name in self.subject if holds(self.said.text, [name])]

    @cached_property
    def _total(self) -> float:
        return self._weight(self.said.content) or 1.0

    def is_titled(self, candidate: Candidate) -> bool:
        """Whether it holds a name of the headline, or calls its bearer `the company`."""
        return holds(candidate.text, self._titled) or candidate.refers

    def share(self, said: Collection[str]) -> float:
        """How much of the headline some of its words are."""
        return self._weight(said) / self._total if said else 0.0

    def _weight(self, content: Iterable[str]) -> float:
        return fsum([self.weights.get(stem, 1.0) for stem in content])


def weigh(
    voices: Iterable[tuple[float, Told]], title: str
) -> tuple[Headline, list[Candidate]] | None:
    """The headline and the sentences that may be shown, each with its worth; None when the
    stories have no sentence."""
    candidates = _candidates(voices)
    if not candidates:
        return None
    alone = candidates[0].told is candidates[-1].told
    headline = _headline(candidates, title)
    near = _near_its_title(candidates, headline) if alone else _near_the_others(candidates)
    early = _early_alone if alone else _early
    central = [
        (BACKGROUND + much) * early(candidate.place) * (0.2 + 0.8 * candidate.voice)
        for candidate, much in zip(candidates, near, strict=True)
    ]
    shared = Counter(chain.from_iterable(_amounts_by_story(candidates)))
    showable = [
        (much, candidate)
        for much, candidate in zip(central, candidates, strict=True)
        if can_be_shown(candidate.text)
    ]
    showable.sort(key=lambda pair: -pair[0])
    for much, candidate in showable[:MOST]:
        _judge(candidate, much, headline, shared)
    return headline, [candidate for _, candidate in showable[:MOST]]


def _judge(
    candidate: Candidate, central: float, headline: Headline, shared: Mapping[str, int]
) -> None:
    """What it is worth, by all that is to be seen in it."""
    candidate.of_headline = headline.said.content.intersection(candidate.said.stems)
    candidate.is_named = holds(candidate.text, headline.subject) or (
        candidate.place < FIRST_PLACES and headline.share(candidate.of_headline) >= MUCH_OF_IT
    )
    said = candidate.said
    kinds = candidate.kinds = kinds_of(said)
    if not HANGING.isdisjoint(kinds):
        return
    candidate.days = days(said) if "day" in kinds else frozenset()
    worth = central
    if headline.subject and not candidate.is_named:
        worth *= WITH_A_STAND_IN if candidate.refers else WITHOUT_NAMES
    if candidate.amounts:
        given = max(shared[amount] for amount in candidate.amounts) > 1
        worth *= SHARED_FIGURES if given else WITH_FIGURES
    worth *= WITH_A_DATE if candidate.days else 1.0
    worth *= WITH_A_PAST_YEAR if candidate.names_a_past_year else 1.0
    holds_a_name = candidate.is_named or holds(candidate.text, candidate.told.real_names)
    alone = stands_alone(said, kinds, holds_a_name=holds_a_name)
    candidate.worth = round(worth, 6)
    candidate.points = round(worth * alone, 6)


def _candidates(voices: Iterable[tuple[float, Told]]) -> list[Candidate]:
    found: list[Candidate] = []
    for voice, told in voices:
        before = ""
        for place, said in enumerate(told.lead):
            text = without_dateline(said.text)
            if text != said.text:
                said = Said(text, told.story.language)
            if said.stems:
                found.append(Candidate(said, told, place, voice, before, _amounts(said)))
            before = text
    return found


def _amounts(said: Said) -> frozenset[str]:
    found = _AMOUNT.findall(said.text) if said.numbers else ()
    return frozenset([amount.strip("$€£ .,") for amount in found])


def _amounts_by_story(candidates: Iterable[Candidate]) -> Iterator[set[str]]:
    by_story: dict[Told, set[str]] = {}
    for candidate in candidates:
        if candidate.amounts:
            by_story.setdefault(candidate.told, set()).update(candidate.amounts)
    return iter(by_story.values())


def _headline(candidates: Sequence[Candidate], title: str) -> Headline:
    read = list(dict.fromkeys(candidate.told for candidate in candidates))
    first = read[0]
    said = first.title if first.title.text == title else Said(title, first.story.language)
    for one in candidates:
        one.of_headline = said.content & one.said.content
    counted = Counter(chain.from_iterable([one.of_headline for one in candidates]))
    counted.update(chain.from_iterable([said.content & one.title.content for one in read]))
    weights = {stem: _weight(count, len(candidates)) for stem, count in counted.items()}
    return Headline(said, subject_names(read, title, first.story.language), weights)


def _weight(count: int, sentences: int) -> float:
    """How much a stem says: the fewer sentences have it, the more."""
    return log((sentences + 1) / count) + 1.0


def _early(place: int) -> float:
    """What its place in a report makes of a sentence."""
    return LEAST_LATE + 1.0 / (1.0 + FADING * place)


def _early_alone(place: int) -> float:
    """The same in the only report: it tells first what matters."""
    return 1.0 / (1.0 + FADING_ALONE * place)


def _near_its_title(candidates: Sequence[Candidate], headline: Headline) -> list[float]:
    """How near each sentence of a story is to its title; there are no others to agree with."""
    size = len(headline.said.stems)
    return [
        ALONE + TITLES * headline.share(one.of_headline) * sqrt(size / len(one.said.stems))
        for one in candidates
    ]


def _near_the_others(candidates: Sequence[Candidate]) -> list[float]:
    """In how many stories something like each sentence stands, and how near it is to their
    titles: the cosine over weighted stems."""
    starts = [
        at
        for at, candidate in enumerate(candidates)
        if not at or candidate.told is not candidates[at - 1].told
    ]
    titles = [candidates[at].told.title for at in starts]
    told = [*(candidate.said.stems for candidate in candidates), *(title.stems for title in titles)]
    counted = Counter(chain.from_iterable(told))
    weights = {stem: _weight(count, len(candidates)) for stem, count in counted.items()}
    alike = Shared(told, weights).among_themselves().astype(np.float64)
    lengths = np.sqrt(np.maximum(alike.diagonal(), 1e-9))
    alike /= lengths[:, None] * lengths
    np.fill_diagonal(alike, 0.0)
    count = len(candidates)
    alike = alike[:count].round(6)
    nearest = np.maximum.reduceat(alike[:, :count], starts, axis=1)
    voices = np.array([candidates[at].voice for at in starts])
    near = (nearest + TITLES * alike[:, count:]) @ (voices / voices.sum())
    result: list[float] = near.tolist()
    return result
