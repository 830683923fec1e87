"""The long verbs: what `newsfold run`, `crawl`, `import` and `fold` do, step by step.

Comes in: a path and what the caller asked for. Goes out: an exit code or a report. Only one pass
works on a database at a time; the others leave it to that one.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipeline.passes import FoldReport, fold_pass
from storage.database import create_or_open, open_existing
from storage.files import ImportReport, import_files
from storage.pages import drop_old_pages
from storage.runs import only_one, recorded
from storage.sources import all_sources, save_sources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from crawlers.crawl import CrawlReport
    from crawlers.extraction import ExtractionReport

    Say = Callable[[str], None]

DONE, SOME_FAILED = 0, 3
KEEP_PAGES = timedelta(days=7)  # so that a better extraction can run again without fetching


def utc_now() -> datetime:
    return datetime.now(UTC)


def run_pass(
    database: Path,
    *,
    say: Say,
    sources_file: Path | None = None,
    now: Callable[[], datetime] = utc_now,
    settings: Mapping[str, Any] | None = None,
) -> int:
    """Crawl what is due, make stories, fold them; the exit code."""
    with only_one(database):
        _start_with_sources(database, sources_file, say)
        exit_code = _crawl_and_extract(database, (), say, now=now, settings=settings)
        with_db = create_or_open(database)
        report = fold_pass(with_db, now=now(), progress=say)
        drop_old_pages(with_db, now(), KEEP_PAGES)
    say(f"{report.new} new events, {report.changed} changed")
    return exit_code


def crawl_pass(
    database: Path,
    sources: Sequence[str],
    *,
    everything: bool,
    say: Say,
    now: Callable[[], datetime] = utc_now,
) -> int:
    """Poll, fetch and extract; the exit code."""
    with only_one(database):
        _start_with_sources(database, None, say)
        return _crawl_and_extract(database, sources, say, now=now, everything=everything)


def import_pass(
    database: Path, files: Sequence[Path], *, skip_broken: bool, say: Say
) -> ImportReport:
    """Store the stories of files. The canonical URL is their identity, as for crawled ones."""
    from crawlers.urls import canonical_url

    db = create_or_open(database)
    with recorded(db, "import", utc_now) as run:
        report = import_files(
            db,
            files,
            now=utc_now(),
            canonical_url=canonical_url,
            skip_broken=skip_broken,
            progress=lambda name, line: say(f"{name}: {line} lines"),
        )
        run.counts = asdict(report)
    return report


def check_feeds(
    database: Path,
    only: Sequence[str],
    *,
    now: Callable[[], datetime] = utc_now,
    settings: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """What each feed would store now: a crawl of the feeds alone into a database that is thrown
    away afterwards."""
    from crawlers.crawl import crawl
    from storage.pages import entry_counts

    with TemporaryDirectory(prefix="newsfold-check-") as folder:
        scratch = Path(folder) / "check.db"
        db = create_or_open(scratch)
        save_sources(db, all_sources(open_existing(database)))
        crawl(
            scratch,
            sources=only,
            everything=True,
            settings={**(settings or {}), "NEWSFOLD_PAGES_A_FEED": 0},
        )
        rows = entry_counts(db)
        db.close()
    return [row for row in rows if not only or row["source"] in only]


def fold_only(database: Path, *, rebuild: bool, say: Say) -> FoldReport:
    with only_one(database):
        return fold_pass(create_or_open(database), now=utc_now(), rebuild=rebuild, progress=say)


def _start_with_sources(database: Path, sources_file: Path | None, say: Say) -> None:
    """A new database gets the sources of the file, or the shipped ones."""
    from crawlers.sources import load_sources

    db = create_or_open(database)
    try:
        if sources_file is not None or not all_sources(db):
            count = save_sources(db, load_sources(sources_file))
            say(f"{database}: {count} sources from {sources_file or 'the shipped list'}")
    finally:
        db.close()


def _crawl_and_extract(
    database: Path,
    sources: Sequence[str],
    say: Say,
    *,
    now: Callable[[], datetime],
    everything: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> int:
    from crawlers.crawl import crawl
    from crawlers.extraction import extract_waiting
    from crawlers.progress import ProgressLine

    line = ProgressLine()
    with recorded(create_or_open(database), "crawl", now) as run:
        report = crawl(
            database, sources=sources, everything=everything, settings=settings, progress=line
        )
        line.done()
        extracted = extract_waiting(database, now=now)
        run.exit_code = SOME_FAILED if report.feeds_failed else DONE
        run.counts = _counts(report, extracted)
    _tell(report, extracted, say)
    return run.exit_code


def _one_line_a_source(report: CrawlReport) -> dict[str, tuple[str, str]]:
    """The first feed of each source that failed, and why; `feeds.last_error` has all."""
    lines: dict[str, tuple[str, str]] = {}
    for source_id, url, reason in report.feeds_failed:
        lines.setdefault(source_id, (url, reason))
    return lines


def _counts(report: CrawlReport, extracted: ExtractionReport) -> dict[str, int]:
    return {
        "feeds_polled": report.feeds_polled,
        "feeds_failed": len(report.feeds_failed),
        "entries_new": report.entries_new,
        "pages_stored": report.pages_stored,
        "stories_new": extracted.new,
    }


def _tell(report: CrawlReport, extracted: ExtractionReport, say: Say) -> None:
    for source_id, (url, reason) in sorted(_one_line_a_source(report).items()):
        say(f"{source_id}: {reason} ({url})")
    say(
        f"{report.feeds_polled} feeds polled ({report.feeds_unchanged} unchanged,"
        f" {len(report.feeds_failed)} failed), {report.entries_new} new entries,"
        f" {report.pages_stored} pages, {extracted.new} new stories in {report.seconds:.0f} s"
    )
