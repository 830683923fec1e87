"""Two or three sentences that tell an event, taken from its reports word for word.

Comes in: the stories of an event with their roles, and the title of its headline story. Goes out:
sentences, each with the story it stands in: first a lead, which says what the headline says and
more, then what most reports agree on. It writes nothing of its own: a sentence is taken whole
(less a dateline) or left. The order of the stories does not matter.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from pipeline.enrich.stands_alone import (
    LONGEST,
    SHORTEST,
    follows_on,
    pattern,
    refers,
    stands_alone,
    without_dateline,
)
from pipeline.enrich.subject import holds, real_names, subject_names
from pipeline.text import sentences, stems
from storage.models import Sentence

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from storage.models import Role, Story

__all__ = ["LONGEST", "MOST", "SHORTEST", "tldr", "without_dateline"]

MOST = 3
MAX_STORIES = 30  # read of one event; by then every sentence has been said
MAX_SENTENCES = 25  # read of one story: news stands in the front part
TOO_ALIKE = 0.4  # share of content that makes a second sentence a repetition
TOO_ALIKE_WITH_NUMBER = 0.28  # and when both hold one number ("120 million")
SAYS_THE_HEADLINE = 0.6  # share of a sentence's content that the headline already has
TITLES = 0.5  # what being near to the titles counts, beside being said by all
BACKGROUND = 0.05  # every sentence's standing, whatever the others say
LEAD_PLACES = 8  # sentences of a report among which its lead stands
LIKE_A_LEAD = 0.2  # share of the headline that a lead says at least
WITH_A_DAY = 1.4  # times: who says when it happened tells news
WITHOUT_NAMES = 0.6  # times: a sentence without the event's names may be about anything
WITH_A_STAND_IN = 0.85  # times: "the company" mostly is the one of the headline
WITH_A_PAST_YEAR = 0.7  # times: what was in earlier years is no news
FILLER = 0.1  # of the worthiest's points; what has less is worse than a shorter TL;DR
MUCH_OF_IT = 0.3  # share of the headline that makes a sentence as good as named
FIRST_PLACES, AT_THE_TOP = 3, 1.2  # times: where most leads stand
WITH_FIGURES, SHARED_FIGURES = 1.3, 1.7  # times: with an amount; with one that others give, too
WITH_A_DATE = 1.15  # times: of any sentence, what WITH_A_DAY is of a lead
HEADLINE = 1.5  # what a sentence gains that says all of the headline that is not yet said
FOLLOWS = 0.7  # of its forerunner's worth, for a sentence that reads on behind it
VOICES: Mapping[str, float] = {
    "original": 1.0,
    "rewrite": 0.6,
    "commentary": 0.15,
    "roundup": 0.1,
    "copy": 0.0,
}
_AMOUNT = re.compile(
    r"[$€£]\s?\d[\d.,]*\d|[$€£]\s?\d"
    r"|\d[\d.,]*(?=\s?(?:%|per ?cent|Prozent|mill|mln|bill|bn|mrd|mio)|[KMBT]\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    story: Story
    place: int  # in its story
    content: tuple[str, ...]
    voice: float
    before: str = ""  # the sentence before it in its story

    @property
    def amounts(self) -> set[str]:
        return {amount.strip("$€£ .,") for amount in _AMOUNT.findall(self.text)}


@dataclass(frozen=True, slots=True)
class _Headline:
    """What the headline says: its words, the names it is about, how much each word says."""

    title: str
    content: frozenset[str]
    subject: tuple[str, ...]
    weights: Mapping[str, float]

    def is_titled(self, text: str) -> bool:
        """Whether it holds a name of the headline, or calls its bearer `the company`."""
        titled = [name for name in self.subject if holds(self.title, [name])]
        return holds(text, titled) or refers(text)

    def is_named(self, candidate: _Candidate) -> bool:
        """Whether a sentence holds a name of the event, or much of its headline."""
        if holds(candidate.text, self.subject):
            return True
        return candidate.place < FIRST_PLACES and self.share(candidate.content) >= MUCH_OF_IT

    def share(self, content: Collection[str], said: Collection[str] = ()) -> float:
        """How much of the headline a sentence says that is not yet said."""
        total = sum(self.weights.get(stem, 1.0) for stem in sorted(self.content)) or 1.0
        new = self.content.intersection(content).difference(said)
        return sum(self.weights.get(stem, 1.0) for stem in sorted(new)) / total


def tldr(
    stories: Sequence[Story],
    title: str,
    roles: Mapping[int, Role] | None = None,
    language: str | None = None,
) -> tuple[Sentence, ...]:
    """A lead and the sentences that most reports agree on; `()` when none can stand alone.

    `language` is that of the headline story: sentences in others are left out where there are
    enough in it.
    """
    told = _candidates(stories, roles or {}, language)
    if not told:
        return ()
    weights = _weights(told)
    subject = subject_names(list({c.story.url: c.story for c in told}.values()), title)
    content = frozenset(_content(title, told[0].story.language))
    headline = _Headline(title, content, subject, weights)
    worth = _worth(told, _titles(told), weights) * _about_it(told, headline)
    alone = np.array([stands_alone(c.text, named=headline.is_named(c)) for c in told])
    points = [round(float(value), 6) for value in worth * alone]
    chosen = _choose(told, points, [round(float(value), 6) for value in worth], headline)
    return tuple(Sentence(told[i].text, told[i].story.stored_id) for i in chosen)


def _candidates(
    stories: Sequence[Story], roles: Mapping[int, Role], language: str | None
) -> list[_Candidate]:
    voices = [(VOICES[roles.get(s.stored_id, "original")], s) for s in stories]
    spoken = [(voice, story) for voice, story in voices if voice > 0] or [(1.0, s) for s in stories]
    own = [(v, s) for v, s in spoken if language is None or s.language == language]
    ordered = sorted(own or spoken, key=lambda pair: (-pair[0], pair[1].url))[:MAX_STORIES]
    found: list[_Candidate] = []
    for voice, story in ordered:
        before = ""
        for place, text in enumerate(sentences(story.text or story.summary)[:MAX_SENTENCES]):
            text = without_dateline(text)
            content = _content(text, story.language)
            if content:
                found.append(_Candidate(text, story, place, content, voice, before))
            before = text
    return found


def _titles(told: list[_Candidate]) -> list[_Candidate]:
    """The title of each story that has sentences, in their order."""
    stories = {candidate.story.url: candidate for candidate in told}
    return [
        _Candidate(c.story.title, c.story, 0, _content(c.story.title, c.story.language), c.voice)
        for c in stories.values()
    ]


def _content(text: str, language: str) -> tuple[str, ...]:
    return tuple(
        sorted({stem for stem in stems(text, language) if len(stem) > 2 or stem.isdigit()})
    )


def _weights(told: list[_Candidate]) -> dict[str, float]:
    """How much a stem says: the fewer sentences have it, the more."""
    counted = Counter(stem for c in [*told, *_titles(told)] for stem in c.content)
    return {stem: log((len(told) + 1) / count) + 1.0 for stem, count in counted.items()}


def _worth(
    told: list[_Candidate], titles: list[_Candidate], weights: Mapping[str, float]
) -> NDArray[np.float64]:
    """How central each sentence is (in how many stories something like it stands, and how near it
    is to their titles), times how early it stands and who says it."""
    alike = _similarities(told + titles, weights)
    central = np.full(len(told), BACKGROUND)
    total = sum(title.voice for title in titles) or 1.0
    for at, title in enumerate(titles):
        own = [i for i, candidate in enumerate(told) if candidate.story is title.story]
        if own:
            central += alike[: len(told), own].max(axis=1) * title.voice / total
        central += TITLES * alike[: len(told), len(told) + at] * title.voice / total
    early = np.array([1.0 / (1.0 + 0.22 * candidate.place) for candidate in told])
    voice = np.array([0.2 + 0.8 * candidate.voice for candidate in told])
    result: NDArray[np.float64] = central * (0.35 + early) * voice
    return result


def _similarities(told: list[_Candidate], weights: Mapping[str, float]) -> NDArray[np.float64]:
    """Cosine of every two sentences over weighted stems; a sentence is not like itself."""
    column = {stem: i for i, stem in enumerate(sorted(weights))}
    matrix = np.zeros((len(told), len(column)), dtype=np.float32)
    for row, candidate in enumerate(told):
        for stem in candidate.content:
            matrix[row, column[stem]] = weights[stem]
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix /= np.maximum(norms, 1e-9)
    alike = (matrix @ matrix.T).astype(np.float64).round(6)
    np.fill_diagonal(alike, 0.0)
    return alike


def _about_it(told: list[_Candidate], headline: _Headline) -> NDArray[np.float64]:
    """Less for a sentence without the event's names, more for a number that others give, too."""
    given: dict[str, set[str]] = {}
    for candidate in told:
        for amount in candidate.amounts:
            given.setdefault(amount, set()).add(candidate.story.url)
    return np.array(
        [
            _named(c, headline)
            * _with_figures(max((len(given[amount]) for amount in c.amounts), default=0))
            * (WITH_A_DATE if pattern("day").search(c.text) else 1.0)
            * (WITH_A_PAST_YEAR if _is_past(c) else 1.0)
            for c in told
        ]
    )


