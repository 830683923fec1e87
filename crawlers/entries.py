"""The bytes of a feed come in, its entries go out, whatever dialect it speaks.

It never fetches anything, never expands entities, and never trusts a size, a date or a link.
"""

from __future__ import annotations

import io
import json
import re
import sys
import zlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import feedparser
from lxml import etree, html
from lxml.cssselect import CSSSelector
from w3lib.encoding import http_content_type_encoding

from crawlers.characters import decode, one_line, printable
from crawlers.dates import read_moment, settle
from crawlers.urls import MAX_LENGTH, canonical_url, same_site
from crawlers.wrappers import is_behind_number, unwrapped
from storage.models import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from storage.models import FeedKind, Precision

MAX_BYTES = 5_000_000  # of a feed; parsing happens on the crawler's one thread
MAX_TAGS = 100_000  # of an RSS or Atom feed; a hundred stories in full have some 30 000
_NUMBER = rb"&#(\d{1,9}|[xX][0-9a-fA-F]{1,8});"
_REFERENCE = re.compile(_NUMBER)
_SURROGATES = re.compile(_NUMBER + _NUMBER)
_PACKED = b"\x1f\x8b"  # how gzip begins
MAX_SITEMAP_BYTES = 50_000_000  # unpacked; what the sitemap protocol allows
MAX_ENTRIES = 500
MAX_TITLE = 1000  # characters
MAX_SUMMARY = 5000
MAX_AUTHOR = 200
MAX_MARKUP = 100_000  # characters of a summary's markup that are looked at
MAX_NESTED = 20  # sitemaps that one sitemap index leads to

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_BLOCKS = ("p", "br", "div", "li", "tr", "td", "h1", "h2", "h3", "h4", "blockquote", "figcaption")
# What a frame holds is not parsed as markup; one that is never closed holds all that follows.
_FRAME = re.compile(r"""</?iframe\b(?:[^<>"']|"[^"]{0,5000}"|'[^']{0,5000}')*+>""", re.IGNORECASE)
_NO_TEXT = ("script", "style", "noscript", "template", "svg", "head")


class FeedError(Exception):
    """What was fetched cannot be read as a feed; the message says why in plain words."""


@dataclass(frozen=True, slots=True)
class About:
    """What a feed says of itself."""

    title: str = ""
    home: str | None = None  # the page whose news it lists
    language: str | None = None


def read_entries(
    body: bytes,
    url: str,
    kind: FeedKind,
    *,
    now: datetime,
    links: str | None = None,
    content_type: str | None = None,
) -> list[Entry]:
    """The entries that a feed fetched from `url` lists, in its order, each address once.

    `links` is the CSS selector of a section. An ill-formed feed gives what can be read of it;
    FeedError when it is no feed at all. A sitemap index has none: see nested_sitemaps.
    """
    if kind == "sitemap":
        found = _sitemap_entries(_unpacked(body), url, now)
    elif kind == "section":
        found = _section_entries(_bounded(body), url, links, content_type)
    elif is_json(body):
        found = _json_feed_entries(body, url, now)
    else:
        found = _xml_feed_entries(body, url, content_type, now)
    return _each_address_once(found)


def read_about(body: bytes, url: str, content_type: str | None = None) -> About:
    """What an RSS, Atom or JSON feed says of itself; FeedError when it is none."""
    if is_json(body):
        feed = json_feed(body)
        title = plain_text(_string(feed.get("title")), MAX_TITLE, markup=False)
        home = _string(feed.get("home_page_url"))
    else:
        feed = xml_feed(body, content_type).feed
        title = _text_of(feed.get("title_detail") or {}, feed.get("title"), MAX_TITLE)
        home = feed.get("link")
    return About(title, absolute(url, home), _language(feed.get("language")))


def nested_sitemaps(body: bytes, url: str, since: datetime | None = None) -> list[str]:
    """The sitemaps that a sitemap index leads to, latest change first; none for a sitemap.

    What has not changed since a time has nothing new in it, and is left out.
    """
    root = _xml(_unpacked(body))
    if _local_name(root) != "sitemapindex":
        return []
    found: list[tuple[str, str]] = []
    for child in root:
        loc = absolute(url, _child_text(child, "loc"))
        changed = _child_text(child, "lastmod")
        if loc and not _is_over(changed, since):
            found.append((changed, loc))
    # ISO times sort as text; a stable sort keeps the order of the index where none is given.
    found.sort(key=lambda pair: pair[0], reverse=True)
    return list(dict.fromkeys(loc for _, loc in found))[:MAX_NESTED]


