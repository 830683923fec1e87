"""Hostile feeds, pages and addresses by the hundred thousand: nothing may crash, hang, or be
stored outside its bounds.

    python -m tests.benchmarks.fuzz --inputs 200000 --seed 1      the whole run, on all processors
    python -m tests.benchmarks.fuzz --seed 1 --only pages:4711    one input again, from its seed

Of a hundred inputs 16 are feeds of all dialects, 16 sitemaps, 16 listing pages, 12 pages of
stories (cut to 60 KB), and 40 addresses. Feeds and pages begin as real ones where the data is
(NEWSFOLD_DATA), else as our fixtures, and are spoilt in up to six ways (mutation.py). What is read
of each is stored in a database in memory, and the rows are looked at. An input that crashes,
hangs, takes longer than 10 seconds or leaves a row outside its bounds is written to --folder with
what happened.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import sys
import tarfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from crawlers.articles import NoArticle, read_article, story_from_entry
from crawlers.characters import printable
from crawlers.entries import FeedError, nested_sitemaps, read_about, read_entries
from crawlers.hosts import refusal
from crawlers.pool import Lost, each
from crawlers.urls import MAX_LENGTH, canonical_url, same_site
from storage.database import in_memory
from storage.models import Entry, Feed, Page, Source
from storage.pages import save_entries
from storage.sources import save_sources
from storage.stories import save_story
from tests.benchmarks.extraction import data_folder
from tests.benchmarks.mutation import FEEDS, SECTIONS, SITEMAPS, mutated, mutated_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from storage.models import FeedKind

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SHARES = {"feeds": 16, "sitemaps": 16, "sections": 16, "pages": 12, "urls": 40}
BATCH = 100  # inputs of one job; a database lives as long
SECONDS = 10.0  # that one input may take
FOLDER = Path("fuzz-failures")
FIXTURES = Path(__file__).parents[1] / "fixtures" / "articles"
PAGES = 60  # real pages that are spoilt
BASE = "https://a.example/news/feed"

# Characters that a column may hold, by table; a column that is not named holds no text of others.
BOUNDS: Mapping[str, Mapping[str, int]] = {
    "entries": {
        "url": 2 * MAX_LENGTH,
        "canonical_url": MAX_LENGTH,
        "guid": 1000,
        "title": 1000,
        "summary": 5000,
        "author": 200,
        "language": 40,
        "published": 20,
        "comments": 8,
    },
    "stories": {
        "url": MAX_LENGTH,
        "title": 1000,
        "text": 1_000_000,
        "summary": 5000,
        "authors": 5000,
        "sections": 3_000_000,
        "language": 12,
        "published": 20,
        "updated": 20,
        "first_seen": 20,
        "image": 2000,
        "rubric": 100,
        "canonical_claim": MAX_LENGTH,
        "extra": 2,
    },
}
ONE_LINE = ("title", "summary", "guid", "author", "rubric", "url", "image", "canonical_url")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
EARLIEST = "1990"


@dataclass(frozen=True, slots=True)
class Failure:
    """An input that did harm, and how."""

    kind: str
    index: int
    what: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs of one kind that are read one after the other."""

    kind: str
    seed: int
    start: int
    count: int


class OutOfBoundsError(Exception):
    """A row that should not have been stored."""


def run_batch(batch: Batch) -> tuple[Counter[str], list[Failure]]:
    """Read every input of a batch; what came of them, and what went wrong."""
    outcomes: Counter[str] = Counter()
    failures: list[Failure] = []
    db = _database()
    for index in range(batch.start, batch.start + batch.count):
        given = made_input(batch.kind, batch.seed, index)
        started = time.process_time()
        db.conn.execute("BEGIN")
        try:
            outcomes[READ[batch.kind](db, given, Random(index))] += 1
        except Exception:  # whatever it is, it is what we look for
            failures.append(Failure(batch.kind, index, traceback.format_exc()))
        db.conn.rollback()  # the rows were looked at
        took = time.process_time() - started
        if took > SECONDS:
            failures.append(Failure(batch.kind, index, f"took {took:.1f} seconds of a processor"))
    return outcomes, failures


