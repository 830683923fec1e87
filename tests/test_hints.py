"""How a feed asks to be polled: what is read of it, in all dialects and from none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.hints import read_hints
from storage.models import Hints

URL = "http://a.test/feed"
SY = 'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
ATOM = 'xmlns:atom="http://www.w3.org/2005/Atom"'
ITEM = "<item><title>x</title><ttl>999</ttl><link>http://a.test/1</link></item>"


def rss(channel: str) -> str:
    return f'<rss version="2.0" {SY} {ATOM}><channel>{channel}{ITEM}</channel></rss>'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (rss(""), Hints()),
        (rss("<ttl>45</ttl>"), Hints(every=45)),
        (rss("<ttl> 45\n</ttl>"), Hints(every=45)),
        (rss("<ttl>soon</ttl>"), Hints()),
        (rss("<ttl>-5</ttl>"), Hints()),
        (rss("<ttl>0</ttl>"), Hints()),
        (rss("<ttl>" + "9" * 5000 + "</ttl>"), Hints()),
        (rss("<sy:updatePeriod>hourly</sy:updatePeriod>"), Hints(every=60)),
        (rss("<sy:updatePeriod>\n\tDaily</sy:updatePeriod>"
             "<sy:updateFrequency>4</sy:updateFrequency>"), Hints(every=360)),
        (rss("<sy:updatePeriod>hourly</sy:updatePeriod>"
             "<sy:updateFrequency>0</sy:updateFrequency>"), Hints(every=60)),
        (rss("<sy:updatePeriod>often</sy:updatePeriod>"), Hints()),
        (rss("<ttl>15</ttl><sy:updatePeriod>hourly</sy:updatePeriod>"), Hints(every=60)),
        (rss("<skipHours><hour>0</hour><hour>7</hour><hour>24</hour><hour>25</hour>"
             "<hour>x</hour></skipHours>"), Hints(skip_hours=frozenset({0, 7}))),
        (rss("<skipDays><day>Saturday</day><day>sunday</day><day>Yesterday</day></skipDays>"),
         Hints(skip_days=frozenset({5, 6}))),
        (rss('<atom:link rel="hub" href="http://hub.test/"/>'),
         Hints(hub="http://hub.test/", topic=URL)),
        (rss('<atom:link rel="self" href="/rss"/><atom:link rel="hub" href="http://hub.test/"/>'),
         Hints(hub="http://hub.test/", topic="http://a.test/rss")),
        (rss('<atom:link rel="hub" href="javascript:x"/>'), Hints()),
        (rss(f'<atom:link rel="hub" href="http://hub.test/{"x" * 2000}"/>'), Hints()),
        (rss('<atom:link rel="hub" href="http://[hub"/>'), Hints()),
        # RSS 1.0, Atom, and a prefix that nobody declared
        (f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" {SY}'
         ' xmlns="http://purl.org/rss/1.0/"><channel><sy:updatePeriod>weekly</sy:updatePeriod>'
         "</channel></rdf:RDF>", Hints(every=10080)),
        ('<feed xmlns="http://www.w3.org/2005/Atom"><link rel="hub" href="https://h.test"/>'
         '<link rel="self" href="http://a.test/atom"/><entry><link rel="hub" href="x"/></entry>'
         "</feed>", Hints(hub="https://h.test", topic="http://a.test/atom")),
        ("<rss><channel><sy:updatePeriod>hourly</sy:updatePeriod><ttl>90</ttl>",
         Hints(every=90)),
        # JSON Feed
        ('{"version": "https://jsonfeed.org/version/1.1", "feed_url": "http://a.test/json",'
         ' "hubs": [{"type": "WebSub", "url": "http://hub.test/"}], "items": []}',
         Hints(hub="http://hub.test/", topic="http://a.test/json")),
        ('{"hubs": [7]}', Hints()),
        ('{"hubs": [', Hints()),
        ("", Hints()),
        ("<html><p>no feed</html>", Hints()),
    ],
)  # fmt: skip
def test_what_the_body_asks_for(body: str, expected: Hints) -> None:
    assert read_hints(body.encode(), {}, URL) == expected


@pytest.mark.parametrize(
    ("header", "hub", "topic"),
    [
        ('<http://hub.test/>; rel="hub"', "http://hub.test/", URL),
        ("<http://hub.test/>; rel=hub, <http://a.test/me>; rel=self", "http://hub.test/",
         "http://a.test/me"),
        ('</me>; rel="self alternate", <http://hub.test/?a,b>; type=x; REL="x hub"',
         "http://hub.test/?a,b", "http://a.test/me"),
        ('<http://one.test/>; rel="hub", <http://two.test/>; rel="hub"', "http://one.test/", URL),
        ("<http://hub.test/>", None, None),
        ("nonsense; rel=hub", None, None),
        ("<" * 20000, None, None),
    ],
)  # fmt: skip
def test_a_hub_in_the_link_header_comes_first(header: str, hub: str, topic: str) -> None:
    body = rss('<ttl>5</ttl><atom:link rel="hub" href="http://body.test/"/>') if hub else ""
    found = read_hints(body.encode(), {"link": header}, URL)
    assert (found.hub, found.topic) == (hub, topic)
    assert found.every == (5 if hub else None)


@given(st.binary(max_size=300), st.text(max_size=100))
def test_nothing_makes_it_fail(junk: bytes, header: str) -> None:
    for body in (junk, rss(junk.decode("latin-1")).encode(), b"{" + junk):
        assert isinstance(read_hints(body, {"link": header}, URL), Hints)
