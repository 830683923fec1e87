"""Listing pages: due sections in, the links that their selector finds and those pages out."""

from crawlers.spiders.base import FeedSpider


class SectionsSpider(FeedSpider):
    name = "sections"
    kind = "section"
