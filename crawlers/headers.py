"""A bound on what a server says before its answer begins: Scrapy and Twisted bound each line of a
header and the body, but not the number of lines, nor of interim answers.

An answer's lines come in; a header that does not end breaks the connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.web._newclient import HEADER, STATUS, HTTPClientParser

if TYPE_CHECKING:
    from scrapy.crawler import Crawler

MAX_BYTES = 256 * 1024  # of all lines of a header; browsers take as much
_read: Any = HTTPClientParser.dataReceived


class HeaderTooLargeError(Exception):
    """A server's header does not end."""


class BoundHeaders:
    """A Scrapy extension that counts what comes before a body. Twisted has no setting for it."""

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> BoundHeaders:
        HTTPClientParser.dataReceived = _bounded  # type: ignore[method-assign]
        return cls()


def _bounded(parser: Any, data: bytes) -> None:
    if parser.state in (STATUS, HEADER):
        parser.newsfold_read = getattr(parser, "newsfold_read", 0) + len(data)
        if parser.newsfold_read > MAX_BYTES:
            raise HeaderTooLargeError("the header of the answer is too large")
    _read(parser, data)
