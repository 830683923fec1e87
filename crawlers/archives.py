"""Web archives -> stories: the pages of WARC files are read as crawled pages are.

    records of one file after the other -> pages -> read in a pool -> back in their order -> stored

Comes in: names of archives and a database. Goes out: stories, each stored as soon as all before it
are. So an import that was killed has stored the beginning of what it would have stored, and the
next one goes on: files that are done are not opened again, and in the file that it was in, pages
that are stories already are passed over. Nothing in an archive is newer than what a crawl has seen.

stories_of_archive() does the same for one file without any database, for engines that spread files
over machines.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from w3lib.encoding import http_content_type_encoding

from crawlers.archive_lists import check_archive, is_address
from crawlers.downloads import UnchangedError, downloaded
from crawlers.extraction import SECONDS_A_PAGE
from crawlers.pool import Lost, each
from crawlers.urls import canonical_url, site
from crawlers.warc import CUT, Broken, read_warc
from storage.archives import begin_archive, end_archive, etag_when_done, is_done
from storage.database import LONG_LOG, transaction, trim_log
from storage.errors import NewsfoldError
from storage.files import YEARS, ImportReport, slug
from storage.models import Entry, Page, Source
from storage.sources import add_source, all_sources
from storage.stories import is_told, save_story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from sqlite_utils import Database

    from crawlers.warc import Response
    from storage.models import Story

    Say = Callable[[str], None]

EVERY = 1000  # records between two words of progress
TOLD = 20  # broken records of a file that are named, beside its end; all are counted
_PAGE_TYPES = ("text/html", "application/xhtml+xml", "")


@dataclass(frozen=True, slots=True)
class NoStory:
    """A record that holds no story, and why."""

    url: str
    reason: str


@dataclass(frozen=True, slots=True)
class Job:
    """A page on its way through the pool; `number` counts over all files."""

    number: int
    page: Page
    entry: Entry


def stories_of_archive(
    file: IO[bytes], *, now: datetime, sources: Mapping[str, Source] | None = None
) -> Iterator[Story | Broken | NoStory]:
    """All that a WARC file holds, in its order, read in this process; stories with the ids of
    their sources. Knows no database: `sources` are those that are known, by host and site, and
    the same address may come twice."""
    for record in read_warc(file):
        if isinstance(record, Broken):
            yield record
            continue
        reason = _objection(record)
        read = reason or _read(Job(0, *_page(record, now)))
        if isinstance(read, str):
            yield NoStory(record.url, read)
        else:
            yield replace(read, source_id=source_of(read, sources or {}).id)


def import_archives(
    db: Database,
    names: Sequence[str],
    *,
    now: datetime,
    say: Say = lambda words: None,
    workers: int | None = None,
) -> ImportReport:
    """Store the stories of WARC files, each given by its path or its http(s) address. One that
    cannot be read costs itself alone, and is told and counted.

    Raises NewsfoldError when none of them can be read.
    """
    work = _Work(db, now, say, remember=True)
    if names:
        work.read(((name, _opened(db, name, say)) for name in names), workers)
    if work.failed and len(work.failed) == len(names):
        raise NewsfoldError("; ".join(work.failed))
    return work.total


def import_archive(
    db: Database,
    file: IO[bytes],
    name: str,
    *,
    now: datetime,
    say: Say = lambda words: None,
    workers: int | None = None,
) -> ImportReport:
    """Store the stories of an open WARC file; that it is done is not remembered.

    Raises NewsfoldError for a file that holds no record at all.
    """
    work = _Work(db, now, say, remember=False)
    work.read([(name, nullcontext(_Opened(file)))], workers)
    if work.failed:
        raise NewsfoldError(work.failed[0])
    return work.total


@dataclass(frozen=True, slots=True)
class _Opened:
    """An archive that is to be read."""

    file: IO[bytes] | None  # None: it is done
    size: int | None = None
    etag: str | None = None


@contextmanager
def _opened(db: Database, name: str, say: Say) -> Iterator[_Opened]:
    """Raises NewsfoldError for what cannot be had."""
    if not is_address(name):
        check_archive(name)  # a device would never end
        with Path(name).open("rb") as file:
            told = os.fstat(file.fileno())  # another one may have its name by now
            changed = f"changed {told.st_mtime_ns}"
            done = is_done(db, name, told.st_size, changed)
            yield _Opened(None if done else file, told.st_size, changed)
        return
    known = etag_when_done(db, name)
    try:
        with downloaded(name, say=say, etag=known) as fetched:
            done = is_done(db, name, fetched.size, fetched.etag)
            yield _Opened(None if done else fetched.file, fetched.size, fetched.etag)
    except UnchangedError:
        yield _Opened(None)


@dataclass
class _Archive:
    """One archive on its way: what was seen in it, and what became of that."""

    name: str
    remembered: bool  # what becomes of it
    counts: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    seen: set[str] = field(default_factory=set)
    responses: int = 0
    left: int = 0  # pages that are being read
    read: bool = False  # no other page will come
    error: str | None = None  # why it could not be read to its end

    def report(self) -> ImportReport:
        return ImportReport(
            **self.counts, skipped=self.skipped.total(), failed=int(self.error is not None)
        )


class _Work:
    """Archives, one after the other, on their way into the database. Pages of the next one are
    begun while those of the last one are still read: no process waits for the end of a file."""

    def __init__(self, db: Database, now: datetime, say: Say, *, remember: bool) -> None:
        self._remember = remember
        self._db, self._now, self._say = db, now, say
        self._sources = _sources_by_site(db)
        self._of: dict[int, _Archive] = {}  # pages in the pool, by number
        self.total = ImportReport()
        self.failed: list[str] = []

    def read(
        self,
        archives: Iterable[tuple[str, AbstractContextManager[_Opened]]],
        workers: int | None,
    ) -> None:
        processes = getattr(os, "process_cpu_count", os.cpu_count)() or 1
        number = processes if workers is None else workers
        early: dict[int, Story | str] = {}  # what was read before something in front of it
        due = 0
        for job, result in each(
            _read, self._jobs(archives), workers=number, seconds=SECONDS_A_PAGE
        ):
            early[job.number] = result.reason if isinstance(result, Lost) else result
            while due in early:
                self._take(self._of.pop(due), early.pop(due))
                due += 1

    def _jobs(
        self, archives: Iterable[tuple[str, AbstractContextManager[_Opened]]]
    ) -> Iterator[Job]:
        numbers = count()
        for name, opening in archives:
            archive = _Archive(name, remembered=self._remember)
            try:
                with opening as opened:
                    for page, entry in self._begun(archive, opened):
                        number = next(numbers)
                        archive.left += 1
                        self._of[number] = archive
                        yield Job(number, page, entry)
            except NewsfoldError as error:
                self._fail(archive, str(error))
            except OSError as error:
                self._fail(archive, f"{name}: {error.strerror or error}")
            archive.read = True
            self._end_when_done(archive)

    def _begun(self, archive: _Archive, opened: _Opened) -> Iterator[tuple[Page, Entry]]:
        """The pages of an archive; none, where it was read before."""
        if opened.file is None:
            self._say(f"{archive.name}: read before")
            archive.counts["done"] = 1
            archive.remembered = False  # its row tells of when it was read
            return
        if archive.remembered:
            begin_archive(self._db, archive.name, opened.size, opened.etag, self._now)
        yield from self._pages(archive, opened.file)
        if not archive.responses:
            raise NewsfoldError(
                f"{archive.name}: no answer of a web server is archived in it; is it a WARC file?"
            )

    def _pages(self, archive: _Archive, file: IO[bytes]) -> Iterator[tuple[Page, Entry]]:
        """The pages to read, among all that an archive holds."""
        for number, record in enumerate(read_warc(file), 1):
            if number % EVERY == 0:
                self._say(f"{archive.name}: {number} records, {archive.counts['new']} new stories")
                trim_log(self._db, LONG_LOG)
            if isinstance(record, Broken):
                self._broken(archive, record)
                continue
            archive.responses += 1
            reason = _objection(record)
            if reason:
                archive.skipped[reason] += 1
            elif self._is_new(archive, canonical_url(record.url)):
                yield _page(record, self._now)

    def _take(self, archive: _Archive, result: Story | str) -> None:
        if isinstance(result, str):
            archive.skipped[result] += 1
        else:
            archive.counts[self._save(result)] += 1
        archive.left -= 1
        self._end_when_done(archive)

    def _save(self, story: Story) -> str:
        if is_told(self._db, story.url):  # the page names another address than its record
            return "known"
        source = source_of(story, self._sources)
        with transaction(self._db):
            add_source(self._db, source)
            return save_story(self._db, replace(story, source_id=source.id), self._now)

    def _end_when_done(self, archive: _Archive) -> None:
        if not archive.read or archive.left:
            return
        report = archive.report()
        for reason, number in archive.skipped.most_common():
            self._say(f"{archive.name}: {number} skipped: {reason}")
        if archive.remembered:
            end_archive(self._db, archive.name, asdict(report), self._now, archive.error)
        self.total += report

    def _fail(self, archive: _Archive, reason: str) -> None:
        """What was read of it before stays."""
        self._say(reason)
        self.failed.append(reason)
        archive.error = reason

    def _is_new(self, archive: _Archive, url: str) -> bool:
        known = "repeated" if url in archive.seen else "known" if is_told(self._db, url) else ""
        archive.seen.add(url)
        if known:
            archive.counts[known] += 1
        return not known

    def _broken(self, archive: _Archive, record: Broken) -> None:
        archive.counts["broken"] += 1
        if archive.counts["broken"] <= TOLD or record.reason == CUT:
            self._say(f"{archive.name}: byte {record.position}: {record.reason}; skipped")


def _read(job: Job) -> Story | str:
    """A page's story, or why there is none; runs in a worker."""
    from crawlers.articles import NoArticle, read_article

    try:
        return read_article(job.page, job.entry)
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


def _page(record: Response, now: datetime) -> tuple[Page, Entry]:
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


def source_of(story: Story, known: Mapping[str, Source]) -> Source:
    """A known source on the story's site, else one that is named after its host."""
    host = _host(story.url)
    made = Source(slug(host), host, f"https://{host}/", story.language, owner=host)
    return known.get(host) or known.get(site(story.url)) or made


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.")
