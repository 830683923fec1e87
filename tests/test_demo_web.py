"""The demo's web: every habit and every trouble is served as promised, and nobody else is."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import parse_qs, urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener
from urllib.robotparser import RobotFileParser

import feedparser
import lxml.html
import pytest
from lxml import etree

from pipeline.demo import DEMO_NOW
from pipeline.demo.feeds import items
from pipeline.demo.habits import load_habits
from pipeline.demo.stories import STORIES, DemoStory, Trouble, load_stories, slugify
from pipeline.demo.web import DRIP, serve
from storage.errors import NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.demo.web import DemoWeb

HABITS = load_habits()
ALL = load_stories()
STATUS: dict[Trouble | None, int] = {
    Trouble.NOT_FOUND: 404,
    Trouble.GONE: 410,
    Trouble.SERVER_ERROR: 500,
}
NEWS = "{http://www.google.com/schemas/sitemap-news/0.9}"
SITEMAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
YEAR = re.compile(rb"\b20\d\d\b")


class Reply(NamedTuple):
    status: int
    body: bytes
    headers: Any
    url: str


class NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


@pytest.fixture(scope="module")
def web() -> Iterator[DemoWeb]:
    with serve() as running:
        yield running


def fetch(web: DemoWeb, url: str, follow: bool = True, **headers: str) -> Reply:
    proxy = ProxyHandler({"http": web.address})
    opener = build_opener(proxy) if follow else build_opener(proxy, NoRedirects)
    asked = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with opener.open(Request(url, headers=asked), timeout=5) as reply:
            return Reply(reply.status, reply.read(), reply.headers, reply.url)
    except HTTPError as error:
        with error:
            return Reply(error.code, error.read(), error.headers, error.url)


def xml_of(web: DemoWeb, url: str) -> Any:
    return etree.fromstring(fetch(web, url).body)


def html_of(web: DemoWeb, url: str, charset: str = "utf-8") -> Any:
    return lxml.html.fromstring(fetch(web, url).body.decode(charset))


def sitemap_links(web: DemoWeb, url: str) -> list[str]:
    root = xml_of(web, url)
    places: list[str] = [place.text for place in root.iter(f"{SITEMAP}loc")]
    if root.tag == f"{SITEMAP}sitemapindex":
        return [link for place in places for link in sitemap_links(web, place)]
    return places


def listed(web: DemoWeb, source_id: str) -> list[str]:
    """The links that the feed of a source lists, read with a common parser of its kind."""
    habit = HABITS[source_id]
    match habit.feed:
        case "sitemap":
            return sitemap_links(web, habit.feed_url)
        case "json":
            return [item["url"] for item in json.loads(fetch(web, habit.feed_url).body)["items"]]
        case "section":
            page = html_of(web, habit.feed_url)
            found = page.cssselect(habit.source.feeds[0].links or "")
            return [urljoin(habit.feed_url, link.get("href")) for link in found]
        case _:
            entries = feedparser.parse(fetch(web, habit.feed_url).body).entries
            return [entry.link for entry in entries if "link" in entry]


def troubled(trouble: Trouble) -> list[DemoStory]:
    found = [story for story in ALL if story.trouble == trouble]
    assert found, f"no story of the demo has the trouble {trouble}"
    return found


def entry_of(web: DemoWeb, story: DemoStory) -> Any:
    """A story as feedparser reads it from the feed of its source."""
    body = fetch(web, HABITS[story.source_id].feed_url).body
    return next(entry for entry in feedparser.parse(body).entries if entry.title == story.title)


# --- the whole ---------------------------------------------------------------------------


def test_it_is_large_enough_to_show_something(web: DemoWeb) -> None:
    links = {source_id: listed(web, source_id) for source_id in HABITS}
    telling = [source_id for source_id, found in links.items() if found]
    assert len(telling) >= 10
    assert sum(map(len, links.values())) >= 80
    assert len({HABITS[source_id].page for source_id in telling}) >= 6
    assert {HABITS[source_id].feed for source_id in telling} == {
        *("rss", "atom", "rdf", "json", "sitemap", "section", "broken")
    }


def test_every_trouble_is_there() -> None:
    assert {story.trouble for story in ALL} >= set(Trouble)


@pytest.mark.parametrize("source_id", HABITS)
def test_stories_are_reached_from_the_feed(web: DemoWeb, source_id: str) -> None:
    own = {story.url: story for story in ALL if story.source_id == source_id}
    unlike = {Trouble.ENDLESS, Trouble.ROBOTS}
    reached = {url for url, story in own.items() if story.trouble in unlike}
    for link in listed(web, source_id):
        if link in reached:
            continue
        reply = fetch(web, link)
        url = reply.url if reply.url in own else reply.url.partition("?")[0]
        story = own[url]
        assert reply.status == STATUS.get(story.trouble, 200)
        reached.add(url)
    assert reached == own.keys()


@pytest.mark.parametrize("story", ALL, ids=lambda story: f"{story.event}-{story.source_id}")
def test_a_page_holds_its_whole_text(web: DemoWeb, story: DemoStory) -> None:
    habit = HABITS[story.source_id]
    if story.trouble in {*STATUS, Trouble.ENDLESS, Trouble.ROBOTS}:
        pytest.skip("this page cannot be read")
    page = html_of(web, story.url, habit.charset)
    text = page.text_content().translate(str.maketrans("“”‘’", "\"\"''"))
    for line in [story.title, *story.text.splitlines()]:
        assert line.translate(str.maketrans("“”‘’", "\"\"''")) in text


def test_it_starts_quickly() -> None:
    start = time.perf_counter()
    with serve():
        assert time.perf_counter() - start < 2  # usually a twentieth of that


def test_it_renders_the_same_every_time(web: DemoWeb) -> None:
    with serve() as again:
        for story in ALL[::7]:
            if story.trouble != Trouble.ENDLESS:
                assert fetch(web, story.url).body == fetch(again, story.url).body


def test_a_story_is_not_out_before_its_time() -> None:
    story = next(story for story in ALL if not story.trouble and story.source_id == "morningbyte")
    with serve(story.published - timedelta(seconds=1)) as before:
        assert story.url not in listed(before, story.source_id)
        assert fetch(before, story.url).status == 404
    with serve(story.published) as after:
        assert story.url in listed(after, story.source_id)


def test_a_web_without_stories_still_answers() -> None:
    with serve(datetime(2020, 1, 1, tzinfo=UTC)) as empty:
        assert all(listed(empty, source_id) == [] for source_id in HABITS)


# --- feeds -------------------------------------------------------------------------------


def test_only_the_broken_feeds_are_ill_formed(web: DemoWeb) -> None:
    for habit in HABITS.values():
        if habit.feed in {"rss", "atom", "rdf"}:
            parsed = feedparser.parse(fetch(web, habit.feed_url).body)
            assert not parsed.bozo, habit.feed_url
            assert xml_of(web, habit.feed_url) is not None
    with pytest.raises(etree.XMLSyntaxError):
        xml_of(web, HABITS["quarterpast"].feed_url)


def test_a_page_stands_where_the_feed_of_staticpage_was(web: DemoWeb) -> None:
    reply = fetch(web, HABITS["staticpage"].feed_url)
    assert reply.status == 200
    assert reply.headers.get_content_type() == "text/html"
    assert feedparser.parse(reply.body).entries == []


@pytest.mark.parametrize(
    ("source_id", "version"),
    [
        ("morningbyte", "rss20"),
        ("circuitherald", "atom10"),
        ("stackreport", "rss10"),
        ("openloop", "rss20"),
        ("tagesnetz", "atom10"),
    ],
)
def test_feeds_are_of_the_kind_they_should_be(web: DemoWeb, source_id: str, version: str) -> None:
    assert feedparser.parse(fetch(web, HABITS[source_id].feed_url).body).version == version


def test_feeds_tell_comments_and_full_texts(web: DemoWeb) -> None:
    def entries(source_id: str) -> list[Any]:
        return list(feedparser.parse(fetch(web, HABITS[source_id].feed_url).body).entries)

    assert any(int(entry.get("slash_comments", 0)) > 0 for entry in entries("morningbyte"))
    assert any(int(entry.get("thr_total", 0)) > 0 for entry in entries("circuitherald"))
    assert not any("content" in entry for entry in entries("morningbyte"))
    assert all("<p>" in entry.content[0].value for entry in entries("openloop"))


def test_the_news_sitemap_names_and_dates_its_stories(web: DemoWeb) -> None:
    root = xml_of(web, "http://northgate.example/sitemap-news.xml")
    assert all(node.findtext(f"{NEWS}title") for node in root.iter(f"{NEWS}news"))
    dates = [node.text for node in root.iter(f"{NEWS}publication_date")]
    assert dates
    assert all(datetime.fromisoformat(date).tzinfo for date in dates)


@pytest.mark.parametrize("header", ["ETag", "Last-Modified"])
@pytest.mark.parametrize("source_id", HABITS)
def test_an_unchanged_feed_is_not_sent_again(web: DemoWeb, source_id: str, header: str) -> None:
    url = HABITS[source_id].feed_url
    value = fetch(web, url).headers[header]
    condition = {"ETag": "If_None_Match", "Last-Modified": "If_Modified_Since"}[header]
    again = fetch(web, url, **{condition: value})
    assert (again.status, again.body) == (304, b"")


def test_a_changed_feed_is_sent(web: DemoWeb) -> None:
    url = HABITS["morningbyte"].feed_url
    modified = fetch(web, url).headers["Last-Modified"]
    assert fetch(web, url, If_None_Match='"other"').status == 200
    assert fetch(web, url, If_None_Match='"other"', If_Modified_Since=modified).status == 200
    assert fetch(web, url, If_Modified_Since="Wed, 01 Jan 2020 00:00:00 GMT").status == 200
    assert fetch(web, url, If_Modified_Since="yesterday, I think").status == 200


# --- pages -------------------------------------------------------------------------------


def test_gadgetlane_claims_a_wrong_charset(web: DemoWeb) -> None:
    story = next(story for story in ALL if story.source_id == "gadgetlane" and not story.trouble)
    reply = fetch(web, story.url)
    assert reply.headers.get_content_charset() == "utf-8"
    assert b'<meta charset="utf-8">' in reply.body
    with pytest.raises(UnicodeDecodeError):
        reply.body.decode()
    assert "Café" in reply.body.decode("windows-1252")


@pytest.mark.parametrize(
    ("source_id", "there", "absent"),
    [
        ("morningbyte", '"@type": "NewsArticle"', "og:title"),
        ("circuitherald", "article:published_time", "ld+json"),
        ("gadgetlane", 'itemprop="articleBody"', "ld+json"),
        ("deltawire", '"@graph"', "og:title"),
        ("harborpost", "<time datetime=", "og:title"),
        ("modelwatch", 'itemprop="articleBody"', "og:title"),
        ("stackreport", " UTC</font>", "<time"),
        ("northgate", "related-box", "itemprop"),
        ("bitledger", "newsletter-signup", "article:published_time"),
        ("openloop", "dt-published", "ld+json"),
        ("securesignal", "ld+json", "og:title"),
        ("railpost", "DCTERMS.issued", "ld+json"),
        ("tagesnetz", " Uhr</time>", "comments"),
        ("quarterpast", "og:title", "ld+json"),
        ("weeklyloop", "og:title", "article:published_time"),
    ],
)
def test_pages_keep_the_habits_of_their_source(
    web: DemoWeb, source_id: str, there: str, absent: str
) -> None:
    story = next(s for s in ALL if s.source_id == source_id and not s.trouble)
    page = fetch(web, story.url).body.decode(HABITS[source_id].charset)
    assert there in page
    assert absent not in page


def test_json_ld_is_json(web: DemoWeb) -> None:
    for story in ALL:
        if {"json-ld", "json-ld-graph"} & {*HABITS[story.source_id].metadata}:
            page = html_of(web, story.url)
            for script in page.xpath('//script[@type="application/ld+json"]'):
                said = json.loads(script.text)
                article = said["@graph"][-1] if "@graph" in said else said
                assert article["headline"] == story.title


def test_owners_make_one_voice_of_two_sources() -> None:
    owners = [habit.source.owner for habit in HABITS.values()]
    assert owners.count("Herald Group") == 2
    assert len(set(owners)) == len(owners) - 1


# --- troubles ----------------------------------------------------------------------------


def test_no_date_is_told_nowhere(web: DemoWeb) -> None:
    for story in troubled(Trouble.NO_DATE):
        assert not {"published", "updated"} & entry_of(web, story).keys()
        assert not YEAR.search(fetch(web, story.url).body)
        assert not YEAR.search(story.url.encode())


def test_a_future_date_is_a_year_ahead(web: DemoWeb) -> None:
    for story in troubled(Trouble.FUTURE_DATE):
        assert entry_of(web, story).published_parsed.tm_year == story.published.year + 1
        told = re.search(rb'published_time" content="([^"]+)"', fetch(web, story.url).body)
        assert told
        assert datetime.fromisoformat(told[1].decode()) > DEMO_NOW + timedelta(days=300)


def test_a_time_without_zone_is_local(web: DemoWeb) -> None:
    for story in troubled(Trouble.NO_ZONE):
        local = story.published.astimezone(HABITS[story.source_id].zone).replace(tzinfo=None)
        assert HABITS[story.source_id].utc_offset
        assert datetime.fromisoformat(entry_of(web, story).published) == local
        assert f'"{local.isoformat()}"'.encode() in fetch(web, story.url).body


def test_a_redirect_chain_leads_over_another_host(web: DemoWeb) -> None:
    for story in troubled(Trouble.REDIRECT_CHAIN):
        (item,) = items(story, HABITS[story.source_id])
        assert item.link in listed(web, story.source_id)
        chain = [item.link]
        while chain[-1] != story.url:
            reply = fetch(web, chain[-1], follow=False)
            assert reply.status in {301, 302}
            chain.append(reply.headers["Location"])
        assert len(chain) == 4
        assert f"go.{HABITS[story.source_id].host}" in {urlsplit(url).netloc for url in chain}
        assert fetch(web, item.link).url == story.url


def test_tracking_parameters_list_a_story_twice(web: DemoWeb) -> None:
    for story in troubled(Trouble.TRACKING):
        found = [url for url in listed(web, story.source_id) if url.startswith(story.url)]
        assert len(found) == len(set(found)) == 2
        assert all(
            {"utm_source", "fbclid"} <= parse_qs(urlsplit(url).query).keys() for url in found
        )
        assert len({fetch(web, url).body for url in [*found, story.url]}) == 1


@pytest.mark.parametrize(("trouble", "status"), STATUS.items())
def test_failing_pages_are_listed_and_fail(web: DemoWeb, trouble: Trouble, status: int) -> None:
    for story in troubled(trouble):
        assert story.url in listed(web, story.source_id)
        reply = fetch(web, story.url)
        assert reply.status == status
        assert story.summary.encode() not in reply.body


def test_an_endless_page_drips_until_the_server_stops() -> None:
    (story,) = troubled(Trouble.ENDLESS)
    with serve() as web:
        client = http.client.HTTPConnection("127.0.0.1", web.port, timeout=5)
        client.request("GET", story.url)
        reply = client.getresponse()
        assert (reply.status, reply.getheader("Content-Length")) == (200, None)
        while reply.readline() != DRIP:
            pass
        assert reply.readline() == DRIP
    rest = reply.read()  # ends now; without the server's end it would block till the time-out
    assert b"</html>" not in rest
    reply.close()
    client.close()


def test_robots_forbid_one_path_and_nobody_need_go_there() -> None:
    (story,) = troubled(Trouble.ROBOTS)
    with serve() as web:
        for habit in HABITS.values():
            robots = RobotFileParser()
            reply = fetch(web, habit.url("/robots.txt"))
            assert reply.status == 200
            robots.parse(reply.body.decode().splitlines())
            for own in (own for own in ALL if own.source_id == habit.source.id):
                assert robots.can_fetch("newsfold", own.url) is (own != story)
        assert story.url in listed(web, story.source_id)
        assert web.hits[story.url] == 0
        fetch(web, story.url)
        assert web.hits[story.url] == 1


def test_one_guid_is_given_to_two_stories(web: DemoWeb) -> None:
    ids = {entry_of(web, story).id for story in troubled(Trouble.SAME_GUID)}
    assert len(troubled(Trouble.SAME_GUID)) == 2
    assert len(ids) == 1


def test_a_canonical_link_may_point_elsewhere(web: DemoWeb) -> None:
    for story in troubled(Trouble.CANONICAL_ELSEWHERE):
        original = next(s for s in ALL if (s.event, s.source_id) == (story.event, story.copy_of))
        page = html_of(web, story.url)
        assert page.xpath('//link[@rel="canonical"]/@href') == [original.url]


def test_other_pages_name_their_own_address_or_none(web: DemoWeb) -> None:
    for story in ALL:
        if story.trouble is None:
            page = html_of(web, story.url, HABITS[story.source_id].charset)
            expected = [story.url] if HABITS[story.source_id].canonical else []
            assert page.xpath('//link[@rel="canonical"]/@href') == expected


# --- the server --------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "morningbyte.example:8080"])
def test_foreign_hosts_are_refused(web: DemoWeb, host: str) -> None:
    client = http.client.HTTPConnection("127.0.0.1", web.port, timeout=5)
    client.request("GET", f"http://{host}/", headers={"Host": host})
    assert client.getresponse().status == 502
    client.close()


def test_an_address_that_is_none_is_refused(web: DemoWeb) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as client:
        client.sendall(b"GET http://[/ HTTP/1.1\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")


def test_it_opens_no_tunnel(web: DemoWeb) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=5) as client:
        client.sendall(b"CONNECT morningbyte.example:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 502 ")


def test_it_never_connects_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither on start (HTTPServer would ask the DNS) nor for a foreign host."""
    connect = socket.socket.connect
    peers = set()

    def watched(self: socket.socket, address: Any) -> None:
        peers.add(address[:2])
        connect(self, address)

    def no_names(*args: Any) -> str:
        raise AssertionError("the demo asked for a name")

    monkeypatch.setattr(socket.socket, "connect", watched)
    monkeypatch.setattr(socket, "getfqdn", no_names)
    with serve() as web:
        assert fetch(web, "http://elsewhere.example/").status == 502
        assert peers == {("127.0.0.1", web.port)}


