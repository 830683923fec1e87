"""How well and how fast pages are read, on labelled sets: ours beside trafilatura alone.

    python -m tests.benchmarks.extraction [SET…]     all of scrapinghub, wcxb and fundus by default

Text: F1 of word 4-grams (as a multiset, so that repeated text counts) against the gold text of
each page, then the mean over pages; a page without a result scores 0. Title: the same letters and
digits, case aside. Day: the same calendar day in the gold's zone; where the gold has no zone and
we know the minute, in any zone there is. Minute: less than a minute off, where the gold names a
time with a zone. Author: the same set of names. Pages per second of one core are CPU time, reading
the files aside. Pages are read without what a feed would tell of them. The data is found by
NEWSFOLD_DATA (default: ../shared/data).
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crawlers.articles import NoArticle, read_article
from crawlers.characters import letters
from storage.models import Entry, Page, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SETS = ("scrapinghub", "wcxb", "fundus")
FETCHED_AT = datetime(2026, 11, 1, tzinfo=UTC)
SHINGLE = 4  # words
BETWEEN_AUTHORS = re.compile(r",|;| and | & ")

Gold = dict[str, Any]


def data_folder() -> Path:
    """Where the shared data lies."""
    default = Path(__file__).parents[3] / "shared" / "data"
    return Path(os.environ.get("NEWSFOLD_DATA", default))


def read_set(name: str, every: int = 1) -> list[tuple[Gold, bytes]]:
    """The labelled pages of a set, or every n-th of them."""
    folder = data_folder() / "extraction" / name
    with (folder / "gold.jsonl").open(encoding="utf-8") as lines:
        golds = [gold for gold in map(json.loads, lines) if gold.get("body")]
    return [
        (gold, gzip.decompress((folder / "html" / f"{gold['id']}.html.gz").read_bytes()))
        for gold in islice(golds, 0, None, every)
    ]


def ours(gold: Gold, html: bytes) -> Story:
    page = Page(1, gold["url"], html, FETCHED_AT)
    try:
        return read_article(page, Entry(url=gold["url"]))
    except NoArticle:
        return Story(url=gold["url"])


def trafilatura_alone(gold: Gold, html: bytes) -> Story:
    import trafilatura

    found: Any = trafilatura.bare_extraction(html, url=gold["url"], with_metadata=True)
    if found is None:
        return Story(url=gold["url"])
    day = datetime.fromisoformat(found.date).replace(tzinfo=UTC) if found.date else None
    return Story(
        url=gold["url"],
        title=found.title or "",
        text=found.text or "",
        authors=tuple((found.author or "").split("; ")),
        published=day,
        published_precision="day",
    )


READERS: dict[str, Callable[[Gold, bytes], Story]] = {
    "newsfold": ours,
    "trafilatura": trafilatura_alone,
}


@dataclass
class Score:
    """Shares of right answers by field, from 0 to 1, and how many answers each is taken over."""

    shares: dict[str, float] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    pages_per_second: float = 0.0


def score(pages: Iterable[tuple[Gold, bytes]], read: Callable[[Gold, bytes], Story]) -> Score:
    """Read all pages and compare."""
    sums: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    seconds = 0.0
    for gold, html in pages:
        started = time.process_time()
        story = read(gold, html)
        seconds += time.process_time() - started
        for name, right in compare(gold, story):
            sums[name] += right  # type: ignore[assignment]  # a share of a page
            counts[name] += 1
    shares = {name: sums[name] / counts[name] for name in counts}
    return Score(shares, counts, counts["text"] / seconds)


def compare(gold: Gold, story: Story) -> Iterator[tuple[str, float]]:
    """For each field that the gold knows, how right the story is."""
    yield "text", text_f1(story.text, gold["body"])
    if gold.get("title"):
        yield "title", letters(story.title) == letters(gold["title"])
    if len(gold.get("date") or "") >= len("2026-04-08"):
        told = datetime.fromisoformat(gold["date"])
        yield "day", _same_day(told, story)
        if told.tzinfo and (told.hour, told.minute) != (0, 0):
            yield "minute", _same_minute(told, story)
    if gold.get("author"):
        yield "author", _people(gold["author"]) == _people(story.authors)


def text_f1(found: str, gold: str) -> float:
    """F1 of the word 4-grams of two texts."""
    left, right = _shingles(found), _shingles(gold)
    total = left.total() + right.total()
    return 2 * (left & right).total() / total if total else 1.0


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    if len(words) < SHINGLE:
        return Counter([tuple(words)] if words else [])
    return Counter(zip(*(words[start:] for start in range(SHINGLE)), strict=False))


def _same_day(told: datetime, story: Story) -> bool:
    if story.published is None:
        return False
    zones = [told.tzinfo] if told.tzinfo else [timezone(timedelta(hours=n)) for n in range(-12, 15)]
    if story.published_precision != "minute":
        zones = [UTC]
    return any(story.published.astimezone(zone).date() == told.date() for zone in zones)


def _same_minute(told: datetime, story: Story) -> bool:
    return story.published is not None and abs(story.published - told) < timedelta(minutes=1)


def _people(names: str | Iterable[str]) -> set[str]:
    lines = [names] if isinstance(names, str) else names
    return {letters(name) for line in lines for name in BETWEEN_AUTHORS.split(line)} - {""}


def main(names: list[str]) -> None:
    logging.disable(logging.CRITICAL)
    print(f"{'set':12} {'reader':12} {'text F1':>8} {'title':>7} {'day':>7} {'minute':>7}", end="")
    print(f" {'author':>7} {'pages/s':>8}  pages")
    for name in names or SETS:
        pages = read_set(name)
        for reader, read in READERS.items():
            read(*pages[0])  # imports are not part of the speed
            result = score(pages, read)
            print(f"{name:12} {reader:12} {result.shares['text']:8.4f}", end="")
            for column in ("title", "day", "minute", "author"):
                share = result.shares.get(column)
                print(f" {'–':>7}" if share is None else f" {100 * share:6.1f}%", end="")
            print(f" {result.pages_per_second:8.1f}  {result.counts['text']}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
