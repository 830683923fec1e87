"""Web archives -> stories: the pages of a WARC file are read as crawled pages are.

Comes in: an open file and a database. Goes out: stories, each stored as soon as it is read, so
that an import which was stopped goes on where it stopped. A page at an address that is a story
already is not read again: nothing in an archive is newer than what a crawl has seen.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from w3lib.encoding import http_content_type_encoding

from crawlers.downloads import downloaded
from crawlers.extraction import SECONDS_A_PAGE
from crawlers.pool import Lost, each
from crawlers.urls import canonical_url, site
from crawlers.warc import Broken, read_warc
from storage.database import transaction
from storage.errors import WRONG_CALL, NewsfoldError
from storage.files import YEARS, ImportReport, slug
from storage.models import Entry, Page, Source
from storage.sources import add_source, all_sources
from storage.stories import is_told, save_story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sqlite_utils import Database

    from crawlers.warc import Response
    from storage.models import Story

    Job = tuple[Page, Entry]

SUFFIXES = (".warc", ".warc.gz")
EVERY = 1000  # records between two words of progress
TOLD = 20  # broken records that are named; all are counted
_PAGE_TYPES = ("text/html", "application/xhtml+xml", "")


def is_archive(name: str) -> bool:
    """Whether a WARC file is meant: a path that ends so, or any address of the web."""
    return _is_address(name) or name.lower().endswith(SUFFIXES)


def check_archive(name: str) -> None:
    """Raises NewsfoldError for a path that is no file. An address is seen to when it is fetched."""
    if not _is_address(name) and not Path(name).is_file():
        raise NewsfoldError(f"{name}: no such file", WRONG_CALL)


def import_archives(
    db: Database,
    names: Iterable[str],
    *,
    now: datetime,
    say: Callable[[str], None] = lambda words: None,
) -> ImportReport:
    """Store the stories of WARC files, each given by its path or its http(s) address."""
    total = ImportReport()
    for name in names:
        with _opened(name, say) as file:
            total += import_archive(db, file, name, now=now, say=say)
    return total


def import_archive(
    db: Database,
    file: IO[bytes],
    name: str,
    *,
    now: datetime,
    say: Callable[[str], None] = lambda words: None,
    workers: int | None = None,
) -> ImportReport:
    """Store the stories of a WARC file; `say` is told how it goes, and what was left out.

    Raises NewsfoldError for a file that holds no record at all.
    """
    pass_ = _Import(db, name, now, say)
    processes = getattr(os, "process_cpu_count", os.cpu_count)() or 1
    jobs = pass_.jobs(read_warc(file))
    number = processes if workers is None else workers
    for _, result in each(_read, jobs, workers=number, seconds=SECONDS_A_PAGE):
        if isinstance(result, Lost | str):
            pass_.skipped[result.reason if isinstance(result, Lost) else result] += 1
        else:
            pass_.save(result)
    return pass_.report()


def _is_address(name: str) -> bool:
    return name.lower().startswith(("http://", "https://"))


def _opened(name: str, say: Callable[[str], None]) -> AbstractContextManager[IO[bytes]]:
    return downloaded(name, say=say) if _is_address(name) else Path(name).open("rb")


class _Import:
    """One archive on its way into the database: what was seen, and what became of it."""

    def __init__(self, db: Database, name: str, now: datetime, say: Callable[[str], None]) -> None:
        self._db = db
        self._name = name
        self._now = now
        self._say = say
        self._sources = _sources_by_site(db)
        self._seen: set[str] = set()
        self._responses = 0
        self.counts: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    def jobs(self, records: Iterator[Response | Broken]) -> Iterator[Job]:
        """The pages to read, among all that an archive holds."""
        for number, record in enumerate(records, 1):
            if number % EVERY == 0:
                self._say(f"{self._name}: {number} records")
            if isinstance(record, Broken):
                self._broken(record)
                continue
            self._responses += 1
            reason = _objection(record)
            if reason:
                self.skipped[reason] += 1
            elif self._is_new(canonical_url(record.url)):
                yield _job(record, self._now)

    def save(self, story: Story) -> None:
        if is_told(self._db, story.url):  # the page names another address than its record
            self.counts["known"] += 1
            return
        source = _source_of(story, self._sources)
        with transaction(self._db):
            add_source(self._db, source)
            saved = save_story(self._db, replace(story, source_id=source.id), self._now)
        self.counts[saved] += 1

    def report(self) -> ImportReport:
        if not self._responses:
            raise NewsfoldError(
                f"{self._name}: no answer of a web server is archived in it; is it a WARC file?"
            )
        for reason, number in self.skipped.most_common():
            self._say(f"{self._name}: {number} skipped: {reason}")
        return ImportReport(**self.counts, skipped=self.skipped.total())

    def _is_new(self, url: str) -> bool:
        known = "repeated" if url in self._seen else "known" if is_told(self._db, url) else ""
        self._seen.add(url)
        if known:
            self.counts[known] += 1
        return not known

    def _broken(self, record: Broken) -> None:
        self.counts["broken"] += 1
        if self.counts["broken"] <= TOLD:
            self._say(f"{self._name}: byte {record.position}: {record.reason}; skipped")


def _read(job: Job) -> Story | str:
    """A page's story, or why there is none; runs in a worker."""
    from crawlers.articles import NoArticle, read_article

    try:
        return read_article(*job)
    except NoArticle as nothing:
        return nothing.reason


def _objection(record: Response) -> str | None:
    """Why a record cannot hold a story; None when it may."""
    if record.status != 200:
        return f"answered with {record.status}"
    if record.content_type.partition(";")[0].strip().lower() not in _PAGE_TYPES:
        return "not HTML"
    try:
        canonical_url(record.url)
    except ValueError:
        return "no web address"
    return None


def _job(record: Response, now: datetime) -> Job:
    date = record.date if record.date and record.date.year in YEARS else now
    seen = min(date, now)  # nobody has archived the future
    page = Page(0, record.url, record.body, seen, http_content_type_encoding(record.content_type))
    return page, Entry(record.url, first_seen=seen)


def _sources_by_site(db: Database) -> dict[str, Source]:
    """The known sources by the hosts of their homes, and by their sites."""
    known: dict[str, Source] = {}
    sources = all_sources(db)
    for source in sources:
        known.setdefault(_host(source.home), source)
    for source in sources:
        known.setdefault(site(source.home), source)
    return known


def _source_of(story: Story, known: Mapping[str, Source]) -> Source:
    """A known source on the story's site, else one that is named after its host."""
    host = _host(story.url)
    made = Source(slug(host), host, f"https://{host}/", story.language, owner=host)
    return known.get(host) or known.get(site(story.url)) or made


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")
