"""RSS, Atom and JSON Feed: due feeds in, entries and their pages out."""

from crawlers.spiders.base import FeedSpider


class FeedsSpider(FeedSpider):
    name = "feeds"
    kind = "feed"
