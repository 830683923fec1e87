"""The figures of a story: amounts, shares, scores, sizes, counts, dates, versions, with quotes.

Comes in: one story. Goes out: figures in the order of the text. It prefers silence to a wrong
figure: a number without a unit that says what it counts is left alone, and so are bare years,
times of day and numbers inside names.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import accumulate, chain, islice
from typing import TYPE_CHECKING

from pipeline.enrich import numbers
from pipeline.enrich.about import around, compared, of_amount
from pipeline.enrich.calendar import hints, named_dates
from pipeline.enrich.scores import Scoreboard, has_benchmark
from pipeline.enrich.told import Told, tell
from storage.models import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pipeline.enrich.calendar import Named
    from pipeline.enrich.scores import Score
    from storage.models import Story

MAX_SENTENCES = 200  # of one story; a longer text is a list
ALL = 100  # percent: mostly a way of speaking
KEPT = 4096  # sentences whose figures are known: those of an event's copies
MAX_SENTENCE = 1_200  # characters; more is a table or a list without full stops
# Before a number of its own: no word, no larger number, no address, no amount.
_NOT_BEFORE = r"[\w.,:/$€£#-]"
_NO_NUMBER_BEHIND = re.compile(_NOT_BEFORE)
_DIGITS = re.compile(rf"\d(?<!{_NOT_BEFORE}.)[\d.,\u00a0\u202f]*+")
_BEHIND_NUMBER = re.compile(r"[\s-]?([^\W\d_]+|[%€£$×])")
LONGEST_ABOUT = 40  # characters of `an estimated` and the like before a number
LONGEST_NAME = 80
_NAME_BEFORE = re.compile(r"\w [A-Z]\w* $")
_SIZED = re.compile(r"\b(?:parameters?|parametern|models?|modell\w*|weights?)\b", re.IGNORECASE)
_PARAMETER = re.compile(r"\bparameter", re.IGNORECASE)
_CONTEXT_BEHIND = re.compile(r"[^.]*(?:context|window|kontext)", re.IGNORECASE)
_CONTEXT_BEFORE = re.compile(r"(?:context|window|kontext\w*)\W(?:\w+\s){0,4}\Z", re.IGNORECASE)
_CONTEXT = re.compile(r"context|token|kontext|\bwindow", re.IGNORECASE)
_POINTED = re.compile(r"[0-9](?<![0-9.,].)[0-9]{0,3}(?:\.[0-9]{1,4}){1,2}(?![0-9])")
_OF_ALL = re.compile(r"\s(?:of|in|on|stake|tariff|more|der|des|aller|mehr|zoll)\b", re.IGNORECASE)
_SIGN = re.compile(r"[$€£]")
_BULLET = re.compile(r"^\s*(?:[-*•–]|#{1,6})\s+")


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence, and where in it a number or an amount may begin."""

    text: str
    language: str
    starts: list[int]  # of numbers, in digits or in words
    signs: list[int]  # of currencies
    days: list[int]  # of dates

    def matches(
        self, pattern: re.Pattern[str], starts: Iterable[int] = ()
    ) -> Iterator[re.Match[str]]:
        """Where a pattern that begins with a number matches, none over another."""
        free = 0
        for start in starts or self.starts:
            if start >= free and (match := pattern.match(self.text, start)):
                free = match.end()
                yield match


@dataclass(frozen=True, slots=True)
class Found:
    """A number in a sentence; `about` is filled in later where a recogniser does not know it."""

    start: int
    end: int
    value: float
    unit: str
    shown: str
    about: str = ""
    named: Named | None = None  # of a date, which its story may have to complete


def figures(story: Story | Told) -> list[Figure]:
    """All figures of a story, each thing once: its fullest mention in the text, else the title."""
    told = tell([story])[0]
    story = told.story
    lines = [*_lines(told.sentences), story.title]
    found: list[Figure] = []
    for line, scores in _promising(lines, story):
        found += _in_sentence(line, story, scores)
    return _each_once(found) if found else found