def _is_over(changed: str, since: datetime | None) -> bool:
    """Whether a time lies before another, by a day at least: some give their local day."""
    moment = read_moment(changed) if changed and since else None
    return bool(moment and since and moment.when < since - timedelta(days=1))


def plain_text(text: str | None, limit: int, *, markup: bool = True) -> str:
    """Text without tags, scripts and control characters, on one line, cut to `limit`."""
    text = (text or "")[:MAX_MARKUP]
    if markup and ("<" in text or "&" in text):
        text = _without_tags(text)
    return one_line(text, limit)


def _each_address_once(found: Iterator[Entry]) -> list[Entry]:
    entries: dict[str, Entry] = {}
    for entry in found:
        entries.setdefault(canonical_url(entry.url), entry)
        if len(entries) >= MAX_ENTRIES:
            break
    return list(entries.values())


# RSS and Atom


def xml_feed(body: bytes, content_type: str | None) -> Any:
    """The feed as feedparser gives it; FeedError when it is neither RSS nor Atom."""
    body = _bounded(body)
    # Hostile markup of 5 MB keeps the parser busy for a minute; this much, for some seconds.
    if body.count(b"<") > MAX_TAGS or body.count(b"&") > 5 * MAX_TAGS:
        raise FeedError(f"more than {MAX_TAGS} tags, or five times as many entities")
    feed = _parsed(body, content_type)
    if not feed.version and not feed.entries:
        raise FeedError(_not_a_feed(body))
    return feed


def _xml_feed_entries(
    body: bytes, url: str, content_type: str | None, now: datetime
) -> Iterator[Entry]:
    feed = xml_feed(body, content_type)
    language = _language(feed.feed.get("language"))
    for item in feed.entries:
        entry = _xml_feed_entry(item, url, language, now)
        if entry:
            yield entry


