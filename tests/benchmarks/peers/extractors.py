"""Libraries that read pages, each alone, beside newsfold (tests/benchmarks/extraction.py).

A page as the set keeps it and the address that it was asked for come in, a Story goes out. Each
library is called as its documentation says, with nothing of ours but the decoding of the page where
it asks for characters. `FIELDS` of a reader are those that the library answers; others are not
held against it. A page on which it raises has no answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crawlers.characters import decode
from storage.models import Story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Read = Callable[[str, bytes], Story]

TEXT = frozenset({"text"})
DATES = frozenset({"day", "minute"})
ADDRESS = frozenset({"address", "twin", "bare"})
ONCE = TEXT | DATES | {"title", "author", "address"}  # a slow library reads each page once
ALL = ONCE | ADDRESS
LANG = re.compile(rb"<html[^>]{0,500}?\slang=[\"']?([a-z]{2})", re.IGNORECASE)
STOP_WORDS = {
    "de": "German", "fr": "French", "es": "Spanish", "pt": "Portuguese", "it": "Italian",
    "nl": "Dutch", "ru": "Russian", "pl": "Polish", "sv": "Swedish", "da": "Danish",
    "no": "Norwegian_Bokmal", "nb": "Norwegian_Bokmal", "tr": "Turkish", "fi": "Finnish",
    "cs": "Czech", "uk": "Ukrainian", "el": "Greek", "ro": "Romanian", "hu": "Hungarian",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reader:
    """One way to read a page, and the fields that it answers."""

    read: Read
    fields: frozenset[str] = ALL
    module: str = "trafilatura"  # that must be there


def _trafilatura(url: str, html: bytes, **how: bool) -> Story:
    import trafilatura

    found: Any = trafilatura.bare_extraction(html, url=url, with_metadata=True, **how)
    if found is None:
        return Story(url=url)
    return _told(
        url, found.url, found.title, found.text, (found.author or "").split("; "), found.date
    )


def _newspaper(url: str, html: bytes) -> Story:
    import newspaper

    found = newspaper.Article(url, fetch_images=False)
    found.download(input_html=decode(html, None))
    found.parse()
    return _told(
        url, found.canonical_link, found.title, found.text, found.authors, found.publish_date
    )


def _goose(url: str, html: bytes) -> Story:
    import goose3

    reader = goose3.Goose({"enable_image_fetching": False, "strict": False})
    found = reader.extract(raw_html=decode(html, None))
    when = found.publish_datetime_utc
    return _told(url, found.canonical_link, found.title, found.cleaned_text, found.authors, when)


def _readability(url: str, html: bytes) -> Story:
    import readability
    from lxml import html as lxml_html

    found = readability.Document(html)
    text = lxml_html.fromstring(found.summary()).text_content()
    return _told(url, None, found.short_title(), text)


def _resiliparse(url: str, html: bytes) -> Story:
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    tree = HTMLTree.parse(decode(html, None))
    text = extract_plain_text(tree, main_content=True, alt_texts=False, list_bullets=False)
    return _told(url, None, tree.title, text)


def _justext(url: str, html: bytes) -> Story:
    import justext

    match = LANG.search(html)
    language = STOP_WORDS.get(match[1].decode().lower() if match else "en", "English")
    blocks = justext.justext(decode(html, None), justext.get_stoplist(language))
    return _told(url, None, None, "\n".join(b.text for b in blocks if not b.is_boilerplate))


def _boilerpy(url: str, html: bytes) -> Story:
    from boilerpy3.extractors import ArticleExtractor

    found = ArticleExtractor(raise_on_failure=False).get_doc(decode(html, None))
    return _told(url, None, found.title, found.content)


def _news_please(url: str, html: bytes) -> Story:
    from newsplease import NewsPlease

    found: Any = NewsPlease.from_html(decode(html, None), url=url, fetch_images=False)
    return _told(url, None, found.title, found.maintext, found.authors, found.date_publish)


def _turbohtml(url: str, html: bytes) -> Story:
    import turbohtml

    found = turbohtml.parse(decode(html, None)).article()
    names = [found.byline] if found.byline else []
    return _told(url, found.canonical, found.title, found.text, names, found.date)


def _extruct(url: str, html: bytes) -> Story:
    """What extruct reads, the article's JSON-LD before microdata before OpenGraph."""
    import extruct

    found = extruct.extract(
        decode(html, None),
        base_url=url,
        uniform=True,
        syntaxes=["json-ld", "microdata", "opengraph"],
    )
    nodes = [node for kind in ("json-ld", "microdata") for node in _within(found[kind])]
    article: dict[str, Any] = next((node for node in nodes if "headline" in node), {})
    graph: dict[str, Any] = next(iter(found["opengraph"]), {})
    return _told(
        url,
        graph.get("og:url") or _first(article.get("url")),
        _first(article.get("headline")) or graph.get("og:title"),
        None,
        _names(article.get("author")),
        _first(article.get("datePublished")) or graph.get("article:published_time"),
    )


