"""Dates that a sentence names: `14 May 2026`, `on September 18`, `October 2028`, `12.06.2026`.

Comes in: a sentence and its language. Goes out: where a date stands, and which; a day without a
year is completed by the time of its story, to the nearest. A bare year, a weekday and a season
are none, and neither is the day on which a story came out: it says when somebody spoke.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import TYPE_CHECKING

from pipeline.enrich import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

EARLIEST, LATEST = 1950, 2099  # years; others are numbers of something
FAR = timedelta(days=183)  # what is further from its story would have its year beside it
BEFORE, BEHIND = 16, 30  # characters around the name of a month that a date may take
_DIGIT = re.compile("[0-9]")
_IN_NUMBERS = re.compile(r"[0-9](?:[0-9]{3}-[0-9]{2}-[0-9]{2}|\.\s?[0-9]{1,2}\.\s?[0-9]{4})")
ITS_OWN = timedelta(days=1)  # about the day of its story


@dataclass(frozen=True, slots=True)
class Named:
    """A date in a sentence; a month has no day, and what lacks its year is not whole yet."""

    start: int
    end: int
    year: int | None
    month: int
    day: int | None

    def completed(self, story_day: date | None) -> date | None:
        """The day (of a month its first); None where it cannot be told, or is that of the story."""
        if self.year is not None:
            found = _date(self.year, self.month, self.day or 1)
        elif story_day is None:
            return None
        else:
            years = (story_day.year - 1, story_day.year, story_day.year + 1)
            near = [one for year in years if (one := _date(year, self.month, self.day or 1))]
            found = min(near, key=lambda one: abs(one - story_day), default=None)
            if found is not None and abs(found - story_day) > FAR:
                return None
        if found and self.day and story_day and abs(found - story_day) <= ITS_OWN:
            return None
        return found

    def key(self, when: date) -> str:
        return f"date {when:%Y-%m-%d}" if self.day else f"date {when:%Y-%m}"

    def shown(self, when: date) -> str:
        return f"{when.day} {when:%B %Y}" if self.day else f"{when:%B %Y}"


def named_dates(sentence: str, language: str, at: Iterable[int]) -> Iterator[Named]:
    """The dates of a sentence, in its order; `at` are its hints."""
    pattern, free = _pattern(numbers.base(language)), 0
    for hint in at:
        match = pattern.search(sentence, max(free, hint - BEFORE), hint + BEHIND)
        if match is None:
            continue
        free = match.end()
        told = {name: text for name, text in match.groupdict().items() if text}
        named = _named(match, told, numbers.base(language))
        if named is not None:
            yield named


def hints(text: str) -> list[int]:
    """Where a date may stand."""
    found = [
        match.start()
        for match in _month().finditer(text)
        if _DIGIT.search(text, max(match.start() - 7, 0), match.start())
        or _DIGIT.search(text, match.end(), match.end() + 12)
    ]
    found += [match.start() for match in _IN_NUMBERS.finditer(text)]
    return sorted(found)


def _named(match: re.Match[str], told: dict[str, str], language: str) -> Named | None:
    by_name = {key.rstrip("0123456789"): text for key, text in told.items()}
    word = by_name.get("month", "")
    month = int(word) if word.isdigit() else _months(language).get(word.lower().rstrip("."), 0)
    day = int(by_name["day"]) if "day" in by_name else None
    year = int(by_name["year"]) if "year" in by_name else None
    if year is not None and not EARLIEST <= year <= LATEST:
        return None
    if _date(year or 2024, month, day or 1) is None:  # 2024 has a 29 February
        return None
    start = match.start("what" if "what" in told else 0)
    return Named(start, match.end(), year, month, day)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


@cache
def _months(language: str) -> dict[str, int]:
    """The months by name and abbreviation, in lower case."""
    table = numbers.data()["months"]
    names: list[list[str]] = table.get(language, table["en"])
    return {name: at for at, each in enumerate(names, start=1) for name in each}


@cache
def _month() -> re.Pattern[str]:
    """How a month begins; it is looked for in all texts, so it is a plain choice of letters."""
    begin = sorted({name[:3] for language in ("en", "de") for name in _months(language)})
    return re.compile("|".join(each.capitalize() for each in begin))


@cache
def _pattern(language: str) -> re.Pattern[str]:
    names = sorted(_months(language), key=lambda name: (-len(name), name))
    month = "|".join(re.escape(name.capitalize()) for name in names)
    ties = numbers.either(numbers.data()["months"]["before"].get(language, []))
    year, day = r"(?:19|20)\d\d", r"\d{1,2}"
    start, no_more = r"(?<![\w.,/$€£#-])", r"(?!\w|[.,:]\d|-\d|%)"
    no_year = rf"(?!\.?,? {year}\b)"
    no_count = no_more[:-1] + r"| ?(?:million|billion|percent))" + no_year
    ordinal = r"\." if language == "de" else r"(?:st|nd|rd|th)?"
    of_month = rf"{ordinal}(?: of)? "
    return re.compile(
        rf"{start}(?P<year1>{year})-(?P<month1>\d\d)-(?P<day1>\d\d){no_more}"
        rf"|{start}(?P<day2>{day})\.\s?(?P<month2>{day})\.(?P<year2>{year}){no_more}"
        rf"|{start}(?P<day3>{day}){of_month}(?P<month3>{month})\.?,? (?P<year3>{year}){no_more}"
        rf"|\b(?P<month4>{month})\.? (?P<day4>{day})(?:st|nd|rd|th)?,? (?P<year4>{year}){no_more}"
        rf"|\b(?P<month5>{month})\.?,? (?P<year5>{year}){no_more}"
        rf"|\b(?i:{ties}) (?P<what>(?P<day6>{day}){of_month}(?P<month6>{month})\b{no_year}"
        rf"|(?P<month7>{month})\.? (?P<day7>{day})(?:st|nd|rd|th)?{no_count})"
    )