def _lines(sentences: Iterable[str]) -> Iterator[str]:
    """The sentences to be read, list items without their bullets."""
    for sentence in islice(sentences, MAX_SENTENCES):
        if len(sentence) <= MAX_SENTENCE:
            yield _BULLET.sub("", sentence) if sentence[0] in "-*•–#" else sentence


def _promising(lines: Sequence[str], story: Story) -> Iterator[tuple[str, list[Score]]]:
    """Those that may have a figure, each with the scores in it; only where a benchmark is named
    there can be any. The last line is the title, which no other is read with."""
    text = "\n".join(lines)
    if has_benchmark(text):
        for part in (lines[:-1], lines[-1:]):
            board = Scoreboard(f"{story.title}\n{story.summary}", story.language)
            yield from ((line, board.read(line)) for line in part)
        return
    ends = list(accumulate(len(line) + 1 for line in lines))
    places = {bisect_right(ends, start) for start in _with_units(text, story.language)}
    yield from ((lines[place], []) for place in sorted(places))


def _with_units(text: str, language: str) -> Iterator[int]:
    """Where a number stands that may have a unit, be it in front of it or behind."""
    yield from _starts(text, language)
    for match in _SIGN.finditer(text):
        yield match.start()
    for match in _POINTED.finditer(text):
        yield match.start()
    yield from hints(text)


