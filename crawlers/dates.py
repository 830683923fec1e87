"""When was it published: many claims come in, one time and its precision go out.

Reading a claim (`read_moment`):
- An ISO 8601 or RFC 5322 time with a zone has the precision "minute".
- A day alone is "day", at 00:00 UTC of that day. So is exactly midnight in the claim's own zone:
  publishing systems write it where they only know the day.
- A time without a zone is read as UTC, and is "guessed".
- Numbers that can be read in two ways (04/08/2026) go by the habit of the page's language and
  region (`Habits`): day first, month first, or none; then they are no claim. English that names
  no region goes by the country in the address, else month first. A reading that lies after the
  fetch gives way to the other one.
- "2 hours ago" counts back from the fetch: days and weeks give a "day", less is "guessed".

Settling (`settle`), over claims in the order in which they are believed:
1. A claim later than the fetch (and five minutes for clocks that differ), or before 1995, is out.
2. The first claim left decides.
3. If it is "day", the first later claim that names a minute of the same day (in its own zone or
   in UTC) takes its place. If it is "guessed", the first one within 14 hours does: the widest
   that a missing zone can be off.
4. Nothing left: no time. Nobody told, so our own first sight serves.

Every claim is kept with where it came from and what became of it (`weigh`).
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crawlers.characters import one_line
from storage.models import DateClaim

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from storage.models import DateVerdict, Precision

CLOCK_SKEW = timedelta(minutes=5)
WIDEST_ZONE = timedelta(hours=14)
FIRST_YEAR = 1995  # nothing on the web is older; such times are defaults of machines
LONGEST = 80  # characters; no date is longer

EPOCH = re.compile(r"\d{10}(?:\d{3})?")
ISO = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,]\d+)? ?(Z|[+-]\d\d(?::?\d\d)?)?"
    r"(?:\[[\w/+-]*\])?"  # Java adds [Europe/Berlin]
)
MAIL = re.compile(r"(?:[A-Z][a-z]{2,8},? )?\d{1,2} [A-Z][a-z]{2} \d{4} [\d:]{5,8}(?: ?[A-Z+-]\S*)?")
SCRIPT_ZONE = re.compile(r"\b(?:GMT|UTC)(?=[+-]\d{4})| \([^()]*\)$")  # JavaScript: GMT+0200 (CEST)
AMBIGUOUS = re.compile(r"\b(\d{1,2})[/-](\d{1,2})[/-](?:\d{4}|\d{2})\b")
PATH_DAY = re.compile(r"/((?:19|20)\d\d)[/-]?(0[1-9]|1[0-2])[/-]?(0[1-9]|[12]\d|3[01])(?=[/_.-]|$)")
CJK_DAY = re.compile(r"((?:19|20)\d\d)[年년] ?(\d{1,2})[月월] ?(\d{1,2})[日일]")
NO_WORDS = re.compile(r"[\d\s:.,/+-]*")  # no letters, nothing to translate
ENGLISH_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
DOTTED_TIME = re.compile(r"(?<=\d{4}),? (\d{1,2})\.(\d{2})(?= |$)")  # 8 Apr 2026 15.02 BST
DAY_MINUTES = 24 * 60
# A machine's way to say that it knows no date; "0001" would be read as 2001.
EMPTY_YEAR = re.compile(r"(?<![+:.\-])\b000[01]\b")
# Names of zones are not unique; these are what American and European publishers mean by them.
ZONES = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
    "ET": -5, "PT": -8, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "JST": 9,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moment:
    """A time as somebody claimed it; `day` is the day in the claim's own zone."""

    when: datetime
    precision: Precision
    day: date


@dataclass(frozen=True, slots=True)
class Habits:
    """What a page's words about time are to be read by."""

    fetched_at: datetime | None = None  # what "2 hours ago" counts back from
    day_first: bool | None = None  # whether 04/08/2026 is the fourth of August; None: unclear


@dataclass(frozen=True, slots=True)
class Claim:
    """What one place says of the time of publication, and how that is read."""

    origin: str
    said: str
    moment: Moment | None


NO_HABITS = Habits()


def read_moment(claim: str, habits: Habits = NO_HABITS) -> Moment | None:
    """What a date string says; None when it says no day for certain."""
    claim = SCRIPT_ZONE.sub("", " ".join(claim[: 4 * LONGEST].split()))
    if not claim or len(claim) > LONGEST or EMPTY_YEAR.search(claim):
        return None
    try:
        return (
            _epoch(claim)
            or _iso(claim)
            or _mail(claim)
            or _relative(claim, habits)
            or _words(claim, habits)
        )
    except (ValueError, OverflowError, TypeError):
        return None


