"""What folding looks at in a story, read once and kept: a Story in, a Reading out.

A Reading depends on its story alone, never on other stories or on the time of day, so that it can
be stored beside the story and a later pass need not read the text again. What two readings have
in common is worked out in signals.py, over many of them at once (window.py).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pipeline.background import FIRST_CHARACTERS, rarity
from pipeline.details import Amount, Details, details
from pipeline.embeddings import content_hash, embedded_words
from pipeline.enrich.roundups import is_roundup
from pipeline.sketches import VERSION as SKETCH_VERSION
from pipeline.sketches import sketches
from pipeline.text import stemmed, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pipeline.sketches import Sketch
    from storage.models import Story
    from storage.readings import Row

VERSION = 1  # of the bytes of a reading; what another version stored is read again from the text
TITLE_COUNTS = 3  # times: a headline says in few words what a text says in many
SHORT = 20  # different stems; a mere headline shares fewer words with another one
MOST_WORDS = 192  # of a story, the heaviest; with 128 long texts are less alike than they should be
SAID = 12  # words and names that are kept as people write them, for reasons
RARE = 6.5  # rarity of a name that tells nearly by itself what a story is about
MIDNIGHT_IS_DAY = timedelta(hours=12)  # a date without a time of day: take noon, err by half
SAME_AMOUNT = math.log(1.1)  # two amounts that differ by less are one, rounded
COLUMNS = 1 << 22  # facets are hashed to so many columns; two words rarely meet in one

# What a story is compared by. Each is a set of strings with weights; in a window each becomes a
# sparse matrix with a row for every story.
FACETS = (
    "words",  # stems of headline and opening, as a vector of length 1, the heaviest first
    "headline",  # stems of the headline, weighted by rarity
    "parties",  # stems of names in the headline, weighted by rarity
    "rare_names",
    "numbers",
    "amounts",  # told first
    "amounts_anywhere",
    "amount_kinds",
    "days",
    "days_anywhere",
    "products",  # that a version is told of
    "versions",
    "siblings",
    "affairs",
    "steps",
    "headline_words",  # the words themselves, for headlines that are the same
)
# Told in figures and in words of details.toml, so that they are the same in every language.
_IN_ANY_LANGUAGE = frozenset(
    [
        "numbers",
        "amounts",
        "amounts_anywhere",
        "amount_kinds",
        "days",
        "days_anywhere",
        "products",
        "versions",
        "siblings",
        "affairs",
        "steps",
    ]
)
_HEAD = 4  # bytes before the counts: version, whether a roundup, number of stems (2 bytes)
_YEARS = range(1900, 2100)


class _Row(NamedTuple):
    """As storage/readings.py keeps it: a pass makes a hundred thousand of these from rows."""

    id: int
    at: float
    dated: bool
    seen: float
    out_by: float | None
    url: str
    source: str
    language: str
    claims_home: bool
    content_hash: str
    marks: bytes
    said: str
    sketch: bytes


class Reading(_Row):
    """One story as folding sees it.

    `at` is the time that counts (seconds since 1970), or when we saw it for a story that may be of
    any time (not `dated`); `seen` is when it came to us; `out_by` when it was out at the latest;
    `content_hash` is that of the words that an embedding reads. `marks` holds its facets as bytes,
    `said` as JSON what a reason needs to be put in words.
    """

    @property
    def when(self) -> float | None:
        """The time that counts; None for a story that may be of any time."""
        return self.at if self.dated else None

    @property
    def appeared(self) -> tuple[bool, float, str]:
        """Its place among stories in time; one whose time is not known takes nobody's lead."""
        return (self.out_by is None, self.out_by or 0.0, self.url)

    @property
    def roundup(self) -> bool:
        return bool(self.marks[1])

    @cached_property
    def told(self) -> dict[str, Any]:
        """What a reason needs: words, names, numbers, amounts, versions, steps as people write."""
        found: dict[str, Any] = json.loads(self.said)
        return found


def is_current(row: Row) -> bool:
    """Whether this version of newsfold wrote a reading that was kept."""
    marks, sketch = row[-3], row[-1]
    return bool(marks[:1] == bytes([VERSION]) and sketch[:1] == bytes([SKETCH_VERSION]))


def read(story: Story) -> Reading:
    """Read a stored story. Raises ValueError for one that has no id yet."""
    return next(read_all([story]))


def read_all(stories: Iterable[Story]) -> Iterator[Reading]:
    """Read stories, in their order. Raises ValueError for one that has no id yet."""
    stories = list(stories)
    drawn = sketches((story.title, story.text) for story in stories)
    for story, sketch in zip(stories, drawn, strict=True):
        yield _read(story, sketch)


def _read(story: Story, sketch: Sketch) -> Reading:
    opening = story.text[:FIRST_CHARACTERS]
    language = story.language[:2].lower()
    when = when_of(story.published, story.published_precision, story.first_seen, story.text_from)
    title = stemmed(story.title, language)
    body = stemmed(opening, language)
    told = details(story.title, opening, [word for word, _ in body], when, language)
    counts = Counter(stem for _, stem in body)
    for _, stem in title:
        counts[stem] += TITLE_COUNTS
    vector = _unit_vector(counts, language)
    numbers = sorted(_numbers(word for word, _ in (*title, *body)))
    facets = _facets(vector, {stem for _, stem in title}, numbers, told, language)
    facets["headline_words"] = dict.fromkeys(words(story.title), 1.0)
    seen = story.first_seen.timestamp() if story.first_seen else 0.0
    return Reading(
        id=story.stored_id,
        at=when.timestamp() if when else seen,
        dated=when is not None,
        seen=seen,
        out_by=story.out_by.timestamp() if story.out_by else None,
        url=story.url,
        source=story.source_id,
        language=language,
        claims_home=story.canonical_claim is not None,
        content_hash=content_hash(embedded_words(story)),
        marks=_pack(facets, len(counts), is_roundup(story), language),
        said=json.dumps(
            _said(story.title, opening, vector, (*title, *body), numbers, told),
            ensure_ascii=False,
            separators=(",", ":"),
        ),
        sketch=sketch,
    )


