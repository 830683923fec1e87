"""Benchmark scores: which number, on which benchmark, of whom.

Comes in: the sentences of one story, in order. Goes out: the scores of each sentence. A benchmark
that was named stays in mind for a few sentences, because tables and lists name it once. It takes
no number that is not set right beside a word of scoring, and none whose owner is in doubt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from pipeline.enrich import numbers
from pipeline.text import names

MEMORY = 4  # sentences without a score after which a benchmark is forgotten
MAX_SCORE = 10_000  # Elo-like ratings stay below it
# A name that tells by its last word that it is a benchmark, though the table does not know it.
_LOOKS_LIKE_ONE = re.compile(
    r"\b(?:[A-Z][\w-]*\s){0,3}(?:[A-Z]\w*-?[Bb]ench(?:mark)?|[A-Z]\w+\s(?:Index|Arena|Leaderboard))\b"
    r"(?:\s(?:Verified|Pro|Hard|Lite|v?\d+(?:\.\d+)*))?"
)
_PERCENT = r"%|percent\b|per cent\b|Prozent\b"


@dataclass(frozen=True, slots=True)
class Score:
    start: int
    end: int
    value: float
    unit: str  # "%" or "points"
    shown: str
    about: str  # `Intelligence Index`, or `GPT-5.4, Intelligence Index` for somebody else's


@dataclass(frozen=True, slots=True)
class _Benchmark:
    start: int
    end: int
    name: str
    unit: str


class Scoreboard:
    """Reads a story sentence by sentence."""

    def __init__(self, opening: str, language: str) -> None:
        """`opening` is the title and summary: whoever it names is what the story is about."""
        self._opening = opening
        self._language = language
        self._current: _Benchmark | None = None
        self._idle = 0

    def read(self, sentence: str) -> list[Score]:
        """The scores of the next sentence."""
        here = _benchmarks(sentence)
        if not here and (self._current is None or self._idle >= MEMORY):
            self._current = None
            return []
        found = self._scores(sentence, here)
        if here:
            self._current = here[-1]
        self._idle = 0 if found or here else self._idle + 1
        return found

    def _scores(self, sentence: str, here: list[_Benchmark]) -> list[Score]:
        subjects = _subjects(sentence, here)
        found: list[Score] = []
        last_end = 0
        for match in _score_pattern(self._language).finditer(sentence):
            if any(b.start <= match.start() < b.end for b in (*here, *subjects)):
                continue
            if not _is_scored(sentence, match, listed=bool(_listed(sentence, match))):
                continue
            score = self._one(sentence, match, here, subjects, last_end)
            if score is not None:
                found.append(score)
            last_end = match.end()
        return found

    def _one(
        self,
        sentence: str,
        match: re.Match[str],
        here: list[_Benchmark],
        subjects: list[_Benchmark],
        last_end: int,
    ) -> Score | None:
        benchmark = _benchmark_of(sentence, match, here) or self._current
        subject = _subject_of(sentence, match, subjects, last_end)
        if benchmark is None or (not here and not subject):
            return None
        if last_end and not subject and not _is_own(match, here, last_end):
            return None  # "and a rival has 53": whose it is, is not said
        percent = bool(match["percent"]) or benchmark.unit == "%"
        value = numbers.value_of(match["number"], self._language)
        if not 0 < value <= (100 if percent else MAX_SCORE):
            return None
        others = subject if subject and not self._is_main(subject) else ""
        return Score(
            match.start(),
            match.end(),
            value,
            "%" if percent else "points",
            numbers.plain(value) + ("%" if percent else ""),
            f"{others}, {benchmark.name}" if others else benchmark.name,
        )

    def _is_main(self, subject: str) -> bool:
        return subject in self._opening


def has_benchmark(text: str) -> bool:
    """Whether it may name one: a quick look, for hardly any news does."""
    return _signs_of_benchmarks().search(text) is not None


@cache
def _signs_of_benchmarks() -> re.Pattern[str]:
    """What stands in every known name of a benchmark, and in every word that looks like one."""
    looks = ["Bench", "bench", "Index", "Arena", "Leaderboard"]
    return re.compile("|".join(map(re.escape, [*looks, *_written()])))


def _benchmarks(sentence: str) -> list[_Benchmark]:
    """Each mention, the longer names first, with a version behind it swallowed."""
    found: list[_Benchmark] = []
    for match in _known_pattern().finditer(sentence):
        name, unit = _written()[match["name"]]
        found.append(_Benchmark(match.start(), match.end(), name, unit))
    for match in _LOOKS_LIKE_ONE.finditer(sentence):
        if all(match.end() <= b.start or b.end <= match.start() for b in found):
            name = re.sub(r"^(?:The|On|In|At)\s", "", match.group())
            found.append(_Benchmark(match.start(), match.end(), name, ""))
    return sorted(found, key=lambda b: b.start)


@cache
def _written() -> dict[str, tuple[str, str]]:
    table = numbers.data()["benchmarks"]
    return {
        written: (name, row.get("unit", ""))
        for name, row in table.items()
        for written in row["written"]
    }


@cache
def _known_pattern() -> re.Pattern[str]:
    return re.compile(
        rf"(?<![\w-])(?P<name>{numbers.either(_written())})(?![\w-])(?:[’']s)?"
        r"(?:\s(?:v|version\s)\d+(?:\.\d+)*)?"
    )


@cache
def _score_pattern(language: str) -> re.Pattern[str]:
    units = numbers.either(numbers.data()["scores"]["units"])
    return re.compile(
        numbers.guarded(rf"(?P<number>{numbers.digits(language)})")
        + rf"(?:\s?(?P<percent>{_PERCENT})|\s(?P<points>{units})\b)?",
        re.IGNORECASE,
    )


def _is_scored(sentence: str, match: re.Match[str], *, listed: bool) -> bool:
    """A word of scoring right before it, and nothing behind it that it could count."""
    behind = sentence[match.end() :]
    table = numbers.data()["scores"]
    follows = re.match(
        rf"\s*(?:[,.;:!?)\]—–-]|$)|\s+(?:{numbers.either(table['after'])})\b", behind
    )
    if follows is None:
        return False
    if listed or match["percent"] or match["points"]:
        return True
    if re.fullmatch(r"(?:19|20)\d\d", match["number"]):
        return False
    before = re.search(r"([\w’']+)[\s(]+$", sentence[: match.start()])
    start_of_sentence = not sentence[: match.start()].strip() and bool(re.match(r"\s+on\b", behind))
    return start_of_sentence or bool(
        (before and before[1].lower() in table["before"]) or re.match(r"\s+on\b", behind)
    )


def _listed(sentence: str, match: re.Match[str]) -> bool:
    """`Gemini 3.1 Pro: 57`, the form of a line in a list."""
    alone = not sentence[match.end() :].strip(" .;)%")
    return alone and sentence[: match.start()].rstrip().endswith((":", "–", "—", "|", "="))


def _benchmark_of(sentence: str, match: re.Match[str], here: list[_Benchmark]) -> _Benchmark | None:
    """The one right behind it (`52 on the Index`), else the last before it, else the next."""
    for benchmark in here:
        between = sentence[match.end() : benchmark.start]
        if benchmark.start >= match.end() and re.fullmatch(
            r"\s(?:on|in|at|for|auf|bei|im)\s(?:the\s|dem\s|der\s)?(?:\w+\s)?", between
        ):
            return benchmark
    before = [b for b in here if b.end <= match.start()]
    if before:
        return before[-1]
    return here[0] if here else None


def _subjects(sentence: str, here: list[_Benchmark]) -> list[_Benchmark]:
    """Names in the sentence that are no benchmarks: who may have scored."""
    found: list[_Benchmark] = []
    position = 0
    for name in names(sentence):
        at = sentence.find(name, position)
        if at < 0:
            continue
        owned = re.search(r"[’']s\s+(?=\S+)", name)
        start = at + (owned.end() if owned else 0)
        rest = re.match(r"\.\d+", sentence[at + len(name) :])
        position = at + len(name) + (rest.end() if rest else 0)
        if _tells(sentence[position:]):
            continue
        if not any(start < b.end and b.start < position for b in here):
            found.append(_Benchmark(start, position, sentence[start:position], ""))
    line = re.match(r"[A-ZÄÖÜ][^:]{1,40}(?=:\s)", sentence)
    if line and not found and not any(b.start < line.end() for b in here):
        found.append(_Benchmark(0, line.end(), line.group(), ""))  # "Mole-5: 57"
    return found


def _tells(behind: str) -> bool:
    """`Morning Byte lists ...` gives the scores of another."""
    return bool(_telling().match(behind))


@cache
def _telling() -> re.Pattern[str]:
    return re.compile(rf"\s+(?:{numbers.either(numbers.data()['scores']['telling'])})\b")


def _subject_of(
    sentence: str, match: re.Match[str], subjects: list[_Benchmark], last_end: int
) -> str:
    """`57 for A and B`, else the names before it since the last score (`A and B with 57`)."""
    behind = re.match(r"(?:\s+each)?\s+(?:for|für)\s+", sentence[match.end() :])
    if behind:
        first = match.end() + behind.end()
        named = [s for s in subjects if 0 <= s.start - first <= 25]
        return _joined(sentence, named[:1], subjects)
    named = [s for s in subjects if last_end <= s.start and s.end <= match.start()]
    if not named:
        return ""
    first_of_pair = named[-1]
    for subject in reversed(named[:-1]):
        if _is_and(sentence[subject.end : first_of_pair.start]):
            first_of_pair = subject
    return _joined(sentence, [first_of_pair], subjects)


def _joined(sentence: str, first: list[_Benchmark], subjects: list[_Benchmark]) -> str:
    """A name with those that `and` ties to it."""
    group = list(first)
    for subject in subjects:
        if group and subject.start > group[-1].end:
            if not _is_and(sentence[group[-1].end : subject.start]):
                break
            group.append(subject)
    return " and ".join(subject.name for subject in group)


def _is_and(between: str) -> bool:
    return bool(re.fullmatch(r",?\s(?:and|und)\s(?:\w+[’']s\s)?|,\s", between))


def _is_own(match: re.Match[str], here: list[_Benchmark], last_end: int) -> bool:
    """Whether a benchmark of its own stands between the last score and this one, or behind it."""
    return any(last_end <= b.start for b in here)