def _named(candidate: _Candidate, headline: _Headline) -> float:
    if not headline.subject or headline.is_named(candidate):
        return 1.0
    return WITH_A_STAND_IN if refers(candidate.text) else WITHOUT_NAMES


def _with_figures(stories: int) -> float:
    return SHARED_FIGURES if stories > 1 else WITH_FIGURES if stories else 1.0


def _is_past(candidate: _Candidate) -> bool:
    """Whether it names a year before that of its story."""
    when = candidate.story.when
    years = re.findall(r"\b(?:19|20)\d\d\b", candidate.text)
    return when is not None and any(int(year) < when.year for year in years)


def _choose(
    told: list[_Candidate], points: list[float], worth: list[float], headline: _Headline
) -> list[int]:
    """The best lead, then the worthiest that repeat nothing, in the order they are told in."""
    lead = _lead(told, points, headline)
    chosen = [] if lead is None else [lead]
    while len(chosen) < MOST:
        said = {stem for i in chosen for stem in told[i].content}
        standing = _standing(told, points, worth, chosen, headline)
        open_ = [
            i
            for i in standing
            if standing[i] >= FILLER * max(points) and not _is_said(told, i, chosen, headline)
        ]
        gains = {
            i: round(standing[i] * (1 + HEADLINE * headline.share(told[i].content, said)), 6)
            for i in open_
        }
        if not gains:
            break
        chosen.append(min(gains, key=lambda i: (-gains[i], told[i].place, told[i].text)))
    return _in_order(told, chosen, lead, points)


