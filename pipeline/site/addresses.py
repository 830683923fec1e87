"""Where each page of a site is, from its front page. These never change: links never die."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.digest.feeds import EVENT_PAGE
from pipeline.text import visible
from storage.files import slug

if TYPE_CHECKING:
    from datetime import date

FRONT = "index.html"
ARCHIVE = "archive.html"
CATEGORIES = "categories.html"
NOT_FOUND = "404.html"
STYLE = "style.css"
FEED = "feed.xml"
JSON_FEED = "feed.json"
SITEMAP = "sitemap.xml"
ROBOTS = "robots.txt"


def event_page(event_id: int) -> str:
    return EVENT_PAGE.format(event_id)


def day_page(day: date, part: int = 1) -> str:
    return f"days/{day.isoformat()}{f'-{part}' if part > 1 else ''}.html"


def month_page(month: date) -> str:
    return f"months/{month.isoformat()[:7]}.html"


def category_page(category: str, kind: str = "html") -> str:
    return f"categories/{slug(visible(category))}.{kind}"


def sitemap_part(part: int) -> str:
    return f"sitemap-{part}.xml"
