"""A digest as a feed: read back by feedparser, by our own crawler and by the rules of the RFC."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.entries import read_entries
from pipeline.digest.feeds import FeedHead, iri, is_tag, with_pages
from pipeline.digest.render import mail_html, render
from pipeline.digest.view import DigestView, EventView, SinceThenView
from tests.atom import broken_rules
from tests.hostile_words import ADDRESSES, WORDS
from tests.test_digest import NOW, SINCE, digest, view

HEAD = FeedHead(
    "News & more",
    site="https://news.example/",
    own_url="https://news.example/feed.xml",
    home="https://news.example/",
)
CHANGED = NOW - timedelta(hours=1)


def atom(seen: DigestView, head: FeedHead = HEAD) -> str:
    feed = render(seen, "atom", feed=head)
    assert broken_rules(feed) == []
    return feed


def items(seen: DigestView, head: FeedHead = HEAD) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(render(seen, "jsonfeed", feed=head))["items"]
    return found


def hostile(words: str, address: str = "https://news.example/") -> EventView:
    seen = view()
    sources = tuple(replace(s, source=words, title=words, url=address) for s in seen.sources)
    tldr = tuple(replace(s, text=words, source=words, url=address) for s in seen.tldr)
    return replace(
        seen,
        headline=words,
        url=address,
        category=words,
        language=words,
        sources=sources,
        tldr=tldr,
    )


def test_feedparser_reads_what_was_told() -> None:
    read = feedparser.parse(atom(digest(replace(view(), updated=CHANGED))).encode())
    assert not read.bozo
    assert read.version == "atom10"
    assert (read.feed.title, read.feed.id) == ("News & more", "tag:newsfold,2026:digest")
    assert {link.rel: link.href for link in read.feed.links} == {
        "self": "https://news.example/feed.xml",
        "alternate": "https://news.example/",
    }
    [entry] = read.entries
    assert entry.title == "Morvik orders nine ferries"
    assert entry.id == "tag:newsfold,2026:event/7"
    assert entry.link == "https://news.example/events/7.html"
    assert entry.published == "2026-04-08T16:02:00Z"
    assert entry.updated == read.feed.updated == "2026-04-09T07:00:00Z"
    assert [author.name for author in entry.authors] == ["Salt Wire", "Tide Post", "Echo"]
    assert [tag.term for tag in entry.tags] == ["product launch"]
    assert entry.summary == "Morvik has ordered nine ferries in Gdansk."
    assert [link.href for link in entry.links if link.rel == "related"] == [
        "https://salt.example/ferries",
        "https://tide.example/ferries",
        "https://echo.example/ferries",
    ]
    content = entry.content[0].value
    assert "€310M" in content and "€300M" in content and "same text as Salt Wire" in content


@pytest.mark.parametrize("form", ["atom", "jsonfeed"])
def test_our_crawler_reads_what_was_told(form: str) -> None:
    body = render(digest(view()), form, feed=HEAD).encode()  # type: ignore[arg-type]
    [entry] = read_entries(body, "https://news.example/feed", "feed", now=NOW)
    assert entry.url == "https://news.example/events/7.html"
    assert entry.title == "Morvik orders nine ferries"
    assert entry.guid == "tag:newsfold,2026:event/7"
    assert entry.published is not None and entry.published_precision == "minute"


def test_an_entry_keeps_its_id_when_its_event_is_told_anew() -> None:
    told = replace(view(), headline="Ten ferries", url="https://tide.example/ten", updated=NOW)
    before, after = (feedparser.parse(atom(digest(v)).encode()).entries[0] for v in (view(), told))
    assert before.id == after.id
    assert before.updated < after.updated
    assert items(digest(view()))[0]["id"] == items(digest(told))[0]["id"]


def test_ids_do_not_depend_on_where_the_feed_is_found() -> None:
    moved = replace(HEAD, site="https://other.example/", own_url="https://other.example/a.xml")
    assert items(digest(view()), moved)[0]["id"] == items(digest(view()))[0]["id"]


def test_without_a_site_an_entry_leads_to_the_headline_story() -> None:
    head = FeedHead("newsfold")
    read = feedparser.parse(atom(digest(view()), head).encode())
    assert read.entries[0].link == "https://salt.example/ferries"
    [item] = items(digest(view()), head)
    assert item["url"] == "https://salt.example/ferries"
    assert "external_url" not in item


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (
            "https://a.example/x[1]?y[]=2#z[3]#4",
            "https://a.example/x%5B1%5D?y%5B%5D=2#z%5B3%5D%234",
        ),
        ("https://a.example/100%/%2F%zz", "https://a.example/100%25/%2F%25zz"),
        ("https://[2001:db8::1]:8080/x", "https://[2001:db8::1]:8080/x"),
        (
            "https://a.example/straße?q=“a|b”",
            "https://a.example/stra%C3%9Fe?q=%E2%80%9Ca%7Cb%E2%80%9D",
        ),
    ],
)
def test_addresses_are_written_as_they_may_stand(given: str, written: str) -> None:
    assert iri(given) == written == iri(written)


def test_what_was_told_leads_to_the_page_of_the_event_where_there_is_a_site() -> None:
    before = SinceThenView(NOW, 1, "Ferries", "https://salt.example/then", ())
    plain = digest(replace(view(), since_then=before))
    paged = with_pages(plain, "https://news.example/")
    assert with_pages(plain, "") == plain
    for form in ("markdown", "html", "atom", "jsonfeed"):
        page = "https://news.example/events/7.html"
        without, told = render(plain, form), render(paged, form)  # type: ignore[arg-type]
        assert "https://salt.example/then" in without and page not in without
        assert "https://salt.example/then" not in told and page in told
    assert json.loads(render(paged, "json"))["events"][0]["page"] == page
    assert page in mail_html(paged) and page not in mail_html(plain)


def test_a_feed_without_entries_is_one() -> None:
    assert feedparser.parse(atom(digest()).encode()).entries == []
    assert items(digest()) == []


def test_json_feed_has_what_the_standard_asks_for() -> None:
    body = json.loads(render(digest(view()), "jsonfeed", feed=HEAD))
    assert body["version"] == "https://jsonfeed.org/version/1.1"
    assert body["title"] and body["feed_url"] and body["home_page_url"]
    [item] = body["items"]
    assert isinstance(item["id"], str)
    assert item["content_html"]
    assert item["authors"] == [{"name": name} for name in ("Salt Wire", "Tide Post", "Echo")]
    assert item["external_url"] == "https://salt.example/ferries"
    assert item["tags"] == ["product launch"]
    assert not [key for key, value in item.items() if value in ("", None)]


@pytest.mark.parametrize("words", WORDS)
def test_stored_words_are_shown_and_never_run(words: str) -> None:
    read = feedparser.parse(atom(digest(hostile(words))).encode(), sanitize_html=False)
    content = read.entries[0].content[0].value
    for markup in (content, items(digest(hostile(words)))[0]["content_html"]):
        assert tags_in(str(markup)) <= {"ul", "li", "p", "b", "cite", "span", "a"}


@pytest.mark.parametrize("address", ADDRESSES)
def test_only_addresses_of_the_web_become_links(address: str) -> None:
    seen = digest(hostile("A title", address))
    links = feedparser.parse(atom(seen, FeedHead("newsfold")).encode()).entries[0].get("links", [])
    assert all(link.href.startswith(("http://", "https://")) for link in links)
    assert "url" not in items(seen, FeedHead("newsfold"))[0] or str(
        items(seen, FeedHead("newsfold"))[0]["url"]
    ).startswith(("http://", "https://"))


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_makes_a_feed_that_can_be_read(words: str, address: str) -> None:
    seen = digest(hostile(words or "?", f"https://news.example/{address}"))
    assert not feedparser.parse(atom(seen).encode()).bozo
    assert items(seen)


@pytest.mark.parametrize("form", ["atom", "jsonfeed"])
def test_a_model_that_wrote_the_words_is_named(form: str) -> None:
    written = replace(view(), tldr_by="model-7b")
    assert "Written by model-7b" in render(digest(written), form, feed=HEAD)  # type: ignore[arg-type]
    assert "Written by" not in render(digest(view()), form, feed=HEAD)  # type: ignore[arg-type]


def test_a_tag_names_somebody_and_a_date() -> None:
    assert is_tag("news.example,2026") and is_tag("ada@news.example,2026-11-02")
    assert not is_tag("news.example") and not is_tag("News example,2026") and not is_tag("x,26")


def tags_in(markup: str) -> set[str]:
    from html.parser import HTMLParser

    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.add(tag)
            assert {name for name, _ in attrs} <= {"href", "lang"}

    Reader().feed(markup)
    return found


def test_a_period_stands_in_no_id() -> None:
    later = DigestView(SINCE, NOW + timedelta(days=9), (view(),))
    assert items(later)[0]["id"] == items(digest(view()))[0]["id"]
