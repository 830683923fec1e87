"""Google news sitemaps: due sitemaps in, entries of the last days and their pages out.

Scrapy's own SitemapSpider drops news:news, and with it title and time. Sitemaps without it list
every page a site ever had; they are not news and give no entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from scrapy import Request

from crawlers import answers
from crawlers.answers import Answer, Listing
from crawlers.entries import FeedError, nested_sitemaps
from crawlers.middlewares import NotAskedError
from crawlers.spiders.base import FeedSpider, answer_of, explained

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from scrapy.http import Response
    from twisted.python.failure import Failure

    from storage.models import Entry, Feed


@dataclass
class _Index:
    """A sitemap index while its sitemaps are fetched: its poll ends with the last of them."""

    feed: Feed
    answer: Answer
    left: int
    read: int = 0
    listed: int = 0
    new: int = 0
    reasons: list[str] = field(default_factory=list)

    def add(self, listed: int, new: int) -> None:
        self.read += 1
        self.listed += listed
        self.new += new


class SitemapsSpider(FeedSpider):
    name = "sitemaps"
    kind = "sitemap"

    def read_feed(self, response: Response, feed: Feed) -> Iterator[Any]:
        """A sitemap is read like any feed; an index leads to its sitemaps."""
        nested = self._nested(response)
        if not nested:
            yield from super().read_feed(response, feed)
            return
        self.network_answered()
        index = _Index(feed, _without_validators(answer_of(response)), len(nested))
        for url in nested:
            yield Request(
                url,
                callback=self.read_nested,
                errback=self.nested_failed,
                cb_kwargs={"index": index},
                dont_filter=True,
            )

    def read_nested(self, response: Response, index: _Index) -> Iterator[Any]:
        """One sitemap of an index. One that cannot be read takes nothing from the others."""
        if response.status != 200:
            index.reasons.append(answers.explained(response.status))
        else:
            try:
                index.add(*self.save(index.feed, self.entries_of(response, index.feed)))
            except FeedError as error:
                index.reasons.append(str(error))
        self._one_less(index)
        yield from self.page_requests(index.feed)

    def nested_failed(self, failure: Failure) -> None:
        index: _Index = failure.request.cb_kwargs["index"]  # type: ignore[attr-defined]
        if isinstance(failure.value, NotAskedError):
            self.feed_not_asked(index.feed, failure.value)
            return  # its poll has not ended: it stays due
        index.reasons.append(explained(failure.value))
        self._one_less(index)

    def entries_of(self, response: Response, feed: Feed) -> list[Entry]:
        entries, oldest = super().entries_of(response, feed), self._oldest()
        return [entry for entry in entries if not entry.published or entry.published >= oldest]

    def _nested(self, response: Response) -> list[str]:
        if response.status != 200:
            return []
        try:
            return nested_sitemaps(response.body, response.url, self._oldest())
        except FeedError:
            return []  # read_feed says what is wrong with it

    def _oldest(self) -> datetime:
        return self.now() - timedelta(days=self.settings.getint("NEWSFOLD_SITEMAP_DAYS"))

    def _one_less(self, index: _Index) -> None:
        index.left -= 1
        if index.left:
            return
        now = self.now()
        if index.read:
            listing = Listing(index.listed, index.new)
            decision = answers.decide(index.feed, index.answer, now, listing, self.bounds)
        else:
            reason = f"none of its sitemaps can be read: {index.reasons[0]}"
            decision = answers.failed(index.feed, reason, now, bounds=self.bounds)
        self.record(index.feed, decision, index.answer)


def _without_validators(answer: Answer) -> Answer:
    """An index may stay the same while its sitemaps change; a 304 for it would hide that."""
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("etag", "last-modified")
    }
    return Answer(answer.status, headers, answer.url, answer.hops)
