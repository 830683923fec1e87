"""`newsfold demo`: the main job from feeds to a digest, on the small web that comes along.

Comes in: a folder. Goes out: a database, a page, and the digest on standard output. The spiders,
the extraction and the folding are the real ones; only the web is ours, and it is on this machine.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from importlib import resources
from typing import TYPE_CHECKING

import click

from crawlers.sources import load_sources
from pipeline.demo import DEMO_NOW
from pipeline.demo.web import serve
from pipeline.digest.render import render
from pipeline.output import Voice, say
from pipeline.passes import run_pass
from pipeline.views import choose_events, digest_view
from storage.database import create_or_open
from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from pathlib import Path

PERIOD = timedelta(days=14)
TOLD = 5  # events of the digest on the terminal; the page has more
ON_PAGE = 40
MARK = "made-by-newsfold-demo.txt"  # a folder with this file is ours to make anew
# Polite, but quick: every host is asked one thing at a time, twenty times a second at most.
SETTINGS = {
    "DOWNLOAD_DELAY": 0.05,
    "DOWNLOAD_TIMEOUT": 3,
    "RETRY_ENABLED": False,
    "NEWSFOLD_NOW": DEMO_NOW.isoformat(),
    "NEWSFOLD_PUBLIC_HOSTS_ONLY": False,
    "NEWSFOLD_SITEMAP_DAYS": 14,  # the demo looks back over a fortnight
}


def show_demo(folder: Path) -> None:
    """Crawl, fold and print. Raises NewsfoldError when the folder holds something else."""
    started = time.monotonic()
    database = _fresh_database(folder)
    sources = folder / "sources.toml"
    sources.write_bytes((resources.files("pipeline.demo") / "sources.toml").read_bytes())
    with serve() as web:
        say(f"demo: a small invented web is on {web.address}, {len(load_sources(sources))} sources")
        settings = {**SETTINGS, "NEWSFOLD_PROXY": web.address}
        run_pass(
            database,
            voice=Voice(),
            sources_file=sources,
            now=lambda: DEMO_NOW,
            settings=settings,
        )
    first = _print_digest(folder, database)
    say(_what_next(folder, first, time.monotonic() - started))


def _fresh_database(folder: Path) -> Path:
    """An empty place for the demo's database; never in a folder that holds anything else."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise NewsfoldError(
            f"{folder}: there is something in it that the demo did not make; name an empty folder",
            WRONG_CALL,
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).write_text("The demo makes this folder anew each time.\n", "utf-8")
    for old in folder.glob("news.db*"):
        old.unlink()
    return folder / "news.db"


def _print_digest(folder: Path, database: Path) -> int:
    """Write the page, print the first events; the id of the very first."""
    db = create_or_open(database)
    since = DEMO_NOW - PERIOD
    chosen, left_out = choose_events(db, since=since, now=DEMO_NOW, most=ON_PAGE)
    page = digest_view(chosen, db, since=since, until=DEMO_NOW, left_out=left_out)
    (folder / "digest.html").write_text(render(page, "html"), "utf-8")
    short = digest_view(
        chosen[:TOLD],
        db,
        since=since,
        until=DEMO_NOW,
        left_out=left_out + len(chosen[TOLD:]),
    )
    colour = sys.stdout.isatty()
    click.echo(render(short, "text", colour=colour).rstrip("\n"))
    return chosen[0].event.id


def _what_next(folder: Path, event_id: int, seconds: float) -> str:
    database, since = folder / "news.db", f"{DEMO_NOW - PERIOD:%Y-%m-%d}"
    tries = {
        f"open {folder / 'digest.html'}": "the same as a page, with more events",
        f"newsfold show {database} {event_id}": "the first event, and why each story is in it",
        f"newsfold events {database} -t": "all events, ranked",
        f"newsfold digest {database} --since {since} --to markdown": "another form",
        "newsfold run news.db": f"the real web, {len(load_sources())} sources",
    }
    lines = [f"  {what}:\n    {command}" for command, what in tries.items()]
    return "\n".join(["", f"The demo took {seconds:.0f} seconds. Now try:", *lines])
