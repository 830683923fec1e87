"""Whether a sentence that somebody else wrote says nothing that the reports do not give.

Comes in: a sentence and the stories that it was written from. Goes out: what stands in no report:
numbers, names and quotations; and the story that it tells of. Each must be found, or the sentence
is to be dropped. That it puts true names and numbers together rightly is not seen by this: a verb
that is wrong, or a `not` that is missing, passes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from pipeline.enrich import numbers
from pipeline.enrich.figures import figures
from pipeline.text import names, stems, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from storage.models import Story

_NUMBER = re.compile(
    r"(?<![\w.,])\d+(?:[.,\u00a0\u202f]\d+)*|(?<=[$€£¥#v-])\d+(?:[.,]\d+)*|\d+(?:[.,]\d+)*"
)
_TOKEN = re.compile(r"[^\W_]+(?:[-.’'&/][^\W_]+)*")
_OWNER = re.compile(r"(?:['’]s|(?<=s)['’])$")
_QUOTED = re.compile(r"[“„\"«]([^”“\"»]+)[”“\"»]")
_BEHIND = re.compile(r"\s?[-]?\s?([^\W\d_]+|%)")
_MARK = re.compile(r"\s*(?:[-*•]|\d{1,2}[.)])\s+")
QUOTED_WORDS = 3  # a single word in quotation marks is a way of speaking


@dataclass(frozen=True)
class Reports:
    """What the reports give: each of these is worked out when it is first asked for."""

    stories: Sequence[Story]

    @cached_property
    def texts(self) -> list[str]:
        return [f"{s.title}\n{s.summary}\n{s.text}" for s in self.stories]

    @cached_property
    def tokens(self) -> frozenset[str]:
        """Words as they are written, less the s of owners."""
        return frozenset(chain.from_iterable(map(_tokens, self.texts)))

    @cached_property
    def lower(self) -> frozenset[str]:
        return frozenset(token.lower() for token in self.tokens)

    @cached_property
    def plain(self) -> list[str]:
        """All words in lower case, for what must stand side by side."""
        return [f" {' '.join(words(text))} " for text in self.texts]

    @cached_property
    def numbers(self) -> frozenset[float]:
        told = zip(self.texts, self.stories, strict=True)
        return frozenset(chain.from_iterable(_values(t, s.language) for t, s in told))

    @cached_property
    def figures(self) -> Mapping[float, frozenset[str]]:
        """The units in which each value is given."""
        units: dict[float, set[str]] = {}
        for figure in chain.from_iterable(map(figures, self.stories)):
            units.setdefault(figure.value, set()).add(figure.unit)
        return {value: frozenset(found) for value, found in units.items()}

    @cached_property
    def stems(self) -> list[frozenset[str]]:
        told = zip(self.texts, self.stories, strict=True)
        return [frozenset(stems(text, story.language)) for text, story in told]


def unfounded(sentence: str, reports: Reports, language: str) -> list[str]:
    """The numbers, names and quotations of a sentence that stand in no report."""
    found = [*_numbers(sentence, reports, language), *_names(sentence, reports, language)]
    for quoted in _QUOTED.findall(sentence):
        said = words(quoted)
        if len(said) >= QUOTED_WORDS and not _stands_in(said, reports):
            found.append(quoted)
    return list(dict.fromkeys(found))


def story_of(sentence: str, reports: Reports, language: str) -> Story:
    """The report that has most of what the sentence says; the first of several."""
    said = frozenset(stems(sentence, language))
    values = frozenset(_values(sentence, language))
    shared = [
        len(said & own) + 2 * len(values & frozenset(_values(text, story.language)))
        for own, text, story in zip(reports.stems, reports.texts, reports.stories, strict=True)
    ]
    return reports.stories[shared.index(max(shared))]


def _numbers(sentence: str, reports: Reports, language: str) -> Iterator[str]:
    """Numbers, in digits or words, that no report has, or has with another unit alone."""
    for shown, value in _numbered(sentence, language):
        if value not in reports.numbers:
            yield shown
    vague = numbers.data()["vague"]["words"]
    yield from (word for word in words(sentence) if word in vague and word not in reports.lower)
    for figure in figures(_as_story(sentence, reports.stories[0], language)):
        units = reports.figures.get(figure.value)
        if units and figure.unit not in units and not _are_kin(figure.unit, units):
            yield figure.quote  # 14 percent, where the reports have 14 jobs


def _as_story(sentence: str, like: Story, language: str) -> Story:
    from dataclasses import replace

    return replace(like, title="", summary="", text=sentence, sections=(), language=language)


def _are_kin(unit: str, units: frozenset[str]) -> bool:
    pairs: list[list[str]] = numbers.data()["kin"]["pairs"]
    return any(unit in pair and not units.isdisjoint(pair) for pair in pairs)


def _names(sentence: str, reports: Reports, language: str) -> Iterator[str]:
    """Words with a capital that no report has; names of several words that do not stand so."""
    german = numbers.base(language) == "de"
    for place, token in enumerate(_tokens(sentence)):
        if token.lower() == token or token in reports.tokens:
            continue
        opens = place == 0 and token[1:] == token[1:].lower()
        if opens and (token.lower() in reports.lower or token.lower() in _plain_openings()):
            continue
        if german and opens | (token.lower() in reports.lower):
            continue
        yield token
    for name in names(sentence, language):
        parts = words(name)
        opening = sentence.startswith(name) and parts and parts[0] in _plain_openings()
        parts = parts[1:] if opening else parts
        if len(parts) > 1 and not _stands_in(parts, reports):
            yield name


def _plain_openings() -> frozenset[str]:
    """Words that may open a sentence and name nothing."""
    table = numbers.data()
    return frozenset([*table["no_names"]["ties"], *table["vague"]["openings"]])


def _stands_in(said: Sequence[str], reports: Reports) -> bool:
    wanted = f" {' '.join(said)} "
    return any(wanted in text or wanted.replace(" 's ", " ") in text for text in reports.plain)


def _tokens(text: str) -> list[str]:
    return [_OWNER.sub("", token) for token in _TOKEN.findall(text)]


def _values(text: str, language: str) -> Iterator[float]:
    return (value for _, value in _numbered(text, language))


def _numbered(text: str, language: str) -> Iterator[tuple[str, float]]:
    """Every number with its scale: `14.3 billion`, `$14.3B` and `nine`."""
    scales = numbers.scales(language)
    letters: Mapping[str, float] = numbers.data()["scales"]["letters"]
    for match in _NUMBER.finditer(text):
        value = _value(match.group(), language)
        behind = _BEHIND.match(text, match.end())
        word = behind[1] if behind else ""
        factor = scales.get(word.lower(), 0) or letters.get(word, 0) or 1
        yield match.group(), float(f"{value * factor:.12g}")
    known = numbers.number_words(language)
    tokens = [token.lower() for token in _TOKEN.findall(text)]
    for token, after in zip(tokens, [*tokens[1:], ""], strict=True):
        if token in known:
            yield token, float(f"{known[token] * scales.get(after, 1):.12g}")


def _value(printed: str, language: str) -> float:
    try:
        return numbers.value_of(printed, language)
    except ValueError:  # 4.7.2, 12.06.2026: all its digits
        return float("".join(filter(str.isdigit, printed)) or "0")


def as_sentences(told: Iterable[str]) -> list[str]:
    """Lines or sentences without the marks of a list."""
    return [_MARK.sub("", line).strip() for line in told if line.strip()]
