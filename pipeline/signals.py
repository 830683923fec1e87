"""What two stories share and where they clash, and the score that follows.

Comes in: two readings. Goes out: signals in a person's words, each with what it adds, and their
sum as a score from 0 to 1. The score depends on these two stories alone, so that a stored reason
can be computed again. It never decides what becomes an event.
"""

from __future__ import annotations

import json
import math
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from rapidfuzz import fuzz

from pipeline.background import rarity
from storage.models import Match, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.reading import Reading

SAME_EVENT = 0.24  # an event's stories are alike by this much on average; see docs/quality.md
SAME_HEADLINE = 95  # of 100, RapidFuzz's ratio of the words in any order
HEADLINE_WORDS = 5  # a shorter headline can be the same by chance
MAX_NUMBERS = 2  # more shared numbers add nothing: a table of results shares dozens
SHOWN = 4  # words or names that a reason lists
TELLING = 2.0  # rarity; the words below it (in, said, after) stand in every other story


def score(left: Reading, right: Reading, cosine: float | None = None) -> float:
    """How alike two stories are, 0 to 1. `cosine` of their word vectors, where it is known."""
    total = 0.0
    for signal in SIGNALS:
        total += signal(left, right, cosine)
    return min(1.0, max(0.0, total))


def explain(left: Reading, right: Reading) -> tuple[Signal, ...]:
    """Every signal that says something about the two, agreeing and clashing."""
    found = []
    for signal in SIGNALS:
        weight = signal(left, right, None)
        if weight:
            found.append(
                Signal(signal.__name__, round(weight, 4), _SAID[signal.__name__](left, right))
            )
    return tuple(found)


def match(left: Reading, right: Reading) -> Match:
    """The match of two stories with its signals, the story with the smaller id to the left."""
    # Said in the order of URLs: ids follow the order of arrival, which makes no difference.
    first, second = sorted((left, right), key=lambda reading: reading.url)
    low, high = sorted((left.id, right.id))
    return Match(low, high, round(score(first, second), 4), explain(first, second))


def words(left: Reading, right: Reading, cosine: float | None = None) -> float:
    """Cosine of the TF-IDF vectors over title and opening."""
    if cosine is None:
        cosine = cosine_of(left.weights, right.weights)
    return _weight("words") * cosine


def short(left: Reading, right: Reading, cosine: float | None = None) -> float:
    """Two mere headlines share fewer words than two texts about the same happening."""
    return _weight("short") if left.short and right.short else 0.0


def numbers(left: Reading, right: Reading, cosine: float | None = None) -> float:
    return _weight("numbers") * min(MAX_NUMBERS, len(left.numbers & right.numbers))


def same_headline(left: Reading, right: Reading, cosine: float | None = None) -> float:
    if min(len(left.title), len(right.title)) < HEADLINE_WORDS:
        return 0.0
    alike = fuzz.token_sort_ratio(" ".join(left.title), " ".join(right.title))
    return _weight("same_headline") if alike >= SAME_HEADLINE else 0.0


def days_apart(left: Reading, right: Reading, cosine: float | None = None) -> float:
    """Time heals likeness: the same words a week later are mostly the next happening."""
    days = _days(left, right)
    return _weight("days_apart") * math.log1p(days) if days is not None else 0.0


def undated(left: Reading, right: Reading, cosine: float | None = None) -> float:
    return _weight("undated") if _days(left, right) is None else 0.0


def versions(left: Reading, right: Reading, cosine: float | None = None) -> float:
    """The same product, but another version of it."""
    return _weight("versions") if _clashing_versions(left, right) else 0.0


SIGNALS: tuple[Callable[[Reading, Reading, float | None], float], ...] = (
    words,
    short,
    numbers,
    same_headline,
    days_apart,
    undated,
    versions,
)


def cosine_of(left: dict[str, float], right: dict[str, float]) -> float:
    """Cosine of two unit vectors, summed in a fixed order so that it is the same every time."""
    return sum(left[word] * right[word] for word in sorted(left.keys() & right.keys()))


def _days(left: Reading, right: Reading) -> float | None:
    if left.when is None or right.when is None:
        return None
    return abs((left.when - right.when).total_seconds()) / 86_400


def _clashing_versions(left: Reading, right: Reading) -> list[str]:
    named = left.versions.keys() & right.versions.keys()
    if any(left.versions[name] == right.versions[name] for name in named):
        return []
    return sorted(named)


def _say_words(left: Reading, right: Reading) -> str:
    shared = {word for word in left.weights.keys() & right.weights.keys() if _tells(word)}
    heaviest = sorted(shared, key=lambda word: (-left.weights[word] * right.weights[word], word))
    names = sorted(left.names & right.names, key=lambda name: (-len(name), name))
    said = [left.spelled.get(word, word) for word in heaviest[:SHOWN]]
    told = [f"both name {', '.join(names[:SHOWN])}"] if names else []
    told += [f"both say {', '.join(said)}"] if said else []
    return "; ".join(told) or "only common words in common"


def _tells(word: str) -> bool:
    """Whether a word of the vector (`en:crack`) says something to a person."""
    language, _, stem = word.partition(":")
    return rarity(stem, language) >= TELLING


def _say_numbers(left: Reading, right: Reading) -> str:
    shared = sorted(left.numbers & right.numbers, key=lambda number: (-len(number), number))
    return "both give " + ", ".join(shared[:SHOWN])


def _say_days(left: Reading, right: Reading) -> str:
    minutes = round((_days(left, right) or 0.0) * 1440)
    if minutes < 90:
        return f"{minutes} minutes apart"
    if minutes < 48 * 60:
        return f"{round(minutes / 60)} hours apart"
    return f"{round(minutes / 1440)} days apart"


def _say_versions(left: Reading, right: Reading) -> str:
    name = _clashing_versions(left, right)[0]
    return f"clash: {name} {left.versions[name]} against {right.versions[name]}"


_SAID: dict[str, Callable[[Reading, Reading], str]] = {
    "words": _say_words,
    "short": lambda left, right: "both are little more than a headline",
    "numbers": _say_numbers,
    "same_headline": lambda left, right: "the same headline",
    "days_apart": _say_days,
    "undated": lambda left, right: "no date to compare",
    "versions": _say_versions,
}


def _weight(name: str) -> float:
    return _weights()[name]


@cache
def _weights() -> dict[str, float]:
    text = resources.files("pipeline").joinpath("weights.json").read_text("utf-8")
    return {key: value for key, value in json.loads(text).items() if key != "about"}
