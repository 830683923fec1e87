"""What a story tells that can clash with another one: parties, steps, amounts, days, versions.

Comes in: a headline, a text, a time. Goes out: small sets of strings and numbers. Two reports of
one happening seldom differ in these; two look-alikes mostly do: filed is not decided, Opus 4.7 is
not Opus 4.8, Monday's outage is not Friday's. It never compares two stories (signals.py does).
The words that it knows are in details.toml.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from pipeline.background import rarity
from pipeline.tables import tables
from pipeline.text import names, stems, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

LEAD = 70  # words after the headline: who did what and when; later come the memories
OPENING = 1_000  # characters that hold that many words
LEAD_CHARACTERS = 420  # about as many, where spelling matters
NAMED = 3.5  # rarity; a capitalised word below it (US, New) names nobody
NAMED_IN_HEADLINE = 4.5  # the same where there is only a headline, perhaps In Title Case
ABOUT_NOW = timedelta(days=183)  # a day without a year is the nearest one

# Begins with a digit, which a search finds fast; what stands before it is looked at afterwards.
_AMOUNT = re.compile(
    r"(?P<digits>\d+(?:[.,]\d+)*)\s?"
    r"(?:(?P<percent>%|percent\b|per cent\b|Prozent\b)"
    r"|(?P<power>bn|billion|million|trillion|tn|m|k|Milliarden|Millionen)\b)?"
    r"(?P<unit>\s?(?:dollars|euros?|pounds|yen|yuan|rupees|won|€|Euro|Dollar)\b)?",
    re.IGNORECASE,
)
_POWERS = {"k": 1e3, "m": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9, "tn": 1e12}
_POWERS |= {"trillion": 1e12, "millionen": 1e6, "milliarden": 1e9}
_CURRENCIES = "$€£¥"
_METRES = ("m", "k")  # without a currency these are metres, or a screen of 4K
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_VERSION = re.compile(r"\b([A-Z][\w]*(?:[ -][A-Z][\w]*)?)[ -]?v?(\d{1,3}(?:\.\d{1,3}){0,2})\b")
_CAPITALISED = re.compile(r"\b[A-ZÀ-ÖØ-ÞΑ-ΩА-Я][\w’'&-]*")
_FUTURE = frozenset(("next", "nächsten", "próximo"))
_FLAW = re.compile(r"\bCVE-\d{4}-\d{4,}")


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money, a percentage or a large count, with the span as printed."""

    kind: str  # money, percent or count
    value: float
    shown: str


@dataclass(frozen=True, slots=True)
class Details:
    """What one story tells. `parties` and `names` are stems; days are ordinals of dates."""

    parties: frozenset[str]  # named in the headline
    names: frozenset[str]  # named in the running text
    spelled: tuple[str, ...]  # the same as people write them, in the order of the text
    steps: frozenset[tuple[str, str]]  # (affair, step), as in (lawsuit, filed)
    amounts: tuple[Amount, ...]  # in headline and lead, the weightiest kind of detail
    amounts_anywhere: tuple[Amount, ...]
    days: frozenset[int]  # told in headline and lead
    days_anywhere: frozenset[int]
    versions: dict[str, str]  # product -> version
    siblings: frozenset[str]  # mini, pro, max in the headline


def details(
    title: str, text: str, told: Sequence[str], when: datetime | None, language: str
) -> Details:
    """Read the details off a story. `text` is its opening, `told` are the words of that; `when`
    is the time of the story."""
    days = _calendar_names()
    spelled = tuple(
        name for name in dict.fromkeys(names(text or title, language)) if name.lower() not in days
    )
    named = frozenset(_stems_of_names(spelled, language))
    headline = words(title)
    lead = [*headline, *told[:LEAD]]
    day = when.date() if when else None
    return Details(
        parties=frozenset(_parties(title, named if text else None, language)),
        names=named,
        spelled=tuple(name for name in spelled if len(name) > 2),
        steps=frozenset(_steps(headline) or _steps(lead)),
        amounts=tuple(_amounts(f"{title}. {text[:LEAD_CHARACTERS]}")),
        amounts_anywhere=tuple(_amounts(f"{title}. {text}")),
        days=frozenset(_days(lead, day)),
        days_anywhere=frozenset(_days([*headline, *told], day)),
        versions=_versions(title, text),
        siblings=frozenset(_siblings().intersection(headline)),
    )


def _stems_of_names(spelled: Sequence[str], language: str) -> Iterator[str]:
    for name in spelled:
        for stem in stems(name, language):
            if _names_somebody(stem, language):
                yield stem


@lru_cache(maxsize=100_000)
def _names_somebody(stem: str, language: str) -> bool:
    if len(stem) < 2 or stem[0].isdigit() or stem in _calendar_stems(language):
        return False
    return rarity(stem, language) > NAMED


