"""What a number counts, in two to five words taken from its sentence.

Comes in: a sentence and the span of the number. Goes out: words of that sentence, or the kind of
an amount with the name it concerns (`Scale AI deal`). It never adds what the sentence lacks.
"""

from __future__ import annotations

import re
from functools import cache

from pipeline.enrich import numbers
from pipeline.text import names

NEAR = 60  # characters between an amount and the word that says what it is for
MAX_WORDS = 4
BEHIND = 25  # characters; behind the amount such a word must follow soon
_CLAUSE_END = re.compile(r"[,;:!?—–()\"“”„«»]|\.\s|\.$")
_WORD = re.compile(r"[^\W_]+(?:[-.’'&][^\W_]+)*")
_JOINED = re.compile(
    r"\s+(?:worth\s+|valued\s+at\s+|of\s+)?(?:with|of|for|by|in|into|from|mit|von|für|an)\s+"
    r"(?:[a-zà-ÿ-]+\s+){0,4}"
)
_OF = re.compile(r"\s+(?:of|in|on|for|per|under|von|der|des|im|bei|auf)\s+", re.IGNORECASE)


def around(sentence: str, start: int, end: int) -> str:
    """`91 percent of the capacity` is about `capacity`; else the words before the number in its
    clause (`utilisation averaged`), else those behind it."""
    behind = sentence[end:]
    tied = _OF.match(behind)
    if tied:
        words = _first_run(_CLAUSE_END.split(behind[tied.end() :], maxsplit=1)[0])
        if words:
            return words
    before = _CLAUSE_END.split(sentence[:start].rstrip(" :"))[-1]
    return _last_run(before) or _first_run(_CLAUSE_END.split(behind, maxsplit=1)[0])


def compared(sentence: str, end: int) -> str:
    """What follows a factor as it stands: `compute than Llama 4 Maverick`."""
    words = _CLAUSE_END.split(sentence[end:], maxsplit=1)[0].split()
    return " ".join(words[: MAX_WORDS + 1]) if len(words) >= 2 else ""


def _first_run(text: str) -> str:
    """The first words that hang together."""
    return " ".join(_runs(text)[0][:MAX_WORDS]) if _runs(text) else ""


def _last_run(text: str) -> str:
    """The last words that hang together."""
    return " ".join(_runs(text)[-1][-MAX_WORDS:]) if _runs(text) else ""


def _runs(text: str) -> list[list[str]]:
    """The text cut at the words that only tie others together, and at numbers."""
    ties = _ties()
    runs: list[list[str]] = [[]]
    for word in _WORD.findall(text):
        if word.lower() in ties or word[0].isdigit():
            runs.append([])
        else:
            runs[-1].append(word)
    return [run for run in runs if run]


@cache
def _ties() -> frozenset[str]:
    """Words that only tie others together, days and months, and scales."""
    table = numbers.data()["no_names"]
    return frozenset(word.lower() for word in [*table["ties"], *table["words"]])


def of_amount(sentence: str, start: int, end: int) -> str:
    """`Scale AI deal` for an amount of money; empty when no word says what it is for."""
    kind = _nearest_kind(sentence, start, end)
    if kind is None:
        return ""
    word, left, right = kind
    # "deal worth $14 billion with Scale AI" reads on behind the amount.
    behind = sentence[right:] if right > start else sentence[right:start] + sentence[end:]
    name = _name_of(sentence[:left], behind, _real_names(sentence))
    return f"{name} {word}" if name else word


def _nearest_kind(sentence: str, start: int, end: int) -> tuple[str, int, int] | None:
    found = []
    weak = numbers.data()["no_names"]["weak_kinds"]
    for match in _kind_pattern().finditer(sentence):
        left, right = match.span()
        between = sentence[end:left] if left >= end else sentence[right:start]
        if len(between) > (BEHIND if left >= end else NEAR) or _CLAUSE_END.search(between):
            continue
        kind = _kinds()[match.group().lower()]
        found.append((kind in weak, len(between), left, right, kind))
    if not found:
        return None
    _, _, left, right, kind = min(found)
    return kind, left, right


def _name_of(before: str, behind: str, known: set[str]) -> str:
    """Right before the word (`Scale AI deal`), behind it (`deal with Scale AI`), else the last
    name before it (`Pennant Row has raised`)."""
    before = before.rstrip()
    by_length = sorted(known, key=lambda name: (-len(name), name))
    for name in by_length:
        if before.endswith((name, f"{name}'s", f"{name}’s")):
            return name
    joined = _JOINED.match(behind)
    if joined:
        hits = [(behind.find(name), -len(name), name) for name in known if name in behind]
        if hits and min(hits)[0] <= joined.end():
            return min(hits)[2]
    near = before[-NEAR:]
    hits = [(-near.rfind(name), -len(name), name) for name in known if name in near]
    return min(hits)[2] if hits else ""


def _real_names(sentence: str) -> set[str]:
    """The names in it, owners (`Meta's`), days, months and units left out."""
    bare = {re.split(r"[’']s\s+", name)[-1] for name in names(sentence)}
    no_name = set(numbers.data()["no_names"]["words"]) | set(numbers.data()["measures"])
    return {name for name in bare if name not in no_name}


@cache
def _kinds() -> dict[str, str]:
    table: dict[str, list[str]] = numbers.data()["about"]
    return {word: kind for kind, words in table.items() for word in words}


@cache
def _kind_pattern() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{numbers.either(_kinds())})\b", re.IGNORECASE)
