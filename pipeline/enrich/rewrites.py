"""Which reports of an event tell an earlier one again.

Comes in: the reports of one event as they appeared, and the names of the sources. Goes out: those
that follow another source's report sentence by sentence, or say that they have it from there.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from functools import cache, cached_property
from itertools import accumulate, chain
from typing import TYPE_CHECKING

import numpy as np

from pipeline.enrich.alike import Shared
from pipeline.enrich.roundups import patterns
from pipeline.enrich.told import FRONT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pipeline.enrich.told import Told

RETOLD = 0.55  # share of sentences that follow another story's, in its order, with its words
RETOLD_AND_CREDITED = 0.2  # enough of them when the other is also named
NEAR = 0.38  # share of the smaller lead's words; of 178 reports retold one had less
NEAR_AND_CREDITED = 0.3  # for those of which less needs to be retold
MAX_FORERUNNERS = 40  # earlier stories read beside each; who rewrites, rewrites the early ones
SAME_SENTENCE = 0.5  # share of content words that makes two sentences one, told again
CREDITED_EARLY = 4  # sentences; a credit that stands this early says where it comes from
WORDS = 4  # of content that a sentence needs to be told again


def rewrites(reports: Sequence[Told], source_names: Mapping[str, str]) -> Iterator[Told]:
    """Those that tell an earlier one again. `reports` stand in the order that they appeared in."""
    if len(reports) < 2:
        return
    forerunners = [_Report(told) for told in reports[:MAX_FORERUNNERS]]
    read = _Forerunners(report.content for report in forerunners)
    for at, told in enumerate(reports[1:], start=1):
        report = forerunners[at] if at < len(forerunners) else _Report(told)
        if _is_rewrite(report, forerunners[:at], read, source_names):
            yield told


class _Report:
    """A story as its sentences' content words, each counted once."""

    def __init__(self, told: Told) -> None:
        self.story = told.story
        self.sentences = told.sentences[:FRONT]
        lead = told.lead if told.story.text else ()
        self.vocabulary = frozenset().union(*(said.content for said in lead))
        self.lower = "\n".join([self.story.title, self.story.summary, *self.sentences]).lower()
        self._told = told

    @cached_property
    def content(self) -> list[frozenset[str]]:
        return [said.content for said in self._told.said(len(self.sentences))]


def _is_rewrite(
    report: _Report,
    earlier: Sequence[_Report],
    read: _Forerunners,
    source_names: Mapping[str, str],
) -> bool:
    """Whether it follows one of the earlier ones, or says that it does."""
    beside: _Beside | None = None
    for at, other in enumerate(earlier):
        if report.story.source_id == other.story.source_id:
            continue
        early, credits = _credits(report, source_names.get(other.story.source_id, ""))
        if early:
            return True
        if report.story.language != other.story.language:
            continue
        if credits > 1:
            return True
        if _shared(report, other) >= (NEAR_AND_CREDITED if credits else NEAR):
            beside = beside or read.beside(report.content)
            if beside.is_retold(at, RETOLD_AND_CREDITED if credits else RETOLD):
                return True
    return False


def _shared(report: _Report, other: _Report) -> float:
    """What two leads share of the smaller one's words: a rewrite shares so many that most stories
    need not be read side by side."""
    smaller = min(len(report.vocabulary), len(other.vocabulary))
    return len(report.vocabulary & other.vocabulary) / max(smaller, 1)


def _credits(report: _Report, name: str) -> tuple[bool, int]:
    """Whether the other source is named in the opening, and how often in all."""
    if not name or name.lower() not in report.lower:
        return False, 0
    pattern = _credit_pattern(name)
    opening = [report.story.title, report.story.summary, *report.sentences[:CREDITED_EARLY]]
    early = any(pattern.search(sentence) for sentence in opening)
    return early, sum(bool(pattern.search(sentence)) for sentence in report.sentences)


@cache
def _credit_pattern(name: str) -> re.Pattern[str]:
    forms = patterns()["rewrite"]["credits"]
    return re.compile("|".join(form.replace("{name}", re.escape(name)) for form in forms), re.I)


def retold(later: Sequence[frozenset[str]], earlier: Sequence[frozenset[str]]) -> float:
    """Share of the later sentences that say what an earlier one says, in the same order."""
    return _Forerunners([earlier]).beside(later).share(0)


class _Forerunners:
    """The sentences of earlier reports, to hold later ones against all of them at once."""

    def __init__(self, reports: Iterable[Sequence[frozenset[str]]]) -> None:
        self._told = reports

    @cached_property
    def _reports(self) -> list[list[frozenset[str]]]:
        return [list(report) or [frozenset()] for report in self._told]

    @cached_property
    def _sentences(self) -> list[frozenset[str]]:
        return list(chain.from_iterable(self._reports))

    @cached_property
    def _shared(self) -> Shared:
        return Shared(self._sentences)

    def beside(self, later: Sequence[frozenset[str]]) -> _Beside:
        told = [sentence for sentence in later if len(sentence) >= WORDS]
        sizes = np.array([len(sentence) for sentence in told])[:, None]
        smaller = np.maximum(
            np.minimum(sizes, [len(sentence) for sentence in self._sentences]), WORDS
        )
        alike = self._shared.with_each(told).astype(np.float64) / smaller
        return _Beside(alike, [0, *accumulate(map(len, self._reports))])


class _Beside:
    """A report beside its forerunners: how much each two sentences share, from 0 to 1."""

    def __init__(self, alike: NDArray[np.float64], bounds: list[int]) -> None:
        self._alike = alike
        self._bounds = bounds
        best = np.maximum.reduceat(alike, bounds[:-1], axis=1) if len(alike) else alike
        self._said = (best > SAME_SENTENCE).sum(axis=0)

    def is_retold(self, at: int, needed: float) -> bool:
        """Whether it tells so much of one of them, in its order."""
        if not len(self._alike) or self._said[at] < needed * len(self._alike):
            return False
        return self.share(at) >= needed

    def share(self, at: int) -> float:
        """Share of its sentences that say what one forerunner says, in the same order."""
        if not len(self._alike):
            return 0.0
        own = self._alike[:, self._bounds[at] : self._bounds[at + 1]]
        places = own.argmax(axis=1)[own.max(axis=1) > SAME_SENTENCE]
        return _longest_rising(places.tolist()) / len(own)


def _longest_rising(places: Iterable[int]) -> int:
    """Length of the longest run in order (not falling), with gaps allowed."""
    ends: list[int] = []
    for place in places:
        at = bisect_left(ends, place + 1)
        ends[at : at + 1] = [place]
    return len(ends)
