"""How well and how fast pages are read, on labelled sets: ours beside each library alone.

    python -m tests.benchmarks.extraction [SET…] [--reader NAME]…    all sets and readers by default

trafilatura is always there; the other libraries (peers/extractors.py) are asked where they are
installed: `pip install` them into an environment of their own, and put its site-packages last on
sys.path (NEWSFOLD_PEERS=FOLDER). A field that a library does not answer is left open.

text     F1 of word 4-grams (as a multiset, so that repeated text counts) against the gold text of
         each page, then the mean over pages; a page without a result scores 0
title    the same letters and digits, case aside
day      the same calendar day in the gold's zone; where the gold has no zone and the reader knows
         the minute, in any zone there is
minute   less than a minute off, where the gold names a time with a zone
author   the same set of names
address  handed the address that the page was fetched at with tracking behind it, a reader should
         come back with the settled one (fixtures/extraction_addresses.json); "www.", scheme and a
         slash at the end aside
twin     the same, handed the settled address as that of an AMP or mobile twin, in one of four forms
bare     the same, handed the settled address with tracking, where the page's own claims on its
         address are taken out

Pages per second of one core are CPU time of the first of the three readings. Pages are read without
what a feed would tell of them. The data is found by NEWSFOLD_DATA (default: ../shared/data).
Nothing is fetched: connections are refused.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import re
import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from crawlers.articles import NoArticle, read_article
from crawlers.characters import letters
from storage.models import Entry, Page, Story
from tests.benchmarks.peers import extractors
from tests.benchmarks.peers.extractors import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SETS = ("scrapinghub", "wcxb", "fundus")
FETCHED_AT = datetime(2026, 11, 1, tzinfo=UTC)
SHINGLE = 4  # words
COLUMNS = ("text", "title", "day", "minute", "author", "address", "twin", "bare")
ADDRESSES = Path(__file__).parents[1] / "fixtures" / "extraction_addresses.json"
HTML_TAG = re.compile(rb"<html\b", re.IGNORECASE)
ADDRESS_CLAIM = re.compile(
    rb"<link\b(?=[^>]*\bcanonical\b)[^>]*>|<meta\b(?=[^>]*:url\b)[^>]*>"
    rb"|<script\b(?=[^>]*\bld\+json\b)[^>]*>.*?</script>",
    re.IGNORECASE | re.DOTALL,
)
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


def settled(name: str, gold: Gold) -> str | None:
    """The address that the page should come out at; None where two can be defended."""
    plain = urlsplit(gold["url"])._replace(query="", fragment="").geturl()
    found: dict[str, str | None] = _settled_by_hand()[name].get(gold["id"], {"address": plain})
    return found["address"]


@cache
def _settled_by_hand() -> dict[str, dict[str, Any]]:
    by_set: dict[str, dict[str, Any]] = json.loads(ADDRESSES.read_text("utf-8"))["sets"]
    return by_set


def tracked(url: str) -> str:
    """An address as a feed would write it."""
    parts = urlsplit(url)
    query = "&".join(filter(None, [parts.query, "utm_source=rss&utm_medium=feed"]))
    return parts._replace(query=query).geturl()


def twin(number: int, url: str, html: bytes) -> tuple[str, bytes]:
    """The page as its AMP or mobile twin, in one of four forms in turn."""
    parts = urlsplit(url)
    host = parts.netloc.removeprefix("www.")
    form = number % 4
    if form == 0:
        return parts._replace(netloc=f"m.{host}").geturl(), html
    html = HTML_TAG.sub(rb"\g<0> amp", html, count=1)
    if form == 1:
        return parts._replace(netloc=f"amp.{host}").geturl(), html
    if form == 2:
        return parts._replace(path=f"{parts.path.rstrip('/')}/amp").geturl(), html
    return parts._replace(path=f"/amp{parts.path}").geturl(), html


def without_claims(html: bytes) -> bytes:
    """The page as if it said nothing of its own address."""
    return ADDRESS_CLAIM.sub(b"", html)


def ours(url: str, html: bytes) -> Story:
    page = Page(1, url, html, FETCHED_AT)
    try:
        return read_article(page, Entry(url=page.url))
    except NoArticle:
        return Story(url=page.url)


READERS: dict[str, Reader] = {"newsfold": Reader(ours), **extractors.READERS}


@dataclass
class Score:
    """Shares of right answers by field, from 0 to 1, and how many answers each is taken over."""

    shares: dict[str, float] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    pages_per_second: float = 0.0


def score(name: str, pages: Sequence[tuple[Gold, bytes]], reader: Reader) -> Score:
    """Read all pages of a set and compare."""
    sums: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    seconds = 0.0
    for number, (gold, html) in enumerate(pages):
        address = settled(name, gold)
        started = time.process_time()
        story = _read(reader, tracked(gold["url"]), html)
        seconds += time.process_time() - started
        found = dict(compare(gold, story))
        if address and "address" in reader.fields:
            found |= _addresses(reader, number, address, html, story)
        for column in found.keys() & reader.fields:
            sums[column] += found[column]  # type: ignore[assignment]  # a share of a page
            counts[column] += 1
    shares = {column: sums[column] / counts[column] for column in counts}
    return Score(shares, counts, len(pages) / seconds)


def _read(reader: Reader, url: str, html: bytes) -> Story:
    try:
        return reader.read(url, html)
    except Exception:  # libraries give up on some pages
        return Story(url=url)


def _addresses(
    reader: Reader, number: int, address: str, html: bytes, story: Story
) -> dict[str, float]:
    """Whether the address comes back: the page as it is, as a twin of itself, without claims."""
    came_out = {"address": story.url}
    if "twin" in reader.fields:
        came_out["twin"] = _read(reader, *twin(number, address, html)).url
    if "bare" in reader.fields:
        came_out["bare"] = _read(reader, tracked(address), without_claims(html)).url
    return {column: _address(url) == _address(address) for column, url in came_out.items()}


def compare(gold: Gold, story: Story) -> Iterator[tuple[str, float]]:
    """For each field that the gold knows, how right the story is; addresses aside."""
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


def _address(url: str) -> tuple[str, str, str]:
    """An address but for its scheme, "www.", a slash at the end and how letters are encoded. It is
    not made canonical: that is what readers are asked for."""
    parts = urlsplit(url)
    host = parts.netloc.lower().removeprefix("www.")
    return host, unquote(parts.path).rstrip("/"), parts.query


def _people(names: str | Iterable[str]) -> set[str]:
    lines = [names] if isinstance(names, str) else names
    return {letters(name) for line in lines for name in BETWEEN_AUTHORS.split(line)} - {""}


def readers(named: Iterable[str] = ()) -> dict[str, Reader]:
    """Ours, and what else is installed; or those of them that are named."""
    there = {name: reader for name, reader in READERS.items() if find_spec(reader.module)}
    return {name: there[name] for name in named} or there


def refuse_connections() -> None:
    """Nothing here is to fetch anything; some libraries would ask for lists of suffixes."""
    import socket

    def refuse(*_: object) -> None:
        raise OSError("this benchmark opens no connection")

    socket.socket.connect = refuse  # type: ignore[assignment, method-assign]
    socket.getaddrinfo = refuse  # type: ignore[assignment]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("sets", nargs="*", help=f"all of {', '.join(SETS)} by default")
    parser.add_argument("--reader", action="append", default=[], help="only this one")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    refuse_connections()
    if folder := os.environ.get("NEWSFOLD_PEERS"):
        sys.path.append(folder)
    titles = " | ".join(COLUMNS)
    print(f"| set (pages) | reader | {titles} | pages/s |\n|{'---|' * (len(COLUMNS) + 3)}")
    for name in asked.sets or SETS:
        pages = read_set(name)
        for label, reader in readers(asked.reader).items():
            _read(reader, pages[0][0]["url"], pages[0][1])  # imports are not part of the speed
            print(_line(name, label, score(name, pages, reader), len(pages)), flush=True)


def _line(name: str, label: str, result: Score, pages: int) -> str:
    shares = (result.shares.get(column) for column in COLUMNS)
    cells = (
        "–" if share is None else f"{share:.4f}" if column == "text" else f"{100 * share:.1f}"
        for column, share in zip(COLUMNS, shares, strict=True)
    )
    return f"| {name} ({pages}) | {label} | {' | '.join(cells)} | {result.pages_per_second:.1f} |"


if __name__ == "__main__":
    main()