def _standing(
    told: list[_Candidate],
    points: list[float],
    worth: list[float],
    chosen: list[int],
    headline: _Headline,
) -> dict[int, float]:
    """The points of those that may still be taken: sentences that stand alone, and those that
    read on behind a chosen one and say more of the headline or hold a number."""
    taken = {(told[i].story.url, told[i].text) for i in chosen}
    said = {stem for i in chosen for stem in told[i].content}
    found = {i: value for i, value in enumerate(points) if value > 0 and i not in chosen}
    for i, candidate in enumerate(told):
        if (candidate.story.url, candidate.before) not in taken or not follows_on(candidate.text):
            continue
        if candidate.amounts or headline.share(candidate.content, said) > 0:
            found[i] = max(found.get(i, 0.0), FOLLOWS * worth[i] / WITHOUT_NAMES)
    return found


def _lead(told: list[_Candidate], points: list[float], headline: _Headline) -> int | None:
    """The sentence near the start of a report that says most of what the headline says; it may
    repeat it where it adds a name, a day or a number."""
    loudest = max(candidate.voice for candidate in told)
    found: dict[int, float] = {}
    for i, candidate in enumerate(told):
        if candidate.voice < loudest or candidate.place >= LEAD_PLACES or points[i] <= 0:
            continue
        share = headline.share(candidate.content)
        if share < LIKE_A_LEAD:
            continue
        if _repeats_headline(candidate, headline) and not _adds(candidate, headline.title):
            continue
        dated = WITH_A_DAY if pattern("day").search(candidate.text) else 1.0
        top = AT_THE_TOP if candidate.place < FIRST_PLACES else 1.0
        found[i] = round(points[i] * (0.2 + share) * dated * top, 6)
    named = {i for i in found if headline.is_titled(told[i].text)}
    return min(named or found, key=lambda i: (-found[i], told[i].place, told[i].text), default=None)


def _adds(candidate: _Candidate, title: str) -> bool:
    """Whether it has a day, or a name or amount that the headline lacks."""
    new = {name for name in real_names(candidate.text) if not holds(title, [name])}
    new |= {amount for amount in candidate.amounts if amount not in title}
    return bool(new) or bool(pattern("day").search(candidate.text))


def _repeats_headline(candidate: _Candidate, headline: _Headline) -> bool:
    said = set(candidate.content)
    return len(said & headline.content) >= SAYS_THE_HEADLINE * len(said)


def _is_said(told: list[_Candidate], i: int, chosen: list[int], headline: _Headline) -> bool:
    """Whether the headline or a chosen sentence says it already."""
    if _repeats_headline(told[i], headline):
        return True
    return any(_repeats(told[i], told[j], headline.subject) for j in chosen)


def _repeats(one: _Candidate, other: _Candidate, subject: Collection[str]) -> bool:
    """Whether two sentences say one thing: much the same words, one amount, or one name with one
    day (`in Lisbon on Wednesday`)."""
    if one.amounts & other.amounts:
        return True
    named = real_names(one.text) & real_names(other.text)
    both = named or all(holds(c.text, subject) or refers(c.text) for c in (one, other))
    days = set(map(str.lower, pattern("day").findall(one.text)))
    if both and days & set(map(str.lower, pattern("day").findall(other.text))):
        return True
    left, right = set(one.content), set(other.content)
    number = any(stem[0].isdigit() for stem in left & right)
    return _overlap(left, right) >= (TOO_ALIKE_WITH_NUMBER if number else TOO_ALIKE)


def _overlap(one: set[str], other: set[str]) -> float:
    """Share of the shorter sentence's words that the other has, too. All words weigh the same:
    by their rarity, two leads on one happening would look different."""
    return len(one & other) / max(min(len(one), len(other)), 1)


def _in_order(
    told: list[_Candidate], chosen: list[int], lead: int | None, points: list[float]
) -> list[int]:
    """The lead first, then early ones first; what reads on stands right behind its forerunner."""
    following = {i for i in chosen if not points[i]}
    ordered = sorted(
        (i for i in chosen if i not in following),
        key=lambda i: (i != lead, told[i].place, -points[i], told[i].text),
    )
    for i in sorted(following, key=lambda i: (told[i].story.url, told[i].place)):
        at = next(
            (
                at
                for at, j in enumerate(ordered)
                if told[j].story is told[i].story and told[j].text == told[i].before
            ),
            len(ordered) - 1,
        )
        ordered.insert(at + 1, i)
    return ordered
