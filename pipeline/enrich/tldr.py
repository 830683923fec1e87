"""Two or three sentences that tell an event, taken from its reports word for word.

Comes in: the stories of an event with their roles, and the title of its headline story. Goes out:
sentences, each with the story it stands in. It writes nothing of its own: a sentence is taken
whole (less a dateline) or left. The order of the stories does not matter.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.text import names, sentences, stems
from storage.models import Sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from storage.models import Role, Story

MOST = 3
SHORTEST, LONGEST = 60, 280  # characters: less says nothing, more is no short version
MAX_STORIES = 30  # read of one event; by then every sentence has been said
MAX_SENTENCES = 25  # read of one story: news stands in the front part
TOO_ALIKE = 0.45  # share of content that makes a second sentence a repetition
TOO_ALIKE_WITH_NUMBER = 0.28  # and when both hold one number ("120 million")
SAYS_THE_HEADLINE = 0.6  # share of a sentence's content that the headline already has
TITLES = 0.5  # what being near to the titles counts, beside being said by all
BACKGROUND = 0.05  # every sentence's standing, whatever the others say
VOICES: Mapping[str, float] = {
    "original": 1.0,
    "rewrite": 0.6,
    "commentary": 0.15,
    "roundup": 0.1,
    "copy": 0.0,
}


@dataclass(frozen=True, slots=True)
class _Candidate:
    text: str
    story: Story
    place: int  # in its story
    content: tuple[str, ...]
    voice: float


def tldr(
    stories: Sequence[Story],
    title: str,
    roles: Mapping[int, Role] | None = None,
    language: str | None = None,
) -> tuple[Sentence, ...]:
    """The sentences that most reports agree on, early ones first; `()` when none can stand alone.

    `language` is that of the headline story: sentences in others are left out where there are
    enough in it.
    """
    told = _candidates(stories, roles or {}, language)
    if not told:
        return ()
    worth = _worth(told, _titles(told), _weights(told))
    chosen = _choose(told, worth, _content(title, told[0].story.language))
    return tuple(Sentence(told[i].text, told[i].story.id or 0) for i in chosen)


def _candidates(
    stories: Sequence[Story], roles: Mapping[int, Role], language: str | None
) -> list[_Candidate]:
    voices = [(VOICES[roles.get(s.id or 0, "original")], s) for s in stories]
    spoken = [(voice, story) for voice, story in voices if voice > 0] or [(1.0, s) for s in stories]
    own = [(v, s) for v, s in spoken if language is None or s.language == language]
    ordered = sorted(own or spoken, key=lambda pair: (-pair[0], pair[1].url))[:MAX_STORIES]
    found: list[_Candidate] = []
    for voice, story in ordered:
        for place, text in enumerate(sentences(story.text or story.summary)[:MAX_SENTENCES]):
            text = without_dateline(text)
            content = _content(text, story.language)
            if content:
                found.append(_Candidate(text, story, place, content, voice))
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
    is to their titles), times how early it stands and how well it reads alone."""
    alike = _similarities(told + titles, weights)
    central = np.full(len(told), BACKGROUND)
    total = sum(title.voice for title in titles) or 1.0
    for at, title in enumerate(titles):
        own = [i for i, candidate in enumerate(told) if candidate.story is title.story]
        if own:
            central += alike[: len(told), own].max(axis=1) * title.voice / total
        central += TITLES * alike[: len(told), len(told) + at] * title.voice / total
    early = np.array([1.0 / (1.0 + 0.22 * candidate.place) for candidate in told])
    voice = np.array([0.4 + 0.6 * candidate.voice for candidate in told])
    stands = np.array([_stands_alone(candidate) for candidate in told])
    result: NDArray[np.float64] = central * (0.35 + early) * voice * stands
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


def _stands_alone(candidate: _Candidate) -> float:
    """0 for a sentence that cannot be read without its neighbours, 1 for a good one."""
    text = candidate.text
    if not SHORTEST <= len(text) <= LONGEST or not _is_whole(text):
        return 0.0
    if any(_pattern(kind).search(text) for kind in ("dangling", "service", "first_person")):
        return 0.0
    if any(_pattern(kind).search(text) for kind in ("elliptic", "credits", "unnamed")):
        return 0.0
    if _has_stray_quote(text):
        return 0.0
    known = names(text)
    if not known:
        return 0.25 if _pattern("leaning").search(text) else 0.5
    return 1.0 if len(text) <= 220 else 0.85


def _is_whole(text: str) -> bool:
    """A sentence with an end, which is no list item and no question."""
    return text.endswith((".", "!", "。", '."', ".”", '".', "”.")) and not text.startswith(
        ("-", "*", "•", "#", ">")
    )


def _has_stray_quote(text: str) -> bool:
    """A quotation of some length without a speaker, or one that is not closed."""
    marks = sum(text.count(mark) for mark in '“”„"«»')
    if marks % 2:
        return True
    quoted = re.search(r"[“„\"«][^”“\"»]{30,}[”“\"»]", text)
    return bool(quoted) and not _pattern("speaking").search(text)


def without_dateline(text: str) -> str:
    """`PARIS (Agency) — The chip maker ...` begins with the chip maker."""
    for form in _data()["datelines"]:
        text = re.sub(form, "", text)
    return text.strip()


def _choose(
    told: list[_Candidate], worth: NDArray[np.float64], title: tuple[str, ...]
) -> list[int]:
    """The worthiest, none that repeats the headline or another; in the order they are told in."""
    points = [round(float(value), 6) for value in worth]
    order = sorted(range(len(told)), key=lambda i: (-points[i], told[i].place, told[i].text))
    chosen: list[int] = []
    for i in order:
        if points[i] <= 0 or len(chosen) == MOST:
            break
        said = set(told[i].content)
        if len(said & set(title)) >= SAYS_THE_HEADLINE * len(said):
            continue
        if not any(_repeats(said, set(told[j].content)) for j in chosen):
            chosen.append(i)
    return sorted(chosen, key=lambda i: (told[i].place, -points[i], told[i].text))


def _repeats(one: set[str], other: set[str]) -> bool:
    """Whether two sentences say one thing; a number in both makes that likelier."""
    number = any(stem[0].isdigit() for stem in one & other)
    return _overlap(one, other) >= (TOO_ALIKE_WITH_NUMBER if number else TOO_ALIKE)


def _overlap(one: set[str], other: set[str]) -> float:
    """Share of the shorter sentence's words that the other has, too. All words weigh the same:
    by their rarity, two leads on one happening would look different."""
    return len(one & other) / max(min(len(one), len(other)), 1)


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    forms = _data()[kind]
    if isinstance(forms, str):  # with regard to case
        return re.compile(forms)
    if kind == "speaking":
        return re.compile(rf"\b(?:{'|'.join(forms)})\b")
    return re.compile("|".join(forms), re.IGNORECASE)


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(files("pipeline.enrich").joinpath("tldr.toml").read_text("utf-8"))
