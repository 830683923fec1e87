"""Feeds of discussion sites: due feeds in, what is said there of the stories of others out.

No page is fetched for them: whether a story is one of ours is decided by its own source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crawlers.discussions import read_discussions
from crawlers.spiders.base import FeedSpider, header
from storage.discussions import save_discussions

if TYPE_CHECKING:
    from scrapy.http import Response

    from storage.models import Feed


class DiscussionsSpider(FeedSpider):
    name = "discussions"
    kind = "discussion"

    def store(self, response: Response, feed: Feed) -> tuple[int, int]:
        found = read_discussions(
            response.body,
            response.url,
            links=feed.links,
            content_type=header(response, "Content-Type"),
        )
        return len(found), save_discussions(self.db, feed, found, self.now())