def made_input(kind: str, seed: int, index: int) -> Any:
    """An input again from its seed."""
    rnd = Random(f"{seed} {kind} {index}")
    if kind == "urls":
        return mutated_url(rnd)
    sound = {"feeds": _feeds, "pages": _pages}.get(kind)
    return mutated(rnd, sound() if sound else SITEMAPS if kind == "sitemaps" else SECTIONS)


# Reading


def _read_feed(db: Any, body: bytes, rnd: Random, kind: FeedKind = "feed") -> str:
    charset = rnd.choice((None, "text/xml", "text/html; charset=utf-8", "a/b; charset=\0\xff"))
    try:
        if kind == "sitemap":
            for url in nested_sitemaps(body, BASE):
                canonical_url(url)
        if kind == "feed" and rnd.random() < 0.2:  # it is parsed once more for that
            _expect(len(read_about(body, BASE, charset).title) <= 1000, "the title of a feed")
        found = read_entries(body, BASE, kind, now=NOW, links="a", content_type=charset)
    except FeedError as error:
        _expect(bool(str(error)), "a reason without words")
        return "no feed"
    _expect(len(found) <= 500, "more than 500 entries")
    named = [(entry, canonical_url(entry.url)) for entry in found]
    save_entries(db, Feed(BASE, "a", id=1), named, NOW)
    for entry in found:
        story = story_from_entry(replace(entry, source_id="a", first_seen=NOW))
        save_story(db, story, NOW)
    _look_at_rows(db)
    return f"entries: {'some' if found else 'none'}"


def _read_page(db: Any, body: bytes, rnd: Random) -> str:
    charset = rnd.choice((None, None, "utf-8", "iso-8859-1", "utf-16", "nonsense\0"))
    url = "https://a.example/news/2026/11/20/owls"
    entry = Entry(url, rnd.choice(("", "Owls and domes")), source_id="a", first_seen=NOW)
    try:
        story = read_article(Page(1, url, body, NOW, charset), entry)
    except NoArticle as nothing:
        _expect(not nothing.reason.startswith("unreadable"), nothing.reason)
        return f"no article: {nothing.reason}"
    save_story(db, story, NOW)
    _look_at_rows(db)
    return f"a story, {story.published_precision}"


def _read_url(db: Any, url: str, rnd: Random) -> str:
    refusal(url[:300])
    try:
        canonical = canonical_url(url, base=rnd.choice((None, BASE)))
    except ValueError:
        return "no address"
    _expect(canonical_url(canonical) == canonical, f"{canonical!r} has another identity")
    _expect(len(canonical) <= MAX_LENGTH, "an address that is too long")
    _expect(canonical.startswith(("http://", "https://")), f"{canonical!r} is not http")
    _expect(same_site(canonical, canonical), "another site than its own")
    _expect(canonical == printable(canonical).strip(), f"{canonical!r} holds odd characters")
    return "an address"


READ: Mapping[str, Callable[[Any, Any, Random], str]] = {
    "feeds": _read_feed,
    "sitemaps": partial(_read_feed, kind="sitemap"),
    "sections": partial(_read_feed, kind="section"),
    "pages": _read_page,
    "urls": _read_url,
}


# Bounds


def _look_at_rows(db: Any) -> None:
    """Raises OutOfBoundsError for a stored row outside its bounds."""
    for table, bounds in BOUNDS.items():
        for row in db.query(f"SELECT * FROM {table}"):
            for column, value in row.items():
                _look_at(table, column, value, bounds)


