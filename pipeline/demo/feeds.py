"""The stories of one source in, its feeds out: RSS, Atom, RDF, JSON Feed, sitemap, listing.

A feed is what a source says of its stories; here the links get their redirects and tracking
parameters. It never decides which stories are out yet.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.demo.rendering import TEMPLATES, Told, told_time
from pipeline.demo.stories import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from pipeline.demo.habits import Habit
    from pipeline.demo.stories import DemoStory

TRACKED = (
    "utm_source=feed&utm_medium=rss&utm_campaign=latest&fbclid=IwAR0demo1",
    "utm_source=letter&utm_medium=email&utm_content=top-story&fbclid=IwAR0demo2",
)
SHARED_GUID = 1  # every story with the trouble same-guid has this number
TYPES = {
    "rss": "application/rss+xml; charset=utf-8",
    "broken": "text/xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "rdf": "application/rdf+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
    "sitemap": "application/xml; charset=utf-8",
}
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Item:
    """A story as a feed lists it."""

    story: DemoStory
    link: str
    guid: str
    told: Told | None


def redirects(story: DemoStory, habit: Habit) -> tuple[str, ...]:
    """The URLs that lead to a story with a redirect chain, first to last."""
    return (
        habit.url(f"/out/{story.number}"),
        f"http://go.{habit.host}/{story.number}",
        habit.url(f"/?p={story.number}"),
    )


def _links(story: DemoStory, habit: Habit) -> tuple[str, ...]:
    if story.trouble == Trouble.TRACKING:
        return tuple(f"{story.url}?{query}" for query in TRACKED)
    if story.trouble == Trouble.REDIRECT_CHAIN:
        return redirects(story, habit)[:1]
    return (story.url,)


def items(story: DemoStory, habit: Habit) -> Iterator[Item]:
    """How the feed lists a story: mostly once."""
    number = SHARED_GUID if story.trouble == Trouble.SAME_GUID else story.number
    for copy, link in enumerate(_links(story, habit)):
        guid = f"tag:{habit.host},2020:{number}" + (f"-{copy}" if copy else "")
        yield Item(story, link, guid, told_time(story, habit))


def _json_item(item: Item, full_text: bool) -> dict[str, Any]:
    story = item.story
    row: dict[str, Any] = {
        "id": item.guid,
        "url": item.link,
        "title": story.title,
        "summary": story.summary,
        "tags": [story.section],
        **({"content_html": story.html} if full_text else {"content_text": story.summary}),
    }
    if item.told:
        row["date_published"] = item.told.iso
    if story.author:
        row["authors"] = [{"name": story.author}]
    return row


def _json_feed(habit: Habit, listed: Sequence[Item]) -> str:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": habit.source.name,
        "home_page_url": habit.source.home,
        "feed_url": habit.feed_url,
        "description": habit.tagline,
        "language": habit.source.language,
        "items": [_json_item(item, habit.full_text) for item in listed],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1)


def render_feeds(
    habit: Habit, stories: Sequence[DemoStory], updated: datetime
) -> Iterator[tuple[str, str, str]]:
    """URL, content type and text of each document that lists the stories of a source."""
    listed = [item for story in stories for item in items(story, habit)]
    values = {
        "habit": habit,
        "source": habit.source,
        "items": listed,
        "updated": Told(updated),
        "feed_type": TYPES.get(habit.feed, ""),
    }

    def render(template: str) -> str:
        return TEMPLATES.get_template(template).render(values)

    yield habit.source.home, HTML, render("listing.html")
    match habit.feed:
        case "json":
            yield habit.feed_url, TYPES["json"], _json_feed(habit, listed)
        case "sitemap":
            yield habit.feed_url, TYPES["sitemap"], render("sitemap-index.xml.j2")
            yield habit.url("/sitemap-news.xml"), TYPES["sitemap"], render("sitemap-news.xml.j2")
        case "section" | "page":
            yield habit.feed_url, HTML, render("listing.html")
        case _:
            yield habit.feed_url, TYPES[habit.feed], render(f"{habit.feed}.xml.j2")