def _unit_vector(counts: Mapping[str, int], language: str) -> dict[str, float]:
    """Sublinear TF-IDF (Salton and Buckley, 1988), scaled to length 1, the heaviest first."""
    raw = {
        stem: weight if count == 1 else (1 + math.log(count)) * weight
        for stem, count in counts.items()
        if (weight := rarity(stem, language)) > 0
    }
    length = math.sqrt(sum(weight * weight for weight in sorted(raw.values())))
    heaviest = sorted(raw.items(), key=lambda item: (-item[1], item[0]))[:MOST_WORDS]
    return {stem: weight / length for stem, weight in heaviest}


def _facets(
    vector: dict[str, float],
    headline: set[str],
    numbers: list[str],
    told: Details,
    language: str,
) -> dict[str, dict[str, float]]:
    rare = [name for name in told.names if rarity(name, language) >= RARE]
    return {
        "words": vector,
        "headline": {stem: rarity(stem, language) for stem in headline},
        "parties": {stem: rarity(stem, language) for stem in told.parties},
        "rare_names": dict.fromkeys(rare, 1.0),
        "numbers": dict.fromkeys(numbers, 1.0),
        "amounts": _rounded(told.amounts),
        "amounts_anywhere": _rounded(told.amounts_anywhere),
        "amount_kinds": dict.fromkeys((amount.kind for amount in told.amounts), 1.0),
        "days": dict.fromkeys(map(str, told.days), 1.0),
        "days_anywhere": dict.fromkeys(map(str, told.days_anywhere), 1.0),
        "products": dict.fromkeys(told.versions, 1.0),
        "versions": dict.fromkeys((f"{k} {v}" for k, v in told.versions.items()), 1.0),
        "siblings": dict.fromkeys(told.siblings, 1.0),
        "affairs": dict.fromkeys((affair for affair, _ in told.steps), 1.0),
        "steps": dict.fromkeys((f"{affair} {step}" for affair, step in told.steps), 1.0),
    }


def _rounded(amounts: Iterable[Amount]) -> dict[str, float]:
    """Each amount as the two steps of a ladder that it stands between: amounts that are nearly
    the same have a step in common."""
    found: dict[str, float] = {}
    for amount in amounts:
        step = math.floor(math.log(amount.value) / SAME_AMOUNT)
        found |= {f"{amount.kind} {step}": 1.0, f"{amount.kind} {step + 1}": 1.0}
    return found


def _numbers(found: Iterable[str]) -> set[str]:
    numbers = {word for word in found if word[0].isdigit() and len(word) > 1}
    return {number for number in numbers if not (number.isdigit() and int(number) in _YEARS)}


def _said(
    title: str,
    opening: str,
    vector: dict[str, float],
    spelled: Sequence[tuple[str, str]],
    numbers: list[str],
    told: Details,
) -> dict[str, Any]:
    spelling = {stem: word for word, stem in reversed(spelled)}  # the first spelling counts
    heaviest = list(vector)[:SAID]
    return {
        "words": {stem: spelling[stem] for stem in heaviest},
        "names": told.spelled[:SAID],
        "parties": sorted(told.parties),
        "numbers": numbers[:SAID],
        "amounts": [[a.kind, a.value, a.shown] for a in told.amounts[:SAID]],
        "days": sorted(told.days)[:SAID],
        "versions": told.versions,
        "siblings": sorted(told.siblings),
        "steps": sorted(told.steps),
        "headline": title[:120],
    }


def _pack(facets: dict[str, dict[str, float]], stems: int, roundup: bool, language: str) -> bytes:
    """Version, roundup, number of stems; how many marks each facet has; their columns; their
    weights. The heaviest words stay in front: they are the index."""
    counts = np.array([len(facets[name]) for name in FACETS], dtype="<u2")
    columns = [
        column(key, "" if name in _IN_ANY_LANGUAGE else language)
        for name in FACETS
        for key in facets[name]
    ]
    weights = [weight for name in FACETS for weight in facets[name].values()]
    head = bytes([VERSION, roundup]) + min(stems, 0xFFFF).to_bytes(2, "little")
    return b"".join(
        (
            head,
            counts.tobytes(),
            np.array(columns, dtype="<u4").tobytes(),
            np.array(weights, dtype="<f2").tobytes(),
        )
    )


@lru_cache(maxsize=300_000)
def column(key: str, language: str) -> int:
    """The column of a mark, the same on every machine."""
    digest = blake2b(f"{language}:{key}".encode(errors="surrogatepass"), digest_size=4).digest()
    return int.from_bytes(digest, "little") % COLUMNS


def when_of(
    published: datetime | None, precision: str, first_seen: datetime | None, text_from: str
) -> datetime | None:
    """The time of a story that counts for folding. What was imported without a date may be of any
    time; what we crawled was published shortly before we saw it."""
    if published is None:
        return None if text_from == "import" else first_seen
    if precision == "day" and _is_midnight(published):
        return published + MIDNIGHT_IS_DAY
    return published


def _is_midnight(moment: datetime) -> bool:
    return moment.astimezone(UTC).strftime("%H%M%S") == "000000"
