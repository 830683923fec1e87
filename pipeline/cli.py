"""The command line: a verb parses, calls one function, prints with one formatter.

Standard output is for data, standard error for progress and messages. Exit codes: 0 done; 1 the
work failed; 2 the call was wrong; 3 done, but some sources failed.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.budget import seconds_of
from pipeline.cli_corrections import corrections, merge, move, not_an_event, pin, split, tune
from pipeline.cli_digest import digest, digests
from pipeline.cli_keep import backup, prune, vacuum
from pipeline.cli_lists import events, export, stories
from pipeline.cli_runs import runs
from pipeline.cli_site import site
from pipeline.cli_sources import sources
from pipeline.filters import DATABASE, MAX_ID, moment
from pipeline.output import Voice, output_options, print_json, print_rows, say
from storage.database import explained, open_existing
from storage.errors import NewsfoldError
from storage.runs import AlreadyRunningError
from storage.times import utc_now

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime


class _Commands(click.Group):
    """Lists the verbs in the order of the work; ends well when its reader has gone."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # or click would call it a failure
            _leave_unread()
            ctx.exit(0)


def _leave_unread() -> None:
    """Who reads us has seen enough (`| head`): what is left in the buffer goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="newsfold", prog_name="newsfold")
def cli() -> None:
    """Collect technology news and fold the stories that report one happening into one event.

    \b
    Start here:
      newsfold demo              see it work, offline, in seconds
      newsfold run news.db       one scheduled pass: crawl what is due, fold, enrich
      newsfold digest news.db    what happened, ranked

    Every verb names the database first. Results go to standard output, progress to standard
    error. Exit codes: 0 done, 1 failed, 2 wrong call, 3 done but some sources failed.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of `newsfold`: run a verb, and end with an honest exit code."""
    try:
        # Not standalone, click hands the code of an early end back in place of raising it.
        code = cli.main(args=arguments, prog_name="newsfold", standalone_mode=False)
        sys.stdout.flush()  # or a full disk would only be noticed after we said that all is well
        sys.exit(code if isinstance(code, int) else 0)
    except NewsfoldError as error:
        say(f"newsfold: {error}")
        sys.exit(error.exit_code)
    except click.Abort:
        say("newsfold: stopped; run again to go on where it stopped")
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except sqlite3.Error as error:
        say(f"newsfold: {explained(error, _database_of(arguments))}")
        sys.exit(1)
    except UnicodeError:
        say("newsfold: an argument is no valid text; write it in UTF-8")
        sys.exit(2)
    except BrokenPipeError:
        _leave_unread()
        sys.exit(0)
    except OSError as error:
        say(f"newsfold: {error.filename or 'output'}: {error.strerror or error}")
        sys.exit(1)


def _database_of(arguments: Sequence[str] | None) -> str:
    given = sys.argv[1:] if arguments is None else arguments
    return next((word for word in given if word.endswith((".db", ".sqlite"))), "the database")


def _duration(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    """`90s`, `8m` or `2h` in seconds."""
    try:
        return None if value is None else seconds_of(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@cli.command()
@click.argument(
    "folder", type=click.Path(path_type=Path, file_okay=False), default=Path("newsfold-demo")
)
def demo(folder: Path) -> None:
    """The main job on a small web that comes along: real spiders, loopback only.

    Serves some sixteen invented sources on this machine, crawls them, folds the stories into
    events, prints the digest and writes it as a page. Everything stays in FOLDER
    (newsfold-demo), for you to look around in.
    """
    from pipeline.demo.show import show_demo

    show_demo(folder)


QUEUE = click.option(
    "--queue",
    metavar="REDIS",
    envvar="NEWSFOLD_QUEUE",
    help="Leave fetching to the crawlers at this queue, such as redis://host:6379/0.",
)


def _asking(queue: str | None, database: Path) -> dict[str, Any] | None:
    """The settings of a crawl whose pages are fetched by others."""
    if queue is None:
        return None
    from crawlers.shared.address import settings_for

    return settings_for(queue, database)


@cli.command()
@DATABASE
@QUEUE
@click.option(
    "--sources",
    "sources_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Take the sources of this TOML file, too; a new database then starts with them alone.",
)
@click.option(
    "--for",
    "seconds",
    callback=_duration,
    metavar="DURATION",
    help="End in order after 90s, 8m, 2h; else what newsfold.toml says, else 8m.",
)
@click.option("-q", "--quiet", is_flag=True, help="Only problems, no progress.")
def run(
    database: Path,
    queue: str | None,
    sources_file: Path | None,
    seconds: float | None,
    quiet: bool,
) -> None:
    """One scheduled pass: crawl what is due, fold, enrich; the cron line.

    Safe to run every ten minutes, to kill, and to overlap: a second pass leaves at once. When its
    time is up, it reads and folds what it has, and leaves the rest to the next one. A new
    database starts with the shipped sources.

    \b
    */10 * * * *  newsfold run --quiet /var/lib/newsfold/news.db

    With --queue its pages are fetched by `newsfold worker` on other machines; all else is as
    before. NEWSFOLD_QUEUE may name the queue, so that no list of processes shows a password.
    """
    from pipeline.passes import run_pass

    with _left_to_another(quiet):
        code = run_pass(
            database,
            seconds=seconds,
            sources_file=sources_file,
            voice=Voice(quiet),
            settings=_asking(queue, database),
        )
        sys.exit(code)


@cli.command()
@click.argument("queue", metavar="REDIS", envvar="NEWSFOLD_QUEUE")
@click.option("-q", "--quiet", is_flag=True, help="Only problems, no progress.")
def worker(queue: str, quiet: bool) -> None:
    """A crawler for other machines: fetches what `newsfold run --queue` asks for.

    Start as many as you like, wherever Redis can be reached; they need no database. Robots.txt,
    pauses and Retry-After are kept for all of them together. Runs until SIGTERM or Ctrl-C, and
    finishes then what it has in hand; killed, it leaves that to the others. NEWSFOLD_QUEUE may
    name REDIS.

    \b
    newsfold worker redis://10.0.0.5:6379/0

    Needs: pip install 'newsfold[redis]'
    """
    from crawlers.shared.address import check

    check(queue)
    from crawlers.shared.working import work

    voice = Voice(quiet)
    voice.say(f"{work(queue, say=voice.say)} requests answered")


@cli.command()
@DATABASE
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@QUEUE
@click.option("--all", "everything", is_flag=True, help="Poll also feeds that are not due yet.")
@click.option("-q", "--quiet", is_flag=True, help="Only problems, no progress.")
def crawl(
    database: Path, sources: tuple[str, ...], queue: str | None, everything: bool, quiet: bool
) -> None:
    """Only the crawl: poll due feeds, fetch pages, make stories of them.

    With SOURCE ids only these sources; see: newsfold sources list
    """
    from pipeline.passes import crawl_pass

    with _left_to_another(quiet):
        code = crawl_pass(
            database,
            sources,
            everything=everything,
            voice=Voice(quiet),
            settings=_asking(queue, database),
        )
        sys.exit(code)


@cli.command("import")
@DATABASE
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--skip-broken", is_flag=True, help="Leave out lines that cannot be read.")
@click.option(
    "--base", metavar="ADDRESS|FOLDER", help="Where the lines of a list of archives stand."
)
def import_(database: Path, files: tuple[str, ...], skip_broken: bool, base: str | None) -> None:
    """Stories from JSON lines, CSV or WARC files (plain or .gz).

    A line is {"url", "title", "text", "published", "source", "language"}: url and one of title
    and text are needed, other keys are kept as extra. A broken line stops the import and nothing
    of the call is stored. Importing again changes nothing.

    A WARC file, such as those of CC-NEWS, may also be an http(s) address; a list of them
    (warc.paths.gz) has a path or an address a line, below --base or else beside the list.
    Addresses are fetched one at a time. Pages are read as crawled ones are, in all processors, and
    stored one by one; broken records are told, counted and left out. An archive that is done is
    not read again, and an import that was killed goes on in the one that it was in.

    \b
    newsfold import news.db warc.paths.gz --base https://data.commoncrawl.org/

    Exit codes: 1 nothing could be read, 3 done, but some archives could not be read.
    """
    from pipeline.passes import SOME_FAILED, import_pass

    report = import_pass(database, files, skip_broken=skip_broken, voice=Voice(), base=base)
    print_json(asdict(report))
    if report.failed:
        sys.exit(SOME_FAILED)


@cli.command()
@DATABASE
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--rebuild", is_flag=True, help="Fold all stories again; events keep their ids.")
@click.option("--dry-run", is_flag=True, help="Keep nothing; say what would be grouped otherwise.")
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="With --dry-run: by the settings of this file, not of newsfold.toml.",
)
@click.option(
    "--engine",
    type=click.Choice(["spark"]),
    help="Fold FILEs on Apache Spark, on as many machines as it has.",
)
@click.option(
    "--master", metavar="URL", help="With --engine: spark://HOST:7077; else all cores of this one."
)
@click.option(
    "--skip-broken", is_flag=True, help="With --engine: leave out lines that cannot be read."
)
@click.option("-q", "--quiet", is_flag=True, help="Only problems, no progress.")
@output_options
def fold(
    database: Path,
    files: tuple[str, ...],
    rebuild: bool,
    dry_run: bool,
    config: Path | None,
    engine: str | None,
    master: str | None,
    skip_broken: bool,
    quiet: bool,
    form: str | None,
) -> None:
    """New stories into events. Doing it twice changes nothing.

    To see what other settings would do before you adopt them:

    \b
    newsfold fold news.db --rebuild --dry-run --config other.toml -t

    An archive that is too much for one process is folded on Spark, to the same events as in one
    batch here. FILEs are JSON lines (as for import), Parquet or WARC, folders or patterns of
    them; of one address the first line counts, by name of file. NEWS.DB must be new: a database,
    which every other verb then works on, or (without .db) a folder of Parquet: events, members
    and matches. Corrections and ids of a database that is there are its own: fold that without
    --engine. Needs: pip install 'newsfold[spark]' and Java 17

    \b
    newsfold fold archive.db 'stories/*.jsonl.gz' --engine spark
    newsfold fold events/ stories/ --engine spark --master spark://head:7077
    """
    if not engine:
        _get_ready(database)
    from pipeline.cli_runs import print_differences
    from pipeline.passes import fold_on_engine, fold_only, fold_trial

    if config is not None and not dry_run:
        raise click.UsageError("--config goes with --dry-run; to adopt settings, newsfold.toml")
    _check_engine(engine, files, beside=rebuild or dry_run, only_with=bool(master or skip_broken))
    with _left_to_another(quiet):
        if engine:
            report = fold_on_engine(
                database, files, master=master, skip_broken=skip_broken, voice=Voice(quiet)
            )
            print_json(asdict(report))
            return
        if not dry_run:
            print_json(asdict(fold_only(database, rebuild=rebuild, voice=Voice(quiet))))
            return
        trial = fold_trial(database, rebuild=rebuild, file=config, voice=Voice(quiet))
        say(f"trial {trial}; see it again with: newsfold runs diff {database} {trial} {trial}")
        print_differences(open_existing(database), trial, trial, form)


def _get_ready(database: Path) -> None:
    """Where many stories wait others will help: what they need is loaded beside what we need."""
    from storage.stories import count_waiting
    from storage.workers import load_beside, others_help

    with suppress(NewsfoldError):  # it is told when the database is opened for the fold
        db = open_existing(database)
        if others_help(count_waiting(db)):
            load_beside("pipeline.crew")
        db.close()


def _check_engine(
    engine: str | None, files: Sequence[str], *, beside: bool, only_with: bool
) -> None:
    """Refuse what does not go together."""
    if engine is None and (files or only_with):
        raise click.UsageError(
            "FILE, --master and --skip-broken go with --engine; to fold files here, newsfold import"
            " them first"
        )
    if engine is not None and not files:
        raise click.UsageError(
            "--engine folds FILEs; those of a database: newsfold export news.db stories.jsonl.gz"
        )
    if engine is not None and beside:
        raise click.UsageError(
            "--rebuild and --dry-run are of a database; --engine makes a new one"
        )


cli.add_command(events)
cli.add_command(stories)
cli.add_command(export)


@cli.command()
@DATABASE
@click.argument("event", type=click.IntRange(1, MAX_ID))
@click.option(
    "--as-of",
    "moment",
    callback=moment,
    metavar="DATE",
    help="As it stood then: a date, or 12h, 3d, 2w ago. A day means its beginning.",
)
@click.option(
    "--to", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The form."
)
def show(database: Path, event: int, moment: datetime | None, to: str) -> None:
    """One event: stories, roles, why each belongs, figures, related events, lineage.

    The id of an event that was merged into another one shows that one, and says so. With --as-of
    it is shown by itself, with the stories and words that newsfold had of it then.

    \b
    newsfold show news.db 17
    newsfold show news.db 17 --as-of 2026-04-09T12:00Z
    """
    from pipeline.show import as_json, as_text, find_event

    db = open_existing(database)
    if moment is None:
        shown = find_event(db, event)
    else:
        from pipeline.as_of import event_as_of  # it folds, and what folds loads slowly

        shown = event_as_of(db, event, moment)
    click.echo(as_json(shown) if to == "json" else as_text(shown, colour=sys.stdout.isatty()))


@cli.command()
@DATABASE
@click.argument("left_url")
@click.argument("right_url")
@click.option(
    "--to", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The form."
)
def explain(database: Path, left_url: str, right_url: str, to: str) -> None:
    """Every signal of two stories, agreeing and clashing, and the verdict."""
    from crawlers.urls import canonical_url
    from pipeline.explain import explain_stories, in_words

    verdict = explain_stories(open_existing(database), left_url, right_url, canonical_url)
    if to == "json":
        print_json(asdict(verdict))
    else:
        click.echo(in_words(verdict))


@cli.command()
@DATABASE
@click.argument("story", metavar="URL|STORY")
@click.option(
    "--to", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The form."
)
def changes(database: Path, story: str, to: str) -> None:
    """What changed in a story: the words that went, and those that came in their place.

    Each time a publisher edits a story, its earlier words are kept (table revisions).

    \b
    newsfold changes news.db https://news.example/quay-opens
    newsfold changes news.db 17 --to json
    """
    from crawlers.urls import canonical_url
    from pipeline.changes import changes_of, in_words

    found = changes_of(open_existing(database), story, canonical_url)
    if to == "json":
        print_json(asdict(found))
    else:
        click.echo(in_words(found))


cli.add_command(digest)
cli.add_command(digests)
cli.add_command(site)


@cli.command()
@DATABASE
@click.argument("others", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8001, show_default=True, help="Port."
)
@click.option(
    "--secret",
    envvar="NEWSFOLD_SECRET",
    default="",
    help="Whoever knows it may correct; without one, all is read-only. Better in NEWSFOLD_SECRET:"
    " other users of the machine see what stands on a command line.",
)
def serve(database: Path, others: tuple[Path, ...], host: str, port: int, secret: str) -> None:
    """Pages of events and stories, with search and SQL: Datasette with our plugin.

    Each page is also there as JSON (.json). FILEs are other SQLite databases to show beside it.
    Needs: pip install 'newsfold[serve]'

    \b
    newsfold serve news.db
    NEWSFOLD_SECRET=$(cat secret.txt) newsfold serve news.db
    """
    try:
        from pipeline.web.serve import serve as serve_pages
    except ImportError as error:
        raise NewsfoldError(
            "the pages need Datasette; get it with: pip install 'newsfold[serve]'"
        ) from error
    serve_pages(database, others, host=host, port=port, secret=secret)


@cli.command()
@click.argument(
    "gold", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="GOLD.JSONL..."
)
@click.option("--reference", is_flag=True, help="Score plain TF-IDF, average linkage, beside it.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the bootstrap."
)
@output_options
def evaluate(gold: tuple[Path, ...], reference: bool, seed: int, form: str | None) -> None:
    """Fold labelled stories and score the result.

    Each line needs an "event": the gold label. Scores are B-cubed, pairwise and adjusted Rand,
    with 95 % intervals from 1000 resamples of whole events; "wrong" and "missed" count pairs of
    stories. Several files get a last row with their mean, in which each counts the same.

    Or each line is a pair, {"a": STORY, "b": STORY, "same": true or false, "kind": TEXT}: is
    the one put to the other? Scores are precision and recall of that, by kind and in all.
    Nothing is stored.
    """
    from pipeline.look_alikes import evaluate_pairs, has_pairs, pair_summary

    of_pairs = [has_pairs(path) for path in gold]
    if not any(of_pairs):
        _evaluate_stories(gold, reference, seed, form)
        return
    if reference or not all(of_pairs):
        raise click.UsageError("pairs are scored in a call of their own, without --reference")
    scored = [(path.name, each) for path in gold for each in evaluate_pairs(path, seed=seed)]
    if form == "table":
        print_rows([pair_summary(name, each) for name, each in scored], form)
    else:
        print_rows([{"set": name, **asdict(each)} for name, each in scored], form)


def _evaluate_stories(gold: tuple[Path, ...], reference: bool, seed: int, form: str | None) -> None:
    from pipeline.evaluate import as_shipped, evaluate_all, summary
    from pipeline.reference import reference as as_reference

    ways = {"newsfold": as_shipped} | ({"reference": as_reference} if reference else {})
    told = []
    for row in evaluate_all(gold, now=utc_now(), seed=seed, ways=ways, progress=say):
        by = {"by": row.by} if reference else {}
        if form == "table":
            told.append({**by, **summary(row.name, row.scores)})
        else:
            told.append({"set": row.name, **by, **asdict(row.scores)})
    print_rows(told, form)


@cli.command()
@DATABASE
@click.option("--check", is_flag=True, help="One line for a monitor, and an exit code.")
@click.option("--prometheus", is_flag=True, help="The same as metrics, in Prometheus' text format.")
@output_options
def health(database: Path, check: bool, prometheus: bool, form: str | None) -> None:
    """Feeds that fail, are silent, or drift; what that costs the events.

    A feed is silent that answers and brings nothing new for much longer than it ever did; a source
    drifts whose stories lose their authors, minutes, pages or pictures, get shorter, or are dated
    long ago. "missed" estimates the events of two weeks that the source would have confirmed.

    --check ends with 0 when all is well, 3 when only sources are unwell, and 1 when no pass does
    its work.
    """
    from pipeline.health import as_rows, examine, in_one_line
    from pipeline.metrics import as_metrics

    if check + prometheus + (form is not None) > 1:
        raise click.UsageError("choose one of --check, --prometheus and a form of the list")
    found = examine(open_existing(database), utc_now())
    if check:
        click.echo(in_one_line(found))
        sys.exit(found.exit_code)
    if prometheus:
        click.echo(as_metrics(found), nl=False)
        return
    print_rows(
        as_rows(found),
        form,
        columns={
            "state": "state",
            "source": "source",
            "well until": "since",
            "why": "why",
            "next poll": "next_due",
            "missed": "missed",
        },
    )
    say(in_one_line(found))


cli.add_command(sources)
for verb in (merge, split, move, pin, not_an_event, corrections, tune, runs):
    cli.add_command(verb)
for verb in (prune, backup, vacuum):
    cli.add_command(verb)


@contextmanager
def _left_to_another(quiet: bool) -> Iterator[None]:
    """A pass beside another one ends well; a scheduler need not hear of it."""
    try:
        yield
    except AlreadyRunningError as error:
        if not quiet:
            say(str(error))
