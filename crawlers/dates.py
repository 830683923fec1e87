"""When was it published: many claims come in, one time and its precision go out.

Reading a claim (`read_moment`):
- An ISO 8601 or RFC 5322 time with a zone has the precision "minute".
- A day alone is "day", at 00:00 UTC of that day. So is exactly midnight in the claim's own zone:
  publishing systems write it where they only know the day.
- A time without a zone is read as UTC, and is "guessed".
- Numbers that can be read in two ways (04/08/2026) are no claim.

Settling (`settle`), over claims in the order in which they are believed:
1. A claim later than the fetch (and five minutes for clocks that differ), or before 1995, is out.
2. The first claim left decides.
3. If it is "day", the first later claim that names a minute of the same day (in its own zone or
   in UTC) takes its place. If it is "guessed", the first one within 14 hours does: the widest
   that a missing zone can be off.
4. Nothing left: no time. Nobody told, so our own first sight serves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from storage.models import Precision

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


def read_moment(claim: str) -> Moment | None:
    """What a date string says; None when it says no day for certain."""
    claim = SCRIPT_ZONE.sub("", " ".join(claim[: 4 * LONGEST].split()))
    if not claim or len(claim) > LONGEST or EMPTY_YEAR.search(claim):
        return None
    try:
        return _epoch(claim) or _iso(claim) or _mail(claim) or _words(claim)
    except (ValueError, OverflowError, TypeError):
        return None


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


def _words(claim: str) -> Moment | None:
    """Dates in other words, such as "April 8, 2026 4:02 PM EDT" or "8.4.2026"."""
    from dateutil import parser  # 20 ms to import, and few pages come this far

    if (match := AMBIGUOUS.search(claim)) and max(int(match[1]), int(match[2])) <= 12:
        return None
    # What the words leave out is filled from a default: where two defaults give two days, the
    # words did not name one.
    when, other = (
        parser.parse(claim, default=default, dayfirst="." in claim, tzinfos=_zone)
        for default in (datetime(2000, 1, 1), datetime(2001, 2, 2))  # noqa: DTZ001
    )
    return _moment(when) if when.date() == other.date() else None