def _lower(text: str) -> str:
    """In lower case, each letter where it was: a few of Turkish and German become two."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(map(_lower_letter, text))


def _lower_letter(letter: str) -> str:
    lower = letter.lower()
    return lower if len(lower) == 1 else letter


def _in_sentence(sentence: str, story: Story, scores: list[Score]) -> list[Figure]:
    found = _with(scores, sentence, story.language) if scores else _found(sentence, story.language)
    figures = (_figure(one, sentence, story) for one in found)
    return [figure for figure in figures if figure is not None]


@lru_cache(maxsize=KEPT)
def _found(sentence: str, language: str) -> tuple[Found, ...]:
    return _with([], sentence, language)


def _with(scores: list[Score], sentence: str, language: str) -> tuple[Found, ...]:
    """The scores, and the numbers that are none, as they stand, each with what it is about."""
    taken = [_from_score(score) for score in scores]
    line = _line(sentence, language)
    recognised = chain.from_iterable(recognise(line) for recognise in RECOGNISERS) if line else ()
    for found in recognised:
        if all(found.end <= other.start or other.end <= found.start for other in taken):
            taken.append(found)
    taken.sort(key=lambda found: found.start)
    return tuple(
        found if found.about else replace(found, about=around(sentence, found.start, found.end))
        for found in taken
    )


def _line(sentence: str, language: str) -> Line | None:
    """The sentence with its numbers, if it has any."""
    starts = _starts(sentence, language)
    signs = [match.start() for match in _sign_start().finditer(sentence)]
    days = hints(sentence)
    has_any = starts or signs or days or _POINTED.search(sentence)
    return Line(sentence, language, starts, signs, days) if has_any else None


def _starts(text: str, language: str) -> list[int]:
    """Where a number of its own may begin, in digits or in words, that has something behind it
    which may be a unit."""
    lower, units = _lower(text), _beginnings_of_units(language)
    ends = [(match.start(), match.end()) for match in _DIGITS.finditer(lower)]
    for word in numbers.number_words(language):
        if word not in lower:
            continue
        ends += [(at, at + len(word)) for at in _places(word, lower)]
    found = []
    for start, end in ends:
        behind = _BEHIND_NUMBER.match(lower, end)
        if behind is not None and behind[1] in units:
            found.append(start)
    for factor in _german_factors(language):
        found += _places(factor, lower)
    return sorted(found)


def _places(word: str, text: str) -> Iterator[int]:
    """Where a word begins in a text."""
    at = text.find(word)
    while at >= 0:
        if not at or not _NO_NUMBER_BEHIND.match(text, at - 1):
            yield at
        at = text.find(word, at + 1)


@cache
def _beginnings_of_units(language: str) -> frozenset[str]:
    """The first words of all that a recogniser wants right behind a number, in lower case."""
    table = numbers.data()
    words = [*table["currencies"]["words"], *numbers.scales(language), *_counted()]
    words += [*_measure_units(), "percent", "percentage", "per", "prozent", "prozentpunkt"]
    words += ["prozentpunkten", "token", "tokens", "times", "mal", *"bmtkx×%€£$"]
    return frozenset(re.split(r"[^\w%€£$×]", word.lower(), maxsplit=1)[0] for word in words)


@cache
def _sign_start() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w$€£])(?:{numbers.either(numbers.data()['currencies']['signs'])})")


def _from_score(score: Score) -> Found:
    return Found(score.start, score.end, score.value, score.unit, score.shown, score.about)


def _figure(found: Found, sentence: str, story: Story) -> Figure | None:
    """The figure of a number; none for a date that its story cannot complete."""
    key = numbers.key_of(found.unit, found.value)
    if found.unit == "version":
        key = f"version {found.shown}"  # 4.10 is not 4.1
    if found.named is not None:
        when = found.named.completed(story.when.date() if story.when else None)
        if when is None:
            return None
        key, shown = found.named.key(when), found.named.shown(when)
        found = replace(found, value=float(when.toordinal()), shown=shown)
    return Figure(
        story_id=story.id or 0,
        key=key,
        value=found.value,
        unit=found.unit,
        shown=found.shown,
        quote=sentence[found.start : found.end],
        sentence=sentence,
        about=found.about,
    )


def _each_once(found: Iterable[Figure]) -> list[Figure]:
    """The first mention of each figure; a later one only where it is about something else that
    has its own name (two models with one score)."""
    kept: dict[tuple[str, str], Figure] = {}
    for figure in found:
        about = figure.about if figure.unit in ("%", "points") else ""
        kept.setdefault((figure.key, about), figure)
    return list(kept.values())


# --- the recognisers: a line in, numbers with a unit out ------------------------------------


def money(line: Line) -> Iterator[Found]:
    last_end = 0
    sentence, language = line.text, line.language
    for match in line.matches(_money_pattern(language), sorted([*line.starts, *line.signs])):
        currency = _currency(match)
        if currency is None:
            continue
        start, about = _approximately(match)
        converted = last_end and sentence[last_end:start].strip() in ("(", "[")
        last_end = match.end()
        if converted:
            continue  # "690 million pounds ($915 million)" is one amount
        letters, words = numbers.data()["scales"]["letters"], numbers.scales(language)
        scale = match["scale"] or match["scale2"] or ""
        factor = words.get(scale.lower(), 0) or letters.get(scale, 0) or 1
        value = numbers.scaled(match["number"] or match["number2"], factor, language)
        if not value:
            continue
        rate = _rate_behind(sentence[match.end() :])
        unit = f"{currency} {rate}".strip()
        shown = about + _amount(value, currency) + (f" {rate}" if rate else "")
        yield Found(start, match.end(), value, unit, shown, of_amount(sentence, start, match.end()))


@cache
def _money_pattern(language: str) -> re.Pattern[str]:
    number = numbers.digits(language)
    table = numbers.data()
    signs = numbers.either(table["currencies"]["signs"])
    words = numbers.either(table["currencies"]["words"])
    scale = rf"(?:{numbers.either(numbers.scales(language))})"
    letter = rf"(?:{numbers.either(table['scales']['letters'])})\b"
    wordy = numbers.either(numbers.number_words(language)) or "(?!)"
    return re.compile(
        rf"(?P<sign>{signs})\s?(?P<number>{number})(?:[\s-]?(?P<scale>(?i:{scale})\b"
        rf"|{letter}))?(?![\w%]|[.,]\d|-\d)"
        rf"|(?P<number2>{number}|(?i:{wordy}))"
        rf"(?:[\s-](?P<scale2>(?i:{scale})))?[\s-]?(?P<word>(?i:{words})\b|[€£$](?!\d))"
    )


def _approximately(match: re.Match[str]) -> tuple[int, str]:
    """Where the number begins with `about` or the like before it, and that word to be shown."""
    start = match.start()
    before = _approximate_pattern().search(match.string, max(start - LONGEST_ABOUT, 0), start)
    return (before.start(), "about ") if before else (start, "")


@cache
def _approximate_pattern() -> re.Pattern[str]:
    words = numbers.either(numbers.data()["approximate"]["words"])
    return re.compile(rf"(?:\b(?:{words})\s+|~\s?)\Z", re.IGNORECASE)


def _currency(match: re.Match[str]) -> str | None:
    table = numbers.data()["currencies"]
    if match["sign"]:
        return str(table["signs"][match["sign"]])
    word = match["word"].lower()
    if word in table["ambiguous"] and not match["scale2"]:
        return None
    return str(table["signs"].get(word) or table["words"][word])


def _rate_behind(rest: str) -> str:
    match = _rate_pattern().match(rest)
    return str(numbers.data()["currencies"]["rates"][match[1].lower()]) if match else ""


@cache
def _rate_pattern() -> re.Pattern[str]:
    rates = numbers.either(numbers.data()["currencies"]["rates"])
    return re.compile(rf"\s?({rates})\b(?!\s(?:earlier|ago|before|zuvor))", re.IGNORECASE)


def _amount(value: float, currency: str) -> str:
    sign = {"USD": "$", "EUR": "€", "GBP": "£"}.get(currency, f"{currency} ")
    cents = f"{value:,.2f}" if value < 1_000 and value != int(value) else numbers.short(value)
    return sign + cents


def percentages(line: Line) -> Iterator[Found]:
    for match in line.matches(_percent_pattern(line.language)):
        value = numbers.value_of(match["number"], line.language)
        unit = "percentage points" if match["points"] else "%"
        if value == ALL and not _OF_ALL.match(line.text, match.end()):
            continue  # "100 percent sure"
        shown = numbers.plain(value) + ("%" if unit == "%" else " percentage points")
        start, about = _approximately(match)
        yield Found(start, match.end(), value, unit, about + shown)


@cache
def _percent_pattern(language: str) -> re.Pattern[str]:
    number = numbers.digits(language)
    wordy = numbers.either(numbers.number_words(language)) or "(?!)"
    return re.compile(
        rf"(?P<number>{number}|(?<!point )\b(?:{wordy})(?=\s))\s?"
        r"(?:(?P<points>percentage points?|Prozentpunkten?)|%|(?:percent|per cent|Prozent)\b)",
        re.IGNORECASE,
    )


def parameters(line: Line) -> Iterator[Found]:
    """`2.3B parameters`, `2.3 billion parameters and the biggest 31 billion`, `7B model`."""
    matches = list(line.matches(_parameter_pattern(line.language)))
    if not matches or not _SIZED.search(line.text):
        return
    counted = _PARAMETER.search(line.text) is not None
    for match in matches:
        if match["word"] and not (
            counted or re.match(r"-\w+ model", line.text[match.end("number") :])
        ):
            continue
        scale = match["letter"] or match["word"]
        factor = {"m": 1e6, "b": 1e9, "t": 1e12}.get(scale.lower()) or numbers.scales(
            line.language
        )[scale.lower()]
        value = numbers.scaled(match["number"], factor, line.language)
        if value >= 1e6:
            start, about = _approximately(match)
            shown = f"{about}{numbers.short(value)} parameters"
            yield Found(start, match.end(), value, "parameters", shown)


@cache
def _parameter_pattern(language: str) -> re.Pattern[str]:
    number = numbers.digits(language)
    scale = numbers.either({word: 1 for word, by in numbers.scales(language).items() if by > 1e3})
    ends = r"(?:[\s-]parameters?\b|[\s-]Parametern?\b)?"
    return re.compile(
        rf"(?P<number>{number})"
        rf"(?:(?P<letter>[BMT])(?!\w|\s?(?:dollars|euros|pounds|users|people|downloads))"
        rf"|[\s-](?P<word>(?i:{scale}))\b(?!\s(?i:dollars?|euros?|pounds|yen|yuan|users|people|"
        rf"tokens|downloads|customers|times|transistors|token|nutzer|kunden)))"
        rf"{ends}"
    )


def context_sizes(line: Line) -> Iterator[Found]:
    """`256K` beside the word context or tokens."""
    for match in line.matches(_context_pattern(line.language)):
        if not _CONTEXT.search(line.text):
            return
        bare = not match["letter"] and not _CONTEXT_BEHIND.match(line.text, match.end())
        if bare and not _CONTEXT_BEFORE.search(line.text, 0, match.start()):
            continue  # tokens that something was trained on, or made of
        factor = {"K": 1e3, "k": 1e3, "M": 1e6}.get(match["letter"] or "", 1.0)
        if match["word"]:
            factor = numbers.scales(line.language)[match["word"].lower()]
        value = numbers.scaled(match["number"], factor, line.language)
        if 1_000 <= value <= 1e9:
            letters = numbers.short(value) if value >= 1e6 else f"{numbers.plain(value / 1e3)}K"
            yield Found(match.start(), match.end(), value, "context", f"{letters} context")


@cache
def _context_pattern(language: str) -> re.Pattern[str]:
    number = numbers.digits(language)
    scale = numbers.either(dict.fromkeys(numbers.scales(language), 1))
    return re.compile(
        rf"(?P<number>{number})(?:"
        r"(?P<letter>[Kk]|M(?=[\s-](?:tokens?|context)))(?![\w/])(?:[\s-]tokens?\b)?"
        rf"|(?:[\s-](?P<word>(?i:{scale})))?[\s-](?i:tokens?)\b(?!\s(?i:per|a|/)))"
    )


def multiples(line: Line) -> Iterator[Found]:
    """`ten times less compute`, `10x faster`, `three times as many`."""
    for match in line.matches(_multiple_pattern(line.language)):
        factors = _german_factors(line.language)
        printed = match["number"] or match["german"] or match["x"]
        value = float(factors.get(printed.lower(), 0)) or numbers.value_of(printed, line.language)
        way, shown = _way(match["way"] or match["way2"] or "")
        if 1 < value <= 1e6:
            start, approximately = _approximately(match)
            text = f"{approximately}{numbers.plain(value)}×{shown}"
            about = compared(line.text, match.end())
            yield Found(start, match.end(), value, f"x{way}", text, about)


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
        rf"(?:"
        rf"(?:(?P<number>{number}|\b(?i:{wordy}))[\s-](?:times|mal)|\b(?P<german>(?i:{german})))\s+"
        rf"{way}"
        rf"|(?P<x>{number})\s?[x×](?![\w×])(?:\s+{way.replace('<way>', '<way2>')})?)"
    )


def measures(line: Line) -> Iterator[Found]:
    """`24 GB`, `12 kilometres an hour`."""
    for match in line.matches(_measure_pattern(line.language)):
        unit = _measure_units()[match["unit"]]
        value = numbers.value_of(match["number"], line.language)
        start, about = _approximately(match)
        yield Found(start, match.end(), value, unit, f"{about}{numbers.plain(value)} {unit}")


@cache
def _measure_units() -> dict[str, str]:
    table: dict[str, list[str]] = numbers.data()["measures"]
    return {word: unit for unit, words in table.items() for word in words}


@cache
def _measure_pattern(language: str) -> re.Pattern[str]:
    return re.compile(
        rf"(?P<number>{numbers.digits(language)})[\s-]?"
        rf"(?P<unit>{numbers.either(_measure_units())})(?![\w/])"
    )


def counts(line: Line) -> Iterator[Found]:
    """`1,400 jobs`, `four sizes`: a number before a noun of the list."""
    held: Found | None = None  # hours that minutes may follow
    for match in line.matches(_count_pattern(line.language)):
        noun = match["noun"].lower()
        factor = numbers.scales(line.language)[match["scale"].lower()] if match["scale"] else 1
        value = numbers.scaled(match["number"], factor, line.language)
        start, about = _approximately(match)
        if _is_no_count(match, line.text[:start], value):
            continue
        shown = f"{about}{numbers.short(value)} {match['noun']}"
        found = Found(start, match.end(), value, _counted()[noun], shown)
        joined = held and _hours_and_minutes(held, found, line.text)
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


def _is_no_count(match: re.Match[str], before: str, value: float) -> bool:
    """A year, a single thing, a point in time (`nine months later`), a name (`Duet 2 phones`)."""
    number = match["number"]
    if value < 2 or (1900 <= value <= 2100 and number.isdigit()):
        return True
    if number.isdigit() and value < 100 and _NAME_BEFORE.search(before[-LONGEST_NAME:]):
        return True
    if _counted()[match["noun"].lower()] not in numbers.data()["spans"]["time"]:
        return False
    return bool(_point_in_time().match(match.string, match.end()))


@cache
def _point_in_time() -> re.Pattern[str]:
    return re.compile(rf"\s(?:{numbers.either(numbers.data()['spans']['points'])})\b")


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
        rf"(?P<number>{number}|\b(?:{wordy}))"
        rf"(?:[\s-](?P<scale>{scale}))?[\s-]"
        rf"(?P<noun>{numbers.either(_counted())})\b(?![-’']\w)",
        re.IGNORECASE,
    )


def versions(line: Line) -> Iterator[Found]:
    """`version 4.7`, `v4.7`, `Firefox 140.0`, `OrrinDB 4.7.2`: for other names with one point in
    their number that is a part of the name (`Gemini 3.1`)."""
    for match in _POINTED.finditer(line.text):
        before = _before_version().search(line.text, max(match.start() - 40, 0), match.start())
        if before is None or _more_than_version().match(line.text, match.end()):
            continue
        number, name = match.group(), before["name"] or ""
        if name and not _is_version_of(name, number, line.language):
            continue
        major, minor = number.split(".")[:2]
        value = float(f"{major}.{minor}")
        yield Found(before.start(), match.end(), value, "version", number, name)


@cache
def _before_version() -> re.Pattern[str]:
    words = numbers.either(numbers.data()["software"]["words"])
    name = r"(?P<name>[A-Z][\w-]*\w(?:\.js)?)"
    return re.compile(rf"\b(?:(?:(?i:{words})|{name})\s+v?|v)\Z")


@cache
def _more_than_version() -> re.Pattern[str]:
    """What makes it an amount of something (`update 2.5 million users waited for`)."""
    table = numbers.data()
    units = [*numbers.scales("en"), *table["currencies"]["words"], *_measure_units(), *_counted()]
    units += ["percent", "per cent", "prozent", "percentage", "times", "points", "tokens"]
    return re.compile(rf"\w|\.\w|,\d|-\d|%|[\s-](?:{numbers.either(units)})\b")


@cache
def _software() -> frozenset[str]:
    names = numbers.data()["software"]["names"]
    return frozenset(name.split()[-1] for name in names)


def _is_version_of(name: str, number: str, language: str) -> bool:
    if number.count(".") == 1:
        return name in _software()
    if name in numbers.data()["software"]["not"] or re.search(r"\.0\d", number):
        return False  # the number of a paragraph, or of a grant
    return not (numbers.has_decimal_comma(language) and _is_day(number))


def _is_day(number: str) -> bool:
    """`12.6.26` is a day where points stand in dates."""
    parts = [int(part) for part in number.split(".")]
    return len(parts) == 3 and 1 <= parts[0] <= 31 and 1 <= parts[1] <= 12


def dates(line: Line) -> Iterator[Found]:
    """`14 May 2026`, `on 14 May`, `October 2028`."""
    for named in named_dates(line.text, line.language, line.days):
        quote = line.text[named.start : named.end]
        yield Found(named.start, named.end, 0.0, "date", quote, named=named)


RECOGNISERS: tuple[Callable[[Line], Iterator[Found]], ...] = (
    dates,
    money,
    percentages,
    multiples,
    parameters,
    context_sizes,
    measures,
    counts,
    versions,
)
