"""`newsfold sources …`: which publishers are polled."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.filters import DATABASE, filters
from pipeline.output import output_options, print_rows, say
from storage.database import create_or_open, open_existing
from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from sqlite_utils import Database

    from storage.asking import Filter
    from storage.models import Feed, FeedKind, Source


@click.group()
def sources() -> None:
    """The sources of a database: list, add, remove, check, import, export."""


@sources.command("list")
@click.argument("database", type=click.Path(path_type=Path), metavar="[NEWS.DB]", required=False)
@filters("source", "search", "language", sorts=("source", "due", "failures"), most=1000)
@output_options
def list_(database: Path | None, wanted: Filter, limit: int, form: str | None) -> None:
    """Every feed with its source, and how its last poll went.

    Without a database: the sources that newsfold starts with. --search looks into ids, names,
    owners and addresses.

    \b
    newsfold sources list news.db --sort failures -n 10 -t
    """
    from crawlers.sources import load_sources
    from storage.sources import feed_rows

    if database is None:
        rows = [_row(source, feed) for source in load_sources() for feed in source.feeds]
    else:
        rows = feed_rows(open_existing(database))
    print_rows(_chosen(rows, wanted)[:limit], form, columns=_columns(database))


def _chosen(rows: list[dict[str, Any]], wanted: Filter) -> list[dict[str, Any]]:
    """The rows that are asked for, in the order that is asked for."""
    known = {row["source"] for row in rows}
    if wanted.source is not None and wanted.source not in known:
        near = get_close_matches(wanted.source, sorted(known))
        meant = f"; did you mean {', '.join(near)}?" if near else ""
        raise NewsfoldError(f"no feed is polled of a source {wanted.source!r}{meant}", WRONG_CALL)
    language = (wanted.language or "").lower()
    words = (wanted.search or "").casefold().split()
    told = [
        row
        for row in rows
        if wanted.source in (None, row["source"])
        and (not language or f"{row['language'].lower()}-".startswith(f"{language}-"))
        and all(
            word in f"{row['source']} {row['name']} {row['owner']} {row['url']}".casefold()
            for word in words
        )
    ]
    if wanted.sort == "due":
        told.sort(key=lambda row: row.get("next_due") or "")
    elif wanted.sort == "failures":
        told.sort(key=lambda row: -row.get("failures", 0))
    return told


def _row(source: Source, feed: Feed) -> dict[str, object]:
    return {
        "source": source.id,
        "name": source.name,
        "owner": source.owner,
        "language": source.language,
        "kind": feed.kind,
        "url": feed.url,
    }


def _columns(database: Path | None) -> dict[str, str]:
    if database is None:
        shown = ("source", "owner", "language", "kind", "url")
        return {key: key for key in shown}
    return {
        "source": "source",
        "owner": "owner",
        "kind": "kind",
        "polled": "last_fetched",
        "due": "next_due",
        "failed": "failures",
        "error": "last_error",
    }


@sources.command()
@DATABASE
@click.argument("url")
@click.option("--id", "source_id", help="Short name; by default from the address.")
@click.option("--name", help="As people call it; by default the host.")
@click.option("--home", help="Address of the front page; by default that of the feed's host.")
@click.option("--owner", help="Who owns it: sites of one owner are one voice.")
@click.option("--language", help="BCP 47, such as de; by default en.")
@click.option(
    "--kind",
    type=click.Choice(["feed", "sitemap", "section", "discussion"]),
    help="feed (RSS, Atom, JSON Feed), sitemap (a news sitemap), section (a listing page) or"
    " discussion (it links to stories of others); by default, newsfold looks.",
)
@click.option("--links", help="CSS selector of the links to articles, for a section or discussion.")
def add(
    database: Path,
    url: str,
    source_id: str | None,
    name: str | None,
    home: str | None,
    owner: str | None,
    language: str | None,
    kind: FeedKind | None,
    links: str | None,
) -> None:
    """Add a feed by its URL, or a site by the URL of a page; the next run polls it.

    Without --kind the URL is looked at: where it is a page, the feeds of its site are looked
    for, by some ten requests at most. With --kind it is added as it stands.

    \b
    newsfold sources add news.db https://example.org/ --owner "Example Media"
    newsfold sources add news.db https://example.org/ai --kind section --links "h2 a"
    """
    from crawlers.sources import source_of_feed
    from storage.sources import all_sources, save_sources

    options = {"id": source_id, "name": name, "home": home, "owner": owner, "language": language}
    told, feed = _given(options), _given({"url": url, "kind": kind, "links": links})
    source_of_feed(feed, told)  # refuses a wrong call before anything is asked for
    db = create_or_open(database)
    said: dict[str, str] = {}
    if kind is None:
        feed, said = _looked_for(url, db, database)
    source = source_of_feed(feed, said | told)
    known = {each.id: each for each in all_sources(db)}.get(source.id)
    if known is not None:  # another feed of it: what is not said now stays as it was
        kept = {key: getattr(known, key) for key in ("name", "home", "owner", "language")}
        source = source_of_feed(feed, {"id": known.id, **kept, **told})
    save_sources(db, [source])
    look = f"newsfold sources check {database} {source.id}"
    say(f"{source.id}: added; see what it gives with: {look}")


def _looked_for(url: str, db: Database, database: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The feed that is at an address or on its site, and what it says of its source."""
    from crawlers.discovery import discover, source_words

    found = discover(db, url)
    if found.feed is None:
        raise NewsfoldError(
            f"{url}: {found.reason}. Add a feed that you know with --kind feed, or poll the page"
            f" itself: newsfold sources add {database} {url} --kind section --links CSS"
        )
    if found.feed.url != url:
        say(f"{url} is a page; taken: {found.feed.url} ({found.feed.why})")
    for other in found.others:
        say(f"not taken: {other.url} {other.title}".rstrip() + f" ({other.why})")
    return {"url": found.feed.url, "kind": found.feed.kind}, source_words(found, url)