def habits_of(language: str, url: str, fetched_at: datetime) -> Habits:
    """How a page in this language (BCP 47) and at this address writes its dates."""
    order: Mapping[str, list[str]] = _words_of_dates()["order"]
    plain = language.partition("-")[0]
    if language in order["month_first"]:
        return Habits(fetched_at, day_first=False)
    if language in order["unclear"] or plain in order["unclear"]:
        return Habits(fetched_at)
    if language != "en":
        return Habits(fetched_at, day_first=True)
    country = (urlsplit(url).hostname or "").rpartition(".")[2]
    return Habits(fetched_at, day_first=country in order["day_first_countries"])


def day_in_path(url: str) -> Moment | None:
    """The day that an address names, such as /2026/04/08/ or /20260408/."""
    match = PATH_DAY.search(url)
    try:
        return _day(date(*(int(part) for part in match.groups()))) if match else None
    except ValueError:
        return None


def moment(when: datetime, precision: Precision) -> Moment:
    """An aware time that somebody else has read already."""
    return Moment(when.astimezone(UTC), precision, when.date())


def settle(claims: Iterable[Moment], fetched_at: datetime) -> Moment | None:
    """The time that is believed, by the rules above; reads no more claims than it needs."""
    left = _plausible(claims, fetched_at)
    first = next(left, None)
    if first is None or first.precision == "minute":
        return first
    return next((other for other in left if _refines(other, first)), first)


def weigh(
    claims: Sequence[Claim], fetched_at: datetime
) -> tuple[Moment | None, tuple[DateClaim, ...]]:
    """The time that is believed, and what became of each claim."""
    settled = settle((claim.moment for claim in claims if claim.moment), fetched_at)
    first = next(_plausible((claim.moment for claim in claims if claim.moment), fetched_at), None)
    return settled, tuple(
        DateClaim(
            claim.origin,
            one_line(claim.said, LONGEST),
            claim.moment.when if claim.moment else None,
            claim.moment.precision if claim.moment else None,
            _verdict(claim.moment, settled, first, fetched_at),
        )
        for claim in claims
    )


def _verdict(
    found: Moment | None, settled: Moment | None, first: Moment | None, fetched_at: datetime
) -> DateVerdict:
    if found is None:
        return "unreadable"
    if found.when.year < FIRST_YEAR:
        return "too early"
    if found.when > fetched_at + CLOCK_SKEW:
        return "too late"
    if found is settled:
        return "believed"
    return "refined" if found is first else "not needed"


def _plausible(claims: Iterable[Moment], fetched_at: datetime) -> Iterator[Moment]:
    latest = fetched_at + CLOCK_SKEW
    return (claim for claim in claims if claim.when.year >= FIRST_YEAR and claim.when <= latest)


def _refines(other: Moment, first: Moment) -> bool:
    if other.precision != "minute":
        return False
    if first.precision == "day":
        return first.day in (other.day, other.when.date())
    return abs(other.when - first.when) <= WIDEST_ZONE


def _moment(when: datetime) -> Moment:
    if (when.hour, when.minute, when.second) == (0, 0, 0):
        return _day(when.date())
    if when.tzinfo is None:
        return Moment(when.replace(tzinfo=UTC), "guessed", when.date())
    return Moment(when.astimezone(UTC), "minute", when.date())


def _day(day: date) -> Moment:
    return Moment(datetime(day.year, day.month, day.day, tzinfo=UTC), "day", day)


def _epoch(claim: str) -> Moment | None:
    if not EPOCH.fullmatch(claim):
        return None
    return _moment(datetime.fromtimestamp(int(claim[:10]), UTC))


def _iso(claim: str) -> Moment | None:
    if match := ISO.fullmatch(claim):
        claim = f"{match[1]}T{match[2]}{match[3] or ''}"
    try:
        return _moment(datetime.fromisoformat(claim))
    except ValueError:
        return None


def _mail(claim: str) -> Moment | None:
    if not MAIL.fullmatch(claim):
        return None
    when = parsedate_to_datetime(claim)
    if when.tzinfo is None and claim.endswith("-0000"):  # RFC 5322: UTC, from an unknown place
        when = when.replace(tzinfo=UTC)
    if when.tzinfo is None:  # RFC 5322 knows American names of zones only
        when = when.replace(tzinfo=_zone(claim.rpartition(" ")[2], None))
    return _moment(when)


