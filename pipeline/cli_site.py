"""`newsfold site`: the command line of the static pages."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from pipeline.filters import DATABASE
from pipeline.output import print_json, say
from storage.times import utc_now


def _base_url(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """A web address, with a slash at the end."""
    from pipeline.digest.render import safe_url

    if value is None:
        return None
    if not safe_url(value):
        raise click.BadParameter(f"{value!r} is no address; write https://news.example/")
    return safe_url(value).rstrip("/") + "/"


@click.command()
@DATABASE
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--base-url",
    callback=_base_url,
    help="Where the site will be found; feeds and the sitemap need it.",
)
@click.option(
    "--templates",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder with templates of yours, which come before ours.",
)
@click.option("--robots", "with_robots", is_flag=True, help="Write a robots.txt, too.")
@click.option("--rebuild", is_flag=True, help="Make every page anew.")
@click.option("--prune", is_flag=True, help="Remove pages that nothing leads to any more.")
def site(
    database: Path,
    folder: Path,
    base_url: str | None,
    templates: Path | None,
    with_robots: bool,
    rebuild: bool,
    prune: bool,
) -> None:
    """Static pages of the events, for any web server: DIR is made, or brought up to date.

    A front page, a page an event, days, months and categories, each category with its feeds; no
    script. Only what has changed is written, each file at once, and old addresses stay: the page
    of an event that was merged leads to the other one.

    \b
    newsfold site news.db public --base-url https://news.example/
    */10 * * * *  newsfold run -q news.db && newsfold site news.db public
    """
    from pipeline.configuration import read_configuration
    from pipeline.site.build import build_site
    from pipeline.site.pages import Pages

    settings = read_configuration(database)
    told, digest = settings.site, settings.digest
    pages = Pages(told.title, base_url or told.base_url, told.tag, templates or digest.templates)
    if not pages.base_url:
        say("no --base-url: feeds lead to the sources, and there is no sitemap")
    built = build_site(
        database,
        folder,
        pages,
        now=utc_now(),
        rebuild=rebuild,
        prune=prune,
        with_robots=with_robots,
        llm=digest.llm,
    )
    print_json(asdict(built))
