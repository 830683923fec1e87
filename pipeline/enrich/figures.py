"""The figures of a story: amounts, percentages, scores, sizes, counts, each with its quote.

Comes in: one story. Goes out: figures in the order of the text. It prefers silence to a wrong
figure: a number without a unit that says what it counts is left alone, and so are dates, years,
times of day and numbers inside names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pipeline.enrich import numbers
from pipeline.enrich.about import around, compared, of_amount
from pipeline.enrich.scores import Scoreboard
from pipeline.text import sentences
from storage.models import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pipeline.enrich.scores import Score
    from storage.models import Story

MAX_SENTENCES = 400  # of one story; a longer text repeats itself or is no story
MAX_SENTENCE = 1_200  # characters; more is a table or a list without full stops
# Where a number of its own begins: not inside a word, a larger number, an address or an amount.
_STARTS = r"(?<![\w.,:/$€£#-])"
_BULLET = re.compile(r"^\s*(?:[-*•–]|#{1,6})\s+")


@dataclass(frozen=True, slots=True)
class Found:
    """A number in a sentence; `about` is filled in later where a recogniser does not know it."""

    start: int
    end: int
    value: float
    unit: str
    shown: str
    about: str = ""


def figures(story: Story) -> list[Figure]:
    """All figures of a story, each thing once: its fullest mention in the text, else the title."""
    opening = f"{story.title}\n{story.summary}"
    board = Scoreboard(opening, story.language)
    found: list[Figure] = []
    for sentence in _sentences(story.text):
        found += _in_sentence(sentence, story, board)
    found += _in_sentence(story.title, story, Scoreboard(opening, story.language))
    return _each_once(found)


def _sentences(text: str) -> Iterator[str]:
    for sentence in sentences(text)[:MAX_SENTENCES]:
        if len(sentence) <= MAX_SENTENCE:
            yield _BULLET.sub("", sentence)


def _in_sentence(sentence: str, story: Story, board: Scoreboard) -> list[Figure]:
    if not _has_number(sentence, story.language):
        board.read(sentence)
        return []
    taken: list[Found] = [_from_score(score) for score in board.read(sentence)]
    for recognise in RECOGNISERS:
        for found in recognise(sentence, story.language):
            if all(found.end <= other.start or other.end <= found.start for other in taken):
                taken.append(found)
    return [_figure(found, sentence, story) for found in sorted(taken, key=lambda f: f.start)]


def _has_number(sentence: str, language: str) -> bool:
    return bool(_numeric(language).search(sentence))


@cache
def _numeric(language: str) -> re.Pattern[str]:
    wordy = [*numbers.number_words(language), *_german_factors(language)]
    return re.compile(rf"\d|\b(?:{numbers.either(wordy)})\b" if wordy else r"\d", re.IGNORECASE)


def _from_score(score: Score) -> Found:
    return Found(score.start, score.end, score.value, score.unit, score.shown, score.about)


def _figure(found: Found, sentence: str, story: Story) -> Figure:
    quote = sentence[found.start : found.end]
    return Figure(
        story_id=story.id or 0,
        key=f"version {found.shown}"  # 4.10 is not 4.1
        if found.unit == "version"
        else numbers.key_of(found.unit, found.value),
        value=found.value,
        unit=found.unit,
        shown=found.shown,
        quote=quote,
        sentence=sentence,
        about=found.about or around(sentence, found.start, found.end),
    )


def _each_once(found: Iterable[Figure]) -> list[Figure]:
    """The first mention of each figure; a later one only where it is about something else that
    has its own name (two models with one score)."""
    kept: dict[tuple[str, str], Figure] = {}
    for figure in found:
        about = figure.about if figure.unit in ("%", "points") else ""
        kept.setdefault((figure.key, about), figure)
    return list(kept.values())


# --- the recognisers: a sentence and its language in, numbers with a unit out ---------------


def money(sentence: str, language: str) -> Iterator[Found]:
    last_end = 0
    for match in _money_pattern(language).finditer(sentence):
        currency = _currency(match)
        if currency is None:
            continue
        converted = last_end and sentence[last_end : match.start()].strip() in ("(", "[")
        last_end = match.end()
        if converted:
            continue  # "690 million pounds ($915 million)" is one amount
        letters, words = numbers.data()["scales"]["letters"], numbers.scales(language)
        scale = match["scale"] or match["scale2"] or ""
        factor = words.get(scale.lower(), 0) or letters.get(scale, 0) or 1
        value = numbers.scaled(match["number"] or match["number2"], factor, language)
        rate = _rate_behind(sentence[match.end() :])
        unit = f"{currency} {rate}".strip()
        shown = _approximately(match) + _amount(value, currency) + (f" {rate}" if rate else "")
        about = of_amount(sentence, match.start(), match.end())
        yield Found(match.start(), match.end(), value, unit, shown, about)


@cache
def _money_pattern(language: str) -> re.Pattern[str]:
    number = numbers.digits(language)
    table = numbers.data()
    signs = numbers.either(table["currencies"]["signs"])
    words = numbers.either(table["currencies"]["words"])
    scale = rf"(?:{numbers.either(numbers.scales(language))})"
    letter = rf"(?:{numbers.either(table['scales']['letters'])})\b"
    wordy = numbers.either(numbers.number_words(language)) or "(?!)"
    about = _approximate_pattern()
    return re.compile(
        rf"{about}(?:"
        rf"(?<![\w$€£])(?P<sign>{signs})\s?(?P<number>{number})(?:[\s-]?(?P<scale>(?i:{scale})\b"
        rf"|{letter}))?(?![\w%]|[.,]\d|-\d)"
        rf"|{_STARTS}(?P<number2>{number}|(?i:{wordy}))"
        rf"(?:[\s-](?P<scale2>(?i:{scale})))?[\s-]?(?P<word>(?i:{words})\b|[€£$](?!\d)))"
    )


def _approximate_pattern() -> str:
    words = numbers.either(numbers.data()["approximate"]["words"])
    return rf"(?:(?P<about>\b(?i:{words})\s+|~\s?))?"


def _approximately(match: re.Match[str]) -> str:
    return "about " if match["about"] else ""


def _currency(match: re.Match[str]) -> str | None:
    table = numbers.data()["currencies"]
    if match["sign"]:
        return str(table["signs"][match["sign"]])
    word = match["word"].lower()
    if word in table["ambiguous"] and not match["scale2"]:
        return None
    return str(table["signs"].get(word) or table["words"][word])


def _rate_behind(rest: str) -> str:
    rates = numbers.data()["currencies"]["rates"]
    match = re.match(
        rf"\s?({numbers.either(rates)})\b(?!\s(?:earlier|ago|before|zuvor))", rest, re.IGNORECASE
    )
    return str(rates[match[1].lower()]) if match else ""


def _amount(value: float, currency: str) -> str:
    sign = {"USD": "$", "EUR": "€", "GBP": "£"}.get(currency, f"{currency} ")
    cents = f"{value:,.2f}" if value < 1_000 and value != int(value) else numbers.short(value)
    return sign + cents


def percentages(sentence: str, language: str) -> Iterator[Found]:
    for match in _percent_pattern(language).finditer(sentence):
        value = numbers.value_of(match["number"], language)
        unit = "percentage points" if match["points"] else "%"
        shown = numbers.plain(value) + ("%" if unit == "%" else " percentage points")
        yield Found(match.start(), match.end(), value, unit, _approximately(match) + shown)


@cache
def _percent_pattern(language: str) -> re.Pattern[str]:
    number = numbers.digits(language)
    wordy = numbers.either(numbers.number_words(language)) or "(?!)"
    return re.compile(
        rf"{_approximate_pattern()}{_STARTS}"
        rf"(?P<number>{number}|(?<!point )\b(?:{wordy})(?=\s))\s?"
        r"(?:(?P<points>percentage points?|Prozentpunkten?)|%|(?:percent|per cent|Prozent)\b)",
        re.IGNORECASE,
    )


def parameters(sentence: str, language: str) -> Iterator[Found]:
    """`2.3B parameters`, `2.3 billion parameters and the biggest 31 billion`, `7B model`."""
    if not re.search(r"\b(?:parameters?|parametern|models?|modell\w*|weights?)\b", sentence, re.I):
        return
    counted = re.search(r"\bparameter", sentence, re.I) is not None
    for match in _parameter_pattern(language).finditer(sentence):
        if match["word"] and not (
            counted or re.match(r"-\w+ model", sentence[match.end("number") :])
        ):
            continue
        scale = match["letter"] or match["word"]
        factor = {"m": 1e6, "b": 1e9, "t": 1e12}.get(scale.lower()) or numbers.scales(language)[
            scale.lower()
        ]
        value = numbers.scaled(match["number"], factor, language)
        if value >= 1e6:
            shown = f"{_approximately(match)}{numbers.short(value)} parameters"
            yield Found(match.start(), match.end(), value, "parameters", shown)


@cache
def _parameter_pattern(language: str) -> re.Pattern[str]:
    number = numbers.digits(language)
    scale = numbers.either({word: 1 for word, by in numbers.scales(language).items() if by > 1e3})
    ends = r"(?:[\s-]parameters?\b|[\s-]Parametern?\b)?"
    return re.compile(
        rf"{_approximate_pattern()}{_STARTS}(?P<number>{number})"
        rf"(?:(?P<letter>[BMT])(?!\w|\s?(?:dollars|euros|pounds|users|people|downloads))"
        rf"|[\s-](?P<word>(?i:{scale}))\b(?!\s(?i:dollars?|euros?|pounds|yen|yuan|users|people|"
        rf"tokens|downloads|customers|times|transistors|token|nutzer|kunden)))"
        rf"{ends}"
    )


def context_sizes(sentence: str, language: str) -> Iterator[Found]:
    """`256K` beside the word context or tokens."""
    if not re.search(r"context|token|kontext|\bwindow", sentence, re.IGNORECASE):
        return
    for match in _context_pattern(language).finditer(sentence):
        factor = {"K": 1e3, "k": 1e3, "M": 1e6}.get(match["letter"] or "", 1.0)
        if match["word"]:
            factor = numbers.scales(language)[match["word"].lower()]
        value = numbers.scaled(match["number"], factor, language)
        if 1_000 <= value <= 1e9:
            letters = numbers.short(value) if value >= 1e6 else f"{numbers.plain(value / 1e3)}K"
            yield Found(match.start(), match.end(), value, "context", f"{letters} context")


@cache
def _context_pattern(language: str) -> re.Pattern[str]:
    number = numbers.digits(language)
    scale = numbers.either(dict.fromkeys(numbers.scales(language), 1))
    return re.compile(
        rf"{_STARTS}(?P<number>{number})(?:"
        r"(?P<letter>[Kk]|M(?=[\s-](?:tokens?|context)))(?![\w/])(?:[\s-]tokens?\b)?"
        rf"|(?:[\s-](?P<word>(?i:{scale})))?[\s-](?i:tokens?)\b(?!\s(?i:per|a|/))(?=[^.]*(?i:context|window|kontext)|[\s-](?i:context|window)))"
    )


def multiples(sentence: str, language: str) -> Iterator[Found]:
    """`ten times less compute`, `10x faster`, `three times as many`."""
    for match in _multiple_pattern(language).finditer(sentence):
        factors = _german_factors(language)
        printed = match["number"] or match["german"] or match["x"]
        value = float(factors.get(printed.lower(), 0)) or numbers.value_of(printed, language)
        way, shown = _way(match["way"] or match["way2"] or "")
        if 1 < value <= 1e6:
            text = f"{_approximately(match)}{numbers.plain(value)}×{shown}"
            about = compared(sentence, match.end())
            yield Found(match.start(), match.end(), value, f"x{way}", text, about)


def _way(word: str) -> tuple[str, str]:
    """What the comparison says, for the key (`ten times less` is not `ten times more`)."""
    word = word.lower()
    if not word:
        return "", ""
    direction = " less" if word in numbers.data()["multiples"]["less"] else " more"
    return direction, f" {word}"


def _german_factors(language: str) -> dict[str, int]:
    table: dict[str, int] = numbers.data()["multiples"]["german"]
    return table if numbers.base(language) == "de" else {}


@cache
def _multiple_pattern(language: str) -> re.Pattern[str]:
    table = numbers.data()["multiples"]
    way = rf"(?P<way>(?i:{numbers.either(table['less'] + table['more'] + table['as'])}))\b"
    number = numbers.digits(language)
    wordy = numbers.either(numbers.number_words(language)) or "(?!)"
    german = numbers.either(_german_factors(language)) or "(?!)"
    return re.compile(
        rf"{_approximate_pattern()}{_STARTS}(?:"
        rf"(?:(?P<number>{number}|\b(?i:{wordy}))[\s-](?:times|mal)|\b(?P<german>(?i:{german})))\s+"
        rf"{way}"
        rf"|(?P<x>{number})\s?[x×](?![\w×])(?:\s+{way.replace('<way>', '<way2>')})?)"
    )


def measures(sentence: str, language: str) -> Iterator[Found]:
    """`24 GB`, `12 kilometres an hour`."""
    for match in _measure_pattern(language).finditer(sentence):
        unit = _measure_units()[match["unit"]]
        value = numbers.value_of(match["number"], language)
        shown = f"{_approximately(match)}{numbers.plain(value)} {unit}"
        yield Found(match.start(), match.end(), value, unit, shown)


@cache
def _measure_units() -> dict[str, str]:
    table: dict[str, list[str]] = numbers.data()["measures"]
    return {word: unit for unit, words in table.items() for word in words}


@cache
def _measure_pattern(language: str) -> re.Pattern[str]:
    return re.compile(
        rf"{_approximate_pattern()}{_STARTS}(?P<number>{numbers.digits(language)})[\s-]?"
        rf"(?P<unit>{numbers.either(_measure_units())})(?![\w/])"
    )


def counts(sentence: str, language: str) -> Iterator[Found]:
    """`1,400 jobs`, `four sizes`: a number before a noun of the list."""
    held: Found | None = None  # hours that minutes may follow
    for match in _count_pattern(language).finditer(sentence):
        noun = match["noun"].lower()
        factor = numbers.scales(language)[match["scale"].lower()] if match["scale"] else 1
        value = numbers.scaled(match["number"], factor, language)
        if _is_no_count(match, sentence, value):
            continue
        shown = f"{_approximately(match)}{numbers.short(value)} {match['noun']}"
        found = Found(match.start(), match.end(), value, _counted()[noun], shown)
        joined = held and _hours_and_minutes(held, found, sentence)
        if held and not joined:
            yield held
        held = joined or found
    if held:
        yield held


def _hours_and_minutes(first: Found, second: Found, sentence: str) -> Found | None:
    """`four hours and 45 minutes` is one length of time."""
    between = sentence[first.end : second.start]
    if (first.unit, second.unit) != ("hours", "minutes") or between not in (" and ", " und ", " "):
        return None
    minutes = first.value * 60 + second.value
    shown = f"{first.shown} {second.shown}"
    return Found(first.start, second.end, minutes, "minutes", shown)


def _is_no_count(match: re.Match[str], sentence: str, value: float) -> bool:
    """A year, a single thing, a point in time (`nine months later`), a name (`Duet 2 phones`)."""
    number = match["number"]
    if value < 2 or (1900 <= value <= 2100 and number.isdigit()):
        return True
    if number.isdigit() and value < 100 and re.search(r"\w [A-Z]\w* $", sentence[: match.start()]):
        return True
    spans = numbers.data()["spans"]
    if _counted()[match["noun"].lower()] not in spans["time"]:
        return False
    return bool(re.match(rf"\s(?:{numbers.either(spans['points'])})\b", sentence[match.end() :]))


@cache
def _counted() -> dict[str, str]:
    table: dict[str, list[str]] = numbers.data()["counts"]
    return {word: unit for unit, words in table.items() for word in words}


@cache
def _count_pattern(language: str) -> re.Pattern[str]:
    number = numbers.digits(language)
    wordy = numbers.either(numbers.number_words(language)) or "(?!)"
    scale = numbers.either(numbers.scales(language))
    return re.compile(
        rf"{_approximate_pattern()}{_STARTS}(?P<number>{number}|\b(?:{wordy}))"
        rf"(?:[\s-](?P<scale>{scale}))?[\s-]"
        rf"(?P<noun>{numbers.either(_counted())})\b(?![-’']\w)",
        re.IGNORECASE,
    )


def versions(sentence: str, language: str) -> Iterator[Found]:
    """`version 4.7`: only where the word stands there, for a name with a number is a name."""
    for match in re.finditer(
        r"\b[Vv]ersion (?P<number>\d{1,4}(?:\.\d{1,4}){1,3})(?![\w.]*\d)", sentence
    ):
        major, minor = match["number"].split(".")[:2]
        value = float(f"{major}.{minor}")
        yield Found(match.start(), match.end(), value, "version", match["number"])


RECOGNISERS: tuple[Callable[[str, str], Iterator[Found]], ...] = (
    money,
    percentages,
    multiples,
    parameters,
    context_sizes,
    measures,
    counts,
    versions,
)
