"""`newsfold prune`, `backup`, `vacuum`: what keeps one database going for years."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.filters import DATABASE
from pipeline.output import Voice, print_json

if TYPE_CHECKING:
    from collections.abc import Callable


def _keep(name: str, words: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(f"--keep-{name}", name, metavar="AGE", help=words)


QUIET = click.option("-q", "--quiet", is_flag=True, help="Only problems, no progress.")


@click.command()
@DATABASE
@_keep("text", "Words of stories, earlier ones and claimed dates, too; 30 days at least.")
@_keep("pages", "Pages as fetched; each pass drops those of a week ago. 4 days at least.")
@_keep("entries", "What feeds said of their entries; 30 days at least.")
@_keep("runs", "Rows of passes, trials included; 30 days at least.")
@click.option("--dry-run", is_flag=True, help="Drop nothing; say what would go.")
@QUIET
def prune(database: Path, dry_run: bool, quiet: bool, **ages: str | None) -> None:
    """Drop the words of what lies back longer than they are kept: 30d, 8w, 2y.

    An age that is not given is that of [keep] in newsfold.toml; without one there, nothing of that
    kind goes. For ever stay: events with title, TL;DR, figures and names, who is in them and why,
    ids and lineage, corrections and all that they are about, what digests told, and of each story
    its title, address, source, authors and times.

    An event loses the text, earlier words and claimed dates of all of its stories together, when
    the last of them is old enough, and is closed with that: no fold changes it again. It can still
    be shown and searched by its own words.

    Goes on beside readers and crawls; may be killed and started again. The file gets no smaller:
    what is free is used again, or given back by newsfold vacuum.

    \b
    newsfold prune news.db --keep-text 1y --keep-entries 90d --keep-runs 1y --dry-run
    """
    from pipeline.configuration import read_configuration
    from pipeline.prune import prune as prune_all
    from pipeline.prune import would_prune

    kept = read_configuration(database).keep
    try:
        wanted = replace(kept, **{name: age for name, age in ages.items() if age is not None}).ages
    except ValueError as error:
        raise click.UsageError(f"--keep-{error}") from error
    if dry_run:
        print_json(asdict(would_prune(database, wanted)))
    else:
        print_json(asdict(prune_all(database, wanted, say=Voice(quiet).say)))


@click.command()
@DATABASE
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--quick", is_flag=True, help="Check tables, without the indexes against them.")
@QUIET
def backup(database: Path, file: Path, quick: bool, quiet: bool) -> None:
    """A checked copy of the database in FILE, while others read and write.

    It is of one moment. FILE appears, or an older copy is replaced, only once the new one is whole,
    sound (integrity, foreign keys, as many rows) and on disk. A damaged database gives exit code 1,
    and leaves the older copy.

    To restore: let no newsfold run, move news.db, news.db-wal and news.db-shm away, and copy FILE
    to news.db. newsfold.toml is a file of its own; keep a copy of it, too.

    \b
    newsfold backup news.db /backup/news-$(date +%a).db
    """
    from storage.backup import back_up

    voice = Voice(quiet)
    print_json(asdict(back_up(database, file, quick=quick, progress=voice.say)))


@click.command()
@DATABASE
@click.option("--full", is_flag=True, help="Make the file anew: smallest, and writers wait.")
@QUIET
def vacuum(database: Path, full: bool, quiet: bool) -> None:
    """Give free room back to the system and tidy the search indexes, while others go on.

    In steps, each of which lets a writer wait for a tenth of a second at most; readers never wait.
    With --full the file is made anew as small as it gets: readers go on, but all who write wait
    until it is done (some twenty seconds a gigabyte), passes stay away, and twice the file's size
    must be free on its disk. Rarely worth it, but after the first large prune.

    \b
    newsfold vacuum news.db
    """
    from storage.vacuum import vacuum as vacuum_all

    print_json(asdict(vacuum_all(database, full=full, say=Voice(quiet).say)))