def _within(value: Any) -> Iterable[dict[str, Any]]:
    if isinstance(value, list):
        for part in value:
            yield from _within(part)
    elif isinstance(value, dict):
        yield value
        yield from _within(value.get("@graph"))


def _first(value: Any) -> str | None:
    value = value[0] if isinstance(value, list) and value else value
    return value if isinstance(value, str) else None


def _names(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    named = (each.get("name") if isinstance(each, dict) else each for each in values)
    return [name for name in named if isinstance(name, str)]


def _htmldate(url: str, html: bytes) -> Story:
    import htmldate

    return _told(url, None, None, None, (), htmldate.find_date(html, original_date=True, url=url))


def _metadata_parser(url: str, html: bytes) -> Story:
    from metadata_parser import MetadataParser

    page = MetadataParser(url=url, html=decode(html, None), search_head_only=False)
    claimed = page.get_discrete_url()

    def told(name: str) -> str | None:
        values = page.parsed_result.get_metadatas(name) or {}
        return next((values[kind][0] for kind in ("og", "meta", "page") if values.get(kind)), None)

    return _told(
        url, claimed, told("title"), None, filter(None, [told("author")]),
        told("article:published_time"),
    )  # fmt: skip


def _courlan(url: str, _: bytes) -> Story:
    import courlan

    return Story(url=courlan.clean_url(url) or url)


def _ural(url: str, _: bytes) -> Story:
    import ural

    return Story(url=ural.normalize_url(url, strip_protocol=False, strip_trailing_slash=False))


def _w3lib(url: str, _: bytes) -> Story:
    from w3lib.url import canonicalize_url

    return Story(url=canonicalize_url(url))


def _told(
    asked: str,
    url: str | None = None,
    title: str | None = None,
    text: str | None = None,
    authors: Iterable[str] = (),
    when: datetime | str | None = None,
) -> Story:
    published, is_minute = _moment(when)
    is_address = bool(url) and urlsplit(str(url)).scheme in ("http", "https")
    return Story(
        url=str(url) if is_address else asked,
        title=title or "",
        text=text or "",
        authors=tuple(name for name in authors if name and isinstance(name, str)),
        published=published,
        published_precision="minute" if is_minute else "day",
    )


def _moment(when: datetime | str | None) -> tuple[datetime | None, bool]:
    """A library's answer: a time to the minute where it has a zone, else the day that it names."""
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when.strip())
        except ValueError:
            return None, False
    if when is None:
        return None, False
    if when.tzinfo and (when.hour, when.minute) != (0, 0):
        return when, True
    return when.replace(tzinfo=UTC), False


READERS: dict[str, Reader] = {
    "trafilatura": Reader(_trafilatura),
    "trafilatura, fast": Reader(partial(_trafilatura, fast=True), ONCE - ADDRESS),
    "trafilatura, precision": Reader(partial(_trafilatura, favor_precision=True), ONCE - ADDRESS),
    "trafilatura, recall": Reader(partial(_trafilatura, favor_recall=True), ONCE - ADDRESS),
    "newspaper4k": Reader(_newspaper, ONCE, "newspaper"),
    "goose3": Reader(_goose, ONCE, "goose3"),
    "readability-lxml": Reader(_readability, TEXT | {"title"}, "readability"),
    "resiliparse": Reader(_resiliparse, TEXT | {"title"}, "resiliparse"),
    "jusText": Reader(_justext, TEXT, "justext"),
    "boilerpy3": Reader(_boilerpy, TEXT | {"title"}, "boilerpy3"),
    "news-please": Reader(_news_please, ONCE - ADDRESS, "newsplease"),
    "turbohtml": Reader(_turbohtml, ALL, "turbohtml"),
    "extruct": Reader(_extruct, ALL - TEXT, "extruct"),
    "htmldate": Reader(_htmldate, DATES, "htmldate"),
    "metadata_parser": Reader(_metadata_parser, ONCE - TEXT, "metadata_parser"),
    "courlan": Reader(_courlan, ADDRESS, "courlan"),
    "ural": Reader(_ural, ADDRESS, "ural"),
    "w3lib": Reader(_w3lib, ADDRESS, "w3lib"),
}
