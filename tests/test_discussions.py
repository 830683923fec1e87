"""Discussion sites: what they link to gets their points and comments; no story is made of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.discussions import read_discussions
from crawlers.entries import FeedError
from crawlers.extraction import extract_waiting
from crawlers.sources import load_sources
from pipeline.fold_pass import fold_pass
from pipeline.show import as_json, as_text, find_event
from storage.database import create_or_open, in_memory
from storage.discussions import discussions_of, save_discussions
from storage.models import Discussion, Feed, Source, Story
from storage.sources import save_sources
from storage.stories import save_story
from tests.loopback import article, crawl, rows, rss, save_feeds, serve
from tests.stories import MORNING, made_stories, stored

if TYPE_CHECKING:
    from pathlib import Path

HERE = "https://news.ycombinator.com/rss"
STORY = "https://maker.example/model-7"


def feed(item: str, root: str = "") -> bytes:
    return f'<rss version="2.0" {root}><channel><title>T</title>{item}</channel></rss>'.encode()


HACKER_NEWS = feed(
    f"""<item><title>Maker ships Model 7</title><link>{STORY}?utm_source=hn</link>
    <pubDate>Fri, 20 Nov 2026 10:00:00 +0000</pubDate>
    <comments>https://news.ycombinator.com/item?id=41</comments><description><![CDATA[<a
    href="https://news.ycombinator.com/item?id=41">Comments</a>]]></description></item>
    <item><title>Ask HN: Which model?</title><link>https://news.ycombinator.com/item?id=42</link>
    <comments>https://news.ycombinator.com/item?id=42</comments></item>"""
)
HNRSS = feed(
    f"""<item><title><![CDATA[Maker ships Model 7]]></title><description><![CDATA[
    <p>Points: 9 for the effort</p><hr>
    <p>Article URL: <a href="{STORY}">{STORY}</a></p>
    <p>Comments URL: <a href="https://news.ycombinator.com/item?id=41">…</a></p>
    <p>Points: 215</p><p># Comments: 98</p>]]></description>
    <link>{STORY}</link><dc:creator>someone</dc:creator>
    <comments>https://news.ycombinator.com/item?id=41</comments>
    <guid isPermaLink="false">https://news.ycombinator.com/item?id=41</guid></item>""",
    'xmlns:dc="http://purl.org/dc/elements/1.1/"',
)
HNRSS_JSON = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1",
        "title": "Hacker News: Front Page",
        "items": [
            {
                "id": "https://news.ycombinator.com/item?id=41",
                "url": "https://news.ycombinator.com/item?id=41",
                "external_url": STORY,
                "content_html": "<p>Points: 215</p>\n<p># Comments: 98</p>",
            },
            {"id": "https://news.ycombinator.com/item?id=43", "url": STORY + "/other"},
            {"id": "x", "url": "https://news.ycombinator.com/item?id=42"},
            "no item",
        ],
    }
).encode()
LOBSTERS = feed(
    f"""<item><title>Model 7</title><link>{STORY}</link>
    <guid isPermaLink="false">https://lobste.rs/s/abc123</guid>
    <author>someone@users.lobste.rs (someone)</author>
    <comments>https://lobste.rs/s/abc123/model_7</comments>
    <description>&lt;p&gt;&lt;a href="https://lobste.rs/s/abc123/model_7"&gt;Comments&lt;/a&gt;
    &lt;/p&gt;</description><category>ai</category></item>
    <item><title>What are you doing?</title><link>https://lobste.rs/s/abc124/what</link>
    <comments>https://lobste.rs/s/abc124/what</comments></item>"""
)
TECHMEME = feed(
    f"""<item><title>Maker ships Model 7 (A. Writer/Maker)</title>
    <link>http://www.techmeme.com/261120/p7#a261120p7</link><description><![CDATA[
    <A HREF="{STORY}"><IMG SRC="x.jpg"></A><P><A HREF="http://www.techmeme.com/261120/p7#a261120p7"
    TITLE="Techmeme permalink"><IMG SRC="pml.png"></A> A. Writer / <A HREF="https://maker.example/">
    Maker</A>:<BR><SPAN STYLE="font-size:1.3em;"><B><A HREF="{STORY}">Maker ships Model 7</A></B>
    </SPAN>&nbsp; &mdash;&nbsp; Words.</P>]]></description></item>"""
)
REDDIT = f"""<feed xmlns="http://www.w3.org/2005/Atom"><title>technology</title><entry>
    <title>Model 7</title><link href="https://www.reddit.com/r/technology/comments/1/model_7/"/>
    <content type="html">&lt;table&gt;submitted by &lt;a href="https://www.reddit.com/user/a"&gt;a
    &lt;/a&gt; &lt;span&gt;&lt;a href="{STORY}"&gt;[link]&lt;/a&gt;&lt;/span&gt; &lt;span&gt;&lt;a
    href="https://www.reddit.com/r/technology/comments/1/model_7/"&gt;[comments]&lt;/a&gt;
    &lt;/span&gt;&lt;/table&gt;</content></entry><entry><title>A question</title>
    <link href="https://www.reddit.com/r/technology/comments/2/a_question/"/>
    <content type="html">&lt;a href="https://elsewhere.example/"&gt;this&lt;/a&gt; &lt;span&gt;&lt;a
    href="https://www.reddit.com/r/technology/comments/2/a_question/"&gt;[link]&lt;/a&gt;
    &lt;/span&gt;</content></entry></feed>""".encode()