def _zone(name: str | None, offset: int | None) -> tzinfo | None:
    if offset is None and name in ZONES:
        offset = ZONES[name] * 3600
    return None if offset is None else timezone(timedelta(seconds=offset))


def _relative(claim: str, habits: Habits) -> Moment | None:
    """ "2 hours ago", "vor einer Stunde", "gestern", "3時間前"."""
    now, ago = habits.fetched_at, _words_of_dates()["ago"]
    claim = claim.lower()
    if now is None or len(claim) > LONGEST // 2:
        return None
    if claim in ago["today"] or claim in ago["yesterday"]:
        return _day((now - timedelta(days=claim in ago["yesterday"])).date())
    match = _ago().fullmatch(claim)
    if match is None or not (match["before"] or match["after"] or match["unit"].endswith("前")):
        return None
    number = int(match["number"]) if match["number"].isdecimal() else 1
    minutes = next(
        int(size) for size, words in _words_of_dates()["units"].items() if match["unit"] in words
    )
    when = now - timedelta(minutes=number * minutes)
    is_day = minutes >= DAY_MINUTES
    return _day(when.date()) if is_day else Moment(when.astimezone(UTC), "guessed", when.date())


def _words(claim: str, habits: Habits) -> Moment | None:
    """Dates in other words, such as "April 8, 2026 4:02 PM EDT", "8.4.2026" or "8 avril 2026"."""
    claim = DOTTED_TIME.sub(r" \1:\2", _in_english(claim))
    if (match := AMBIGUOUS.search(claim)) and max(int(match[1]), int(match[2])) <= 12:
        return _by_habit(claim, habits)
    return _parsed(claim, day_first="." in claim)


def _by_habit(claim: str, habits: Habits) -> Moment | None:
    if habits.day_first is None:
        return None
    readings = (
        _parsed(claim, day_first=order) for order in (habits.day_first, not habits.day_first)
    )
    known = [reading for reading in readings if reading]
    latest = habits.fetched_at + CLOCK_SKEW if habits.fetched_at else None
    in_time = (reading for reading in known if latest is None or reading.when <= latest)
    return next(in_time, next(iter(known), None))


def _parsed(claim: str, *, day_first: bool) -> Moment | None:
    from dateutil import parser  # 20 ms to import, and few pages come this far

    # What the words leave out is filled from a default: where two defaults give two days, the
    # words did not name one.
    when, other = (
        parser.parse(claim, default=default, dayfirst=day_first, tzinfos=_zone)
        for default in (datetime(2000, 1, 1), datetime(2001, 2, 2))  # noqa: DTZ001
    )
    return _moment(when) if when.date() == other.date() else None


def _in_english(claim: str) -> str:
    """A date with its foreign months in English, and without what only surrounds it."""
    if match := CJK_DAY.search(claim):
        return claim.replace(match.group(), f"{match[1]}-{match[2]:0>2}-{match[3]:0>2}")
    if NO_WORDS.fullmatch(claim):
        return claim
    months, fillers = _foreign_words()
    words = claim.split()
    if not any(word.lower().rstrip(".,") in months for word in words):
        return claim
    kept = (word for word in words if word.lower().strip(".,") not in fillers)
    return " ".join(months.get(word.lower().rstrip(".,"), word) for word in kept)


@lru_cache(maxsize=1)
def _words_of_dates() -> dict[str, Any]:
    return tomllib.loads((resources.files("crawlers") / "date_words.toml").read_text("utf-8"))


@lru_cache(maxsize=1)
def _foreign_words() -> tuple[Mapping[str, str], frozenset[str]]:
    data = _words_of_dates()
    named = zip(ENGLISH_MONTHS, data["months"], strict=True)
    return {word: month for month, words in named for word in words}, frozenset(data["fillers"])


def is_relative(text: str) -> bool:
    """Whether a text counts back from now: "2 hours ago"."""
    return _relative(text, Habits(datetime(2000, 1, 2, tzinfo=UTC))) is not None


def month_names() -> frozenset[str]:
    """The names of months in other languages than English, in lower case."""
    return frozenset(_foreign_words()[0])


@lru_cache(maxsize=1)
def _ago() -> re.Pattern[str]:
    data = _words_of_dates()

    def either(words: Iterable[str]) -> str:
        return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))

    units = either(word for words in data["units"].values() for word in words)
    before, after, one = (either(data["ago"][key]) for key in ("before", "after", "one"))
    return re.compile(
        rf"(?:(?P<before>{before}) )?(?P<number>\d{{1,3}}|{one}) ?(?P<unit>{units})\.?"
        rf"(?: (?P<after>{after}))?"
    )