def test_a_connection_is_kept_for_the_next_request(web: DemoWeb) -> None:
    client = http.client.HTTPConnection("127.0.0.1", web.port, timeout=5)
    client.connect()
    first = client.sock
    for path in ("/", "/about", "/feed.xml", "/nowhere"):
        client.request("GET", path, headers={"Host": "MorningByte.example:80"})
        reply = client.getresponse()
        assert int(reply.getheader("Content-Length", "")) == len(reply.read())
        assert reply.status == (404 if path == "/nowhere" else 200)
        assert client.sock is first
    client.request("HEAD", "/", headers={"Host": "morningbyte.example"})
    reply = client.getresponse()
    assert reply.read() == b""
    assert int(reply.getheader("Content-Length", "")) > 0
    client.close()


def test_hits_are_counted_under_load(web: DemoWeb) -> None:
    url = "http://openloop.example/about"

    def ask() -> None:
        for _ in range(10):
            fetch(web, url)

    before = web.hits[url]
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert web.hits[url] - before == 80


# --- loading -----------------------------------------------------------------------------

FRONT = """+++
title = "A thing"
published = 2026-04-08T16:02:00Z
section = "AI"
summary = "It happened."
role = "original"
{more}+++
A first
paragraph.

## A heading
- one
- two

> Said somebody.
"""


