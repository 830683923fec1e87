"""How right and how fast feeds are read: ours beside other parsers.

    python -m tests.benchmarks.feeds

Right: of feedparser's own test feeds (NEWSFOLD_DATA/feeds), those whose expected values concern
what we keep of an entry or of a feed: title, address, id, text, author, date, language. Fast: CPU
time of one core for a feed of 30 entries, with a summary each or with the full text. Parsers that
are not installed are left out: pip install fastfeedparser.
"""

from __future__ import annotations

import time
from datetime import datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from crawlers import entries
from crawlers.entries import About, FeedError, absolute, plain_text
from storage.models import Entry
from tests.feed_expectations import (
    MADE_UP,
    OURS,
    Reader,
    Verdict,
    explained_differences,
    feeds,
    holds_for_the_parser,
    judge,
)

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = "Engineers closed the dam on Wednesday after divers found a crack in its eastern wall. "
ROUNDS = 20


def made_feed(paragraphs: int) -> bytes:
    """30 entries, each with a summary, and with so many paragraphs of text."""
    text = f"<p>{WORDS * 5}<a href='https://a.example/x'>more</a></p>" * paragraphs
    content = f"<content:encoded><![CDATA[{text}]]></content:encoded>" if paragraphs else ""
    items = "".join(
        f"<item><title>Story {n} &amp; more</title><link>https://a.example/{n}</link>"
        f"<guid isPermaLink='false'>{n}</guid><dc:creator>Ada</dc:creator>"
        "<pubDate>Fri, 20 Nov 2026 10:00:00 +0000</pubDate>"
        f"<description><![CDATA[<p>{WORDS * 3}</p>]]></description>{content}</item>"
        for n in range(30)
    )
    return (
        '<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>A</title>'
        f"<link>https://a.example/</link><language>en</language>{items}</channel></rss>"
    ).encode()


# Other parsers, each with what it takes to make entries of what it returns


def _fastfeedparser() -> Reader:
    import fastfeedparser

    def parsed(body: bytes) -> Any:
        try:
            return fastfeedparser.parse(body)
        except Exception as error:
            raise FeedError(str(error)) from error

    def listed(body: bytes, url: str, content_type: str | None) -> list[Entry]:
        return [_entry(item, url, n) for n, item in enumerate(parsed(body).entries)]

    def about(body: bytes, url: str, content_type: str | None) -> About:
        feed = parsed(body).feed
        title = plain_text(feed.get("title"), entries.MAX_TITLE)
        return About(title, absolute(url, feed.get("link")), feed.get("language"))

    return Reader(listed, about)


def _entry(item: Any, url: str, number: int) -> Entry:
    contents = [each.get("value") for each in item.get("content") or ()]
    text = item.get("description") or item.get("summary") or (contents[0] if contents else "")
    published = item.get("published") or item.get("updated")
    return Entry(
        url=absolute(url, item.get("link")) or f"{MADE_UP}{number}",
        title=plain_text(item.get("title"), entries.MAX_TITLE),
        guid=item.get("id"),
        summary=plain_text(text, entries.MAX_SUMMARY),
        author=item.get("author"),
        published=datetime.fromisoformat(published) if published else None,
        language=item.get("language"),
    )


def readers() -> dict[str, Reader]:
    """Ours, and whichever others are installed."""
    found = {"ours (feedparser)": OURS}
    if find_spec("fastfeedparser"):
        found["fastfeedparser"] = _fastfeedparser()
    return found


# Measuring


def verdicts(reader: Reader) -> list[Verdict]:
    """What came of the feeds that expect something of our fields; a crash is a wrong answer."""
    found = []
    for name, body in feeds():
        try:
            verdict = judge(name, body, reader)
        except Exception as error:
            verdict = Verdict(name, "", agrees=False, ours=(repr(error),))
        if verdict and verdict.agrees is not None:
            found.append(verdict)
    return found


def milliseconds(read: Callable[[], object]) -> float:
    """CPU time of one reading."""
    read()
    started = time.process_time()
    for _ in range(ROUNDS):
        read()
    return (time.process_time() - started) / ROUNDS * 1000


def main() -> None:
    rows = []
    url = "https://a.example/feed"
    for name, reader in readers().items():
        judged = verdicts(reader)
        right = sum(bool(verdict.agrees) for verdict in judged)
        times = [_time(reader, made_feed(paragraphs), url) for paragraphs in (0, 20)]
        rows.append((name, len(judged), right, f"{right / len(judged):.2%}", *times))
    print(tabulate(rows, ("parser", "asked", "right", "share", "ms, summaries", "ms, full text")))
    wrong = {verdict.name for verdict in verdicts(OURS) if not verdict.agrees}
    whys = [(each["why"], len(wrong & set(each["feeds"]))) for each in explained_differences()]
    print()
    print(tabulate(whys, ("why ours differs", "feeds")))
    held = [holds for _, body in feeds() if (holds := holds_for_the_parser(body)) is not None]
    share = sum(held) / len(held)
    print(
        f"\nall that is expected, of feedparser on our way: {sum(held)} of {len(held)}, {share:.2%}"
    )


def _time(reader: Reader, body: bytes, url: str) -> str:
    return f"{milliseconds(lambda: reader.entries(body, url, None)):.1f}"


if __name__ == "__main__":
    main()
