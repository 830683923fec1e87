"""Hostile inputs for the fuzz run: sound documents and a random number generator come in, documents
that nobody should send come out. The same generator gives the same input."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

MAX_SIZE = 60_000  # bytes; some are blown up to LARGE
LARGE = 1_200_000
ONE_IN = 400  # is blown up
PIECES = (
    b"\0",
    b"\x1b[2J",
    b"\x7f",
    b"\x80\x81\xfe\xff",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xc3",
    b"\xe2\x80\xae",
    b"\xe2\x80\x8b",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xef\xbf\xbe",
    b"&#0;",
    b"&#x1b;",
    b"&#55357;",
    b"&#55357;&#56832;",
    b"&#x110000;",
    b"&#99999999999999999999;",
    b"&nbsp;",
    b"&bogus;",
    b"&amp;lt;script&amp;gt;",
    b"&lt;img src=x onerror=alert(1)&gt;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<?php ?>",
    b"<!DOCTYPE a [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;'>]>&c;",
    b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><title>&x;</title>",
    b"<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1:9/x.dtd'> %p;]>",
    b"<script>alert(1)</script>",
    b"<svg onload=alert(1)>",
    b"<iframe src=//x>",
    b"<style>",
    b"<plaintext>",
    b"<base href='javascript:alert(1)'>",
    b"<base href='http://[::1'>",
    b"<template>",
    b"<noscript>",
    b"<title>",
    b"</title>",
    b"<item>",
    b"</item>",
    b"<p>",
    b"</p>",
    b"<table>",
    b"<h1>",
    b"</",
    b"<",
    b">",
    b'"',
    b"'",
    b"=",
    b"\r\n",
    b" " * 300,
    b"\t" * 300,
    b"<link>javascript:alert(1)</link>",
    b"<link>http://127.1/</link>",
    b"<link>//[</link>",
    b"<link>http://a.example:99999999/</link>",
    b"<guid>" + b"g" * 5000 + b"</guid>",
    b"<pubDate>Thu, 99 Foo 99999 25:61:61 +9999</pubDate>",
    b"<pubDate>0000-00-00T00:00:00Z</pubDate>",
    b"<pubDate>292277026596-12-04T15:30:07Z</pubDate>",
    b"<pubDate>-1</pubDate>",
    b'<time datetime="2026-02-30T99:99:99+99:99">',
    b'<time datetime="1e999">',
    b'<meta charset="utf-7">',
    b'<meta property="article:published_time" content="2262-04-12T00:00:00Z">',
    b'<meta property="og:image" content="data:image/png;base64,AAAA">',
    b'<meta property="og:url" content="http://[::ffff:127.0.0.1]/">',
    b'<link rel=canonical href="//">',
    b'<script type="application/ld+json">{"@type":"NewsArticle","datePublished":{"a":[1e999]},'
    b'"author":[[{"name":{"name":[]}}]],"headline":[null,0],"image":{"url":7}}</script>',
    b'<script type="application/ld+json">' + b"[" * 2000 + b"</script>",
    b'{"a":' * 500,
    b"\\ud800",
    b"\\u0000",
    b"1e400",
    b"NaN",
    b"null",
    b"[]",
    b"-0",
    b"true",
)
CHARSETS = (
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-7",
    "cp1252",
    "shift_jis",
    "gb18030",
    "koi8-r",
    "iso2022_jp",
    "cp037",
    "utf-8-sig",
    "rot13",
)
TAG = re.compile(rb"<[^<>]{1,200}>")


def mutated(rnd: Random, documents: Sequence[bytes]) -> bytes:
    """One of the documents, spoilt in one to six ways."""
    document = rnd.choice(documents)
    if len(document) > MAX_SIZE:
        start = rnd.randrange(len(document) - MAX_SIZE) if rnd.random() < 0.3 else 0
        document = document[start : start + MAX_SIZE]
    for _ in range(rnd.choice((1, 1, 1, 2, 3, 6))):
        document = rnd.choice(WAYS)(rnd, document, documents)[: 2 * MAX_SIZE]
    if rnd.randrange(ONE_IN) == 0:
        document = _blown_up(rnd, document)
    return gzip.compress(document) if rnd.randrange(200) == 0 else document


def _flip(rnd: Random, document: bytes, others: Sequence[bytes]) -> bytes:
    spoilt = bytearray(document)
    for _ in range(rnd.randint(1, 30) if spoilt else 0):
        spoilt[rnd.randrange(len(spoilt))] = rnd.randrange(256)
    return bytes(spoilt)


def _splice(rnd: Random, document: bytes, others: Sequence[bytes]) -> bytes:
    other = rnd.choice(others)[:MAX_SIZE]
    return document[: _place(rnd, document)] + other[_place(rnd, other) :]


def _insert(rnd: Random, document: bytes, others: Sequence[bytes]) -> bytes:
    at = _place(rnd, document)
    return document[:at] + b"".join(rnd.choices(PIECES, k=rnd.randint(1, 3))) + document[at:]


def _repeat(rnd: Random, document: bytes, others: Sequence[bytes]) -> bytes:
    start = _place(rnd, document)
    piece = document[start : start + rnd.randint(1, 200)]
    return document[:start] + piece * rnd.choice((2, 10, 100, 300)) + document[start:]


def _nest(rnd: Random, document: bytes, others: Sequence[bytes]) -> bytes:
    tags = TAG.findall(document) or [b"<div>"]
    at = _place(rnd, document)
    return document[:at] + rnd.choice(tags) * rnd.choice((10, 300, 3000)) + document[at:]


def _truncate(rnd: Random, document: bytes, others: Sequence[bytes]) -> bytes:
    return document[: _place(rnd, document)]


def _cut_out(rnd: Random, document: bytes, others: Sequence[bytes]) -> bytes:
    start = _place(rnd, document)
    return document[:start] + document[start + rnd.randint(1, 2000) :]


def _swap_tags(rnd: Random, document: bytes, others: Sequence[bytes]) -> bytes:
    tags = TAG.findall(document)
    if len(tags) < 2:
        return document
    one, two = rnd.sample(tags, 2)
    return document.replace(one, two, rnd.choice((1, -1)))


def _encode_wrongly(rnd: Random, document: bytes, others: Sequence[bytes]) -> bytes:
    text = document.decode(rnd.choice(("utf-8", "cp1252")), "replace")
    charset = rnd.choice(CHARSETS)
    if charset == "rot13":
        return document.translate(bytes((byte + 128) % 256 for byte in range(256)))
    part = _place(rnd, document) if rnd.random() < 0.3 else 0  # two charsets in one document
    return document[:part] + text[part:].encode(charset, "replace")


def _blown_up(rnd: Random, document: bytes) -> bytes:
    """One place filled with a megabyte: a title, an attribute, a number of tags."""
    at = rnd.choice([match.end() for match in TAG.finditer(document)] or [0])
    piece = rnd.choice((b"a", b"a ", b"<p>a", b"&amp;", b"\xc3\xa4", b"<b>", b"\n", b"&#228;"))
    return document[:at] + piece * (rnd.randint(1, LARGE) // len(piece)) + document[at:]


def _place(rnd: Random, document: bytes) -> int:
    """Somewhere in a document, often where a tag begins or ends."""
    if rnd.random() < 0.5:
        places = [match.start() for match in re.finditer(rb"[<>]", document[:MAX_SIZE])]
        if places:
            return rnd.choice(places) + rnd.randint(0, 1)
    return rnd.randint(0, len(document))


WAYS: tuple[Callable[[Random, bytes, Sequence[bytes]], bytes], ...] = (
    _flip,
    _splice,
    _insert,
    _insert,
    _insert,
    _repeat,
    _nest,
    _truncate,
    _cut_out,
    _swap_tags,
    _encode_wrongly,
)

# Addresses

SCHEMES = (
    "http:",
    "https:",
    "HTTP:",
    "ftp:",
    "javascript:",
    "data:",
    "file:",
    "",
    "//",
    "http",
    ":",
)
HOSTS = (
    "a.example",
    "www.A.Example.",
    "xn--bcher-kva.example",
    "bücher.example",
    "127.0.0.1",
    "2130706433",
    "[::1]",
    "[fe80::1%25eth0]",
    "[::ffff:10.0.0.1]",
    "0x7f.1",
    "①②⑦.0.0.1",
    "a..example",
    ".",
    "",
    "a" * 300,
    "user:pass@a.example",
    "a.example:80",
    "a.example:443",
    "a.example:0",
    "a.example:x",
    "a.example:-1",
    "[",
    "]",
    "a b",
    "a%00b",
    "%61.example",
    "a\0.example",
    "a_b.example",
    "ａ.example",
    "192.168.0.1.",
    "co.uk",
    "com",
    "a.example\\@b.example",
    "a.example#@b.example",
    "\u202ea.example",
)
PATHS = (
    "/",
    "",
    "/a",
    "/a/../b",
    "/%2e%2e/",
    "/a//b",
    "/ä",
    "/%c3%a4",
    "/%zz",
    "/%",
    "/a;jsessionid=1",
    "/amp/",
    "/a%20",
    "/a\u200b",
    "/a b",
    "/\ud800",
    "/😀",
    "/a?",
    "/a#b",
    "/" + "x" * 3000,
    "/a\nb",
    "/a\\b",
    "/AMP",
    "/rss/articles/CBMi",
    "/feedburner/~r/x",
)
QUERIES = (
    "",
    "?",
    "?a=1",
    "?a=1&a=2",
    "?utm_source=x",
    "?UTM_Source=x&id=3",
    "?&&&",
    "?=",
    "?a=%26",
    "?fbclid=1#x",
    "?url=http://b.example/",
    "?u=" + "%25" * 500,
    "?ä=ö",
    "?a;b",
    "?a=\0",
    "?#",
    "?" + "a=1&" * 500,
)


def mutated_url(rnd: Random) -> str:
    """An address that somebody might write, and some that nobody should."""
    sound = ["https:", "//", "a.example"]
    odd = [rnd.choice(SCHEMES), rnd.choice(("//", "//", "/", "")), rnd.choice(HOSTS)]
    parts = [rnd.choice(pair) for pair in zip(sound, odd, strict=True)]
    parts += [*rnd.choices(PATHS, k=rnd.randint(0, 3)), *rnd.choices(QUERIES, k=rnd.randint(0, 2))]
    url = "".join(parts)
    for _ in range(rnd.choice((0, 0, 1, 3))):
        at = rnd.randint(0, len(url))
        piece = rnd.choice(
            (chr(rnd.randrange(0x110000)), chr(rnd.randrange(128)), *rnd.choices(HOSTS))
        )
        url = url[:at] + piece + url[at + rnd.randint(0, 3) :]
    return url


# Sound documents of our own, for where the real ones are not

ITEM = """<item><title>Owls &amp; domes {0}</title><link>https://a.example/{0}?utm_source=rss</link>
<guid isPermaLink="false">id-{0}</guid><pubDate>Fri, 20 Nov 2026 1{0}:00:00 +0100</pubDate>
<description>&lt;p&gt;The &lt;b&gt;owls&lt;/b&gt; moved.&lt;/p&gt;</description>
<author>a@a.example (Ann Author)</author><slash:comments>{0}</slash:comments></item>"""
_OURS = tuple(
    text.encode()
    for text in (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
        'xmlns:slash="http://purl.org/rss/1.0/modules/slash/"><channel><title>T</title>'
        f"<language>en</language>{''.join(ITEM.format(n) for n in range(5))}</channel></rss>",
        '<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://a.example/"><title>T</title>'
        '<entry><id>urn:1</id><title type="html">Owls &lt;i&gt;</title><link href="1"/>'
        "<updated>2026-11-20T10:00:00Z</updated><content type='xhtml'><div>Owls</div></content>"
        "<author><name>Ann</name></author></entry></feed>",
        json.dumps(
            {
                "version": "https://jsonfeed.org/version/1.1",
                "title": "T",
                "items": [
                    {
                        "id": f"{n}",
                        "url": f"https://a.example/{n}",
                        "title": "Owls",
                        "content_html": "<p>Owls</p>",
                        "date_published": "2026-11-20T10:00:00+01:00",
                        "authors": [{"name": "Ann"}],
                        "_x": {"comments": n},
                    }
                    for n in range(4)
                ],
            }
        ),
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"><url>'
        "<loc>https://a.example/1</loc><news:news><news:publication><news:name>T</news:name>"
        "<news:language>en</news:language></news:publication><news:title>Owls</news:title>"
        "<news:publication_date>2026-11-20T10:00:00Z</news:publication_date></news:news></url>"
        "</urlset>",
        '<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><sitemap>'
        "<loc>https://a.example/s.xml</loc><lastmod>2026-11-20</lastmod></sitemap></sitemapindex>",
        '<!doctype html><html><body><div class="list"><h2><a href="/1">Owls</a></h2>'
        '<a href="https://b.example/">Ad</a><a href="/2"><img alt="Domes"></a></div></body></html>',
    )
)
FEEDS, SITEMAPS, SECTIONS = _OURS[:3], _OURS[3:5], _OURS[5:]
