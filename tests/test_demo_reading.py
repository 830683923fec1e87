"""The demo's pages as they are read: nothing of a story is lost, and little is added to it.

Every page comes from the demo's server, as the spiders would get it, and is read in this process.
What the .md file of a story says is the truth.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, build_opener

import pytest

from crawlers.articles import read_article
from pipeline.demo import DEMO_NOW
from pipeline.demo.stories import DemoStory, Trouble, load_stories
from pipeline.demo.web import serve
from storage.models import Entry, Page, Story

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.demo.web import DemoWeb

UNREADABLE = {
    *(Trouble.NOT_FOUND, Trouble.GONE, Trouble.SERVER_ERROR, Trouble.ENDLESS, Trouble.ROBOTS)
}
READABLE = [story for story in load_stories() if story.trouble not in UNREADABLE]
# The trouble is the date itself.
OTHER_TIME = {Trouble.NO_DATE, Trouble.FUTURE_DATE, Trouble.NO_ZONE}
MAX_FURNITURE = 60  # characters beyond the file's text and summary
MORE_FURNITURE: dict[str, int] = {}  # by source; none needs more today
STRAIGHT = str.maketrans("“”‘’", "\"\"''")


@pytest.fixture(scope="module")
def web() -> Iterator[DemoWeb]:
    with serve() as running:
        yield running


@cache
def read(address: str, url: str) -> Story:
    with build_opener(ProxyHandler({"http": address})).open(url, timeout=5) as reply:
        page = Page(1, url, reply.read(), DEMO_NOW, reply.headers.get_content_charset())
    return read_article(page, Entry(url=url))


def plain(text: str) -> str:
    return " ".join(text.translate(STRAIGHT).split())


def lines(text: str) -> list[str]:
    return [plain(line) for line in text.splitlines() if line.strip()]


each_story = pytest.mark.parametrize(
    "story", READABLE, ids=lambda story: f"{story.event}-{story.source_id}"
)


@each_story
def test_no_line_is_lost(web: DemoWeb, story: DemoStory) -> None:
    found = plain(read(web.address, story.url).text)
    lost = [line for line in lines(story.text) if line not in found]
    assert not lost


@each_story
def test_the_lines_keep_their_order(web: DemoWeb, story: DemoStory) -> None:
    """A line that stands twice (a table's "Yes") counts where it stands first."""
    found = plain(read(web.address, story.url).text)
    places = [found.find(line) for line in dict.fromkeys(lines(story.text)) if len(line) > 40]
    assert places == sorted(places)


@each_story
def test_headings_are_headings(web: DemoWeb, story: DemoStory) -> None:
    written = [
        plain(line) for block in story.blocks if block.kind == "heading" for line in block.lines
    ]
    found = [plain(section.heading) for section in read(web.address, story.url).sections]
    assert [heading for heading in found if heading] == written


@each_story
def test_little_is_added(web: DemoWeb, story: DemoStory) -> None:
    written = plain(f"{story.summary} {story.text}")
    added = [line for line in lines(read(web.address, story.url).text) if line not in written]
    limit = MORE_FURNITURE.get(story.source_id, MAX_FURNITURE)
    assert sum(map(len, added)) <= limit, added


@each_story
def test_title_and_authors_are_as_written(web: DemoWeb, story: DemoStory) -> None:
    found = read(web.address, story.url)
    assert plain(found.title) == plain(story.title)
    assert found.authors == ((story.author,) if story.author else ())


@each_story
def test_a_time_is_the_true_one_or_its_day(web: DemoWeb, story: DemoStory) -> None:
    found = read(web.address, story.url)
    if story.trouble in OTHER_TIME:
        return
    assert found.published is not None
    if found.published_precision == "minute":
        assert found.published == story.published
    else:  # the page shows it in words only; the feed of its source knows the minute
        assert found.published.date() == story.published.date()