@pytest.mark.parametrize(
    ("body", "url", "links", "expected"),
    [
        (HACKER_NEWS, HERE, None, [("https://news.ycombinator.com/item?id=41", None, None)]),
        (
            HNRSS,
            "https://hnrss.org/x",
            None,
            [("https://news.ycombinator.com/item?id=41", 215, 98)],
        ),
        (
            LOBSTERS,
            "https://lobste.rs/rss",
            None,
            [("https://lobste.rs/s/abc123/model_7", None, None)],
        ),
        (
            TECHMEME,
            "https://www.techmeme.com/feed.xml",
            "b a",
            [("https://www.techmeme.com/261120/p7", None, None)],
        ),
        (TECHMEME, "https://www.techmeme.com/feed.xml", None, []),
        (
            REDDIT,
            "https://www.reddit.com/r/technology/.rss",
            "span a",
            [("https://www.reddit.com/r/technology/comments/1/model_7", None, None)],
        ),
    ],
    ids=["hacker-news", "hnrss", "lobsters", "techmeme", "techmeme-no-selector", "reddit"],
)
def test_what_a_site_discusses(
    body: bytes, url: str, links: str | None, expected: list[tuple[Any, ...]]
) -> None:
    found = read_discussions(body, url, links=links)
    assert [(each.url.rstrip("/"), each.points, each.comments) for each in found] == expected
    assert {each.story_url for each in found} <= {STORY}


def test_a_json_feed_of_discussions() -> None:
    with_numbers, other = read_discussions(HNRSS_JSON, "https://hnrss.org/frontpage.jsonfeed")
    at = "https://news.ycombinator.com/item?id=41"
    assert with_numbers == Discussion(at, STORY, points=215, comments=98)
    assert (other.story_url, other.points) == (STORY + "/other", None)


@pytest.mark.parametrize("body", [b"<html><body>moved</body></html>", b"{}", b""])
def test_what_is_no_feed_is_refused(body: bytes) -> None:
    with pytest.raises(FeedError):
        read_discussions(body, HERE)


@settings(deadline=None)  # a busy machine is no fault
@given(st.binary() | st.sampled_from([HNRSS, REDDIT, HNRSS_JSON]).map(lambda body: body[:-60]))
def test_any_bytes_give_discussions_or_a_feed_error(body: bytes) -> None:
    try:
        found = read_discussions(body, HERE, links="span a")
    except FeedError:
        return
    assert all(each.url != each.story_url for each in found)


def test_the_shipped_discussion_sites() -> None:
    kinds = {source.id: {feed.kind for feed in source.feeds} for source in load_sources()}
    assert kinds["hacker-news"] == kinds["lobsters"] == {"discussion"}


