"""`newsfold events`, `stories` and `export`: what the database has, narrowed, in any form."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pipeline.filters import DATABASE, filters
from pipeline.output import output_options, print_rows, say
from storage.asking import (
    EVENT_COLUMNS,
    EXPORTED,
    STORY_COLUMNS,
    check_filter,
    list_events,
    list_stories,
)
from storage.database import open_existing

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.export import Form
    from storage.asking import Exported, Filter

EVENT_FILTERS = (
    "since",
    "until",
    "category",
    "source",
    "name",
    "search",
    "min_sources",
    "language",
)


@click.command()
@DATABASE
@filters(*EVENT_FILTERS, sorts=("rank", "latest", "oldest", "relevance"))
@click.option("--all", "everything", is_flag=True, help="Also what was called no event.")
@output_options
def events(database: Path, wanted: Filter, everything: bool, limit: int, form: str | None) -> None:
    """The events, ranked: most independent sources first, then the latest.

    \b
    newsfold events news.db --since 2d --min-sources 3 -t
    newsfold events news.db --search '"data centre" -crypto' --sort latest
    newsfold events news.db --category funding --csv > funding.csv
    """
    db = open_existing(database)
    wanted = replace(check_filter(db, wanted), everything=everything)
    print_rows(
        list_events(db, wanted, limit),
        form,
        columns={
            "id": "id",
            "broke": "first_published",
            "category": "category",
            "sources": "independent_count",
            "title": "title",
        },
        header=EVENT_COLUMNS,
    )


@click.command()
@DATABASE
@filters(*EVENT_FILTERS, sorts=("latest", "oldest", "relevance"))
@output_options
def stories(database: Path, wanted: Filter, limit: int, form: str | None) -> None:
    """The stories, the latest first, each with its event and its role in it.

    Category, name and sources are those of the event. Texts are not listed; see newsfold export.

    \b
    newsfold stories news.db --source ars-technica --since 1d -t
    newsfold stories news.db --search 'quantum chip*' --nl | jq .snippet
    """
    db = open_existing(database)
    print_rows(
        list_stories(db, check_filter(db, wanted), limit),
        form,
        columns={
            "id": "id",
            "published": "published",
            "source": "source_id",
            "event": "event_id",
            "role": "role",
            "title": "title",
        },
        header=STORY_COLUMNS,
    )


@click.command()
@DATABASE
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--what",
    type=click.Choice(list(EXPORTED)),
    help="What is written; by default what the name of the file says.",
)
@click.option(
    "--to",
    type=click.Choice(["jsonl", "csv", "tsv", "parquet"]),
    help="The form; by default by the suffix, and JSON lines to standard output.",
)
@filters(*EVENT_FILTERS, most=None)
@click.option("--all", "everything", is_flag=True, help="Also what was called no event.")
def export(
    database: Path,
    files: tuple[str, ...],
    what: Exported | None,
    to: Form | None,
    wanted: Filter,
    everything: bool,
    limit: int | None,
) -> None:
    """Events, members or stories into files: JSON lines, CSV or Parquet; - is standard output.

    The name says what (events.parquet, april-stories.jsonl.gz) or --what does. A line of a story is
    what newsfold import takes; extra keys of an import go into JSON lines only. Members are the
    stories of events, each with its role and its reason. Filters are those of newsfold events, for
    stories those of newsfold stories. A file is replaced when the new one is complete.

    \b
    newsfold export news.db stories.jsonl.gz events.parquet members.parquet
    newsfold export news.db --what events --since 1w - | jq -r .title
    """
    from pipeline.export import export as export_to
    from pipeline.export import target

    targets = [target(name, what, to) for name in files]
    db = open_existing(database)
    wanted = replace(check_filter(db, wanted), everything=everything)
    for each in targets:
        say(f"{each.name}: {export_to(db, wanted, each, limit)} {each.what}")
