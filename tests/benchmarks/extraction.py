"""How well and how fast pages are read, on labelled sets: ours beside each library alone.

    python -m tests.benchmarks.extraction [SET…]     all of scrapinghub, wcxb and fundus by default

trafilatura is always there; newspaper4k, goose3 and readability-lxml are asked where they are
installed (put a folder of `pip install --target` last on sys.path: NEWSFOLD_PEERS=FOLDER).

Text: F1 of word 4-grams (as a multiset, so that repeated text counts) against the gold text of
each page, then the mean over pages; a page without a result scores 0. Title: the same letters and
digits, case aside. Day: the same calendar day in the gold's zone; where the gold has no zone and
we know the minute, in any zone there is. Minute: less than a minute off, where the gold names a
time with a zone. Author: the same set of names. Address: every reader is handed the gold's address
with tracking behind it, and should come back with the gold's (as canonical_url spells it, "www."
and a slash at the end aside). Pages per second of one core are CPU time, reading the files aside.
Pages are read without what a feed would tell of them. The data is found by NEWSFOLD_DATA (default:
../shared/data). Nothing is fetched: connections are refused.
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
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crawlers.articles import NoArticle, read_article
from crawlers.characters import letters
from crawlers.urls import canonical_url
from storage.models import Entry, Page, Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

SETS = ("scrapinghub", "wcxb", "fundus")
FETCHED_AT = datetime(2026, 11, 1, tzinfo=UTC)
SHINGLE = 4  # words
COLUMNS = ("title", "day", "minute", "author", "address")
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


def asked(gold: Gold) -> str:
    """The address as a feed would write it."""
    return f"{gold['url']}{'&' if '?' in gold['url'] else '?'}utm_source=rss&utm_medium=feed"


def ours(gold: Gold, html: bytes) -> Story:
    page = Page(1, asked(gold), html, FETCHED_AT)
    try:
        return read_article(page, Entry(url=page.url))
    except NoArticle:
        return Story(url=page.url)


def trafilatura_alone(gold: Gold, html: bytes) -> Story:
    import trafilatura

    found: Any = trafilatura.bare_extraction(html, url=asked(gold), with_metadata=True)
    if found is None:
        return Story(url=asked(gold))
    day = datetime.fromisoformat(found.date).replace(tzinfo=UTC) if found.date else None
    return Story(
        url=found.url or asked(gold),
        title=found.title or "",
        text=found.text or "",
        authors=tuple((found.author or "").split("; ")),
        published=day,
        published_precision="day",
    )


def newspaper_alone(gold: Gold, html: bytes) -> Story:
    import newspaper

    found = newspaper.Article(asked(gold), fetch_images=False)
    try:
        found.download(input_html=html.decode("utf-8", "replace"))
        found.parse()
    except Exception:  # it gives up on some pages
        return Story(url=asked(gold))
    return _told_by_library(
        gold, found.canonical_link, found.title, found.text, found.authors, found.publish_date
    )


def goose_alone(gold: Gold, html: bytes) -> Story:
    import goose3

    reader = goose3.Goose({"enable_image_fetching": False, "strict": False})
    try:
        found = reader.extract(raw_html=html.decode("utf-8", "replace"))
    except Exception:  # it gives up on some pages
        return Story(url=asked(gold))
    return _told_by_library(
        gold, found.canonical_link, found.title, found.cleaned_text, found.authors,
        found.publish_datetime_utc,
    )  # fmt: skip


def readability_alone(gold: Gold, html: bytes) -> Story:
    import readability
    from lxml import html as lxml_html

    try:
        found = readability.Document(html)
        text = lxml_html.fromstring(found.summary()).text_content()
    except Exception:  # it gives up on some pages
        return Story(url=asked(gold))
    return _told_by_library(gold, None, found.short_title(), text, (), None)


def _told_by_library(
    gold: Gold,
    url: str | None,
    title: str | None,
    text: str | None,
    authors: Iterable[str],
    when: datetime | None,
) -> Story:
    is_minute = isinstance(when, datetime) and when.tzinfo and (when.hour, when.minute) != (0, 0)
    if isinstance(when, datetime) and when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return Story(
        url=url or asked(gold),
        title=title or "",
        text=text or "",
        authors=tuple(authors),
        published=when if isinstance(when, datetime) else None,
        published_precision="minute" if is_minute else "day",
    )


READERS: dict[str, Callable[[Gold, bytes], Story]] = {
    "newsfold": ours,
    "trafilatura": trafilatura_alone,
}
PEERS: dict[str, Callable[[Gold, bytes], Story]] = {  # by the module that must be there
    "newspaper": newspaper_alone,
    "goose3": goose_alone,
    "readability": readability_alone,
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
    yield "address", _address(story.url) == _address(gold["url"])


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


def _address(url: str) -> tuple[str, str, str]:
    try:
        parts = urlsplit(canonical_url(url))
    except ValueError:
        return ("", "", url)
    return parts.netloc.removeprefix("www."), parts.path.rstrip("/"), parts.query


def _people(names: str | Iterable[str]) -> set[str]:
    lines = [names] if isinstance(names, str) else names
    return {letters(name) for line in lines for name in BETWEEN_AUTHORS.split(line)} - {""}


def readers() -> dict[str, Callable[[Gold, bytes], Story]]:
    """Ours, trafilatura, and what else is installed."""
    return READERS | {name: read for name, read in PEERS.items() if find_spec(name)}


def refuse_connections() -> None:
    """Nothing here is to fetch anything; some libraries would ask for lists of suffixes."""
    import socket

    def refuse(*_: object) -> None:
        raise OSError("this benchmark opens no connection")

    socket.socket.connect = refuse  # type: ignore[assignment, method-assign]
    socket.getaddrinfo = refuse  # type: ignore[assignment]


def main(names: list[str]) -> None:
    logging.disable(logging.CRITICAL)
    refuse_connections()
    if folder := os.environ.get("NEWSFOLD_PEERS"):
        sys.path.append(folder)
    print(f"{'set':12} {'reader':12} {'text F1':>8}", end="")
    print("".join(f" {column:>8}" for column in COLUMNS), f"{'pages/s':>8}  pages")
    for name in names or SETS:
        pages = read_set(name)
        for reader, read in readers().items():
            read(*pages[0])  # imports are not part of the speed
            result = score(pages, read)
            print(f"{name:12} {reader:12} {result.shares['text']:8.4f}", end="")
            for column in COLUMNS:
                share = result.shares.get(column)
                print(f" {'–':>8}" if share is None else f" {100 * share:7.1f}%", end="")
            print(f" {result.pages_per_second:8.1f}  {result.counts['text']}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
