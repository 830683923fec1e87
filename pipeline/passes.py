"""The long verbs: what `newsfold run`, `crawl`, `import` and `fold` do, step by step.

Comes in: a path and what the caller asked for. Goes out: an exit code or a report. Only one pass
works on a database at a time; the others leave it to that one.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipeline.budget import Budget, seconds_of
from pipeline.configuration import fingerprint_beside, read_configuration
from pipeline.embedders import configured
from pipeline.fold_pass import FoldReport, fold_pass
from storage.addresses import drop_old_addresses
from storage.database import create_or_open, must_exist, open_existing, transaction, tried
from storage.errors import WRONG_CALL, NewsfoldError
from storage.files import ImportReport, check_file, import_files
from storage.history import TRIAL, grouping_now, save_trial
from storage.pages import count_waiting_pages, drop_old_pages
from storage.runs import TIME_IS_UP, folding, only_one, recorded
from storage.sources import all_sources, has_feeds, save_sources
from storage.times import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from crawlers.crawl import CrawlReport
    from crawlers.extraction import ExtractionReport
    from pipeline.output import Voice
    from pipeline.scale.engine import EngineReport
    from storage.models import Source, Story
    from storage.runs import Run

DONE, SOME_FAILED = 0, 3
KEEP_PAGES = timedelta(days=7)  # after they were read; so long one can see what was fetched
PAGES_A_WORD = 100  # pages read between two words of progress
ERRORS_KEPT = 10  # in the row of a pass; feeds.last_error has all


def run_pass(
    database: Path,
    *,
    voice: Voice,
    seconds: float | None = None,
    sources_file: Path | None = None,
    now: Callable[[], datetime] = utc_now,
    settings: Mapping[str, Any] | None = None,
) -> int:
    """Crawl what is due, make stories, fold them; the exit code. All of it within so many
    `seconds`, by default those of newsfold.toml; what is left then waits for the next pass."""
    create_or_open(database).close()  # refuses what is not ours before it is locked
    configuration = read_configuration(database)
    embedding = configured(database)
    budget = Budget(seconds or seconds_of(configuration.run.time))
    with only_one(database):
        db = create_or_open(database)
        with recorded(db, "run", now, configuration=configuration.fingerprint) as run:
            _start_with_sources(database, sources_file, voice)
            run.exit_code = _crawl_and_extract(
                database, (), voice, now=now, settings=settings, budget=budget, part_of=run
            )
            with folding(database):
                report = fold_pass(
                    db,
                    now=now,
                    progress=voice.say,
                    path=database,
                    embedding=embedding,
                    threshold=configuration.fold.threshold,
                    seconds=budget.left_for_folding(),
                    part_of=run,
                )
            drop_old_pages(db, now(), KEEP_PAGES)
            drop_old_addresses(db, now())
    voice.say(f"{report.new} new events, {report.changed} changed")
    if run.stopped == TIME_IS_UP:
        voice.say(f"its {budget.seconds:g} seconds are up; what is left waits for the next pass")
    return run.exit_code


def crawl_pass(
    database: Path,
    sources: Sequence[str],
    *,
    everything: bool,
    voice: Voice,
    now: Callable[[], datetime] = utc_now,
    settings: Mapping[str, Any] | None = None,
) -> int:
    """Poll, fetch and extract; the exit code."""
    create_or_open(database).close()
    with only_one(database):
        _start_with_sources(database, None, voice)
        return _crawl_and_extract(
            database, sources, voice, now=now, everything=everything, settings=settings
        )


def import_pass(
    database: Path,
    files: Sequence[str],
    *,
    skip_broken: bool,
    voice: Voice,
    base: str | None = None,
) -> ImportReport:
    """Store the stories of files. The canonical URL is their identity, as for crawled ones.
    Relative lines of lists stand below `base`."""
    from crawlers.archive_lists import archives_of, check_archive, is_archive
    from crawlers.archives import import_archives
    from crawlers.urls import canonical_url

    archives = [name for name in files if is_archive(name)]
    others = [Path(name) for name in files if not is_archive(name)]
    for path in others:
        check_file(path)  # before a mistyped name makes a database
    for name in archives:
        check_archive(name)
    archives = archives_of(archives, base, voice.say)
    db = create_or_open(database)
    # It waits for a pass: what changes under a fold would not be folded.
    settled = fingerprint_beside(database)
    with (
        only_one(database, wait=True, say=voice.say),
        recorded(db, "import", utc_now, configuration=settled) as run,
    ):
        report = import_files(
            db,
            others,
            now=utc_now(),
            canonical_url=canonical_url,
            skip_broken=skip_broken,
            progress=lambda name, line: voice.say(f"{name}: {line} lines"),
        )
        report += import_archives(db, archives, now=utc_now(), say=voice.say)
        run.counts = asdict(report)
        run.exit_code = SOME_FAILED if report.failed else DONE
    return report


def check_feeds(
    database: Path,
    only: Sequence[str],
) -> list[dict[str, Any]]:
    """What each feed would store now: a crawl of the feeds alone into a database that is thrown
    away afterwards."""
    from crawlers.crawl import crawl
    from crawlers.progress import ProgressLine
    from storage.pages import entry_counts

    known = all_sources(open_existing(database))
    unknown = sorted(set(only) - {source.id for source in known})
    if unknown:
        raise NewsfoldError(
            f"no source is called {unknown[0]!r}; see: newsfold sources list {database}", WRONG_CALL
        )
    with TemporaryDirectory(prefix="newsfold-check-") as folder:
        scratch = Path(folder) / "check.db"
        db = create_or_open(scratch)
        save_sources(db, known)
        line = ProgressLine()
        no_pages = {"NEWSFOLD_PAGES_A_FEED": 0}
        crawl(scratch, sources=only, everything=True, settings=no_pages, progress=line)
        line.done()
        rows = entry_counts(db)
        db.close()
    return [row for row in rows if not only or row["source"] in only]


def fold_only(database: Path, *, rebuild: bool, voice: Voice) -> FoldReport:
    must_exist(database)
    embedding = configured(database)
    threshold = read_configuration(database).fold.threshold
    with only_one(database), folding(database):
        db = create_or_open(database)
        return fold_pass(
            db,
            now=utc_now,
            rebuild=rebuild,
            progress=voice.say,
            path=database,
            embedding=embedding,
            threshold=threshold,
        )


def fold_on_engine(
    target: Path,
    files: Sequence[str],
    *,
    master: str | None,
    skip_broken: bool,
    voice: Voice,
    now: Callable[[], datetime] = utc_now,
) -> EngineReport:
    """Fold the stories of files on Spark, into a new database or a folder of Parquet."""
    from crawlers.urls import canonical_url
    from pipeline.scale.engine import fold_files

    return fold_files(
        target,
        files,
        master=master,
        skip_broken=skip_broken,
        canonical_url=canonical_url,
        read_archive=read_archive,
        now=now,
        say=voice.say,
    )


def read_archive(path: Path, now: datetime) -> Iterator[tuple[Story, Source] | str]:
    """The stories of a WARC file, each with its source; of other records why they hold none."""
    from crawlers.archives import NoStory, source_of, stories_of_archive
    from crawlers.warc import Broken

    with path.open("rb") as file:
        for found in stories_of_archive(file, now=now):
            if isinstance(found, NoStory | Broken):
                yield found.reason
            else:
                yield found, source_of(found, {})


def fold_trial(
    database: Path,
    *,
    rebuild: bool,
    voice: Voice,
    file: Path | None = None,
    now: Callable[[], datetime] = utc_now,
) -> int:
    """Fold as fold_only() does, by the settings of a `file` if one is given, and keep nothing of it
    but what would be grouped differently; the id of the trial, for `newsfold runs diff`."""
    must_exist(database)
    embedding = configured(database, file=file)
    configuration = read_configuration(database, file)
    with only_one(database), folding(database):
        db = create_or_open(database)
        settled = configuration.fingerprint
        with recorded(db, TRIAL, now, configuration=settled) as run:
            before = grouping_now(db)
            with tried(db):
                report = fold_pass(
                    db,
                    now=now,
                    rebuild=rebuild,
                    progress=voice.say,
                    path=database,
                    embedding=embedding,
                    threshold=configuration.fold.threshold,
                )
                after = grouping_now(db)
            run.counts = asdict(report)
            with transaction(db):
                save_trial(db, run.id, before, after)
    return run.id


def _start_with_sources(database: Path, sources_file: Path | None, voice: Voice) -> None:
    """A new database gets the sources of the file, or the shipped ones."""
    from crawlers.sources import load_sources

    db = create_or_open(database)
    try:
        if sources_file is not None or not has_feeds(db):
            count = save_sources(db, load_sources(sources_file))
            voice.say(f"{database}: {count} sources from {sources_file or 'the shipped list'}")
    finally:
        db.close()


def _crawl_and_extract(
    database: Path,
    sources: Sequence[str],
    voice: Voice,
    *,
    now: Callable[[], datetime],
    everything: bool = False,
    settings: Mapping[str, Any] | None = None,
    budget: Budget | None = None,
    part_of: Run | None = None,
) -> int:
    from crawlers.beside import ExtractionBeside
    from crawlers.crawl import crawl
    from crawlers.progress import ProgressLine

    db = create_or_open(database)
    configuration = read_configuration(database)
    with (
        recorded(db, "crawl", now, part_of=part_of, configuration=configuration.fingerprint) as run,
        ExtractionBeside(database, now=now) as extraction,
    ):
        line = None if voice.quiet else ProgressLine(read=lambda: extraction.done)
        with run.timed("fetch"):
            report = crawl(
                database,
                sources=sources,
                everything=everything,
                seconds=budget.left_for_crawl() if budget else None,
                settings={**configuration.poll.settings, **(settings or {})},
                progress=line,
            )
        if line:
            line.done()
        run.counts = _counts(report)
        run.errors = _errors(report)
        if report.interrupted:
            raise KeyboardInterrupt
        with run.timed("read"):
            extracted = extraction.finish(
                seconds=budget.left_for_reading() if budget else None,
                progress=_reading(voice),
            )
        run.exit_code = SOME_FAILED if report.feeds_failed else DONE
        run.counts["stories_new"] = extracted.new
        run.counts["pages_waiting"] = count_waiting_pages(db)
        if report.out_of_time or run.counts["pages_waiting"]:
            run.stopped = TIME_IS_UP
    _tell(report, extracted, voice)
    return run.exit_code


def _reading(voice: Voice) -> Callable[[int, int], None]:
    def tell(done: int, pages: int) -> None:
        if done % PAGES_A_WORD == 0:
            voice.say(f"reading pages: {done} of {pages}")

    return tell


def _one_line_a_source(report: CrawlReport) -> dict[str, tuple[str, str]]:
    """The first feed of each source that failed, and why; `feeds.last_error` has all."""
    lines: dict[str, tuple[str, str]] = {}
    for source_id, url, reason in report.feeds_failed:
        lines.setdefault(source_id, (url, reason))
    return lines


def _errors(report: CrawlReport) -> list[dict[str, str]]:
    """The first of the sources that failed; `counts` says how many there were."""
    failed = sorted(_one_line_a_source(report).items())[:ERRORS_KEPT]
    return [{"source": source, "feed": url, "reason": reason} for source, (url, reason) in failed]


def _counts(report: CrawlReport) -> dict[str, int]:
    return {
        "feeds_polled": report.feeds_polled,
        "feeds_failed": len(report.feeds_failed),
        "sources_failed": len(_one_line_a_source(report)),
        "entries_new": report.entries_new,
        "pages_stored": report.pages_stored,
    }


def _tell(report: CrawlReport, extracted: ExtractionReport, voice: Voice) -> None:
    for source_id, (url, reason) in sorted(_one_line_a_source(report).items()):
        voice.warn(f"{source_id}: {reason} ({url})")
    voice.say(
        f"{report.feeds_polled} feeds polled, {report.feeds_unchanged} unchanged,"
        f" {len(report.feeds_failed)} failed; {report.entries_new} new entries,"
        f" {report.pages_stored} pages, {extracted.new} new stories in {report.seconds:.0f} s"
    )