def write(folder: Path, name: str, more: str = "", text: str = FRONT) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.replace("{more}", more), encoding="utf-8")
    return folder


def test_a_story_is_read(tmp_path: Path) -> None:
    (story,) = load_stories(write(tmp_path, "thing/morningbyte.md", "comments = 3\n"))
    assert (story.event, story.source_id, story.comments) == ("thing", "morningbyte", 3)
    assert story.url == "http://morningbyte.example/2026/04/08/a-thing"
    assert story.text == "A first\nparagraph.\n\nA heading\n\none\ntwo\n\nSaid somebody."
    assert [block.kind for block in story.blocks] == ["text", "heading", "item", "quote"]
    assert "<p>A first paragraph.</p>\n<h2>A heading</h2>\n<ul>\n<li>one</li>" in story.html


def test_markup_in_a_story_is_text(tmp_path: Path) -> None:
    text = FRONT.replace("A first", "5 < 6 & <b>bold</b> {0}")
    (story,) = load_stories(write(tmp_path, "thing/openloop.md", text=text))
    assert "5 &lt; 6 &amp; &lt;b&gt;bold&lt;/b&gt; {0}" in story.html


@pytest.mark.parametrize(
    ("name", "more", "words"),
    [
        ("thing/nobody.md", "", "no source of that name"),
        ("thing/morningbyte.md", 'trouble = "rain"\n', "unknown trouble 'rain'"),
        ("thing/morningbyte.md", 'colour = "red"\n', "unknown keys colour"),
        ("thing/morningbyte.md", 'trouble = "no-date"\n', "paths tell the date"),
        ("thing/morningbyte.md", 'trouble = "robots"\n', "forbids nothing"),
        ("thing/morningbyte.md", 'copy_of = "deltawire"\n', "no story in this event"),
        ("thing/harborpost.md", 'trouble = "canonical-elsewhere"\n', "needs copy_of"),
        ("thing/morningbyte.md", "comments 3\n", "not TOML"),
    ],
)
def test_a_faulty_file_is_named(tmp_path: Path, name: str, more: str, words: str) -> None:
    with pytest.raises(NewsfoldError, match=words) as raised:
        load_stories(write(tmp_path, name, more))
    assert name.split("/")[1] in str(raised.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("+++\n", "", "must open and close"),
        ("Z\n", "\n", "a time with a zone"),
        ('"original"', '"leader"', "role must be one of"),
        ('section = "AI"\n', "", "lacks section"),
    ],
)
def test_faulty_front_matter_is_explained(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(NewsfoldError, match=words):
        load_stories(write(tmp_path, "thing/morningbyte.md", text=FRONT.replace(old, new)))


def test_two_stories_cannot_share_a_url(tmp_path: Path) -> None:
    write(tmp_path, "one/morningbyte.md")
    with pytest.raises(NewsfoldError, match="have one URL"):
        load_stories(write(tmp_path, "two/morningbyte.md"))


def test_slugs_are_plain() -> None:
    assert slugify("Meta's Muse: vier Größen – 2.3B, café") == "metas-muse-vier-groessen-2-3b-cafe"
    assert len(slugify("word " * 40).split("-")) == 9


def test_every_file_of_the_folder_is_a_story() -> None:
    assert {path.suffix for path in STORIES.rglob("*") if path.is_file()} == {".md"}