def test_points_and_comments_go_to_the_story_whenever_it_comes(tmp_path: Path) -> None:
    """The whole way over HTTP: nothing is made of a discussion whose story never comes."""
    database = tmp_path / "news.db"
    other = b"<item><link>http://other.test/x</link><comments>http://hn.test/2</comments></item>"
    with serve() as web:
        listed = HNRSS.replace(STORY.encode(), b"http://maker.test/go")
        web.add("http://hn.test/rss", listed.replace(b"</channel>", other + b"</channel>"))
        save_feeds(database, Feed("http://hn.test/rss", "hn", kind="discussion"))
        report = crawl(database, web)
        assert (report["feeds_polled"], report["feeds_failed"]) == (1, [])
        assert "http://other.test/x" not in web.urls()
        assert rows(database, "SELECT count(*) AS n FROM entries") == [{"n": 0}]
        web.add("http://maker.test/feed", rss(("Model 7", "http://maker.test/go")))
        web.add("http://maker.test/go", b"", 301, Location="/model-7")
        web.add("http://maker.test/model-7", article("Maker ships Model 7"))
        save_feeds(database, Feed("http://maker.test/feed", "maker"))
        crawl(database, web)
        extract_waiting(database, now=lambda: MORNING, workers=0)
        assert discussed(database) == [("hn", 215, 98)]
        later = LOBSTERS.replace(STORY.encode(), b"http://maker.test/go")
        web.add("http://lobsters.test/rss", later)
        save_feeds(database, Feed("http://lobsters.test/rss", "lobsters", kind="discussion"))
        crawl(database, web)
    assert discussed(database) == [("hn", 215, 98), ("lobsters", None, None)]


def discussed(database: Path) -> list[tuple[str, int | None, int | None]]:
    """What is said of the one story there is."""
    [story] = rows(database, "SELECT url FROM stories")
    assert story["url"].endswith("/model-7")
    db = create_or_open(database)
    try:
        return [
            (each.site, each.points, each.comments) for each in discussions_of(db, [story["url"]])
        ]
    finally:
        db.close()


def test_what_one_feed_does_not_tell_another_has_told(tmp_path: Path) -> None:
    db = create_or_open(tmp_path / "news.db")
    save_feeds(tmp_path / "news.db", Feed(HERE, "hn", kind="discussion"))
    [row] = db.query("SELECT id FROM feeds")
    hn = Feed(HERE, "hn", kind="discussion", id=row["id"])
    now = MORNING
    assert save_discussions(db, hn, [Discussion("https://hn.test/1", STORY, 5, 2)], now) == 1
    assert save_discussions(db, hn, [Discussion("https://hn.test/1", STORY, None, 7)], now) == 0
    save_story(db, Story(url=STORY, source_id="hn"), now)
    assert discussions_of(db, [STORY]) == [Discussion("https://hn.test/1", STORY, 5, 7, "hn")]
    db.close()


def test_an_event_shows_what_is_said_of_its_stories() -> None:
    db = in_memory()
    stories = stored(db, made_stories())
    fold_pass(db, now=lambda: MORNING)
    save_sources(db, [Source("hn", "Hacker News", HERE, "en", "hn", (Feed(HERE, "hn"),))])
    [row] = db.query("SELECT id FROM feeds")
    dam = next(each.url for each in stories if each.url.endswith("/dam"))
    talk = Discussion("https://hn.test/1", dam, points=215, comments=1)
    save_discussions(db, Feed(HERE, "hn", id=row["id"]), [talk], MORNING)
    [event] = db.query(
        "SELECT event_id AS id FROM event_stories JOIN stories AS s ON s.id = story_id"
        " WHERE s.url = ?",
        [dam],
    )
    shown = find_event(db, event["id"])
    assert "Hacker News, 215 points, 1 comment: https://hn.test/1" in as_text(shown)
    [told] = json.loads(as_json(shown))["discussions"]
    assert (told["story_url"], told["points"], told["site"]) == (dam, 215, "Hacker News")
