"""What a number counts, in two to five words taken from its sentence.

Comes in: a sentence and the span of the number. Goes out: words of that sentence, or the kind of
an amount with the name it concerns (`Scale AI deal`). It never adds what the sentence lacks.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from pipeline.enrich import numbers
from pipeline.enrich.subject import real_names

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

NEAR = 60  # characters between an amount and the word that says what it is for
MAX_WORDS = 4
BEHIND = 25  # characters; behind the amount such a word must follow soon
_CLAUSE_END = re.compile(r"[;:!?—–()\"“”„«»]|,(?!\d)|(?<!\d)\.\s|\.$")
_WORD = re.compile(r"[^\W_]+(?:[-.’'&][^\W_]+)*(?:(?<=s)[’'](?=\s))?")
NEXT = 3  # words; what follows later than that belongs to something else
FEWEST, LONGEST = 5, 64  # words, characters of a clause that is shown when no words of it will do
_JOINED = re.compile(
    r"\s+(?:worth\s+|valued\s+at\s+|of\s+)?(?:with|of|for|by|in|into|from|mit|von|für|an)\s+"
    r"(?:[a-zà-ÿ-]+\s+){0,4}"
)
_OF = re.compile(r"\s+(?:of|in|on|for|per|under|von|der|des|im|bei|auf)\s+", re.IGNORECASE)


def around(sentence: str, start: int, end: int) -> str:
    """`91 percent of the capacity` is about `capacity`; else the words before the number in its
    clause (`utilisation averaged` gives `utilisation`), else those right behind it; where these
    say nothing, the clause itself, and no words rather than wrong ones."""
    behind = _CLAUSE_END.split(sentence[end:], maxsplit=1)[0]
    tied = _OF.match(behind)
    words = _first_run(behind[tied.end() :]) if tied else ""
    if tied and words and not _is_place(words, tied.group()):
        return words
    before = _CLAUSE_END.split(sentence[:start].rstrip(" :"))[-1]
    words = _last_run(before)
    if words and not (_ends_in_verb(before) and _is_name(words)):
        return words
    clause = _clause(sentence, start, end)
    if words or clause:
        return clause
    return _next_run(behind)


def _is_place(words: str, tie: str) -> bool:
    """`9,000 shops in Sweden` are not about Sweden."""
    return words[0].isupper() and tie.strip().lower() in ("in", "on", "im", "auf")


def _is_name(words: str) -> bool:
    """Whether they end in a name (`software company Orval`): somebody, not what is counted."""
    last = words.split()[-1]
    return last[0].isupper() or last[0].isdigit()


def _ends_in_verb(before: str) -> bool:
    """Whether the number is the object of what a name does (`Orval will borrow 600 million`)."""
    words = [word for word in _WORD.findall(before) if word.lower() not in _ties()]
    return bool(words) and _says_nothing(words[-1])


def _clause(sentence: str, start: int, end: int) -> str:
    """The words between two commas that the number stands in, if they are few and tell enough."""
    left = max((m.end() for m in _CLAUSE_END.finditer(sentence[:start])), default=0)
    right = _CLAUSE_END.search(sentence, end)
    clause = sentence[left : right.start() if right else len(sentence)].strip()
    words = clause.split()
    if len(clause) > LONGEST or len(words) < FEWEST:
        return ""
    return "" if words[0].lower() in _no_about("no_start") else clause


def _next_run(behind: str) -> str:
    """What follows at once, without a verb between."""
    before_it = _WORD.findall(behind)[:NEXT]
    if any(_says_nothing(word) for word in before_it) or re.match(r"\s+(?:in|im)\s", behind):
        return ""
    words = _first_run(behind)
    return words if words and words.split()[0] in before_it else ""


def compared(sentence: str, end: int) -> str:
    """What follows a factor as it stands: `compute than Llama 4 Maverick`."""
    words = _CLAUSE_END.split(sentence[end:], maxsplit=1)[0].split()
    return " ".join(words[: MAX_WORDS + 1]) if len(words) >= 2 else ""


def _first_run(text: str) -> str:
    """The first words that hang together."""
    return next((" ".join(run[:MAX_WORDS]) for run in _runs(text)), "")


def _last_run(text: str) -> str:
    """The last words that hang together, if they stand near."""
    return next((" ".join(run[-MAX_WORDS:]) for run in reversed(_runs(text))), "")


def _runs(text: str) -> list[list[str]]:
    """The text cut at numbers, verbs and words that only tie others together; a run that is only
    a measure or a time says nothing."""
    breaks, bare = _breaks(), _bare()
    runs: list[list[str]] = [[]]
    for word in _WORD.findall(text):
        if word[0].isdigit() and runs[-1] and runs[-1][-1][0].isupper():
            runs[-1].append(word)  # "Gemma 4" is a name
        elif word[0].isdigit() or word.lower() in breaks or _says_nothing(word):
            runs.append([])
        else:
            runs[-1].append(word)
    return [run for run in runs if any(word.lower() not in bare for word in run)]


def _says_nothing(word: str) -> bool:
    """Verbs and adverbs, by a list or by their ending."""
    plain = word.lower()
    if plain in _no_about("words"):
        return True
    if word[0].isupper() or plain in _no_about("nouns"):
        return False
    return len(plain) > 4 and plain.endswith(_endings())


@cache
def _no_about(which: str) -> frozenset[str]:
    return frozenset(numbers.data()["no_about"][which])


@cache
def _endings() -> tuple[str, ...]:
    return tuple(numbers.data()["no_about"]["endings"])


@cache
def _breaks() -> frozenset[str]:
    """Words that end a run of words: those that only tie, and numbers."""
    return _ties().union(numbers.number_words("en"), numbers.number_words("de"))


@cache
def _bare() -> frozenset[str]:
    """Measures, times and quantities, which need another word beside them."""
    table = numbers.data()
    units = [word for words in table["measures"].values() for word in words]
    times = [word for unit in table["spans"]["time"] for word in table["counts"][unit]]
    return frozenset(word.lower() for word in [*units, *times, *table["no_about"]["bare"]])


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
    name = _name_of(sentence[:left], behind, real_names(sentence))
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


def _name_of(before: str, behind: str, known: AbstractSet[str]) -> str:
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


@cache
def _kinds() -> dict[str, str]:
    table: dict[str, list[str]] = numbers.data()["about"]
    return {word: kind for kind, words in table.items() for word in words}


@cache
def _kind_pattern() -> re.Pattern[str]:
    return re.compile(rf"\b(?:{numbers.either(_kinds())})\b", re.IGNORECASE)