def _parsed(body: bytes, content_type: str | None) -> Any:
    # The address of the feed is kept from it: it would rewrite ids. We make links absolute.
    headers = {"content-type": content_type or "application/xml"}
    try:
        # A stream: bytes or text that look like a path or an address would be opened.
        return feedparser.parse(
            io.BytesIO(_with_sound_references(_without_declarations(body))),
            response_headers=headers,
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception as error:  # a parser for the whole web finds new ways to fail
        raise FeedError(f"the feed cannot be parsed: {type(error).__name__}: {error}") from error


def _without_declarations(body: bytes) -> bytes:
    """The same without declarations of entities, which feedparser lets through when they stand
    on one line. The parser stumbles over what is left, and goes on with its lenient half."""
    for encoding in ("ascii", "utf-16-le", "utf-16-be"):
        body = body.replace("<!ENTITY".encode(encoding), "<!IGNORE".encode(encoding))
    return body


def _with_sound_references(body: bytes) -> bytes:
    """The same with references that name a character: halves of an emoji, as JavaScript counts
    (`&#55357;&#56832;`), are put together; what names no character at all is left out. One such
    reference would cost us the whole feed."""
    paired = _SURROGATES.sub(_joined, body)
    return _REFERENCE.sub(lambda match: match[0] if _is_character(_code(match[1])) else b"", paired)


def _joined(match: re.Match[bytes]) -> bytes:
    high, low = _code(match[1]), _code(match[2])
    if not (0xD800 <= high < 0xDC00 <= low < 0xE000):
        return match[0]
    return b"&#%d;" % (0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _code(number: bytes) -> int:
    return int(number[1:], 16) if number[:1] in b"xX" else int(number)


def _is_character(code: int) -> bool:
    return code <= sys.maxunicode and not 0xD800 <= code < 0xE000


def _xml_feed_entry(item: Any, url: str, language: str | None, now: datetime) -> Entry | None:
    detail = item.get("title_detail") or {}
    link = _feed_link(item, url)
    if not link:
        return None
    published, precision = _published(
        # dict.get: feedparser's own would answer "published" for "updated", with a warning
        (dict.get(item, key) for key in ("published", "updated", "created")),
        now,
    )
    return Entry(
        url=link,
        title=_text_of(detail, item.get("title"), MAX_TITLE),
        guid=plain_text(item.get("id"), MAX_TITLE, markup=False) or None,
        through=_through(item, url, link),
        summary=_summary(item),
        author=_author(item),
        published=published,
        published_precision=precision,
        comments=count(item.get("slash_comments") or item.get("thr_total")),
        language=_language(detail.get("language")) or _language(item.get("language")) or language,
    )


def _through(item: Any, feed_url: str, link: str) -> str | None:
    """The link that a service put in place of the entry's own. Of other sites anybody could claim
    that their addresses lead to him."""
    given = absolute(feed_url, _own_link(item))
    if not given or given == link:
        return None
    is_own = urlsplit(given).hostname == urlsplit(feed_url).hostname
    return given if is_own or is_behind_number(given) else None


def _feed_link(item: Any, base: str) -> str | None:
    """The entry's own address: the original one where a service wraps it, else the link, else
    an id that is an address."""
    for given in (item.get("feedburner_origlink"), _own_link(item), item.get("id")):
        link = absolute(base, given) if given is not item.get("id") or _is_address(given) else None
        if link:
            return link
    return None


def _own_link(item: Any) -> str | None:
    """Its link; feedparser may take that of an attachment for it, when their addresses stand as
    text in Atom's links."""
    links: dict[str, list[str]] = {}
    for link in item.get("links") or ():
        links.setdefault(link.get("rel") or "", []).append(link.get("href") or "")
    given: str | None = item.get("link")
    pages = links.get("alternate", ())
    return pages[0] if pages and given in links.get("enclosure", ()) else given


def _is_address(given: str | None) -> bool:
    return bool(given) and str(given).lower().startswith(("http://", "https://"))


def _text_of(detail: Any, text: str | None, limit: int) -> str:
    return plain_text(text, limit, markup=detail.get("type") != "text/plain")


def _summary(item: Any) -> str:
    summary = _text_of(item.get("summary_detail") or {}, item.get("summary"), MAX_SUMMARY)
    for content in item.get("content") or ():
        summary = summary or _text_of(content, content.get("value"), MAX_SUMMARY)
    return summary


def _author(item: Any) -> str | None:
    detail = item.get("author_detail") or {}
    return plain_text(detail.get("name") or item.get("author"), MAX_AUTHOR) or None


# JSON Feed


def is_json(body: bytes) -> bool:
    """Whether it can only be a JSON Feed: no XML begins so."""
    return body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"


def json_feed(body: bytes) -> dict[str, Any]:
    """The JSON Feed as it was sent, with a list of items; FeedError when it is none."""
    try:
        feed: dict[str, Any] = json.loads(_bounded(body))
    except (ValueError, RecursionError) as error:
        raise FeedError(f"the JSON cannot be read: {error}") from error
    items = feed.get("items")
    if "jsonfeed.org/version/" not in str(feed.get("version")) or not isinstance(items, list):
        raise FeedError("JSON, but no JSON Feed: it has no version or no items")
    return feed


def _json_feed_entries(body: bytes, url: str, now: datetime) -> Iterator[Entry]:
    feed = json_feed(body)
    language = _language(feed.get("language"))
    for item in feed["items"]:
        entry = _json_feed_entry(item, url, language, now) if isinstance(item, dict) else None
        if entry:
            yield entry


def _json_feed_entry(
    item: dict[str, Any], url: str, language: str | None, now: datetime
) -> Entry | None:
    guid = _string(item.get("id"))
    given = (item.get("url"), item.get("external_url"), guid if _is_address(guid) else None)
    link = next((link for link in (absolute(url, _string(g)) for g in given) if link), None)
    if not link:
        return None
    published, precision = _published([_string(item.get("date_published"))], now)
    return Entry(
        url=link,
        title=plain_text(_string(item.get("title")), MAX_TITLE, markup=False),
        guid=plain_text(guid, MAX_TITLE, markup=False) or None,
        summary=_json_summary(item),
        author=_json_author(item),
        published=published,
        published_precision=precision,
        comments=_json_comments(item),
        language=_language(item.get("language")) or language,
    )


def _json_summary(item: dict[str, Any]) -> str:
    for key in ("summary", "content_text"):
        text = plain_text(_string(item.get(key)), MAX_SUMMARY, markup=False)
        if text:
            return text
    return plain_text(_string(item.get("content_html")), MAX_SUMMARY)


def _json_author(item: dict[str, Any]) -> str | None:
    authors = item.get("authors") or [item.get("author")]
    if not isinstance(authors, list):
        return None
    names = [_string(author.get("name")) for author in authors if isinstance(author, dict)]
    return plain_text(", ".join(name for name in names if name), MAX_AUTHOR) or None


def _json_comments(item: dict[str, Any]) -> int | None:
    """JSON Feed has no number of comments; extensions (keys that begin with _) may."""
    for key, value in item.items():
        if key.startswith("_") and isinstance(value, dict):
            for name in ("comment_count", "comments_count", "total_comments", "comments"):
                told = count(value.get(name))
                if told is not None:
                    return told
    return None


# Google News sitemaps


def _sitemap_entries(body: bytes, url: str, now: datetime) -> Iterator[Entry]:
    root = _xml(body)
    name = _local_name(root)
    if name == "sitemapindex":
        return
    if name != "urlset":
        raise FeedError(f"not a sitemap: the document is <{name}>")
    for child in root:
        news = _child(child, "news")
        link = absolute(url, _child_text(child, "loc"))
        # Without news:news it is a list of all pages a site ever had, not of news.
        if news is not None and link:
            yield _sitemap_entry(news, link, now)


def _sitemap_entry(news: Any, link: str, now: datetime) -> Entry:
    published, precision = _published([_child_text(news, "publication_date")], now)
    publication = _child(news, "publication")
    language = "" if publication is None else _child_text(publication, "language")
    return Entry(
        url=link,
        title=plain_text(_child_text(news, "title"), MAX_TITLE, markup=False),
        published=published,
        published_precision=precision,
        language=_language(language),
    )


# Listing pages


def _section_entries(
    body: bytes, url: str, links: str | None, content_type: str | None
) -> Iterator[Entry]:
    selector = _selector(links)
    text = decode(body, http_content_type_encoding(content_type))
    try:
        document = html.document_fromstring(text.encode(), parser=_HTML)
    except (etree.LxmlError, ValueError) as error:
        raise FeedError("the page is empty or no HTML") from error
    base = absolute(url, str(document.xpath("string(//base/@href)"))) or url
    found = False
    for anchor in _anchors(selector(document)):
        link = absolute(base, anchor.get("href"))
        if link and same_site(link, url):  # advertisements and partners are not this source's
            found = True
            yield Entry(url=link, title=_anchor_title(anchor))
    if not found:
        raise FeedError(f"no link matches {links!r}: the page has changed, or needs a browser")


def links_in(markup: str, url: str, links: str) -> Iterator[str]:
    """The addresses that a CSS selector finds in the markup of an entry."""
    try:
        root = html.fragment_fromstring(printable(markup[:MAX_MARKUP]), create_parent="div")
    except (etree.LxmlError, ValueError, AssertionError):
        return
    for anchor in _anchors(_selector(links)(root)):
        link = absolute(url, anchor.get("href"))
        if link:
            yield link


def _selector(links: str | None) -> Callable[[Any], Any]:
    if not links:
        raise FeedError("a section needs links, the CSS selector of its links")
    try:
        selector: Callable[[Any], Any] = CSSSelector(links, translator="html")
        return selector
    except Exception as error:  # cssselect raises its own errors, some of them SyntaxErrors
        raise FeedError(f"{links!r} is no CSS selector: {error}") from error


def _anchors(elements: Iterable[Any]) -> Iterator[Any]:
    """The links among the elements, or inside them where the selector finds a box around."""
    for element in elements:
        if element.tag == "a":
            yield element
        else:
            yield from element.iter("a")


def _anchor_title(anchor: Any) -> str:
    given = (
        anchor.text_content(),
        anchor.get("aria-label"),
        anchor.get("title"),
        anchor.xpath("string(.//img/@alt)"),
    )
    titles = (plain_text(text, MAX_TITLE, markup=False) for text in given)
    return next((title for title in titles if title), "")


# What all of them need

_HTML = html.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)


def _bounded(body: bytes) -> bytes:
    if not body.strip():
        raise FeedError("the answer is empty")
    if len(body) > MAX_BYTES:
        raise FeedError(f"larger than {MAX_BYTES // 1_000_000} MB")
    return body


def _unpacked(body: bytes) -> bytes:
    """A sitemap.xml.gz is sent as a file, not as an encoding: unpack it, to a bound."""
    packed, body = (body, b"") if body[:2] == _PACKED else (b"", body)
    while packed[:2] == _PACKED and len(body) < MAX_SITEMAP_BYTES:  # it may be of several parts
        unpacker = zlib.decompressobj(wbits=31)
        try:
            body += unpacker.decompress(packed, MAX_SITEMAP_BYTES - len(body))
        except zlib.error as error:
            raise FeedError(f"the packed sitemap is damaged: {error}") from error
        packed = unpacker.unused_data
    if len(body) >= MAX_SITEMAP_BYTES:
        raise FeedError(f"larger than {MAX_SITEMAP_BYTES // 1_000_000} MB")
    if not body.strip():
        raise FeedError("the answer is empty")
    return body


def _xml(body: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True
    )
    try:
        root = etree.fromstring(body.lstrip(), parser)
    except (etree.LxmlError, ValueError) as error:
        raise FeedError(f"the XML cannot be read: {error}") from error
    if root is None:
        raise FeedError(_not_a_feed(body))
    return root


def _local_name(element: Any) -> str:
    # By hand: QName refuses names that a lenient parser lets through, such as <http:>.
    name = _told(element, "tag")
    return name.rpartition("}")[2] if isinstance(name, str) else ""


def _child(element: Any, name: str) -> Any:
    """The child of that name, whatever namespace it claims: many are misspelt."""
    return next((child for child in element if _local_name(child) == name), None)


def _child_text(element: Any, name: str) -> str:
    child = _child(element, name)
    return "" if child is None else (_told(child, "text") or "").strip()


def _told(element: Any, what: str) -> Any:
    """The tag or the text of an element. A lenient parser lets halves of characters through."""
    try:
        return getattr(element, what)
    except UnicodeDecodeError:
        return None


def absolute(base: str, given: str | None) -> str | None:
    """The absolute http(s) address, out of its wrapper, or None; spelt as the publisher does, but
    for a scheme in capitals, and without tracking and fragment where it is too long to be asked
    for."""
    if not given or not given.strip():
        return None
    try:
        link = unwrapped(urljoin(base, "".join(printable(given).split())))
        canonical = canonical_url(link)
    except ValueError:
        return None
    if len(link) > MAX_LENGTH:
        return canonical
    scheme, colon, rest = link.partition(":")
    return scheme.lower() + colon + rest


def _without_tags(text: str) -> str:
    try:
        shown = _FRAME.sub("", printable(text))
        root = html.fragment_fromstring(shown, create_parent="div")
    except (etree.LxmlError, ValueError, AssertionError):
        return re.sub(r"<[^>]*>", " ", text)
    etree.strip_elements(root, *_NO_TEXT, etree.Comment, with_tail=False)
    for block in root.iter(*_BLOCKS):
        block.tail = " " + printable(block.tail or "")  # a reference may name any character
    return str(root.text_content())


def _published(claims: Iterable[str | None], now: datetime) -> tuple[datetime | None, Precision]:
    moments = (read_moment(claim) for claim in claims if claim)
    settled = settle((moment for moment in moments if moment), now)
    return (settled.when, settled.precision) if settled else (None, "guessed")


def _language(text: Any) -> str | None:
    tag = str(text or "").strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else None


def count(value: Any) -> int | None:
    """A number of things that a feed gives as text; None when it is none, or beyond belief."""
    try:
        number = int(str(value).strip())
    except ValueError:
        return None
    return number if 0 <= number < 10_000_000 else None


def _string(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value)


def _not_a_feed(body: bytes) -> str:
    start = body.lstrip()[:300].lower()
    if not start:
        return "the answer is empty"
    if b"<html" in start or b"<!doctype html" in start:
        return "a web page, not a feed: the feed may have moved"
    return "neither RSS, Atom nor JSON Feed"