def _look_at(table: str, column: str, value: Any, bounds: Mapping[str, int]) -> None:
    where = f"{table}.{column}: {str(value)[:200]!r}"
    if value is None or column not in bounds:
        return
    text = str(value)
    _expect(len(text) <= bounds[column], f"{len(text)} characters in {where}")
    _expect(printable(text) == text, f"characters that are not printed in {where}")
    if column in ONE_LINE:
        _expect(" ".join(text.split()) == text, f"no plain line: {where}")
    if column in ("published", "updated", "first_seen"):
        _expect(bool(TIME.fullmatch(text)), f"no time: {where}")
        latest = (NOW + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
        _expect(EARLIEST <= text <= latest, f"no time of the web: {where}")
    if column in ("authors", "sections"):
        _expect(len(json.loads(text)) <= 10_000, f"too many in {where}")
    if column in ("url", "image", "canonical_claim", "canonical_url"):
        _expect(text.startswith(("http://", "https://")), f"no address: {where}")


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise OutOfBoundsError(what)


def _database() -> Any:
    db = in_memory()
    feed = Feed(BASE, "a")
    save_sources(db, [Source("a", "A", "https://a.example/", "en", "A", (feed,))])
    return db


# Sound documents


@lru_cache(maxsize=1)
def _feeds() -> tuple[bytes, ...]:
    archive = data_folder() / "feeds" / "feedparser.tar.gz"
    if not archive.exists():
        return FEEDS
    with tarfile.open(archive) as files:
        members = [member for member in files if member.isfile()]
        read = [(files.extractfile(member) or sys.stdin.buffer).read() for member in members]
    return FEEDS * (len(read) // 3) + tuple(read)  # of theirs, few name an address


@lru_cache(maxsize=1)
def _pages() -> tuple[bytes, ...]:
    own = [path.read_bytes() for path in sorted(FIXTURES.glob("*/page.html"))]
    found = sorted((data_folder() / "extraction").glob("*/html/*.html.gz"))
    real = [gzip.decompress(path.read_bytes()) for path in found[:: len(found) // PAGES + 1]]
    return tuple(own + own + real)


# The run


def batches(inputs: int, seed: int) -> Iterator[Batch]:
    """The work, its kinds taking turns."""
    left = {kind: inputs * share // 100 for kind, share in SHARES.items()}
    at = dict.fromkeys(left, 0)
    while any(left.values()):
        for kind in left:
            count = min(BATCH, left[kind])
            if count:
                yield Batch(kind, seed, at[kind], count)
            at[kind] += count
            left[kind] -= count


def fuzz(inputs: int, seed: int, workers: int, folder: Path) -> int:
    """Read that many inputs; the number of those that did harm."""
    started = time.monotonic()
    outcomes: dict[str, Counter[str]] = {kind: Counter() for kind in SHARES}
    harmful = 0
    jobs = batches(inputs, seed)
    done = 0
    for batch, result in each(run_batch, jobs, workers=workers, seconds=BATCH * SECONDS):
        counts, failures = _alone(batch) if isinstance(result, Lost) else result
        outcomes[batch.kind] += counts
        done += batch.count
        for failure in failures:
            harmful += 1
            _keep(failure, seed, folder)
        if done % 5000 < BATCH:
            print(
                f"{done} inputs, {harmful} harmful, {time.monotonic() - started:.0f} s",
                file=sys.stderr,
            )
    for kind, counts in outcomes.items():
        print(f"{kind}: {counts.total()} read")
        for outcome, count in counts.most_common(12):
            print(f"  {count:7} {outcome}")
    print(f"{done} inputs, seed {seed}: {harmful} harmful, {time.monotonic() - started:.0f} s")
    return harmful


def _alone(batch: Batch) -> tuple[Counter[str], list[Failure]]:
    """A batch that killed its process, or took too long: each input in a process of its own."""
    outcomes: Counter[str] = Counter()
    failures: list[Failure] = []
    jobs = [replace(batch, start=batch.start + number, count=1) for number in range(batch.count)]
    for job, result in each(run_batch, iter(jobs), workers=1, seconds=6 * SECONDS):
        if isinstance(result, Lost):
            failures.append(Failure(job.kind, job.start, result.reason))
        else:
            outcomes += result[0]
            failures += result[1]
    return outcomes, failures


def _keep(failure: Failure, seed: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{failure.kind}-{seed}-{failure.index}"
    given = made_input(failure.kind, seed, failure.index)
    body = given if isinstance(given, bytes) else given.encode("utf-8", "surrogatepass")
    (folder / f"{name}.input").write_bytes(body)
    (folder / f"{name}.txt").write_text(failure.what, "utf-8")
    print(f"{name}: {failure.what.strip().splitlines()[-1][:300]}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where harmful inputs go")
    parser.add_argument("--only", help="one input again, such as pages:4711")
    asked = parser.parse_args()
    if asked.only:
        kind, _, index = asked.only.partition(":")
        outcomes, failures = run_batch(Batch(kind, asked.seed, int(index), 1))
        print(outcomes, *(failure.what for failure in failures))
        sys.exit(bool(failures))
    sys.exit(bool(fuzz(asked.inputs, asked.seed, asked.workers, asked.folder)))


if __name__ == "__main__":
    main()
