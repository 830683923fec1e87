"""What folding looks at in a story, read once: a Story in, a Reading out.

A Reading depends on its story alone, never on other stories or on the time of day.
"""

from __future__ import annotations

import calendar
import math
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pipeline.background import FIRST_CHARACTERS, rarity
from pipeline.enrich.roundups import is_roundup
from pipeline.text import names, stemmed, stems, words

if TYPE_CHECKING:
    from storage.models import Story

TITLE_COUNTS = 3  # times: a headline says in few words what a text says in many
SHORT = 20  # different stems; a mere headline shares fewer words with another one
MIDNIGHT_IS_DAY = timedelta(hours=12)  # a date without a time of day: take noon, err by half
_VERSION = re.compile(r"\b([A-Z][\w-]*(?:\s[A-Z][\w-]*)?)[ -]v?(\d{1,3}(?:\.\d{1,3}){0,2})\b")
_YEARS = range(1900, 2100)
_CALENDAR = frozenset([*calendar.day_name, *calendar.month_name])  # every story names a day


@dataclass(frozen=True, slots=True)
class Reading:
    """One story as folding sees it. `weights` is a unit vector over `language:stem`."""

    id: int
    url: str
    when: datetime | None  # the middle of what is known of it; None: undated, may be of any time
    appeared: tuple[bool, float, str]  # its place among stories in time
    weights: dict[str, float]
    spelled: dict[str, str]  # a word of the text for each key of weights
    title: tuple[str, ...]
    names: frozenset[str]
    numbers: frozenset[str]
    versions: dict[str, str]
    short: bool
    roundup: bool


def read(story: Story) -> Reading:
    """Read a stored story. Raises ValueError for one that has no id yet."""
    opening = story.text[:FIRST_CHARACTERS]
    language = story.language[:2].lower()
    counts = _count(story.title, opening, language)
    return Reading(
        id=story.stored_id,
        url=story.url,
        when=_when(story),
        appeared=story.appeared,
        weights=_unit_vector(counts, language),
        spelled=_spelling(f"{story.title}\n{opening}", language),
        title=tuple(words(story.title)),
        names=frozenset(_distinct_names(story.title, opening)),
        numbers=frozenset(_numbers(f"{story.title}\n{opening}")),
        versions=_versions(f"{story.title}\n{opening[:300]}"),
        short=len(counts) < SHORT,
        roundup=is_roundup(story),
    )


def _count(title: str, opening: str, language: str) -> Counter[str]:
    counts = Counter(stems(opening, language))
    for stem in stems(title, language):
        counts[stem] += TITLE_COUNTS
    return counts


def _unit_vector(counts: Counter[str], language: str) -> dict[str, float]:
    """Sublinear TF-IDF (Salton and Buckley, 1988), scaled to length 1."""
    raw = {
        f"{language}:{stem}": (1 + math.log(count)) * weight
        for stem, count in sorted(counts.items())
        if (weight := rarity(stem, language)) > 0
    }
    length = math.sqrt(sum(weight * weight for weight in raw.values()))
    return {key: weight / length for key, weight in raw.items()}


def _spelling(text: str, language: str) -> dict[str, str]:
    spelled: dict[str, str] = {}
    for word, stem in stemmed(text, language):
        spelled.setdefault(f"{language}:{stem}", word)
    return spelled


def _when(story: Story) -> datetime | None:
    """The time that counts for folding. What was imported without a date may be of any time;
    what we crawled was published shortly before we saw it."""
    if story.published is None:
        return None if story.text_from == "import" else story.first_seen
    if story.published_precision == "day" and _is_midnight(story.published):
        return story.published + MIDNIGHT_IS_DAY
    return story.published


def _is_midnight(moment: datetime) -> bool:
    return moment.astimezone(UTC).strftime("%H%M%S") == "000000"


def _distinct_names(title: str, opening: str) -> set[str]:
    # A headline In Title Case makes everything look like a name: believe the running text.
    found = {name for name in names(opening or title) if len(name) > 2}
    return {name for name in found if not _CALENDAR.issuperset(name.split())}


def _numbers(text: str) -> set[str]:
    found = {word for word in words(text) if word[0].isdigit() and len(word) > 1}
    return {number for number in found if not (number.isdigit() and int(number) in _YEARS)}


def _versions(text: str) -> dict[str, str]:
    return {name.lower(): version for name, version in _VERSION.findall(text)}