def _parties(title: str, named: frozenset[str] | None, language: str) -> Iterator[str]:
    """Whom the headline names. Capitals alone prove little in a headline: the running text has
    to name them too, where there is one."""
    for word in _CAPITALISED.findall(title):
        for stem in stems(word, language):
            if stem in named if named is not None else rarity(stem, language) > NAMED_IN_HEADLINE:
                yield stem


def steps_told(title: str, text: str) -> frozenset[tuple[str, str]]:
    """The steps that a story tells: those of its headline, else those of its lead."""
    headline = words(title)
    return frozenset(_steps(headline) or _steps([*headline, *words(text[:OPENING])[:LEAD]]))


def _steps(told: Sequence[str]) -> set[tuple[str, str]]:
    """The steps whose phrases stand in these words."""
    begins = _phrases()
    found: set[tuple[str, str]] = set()
    for position, word in enumerate(told):
        for phrase, steps in begins.get(word, ()):
            if tuple(told[position : position + len(phrase)]) == phrase:
                found |= steps
                break  # the longest comes first
    return found


def _amounts(text: str) -> Iterator[Amount]:
    for match in _AMOUNT.finditer(text):
        before = text[max(0, match.start() - 2) : match.start()].rstrip()[-1:]
        is_money = (before in _CURRENCIES and before != "") or match["unit"] is not None
        is_many = match["power"] is not None and match["power"].lower() not in _METRES
        if not (is_money or match["percent"] or is_many):
            continue
        value = _number(match["digits"]) * _POWERS.get((match["power"] or "").lower(), 1.0)
        if value:
            kind = "percent" if match["percent"] else "money" if is_money else "count"
            shown = (before if before in _CURRENCIES else "") + match.group().strip()
            yield Amount(kind, value, shown)


def _number(digits: str) -> float:
    if _THOUSANDS.fullmatch(digits):
        digits = digits.replace(",", "")
    whole, *rest = digits.replace(",", ".").split(".")
    return float(f"{whole}.{''.join(rest)}") if rest else float(whole)


def _days(told: Sequence[str], published: date | None) -> Iterator[int]:
    """The days that the words name, as seen from the day on which they were published."""
    if published is None:
        return
    weekdays, months = _calendar()
    for position, word in enumerate(told):
        if word in weekdays:
            if position and told[position - 1] not in _FUTURE:
                back = (published.weekday() - weekdays[word]) % 7
                yield (published - timedelta(days=back)).toordinal()
        elif word in months:
            for day in (*told[max(0, position - 2) : position], *told[position + 1 : position + 2]):
                if day.isdecimal() and len(day) < 3:
                    yield from _nearest(published, months[word], int(day))


def _nearest(published: date, month: int, day: int) -> Iterator[int]:
    for year in (published.year - 1, published.year, published.year + 1):
        try:
            told = date(year, month, day)
        except ValueError:
            continue
        if abs(told - published) <= ABOUT_NOW:
            yield told.toordinal()


def _versions(title: str, text: str) -> dict[str, str]:
    lead = f"{title}. {text[:LEAD_CHARACTERS]}"
    found = {name.lower(): version for name, version in reversed(_VERSION.findall(lead))}
    found |= {flaw: flaw for flaw in _FLAW.findall(text)[:1]}
    return found


@cache
def _vocabulary() -> dict[str, Any]:
    return tables("pipeline", "details.toml")


@cache
def _phrases() -> dict[str, list[tuple[tuple[str, ...], frozenset[tuple[str, str]]]]]:
    """By their first word: each phrase with the steps that it stands for, the longest first. A
    phrase that begins with another one stands for the steps of both."""
    told: dict[tuple[str, ...], set[tuple[str, str]]] = {}
    for affair, steps in _vocabulary()["affairs"].items():
        for step, phrases in steps.items():
            for phrase in phrases:
                told.setdefault(tuple(words(phrase)), set()).add((affair, step))
    begins: dict[str, list[tuple[tuple[str, ...], frozenset[tuple[str, str]]]]] = {}
    for phrase in sorted(told, key=lambda phrase: (-len(phrase), phrase)):
        shorter = (steps for begin, steps in told.items() if phrase[: len(begin)] == begin)
        begins.setdefault(phrase[0], []).append((phrase, frozenset().union(*shorter)))
    return begins


@cache
def _siblings() -> frozenset[str]:
    return frozenset(_vocabulary()["siblings"]["words"])


@cache
def _calendar() -> tuple[dict[str, int], dict[str, int]]:
    """Weekdays from 0 (Monday), months from 1, in the languages of details.toml."""
    told = _vocabulary()["calendar"]
    weekdays = {name: i for row in told["weekdays"] for i, name in enumerate(row)}
    months = {name: i for row in told["months"] for i, name in enumerate(row, start=1)}
    return weekdays, months


@cache
def _calendar_names() -> frozenset[str]:
    return frozenset(name for names in _calendar() for name in names)


@cache
def _calendar_stems(language: str) -> frozenset[str]:
    return frozenset(
        stem for names in _calendar() for name in names for stem in stems(name, language)
    )
