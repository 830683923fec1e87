"""The way of a page after it was fetched: check its fields, then store it.

Comes in: a storage.models.Page. Goes out: a row in the database, or a reason why not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scrapy.exceptions import DropItem

from storage.pages import save_page

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

    from storage.models import Page

MIN_BYTES = 64  # less than that is no page, only a server's stub
MAX_BYTES = 10 * 1024 * 1024  # unpacked; articles are 20 KB to 2 MB
_OTHER_TYPES = {
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"PK\x03\x04": "an archive",
    b"\x1f\x8b": "an archive",
    b"<?xml": "",  # XHTML begins so, too: let it pass
}


class CheckFields:
    """Drops pages that cannot hold a story, and counts why."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> CheckFields:
        return cls(crawler)

    def process_item(self, item: Page) -> Page:
        reason = objection(item)
        if reason is None:
            return item
        self._crawler.stats.inc_value(f"newsfold/pages_dropped/{reason}")
        spider: Any = self._crawler.spider
        spider.page_lost(item.entry_id, "failed", reason)
        raise DropItem(reason)


class StorePage:
    """Writes the page to the spider's database."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> StorePage:
        return cls(crawler)

    def process_item(self, item: Page) -> Page:
        spider: Any = self._crawler.spider
        save_page(spider.db, item)
        spider.tally.pages_stored += 1
        spider.tally.changed()
        return item


def objection(page: Page) -> str | None:
    """Why a page cannot hold a story; None when it may."""
    html = page.html.lstrip()
    if len(html) < MIN_BYTES:
        return "the page is empty"
    if len(html) > MAX_BYTES:
        return f"the page is larger than {MAX_BYTES // 1024 // 1024} MB"
    for start, kind in _OTHER_TYPES.items():
        if html.startswith(start):
            return f"{kind}, not a page" if kind else None
    if b"\x00" in html[:1024] and not html.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "binary data, not a page"
    return None
