"""Why two stories belong together, or do not, in a person's words.

Comes in: two readings. Goes out: a Match with its signals: what each adds to the score, and a few
words. The figures are those of signals.py, so that a reason says what decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.background import rarity
from pipeline.constraints import CORRECTED
from pipeline.signals import ALL_NAMES, DAY, score, values
from pipeline.weights import shipped_weights
from pipeline.window import window
from storage.models import Match, Signal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pipeline.embeddings import Meaning
    from pipeline.reading import Reading
    from pipeline.window import Window

    Array = np.ndarray[Any, Any]

LEAST = 0.005  # of a score; a signal that adds less is not worth a word
# People want to know how far apart two stories are, and what an analyst said of them.
ALWAYS = ("days_apart", "undated", CORRECTED)
SHOWN = 4  # words or names that a reason lists
TELLING = 2.0  # rarity; the words below it (in, said, after) stand in every other story


def match(left: Reading, right: Reading, meaning: Meaning | None = None) -> Match:
    """The match of two stories with its signals, the story with the smaller id to the left."""
    # Said in the order of URLs: ids follow the order of arrival, which makes no difference.
    ordered = sorted((left, right), key=lambda reading: reading.url)
    return matches(window(ordered, meaning), np.array([0]), np.array([1]))[0]


def matches(side_by_side: Window, left: Array, right: Array) -> list[Match]:
    """The matches of pairs of rows of a window; its rows are in the order of URLs, and left is
    before right."""
    found = values(side_by_side, left, right)
    readings = side_by_side.readings
    weights = shipped_weights(side_by_side.embedded)
    told = zip(left.tolist(), right.tolist(), score(found).tolist(), found.tolist(), strict=True)
    return [
        Match(
            min(readings[one].id, readings[two].id),
            max(readings[one].id, readings[two].id),
            scored,
            _signals(readings[one], readings[two], signals, weights),
        )
        for one, two, scored, signals in told
    ]


def _signals(
    left: Reading, right: Reading, told: Sequence[float], weights: Mapping[str, float]
) -> tuple[Signal, ...]:
    """Every signal that says something about the two, agreeing and clashing."""
    return tuple(
        Signal(name, round(float(weights[name] * value), 4), _SAID[name](left, right))
        for name, value in zip(ALL_NAMES, told, strict=False)
        if weights[name] * value
    )


def every_signal(left: Reading, right: Reading, meaning: Meaning | None = None) -> list[Signal]:
    """All that two stories share and in which they clash, also what weighs nothing."""
    one, two = sorted((left, right), key=lambda reading: reading.url)
    side_by_side = window([one, two], meaning)
    [found] = values(side_by_side, np.array([0]), np.array([1])).tolist()
    weights = shipped_weights(side_by_side.embedded)
    return [
        Signal(name, round(float(weights[name] * value), 4), _SAID[name](one, two))
        for name, value in zip(ALL_NAMES, found, strict=False)
        if value
    ]


def worth_saying(signals: Iterable[Signal]) -> list[Signal]:
    """Those that a person wants to hear of: the others add next to nothing to the score."""
    return [s for s in signals if s.name in ALWAYS or abs(s.weight) >= LEAST]


def _words(left: Reading, right: Reading) -> str:
    shared = [
        word
        for stem, word in left.told["words"].items()
        if stem in right.told["words"] and rarity(stem, left.language) >= TELLING
    ]
    shared_names = set(left.told["names"]) & set(right.told["names"])
    names = sorted(shared_names, key=lambda name: (-len(name), name))
    told = [f"both name {_listed(names)}"] if names else []
    told += [f"both say {_listed(shared)}"] if shared else []
    return "; ".join(told) or "only common words in common"


def _numbers(left: Reading, right: Reading) -> str:
    shared = set(left.told["numbers"]) & set(right.told["numbers"])
    return "both give " + _listed(sorted(shared, key=lambda number: (-len(number), number)))


def _amounts(left: Reading, right: Reading) -> str:
    given = [shown for _, _, shown in left.told["amounts"]]
    return f"both give {_listed(given)}" if given else "both give the same amount"


def _other_amounts(left: Reading, right: Reading) -> str:
    one, two = ([shown for _, _, shown in r.told["amounts"]] for r in (left, right))
    return f"clash: {_listed(one)} against {_listed(two)}"


def _days_apart(left: Reading, right: Reading) -> str:
    minutes = round(abs((left.when or 0.0) - (right.when or 0.0)) / 60)
    if minutes < 90:
        return f"{minutes} minutes apart"
    if minutes < 48 * 60:
        return f"{round(minutes / 60)} hours apart"
    return f"{round(minutes * 60 / DAY)} days apart"


def _other_version(left: Reading, right: Reading) -> str:
    one, two = left.told["versions"], right.told["versions"]
    name = min(one.keys() & two.keys())
    return f"clash: {name} {one[name]} against {two[name]}"


def _same_version(left: Reading, right: Reading) -> str:
    one, two = left.told["versions"], right.told["versions"]
    same = sorted(f"{name} {one[name]}" for name in one if two.get(name) == one[name])
    return f"both are about {_listed(same)}"


def _other_step(left: Reading, right: Reading) -> str:
    told = dict(left.told["steps"])
    affair, other = next((a, s) for a, s in right.told["steps"] if a in told)
    return f"clash: {told[affair]} against {other} ({affair})"


def _same_step(left: Reading, right: Reading) -> str:
    affair, step = next(step for step in left.told["steps"] if step in right.told["steps"])
    return f"both tell that it was {step} ({affair})"


def _against(key: str, what: str) -> Callable[[Reading, Reading], str]:
    def said(left: Reading, right: Reading) -> str:
        return f"clash: {what} {_listed(left.told[key])} against {_listed(right.told[key])}"

    return said


def _listed(words: Iterable[str]) -> str:
    return ", ".join(list(words)[:SHOWN])


_SAID: dict[str, Callable[[Reading, Reading], str]] = {
    "words": _words,
    "headlines": lambda left, right: "each speaks of what the other's headline says",
    "short": lambda left, right: "both are little more than a headline",
    "same_headline": lambda left, right: "the same headline",
    "rare_names": lambda left, right: "they share names that are rare in the news",
    "numbers": _numbers,
    "amounts": _amounts,
    "other_amounts": _other_amounts,
    "same_day": lambda left, right: "both say that it happened on the same day",
    "other_day": lambda left, right: "clash: they say that it happened on different days",
    "remembered_day": lambda left, right: "clash: the day of the one is a memory in the other",
    "same_version": _same_version,
    "other_version": _other_version,
    "sibling": _against("siblings", "one is about"),
    "same_step": _same_step,
    "other_step": _other_step,
    "other_parties": _against("parties", "one names"),
    "same_source": lambda left, right: "clash: one source, which seldom reports a thing twice",
    "days_apart": _days_apart,
    "undated": lambda left, right: "no date to compare",
    "meaning": lambda left, right: "alike in meaning",
    "other_language": lambda left, right: (
        f"told in two languages ({left.language}, {right.language})"
    ),
}