def _given(options: dict[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in options.items() if value is not None}


@sources.command()
@DATABASE
@click.argument("source")
def remove(database: Path, source: str) -> None:
    """Stop polling a source. Its stories stay."""
    from storage.sources import remove_feeds

    open_existing(database)  # a name that is mistyped must not make a new database
    feeds = remove_feeds(create_or_open(database), source)
    if not feeds:
        raise NewsfoldError(
            f"no feed of {source!r} is polled; see: newsfold sources list {database}", WRONG_CALL
        )
    say(f"{source}: {feeds} feeds are not polled any more; its stories stay")


@sources.command()
@DATABASE
@click.argument("only", nargs=-1, metavar="[SOURCE]...")
@output_options
@click.pass_context
def check(context: click.Context, database: Path, only: tuple[str, ...], form: str | None) -> None:
    """Fetch each feed once and say what it would store. Nothing is stored.

    Exit code 3 when a feed could not be read.
    """
    from pipeline.passes import check_feeds

    rows = check_feeds(database, only)
    columns = ("source", "entries", "dated", "newest", "error")
    print_rows(rows, form, columns={key: key for key in columns})
    context.exit(3 if any(row["error"] for row in rows) else 0)


@sources.command("import")
@DATABASE
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def import_(database: Path, file: Path) -> None:
    """Add the sources of a TOML or OPML file; known ones are brought up to date."""
    from crawlers.sources import load_opml, load_sources
    from storage.sources import save_sources

    read = load_opml if file.suffix.lower() in (".opml", ".xml") else load_sources
    found = read(file)  # before a file that cannot be read makes a database
    say(f"{save_sources(create_or_open(database), found)} sources from {file}")


@sources.command()
@DATABASE
@click.option(
    "--to",
    type=click.Choice(["toml", "opml"]),
    default="toml",
    show_default=True,
    help="TOML loses nothing; OPML is what feed readers take.",
)
def export(database: Path, to: str) -> None:
    """All sources as TOML (nothing is lost) or OPML (for feed readers)."""
    from crawlers.sources import dump_opml, dump_sources
    from storage.sources import all_sources

    dump = dump_opml if to == "opml" else dump_sources
    polled = [source for source in all_sources(open_existing(database)) if source.feeds]
    click.echo(dump(polled).rstrip("\n"))
