"""Which sources and feeds there are: TOML or OPML comes in, checked Sources go out, and back.

It never fetches anything, and it never repairs a mistake silently: it names file, source, remedy.
"""

from __future__ import annotations

import json
import re
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

from lxml import etree

from crawlers.urls import canonical_url
from storage.errors import WRONG_CALL, NewsfoldError
from storage.models import Feed, FeedKind, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

KINDS: tuple[str, ...] = get_args(FeedKind)
WITH_LINKS = ("section", "discussion")  # kinds that may have a selector of links
_SOURCE_KEYS = ("id", "name", "home", "language", "owner", "feeds")
_FEED_KEYS = ("url", "kind", "links")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # no XML can hold it
_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")


def load_sources(path: Path | None = None) -> list[Source]:
    """The sources of a TOML file, in its order; without a path, those that newsfold starts with.

    Raises NewsfoldError that names the file, the source and the remedy.
    """
    if path is None:
        shipped = resources.files("crawlers") / "sources.toml"
        return parse_sources(shipped.read_text("utf-8"), "crawlers/sources.toml")
    return parse_sources(_read(path).decode("utf-8", "replace"), str(path))


def parse_sources(text: str, name: str) -> list[Source]:
    """The sources of TOML text; `name` is what errors call it."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _wrong(name, f"is no TOML: {error}") from error
    listed = data.get("source")
    unknown = sorted(set(data) - {"source"})
    if unknown or not isinstance(listed, list) or not listed:
        what = f"unknown key {unknown[0]!r}" if unknown else "no sources"
        raise _wrong(name, f"{what}; write each source as a [[source]] table")
    sources = [_source(given, name, number) for number, given in enumerate(listed, 1)]
    _refuse_twins(sources, name)
    return sources


def source_of_feed(feed: dict[str, str], source: dict[str, str]) -> Source:
    """The source of a single feed, checked like one of a list; what `source` leaves out is taken
    from the feed's address. Raises NewsfoldError."""
    url = feed["url"]
    _check_address(url, "the new source", "its feed")
    home = source.get("home") or _front_page(url)
    name = source.get("name") or (urlsplit(url).hostname or "").removeprefix("www.")
    given: dict[str, Any] = {
        "id": _id_from(home),
        "name": name,
        "language": "en",
        "owner": name,
        **source,
        "home": home,
        "feeds": [feed],
    }
    return _source(given, "the new source", 1)


def dump_sources(sources: Iterable[Source]) -> str:
    """The TOML text that load_sources reads back."""
    return "\n".join(_source_toml(source) for source in sources)


def load_opml(path: Path) -> list[Source]:
    """The sources of an OPML subscription list, made by newsfold or any feed reader.

    A list of another program knows no sources: each site becomes one, named after its host.
    """
    name = str(path)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(_read(path), parser)
    except (etree.LxmlError, ValueError) as error:
        raise _wrong(name, f"is no OPML: {error}") from error
    given: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()  # readers list a feed once in each of its folders
    for outline in root.iter("{*}outline"):
        attributes = {str(key).lower(): str(value) for key, value in outline.items()}
        url = _without_feed_scheme(attributes.get("xmlurl", ""))
        if url and url not in seen:
            seen.add(url)
            _add_outline(given, url, attributes)
    if not given:
        raise _wrong(name, "lists no feeds; an OPML list has outlines with an xmlUrl")
    sources = [_source(each, name, number) for number, each in enumerate(given.values(), 1)]
    _refuse_twins(sources, name)
    return sources


def dump_opml(sources: Iterable[Source], title: str = "newsfold sources") -> str:
    """An OPML list that other feed readers can import, and newsfold without loss."""
    root = etree.Element("opml", version="2.0")
    etree.SubElement(etree.SubElement(root, "head"), "title").text = title
    body = etree.SubElement(root, "body")
    for source in sources:
        for feed in source.feeds:
            etree.SubElement(body, "outline", _outline(source, feed))
    text: bytes = etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)
    return text.decode("utf-8")


# Checks


def _source(given: Any, name: str, number: int) -> Source:
    if not isinstance(given, dict):
        raise _wrong(name, f"source {number} is no table; write it as [[source]]")
    where = f"source {given.get('id', number)!r}"
    _check_keys(given, _SOURCE_KEYS, name, where)
    for key in _SOURCE_KEYS[:-1]:
        if not isinstance(given.get(key), str) or not given[key].strip():
            raise _wrong(name, f'{where} lacks {key}; add: {key} = "…"')
    if not _KEBAB.fullmatch(given["id"]):
        raise _wrong(name, f"{where}: write the id in small letters, digits and hyphens")
    if not LANGUAGE.fullmatch(given["language"]):
        raise _wrong(name, f"{where}: language is a tag such as en or pt-BR")
    _check_address(given["home"], name, f"{where}: home")
    feeds = given.get("feeds")
    if not isinstance(feeds, list) or not feeds:
        raise _wrong(name, f'{where} has no feeds; add: feeds = [{{ url = "https://…" }}]')
    return Source(
        **{key: given[key].strip() for key in _SOURCE_KEYS[:-1]},
        feeds=tuple(_feed(feed, given["id"], name, where) for feed in feeds),
    )


def _feed(given: Any, source_id: str, name: str, where: str) -> Feed:
    if not isinstance(given, dict):
        raise _wrong(name, f'{where}: a feed is written as {{ url = "https://…" }}')
    _check_keys(given, _FEED_KEYS, name, where)
    if not all(isinstance(value, str) for value in given.values()):
        raise _wrong(name, f"{where}: url, kind and links of a feed are text; put it in quotes")
    url, kind, links = given.get("url", ""), given.get("kind", "feed"), given.get("links")
    _check_address(url, name, f"{where}: the feed's url")
    if kind not in KINDS:
        raise _wrong(name, f"{where}: kind {kind!r} of {url}; choose one of {', '.join(KINDS)}")
    if kind == "section" and not links:
        raise _wrong(name, f'{where}: the section {url} needs links = "a CSS selector"')
    if kind not in WITH_LINKS and links:
        raise _wrong(name, f'{where}: links of {url} needs kind = "section"; else remove it')
    return Feed(url=url, source_id=source_id, kind=kind, links=links)


def _check_keys(given: dict[str, Any], known: tuple[str, ...], name: str, where: str) -> None:
    for key in given:
        if key not in known:
            raise _wrong(name, f"{where}: unknown key {key!r}; known are {', '.join(known)}")


def _check_address(url: str, name: str, what: str) -> None:
    if not _is_address(url):
        raise _wrong(name, f"{what} is {url!r}; write a whole http(s) address")


def _is_address(url: str) -> bool:
    try:
        canonical_url(url)
    except ValueError:
        return False
    return True


def _refuse_twins(sources: list[Source], name: str) -> None:
    ids: set[str] = set()
    urls: dict[str, str] = {}
    for source in sources:
        if source.id in ids:
            raise _wrong(name, f"two sources have the id {source.id!r}; rename or remove one")
        ids.add(source.id)
        for feed in source.feeds:
            if feed.url in urls:
                both = f"{urls[feed.url]!r} and {source.id!r}"
                raise _wrong(name, f"{feed.url} is a feed of {both}; remove one of them")
            urls[feed.url] = source.id


def _wrong(name: str, what: str) -> NewsfoldError:
    return NewsfoldError(f"{name}: {what}", WRONG_CALL)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _wrong(str(path), f"cannot be read: {error.strerror}; check the path") from error


# TOML out


def _source_toml(source: Source) -> str:
    lines = ["[[source]]"]
    lines += [f"{key} = {_quoted(getattr(source, key))}" for key in _SOURCE_KEYS[:-1]]
    lines += ["feeds = [", *(f"  {_feed_toml(feed)}," for feed in source.feeds), "]", ""]
    return "\n".join(lines)


def _feed_toml(feed: Feed) -> str:
    fields = [f"url = {_quoted(feed.url)}"]
    if feed.kind != "feed":
        fields.append(f"kind = {_quoted(feed.kind)}")
    if feed.links:
        fields.append(f"links = {_quoted(feed.links)}")
    return "{ " + ", ".join(fields) + " }"


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


# OPML


def _outline(source: Source, feed: Feed) -> dict[str, str]:
    attributes = {
        "type": "rss",
        "text": source.name,
        "title": source.name,
        "xmlUrl": feed.url,
        "htmlUrl": source.home,
        "language": source.language,
        "owner": source.owner,
        "sourceId": source.id,
        "kind": feed.kind,
    }
    attributes |= {"links": feed.links} if feed.links else {}
    return {key: _NOT_XML.sub("", value) for key, value in attributes.items()}


def _without_feed_scheme(url: str) -> str:
    """feed://a.example/x and feed:https://a.example/x are how some readers write addresses."""
    url = url.strip()
    if url.startswith("feed://"):
        return "http://" + url.removeprefix("feed://")
    return url.removeprefix("feed:")


def _add_outline(given: dict[str, dict[str, Any]], url: str, outline: dict[str, str]) -> None:
    """Add the feed of an outline; names of attributes are in small letters."""
    home = outline.get("htmlurl", "").strip()
    home = home if _is_address(home) else _front_page(url)
    source_id = outline.get("sourceid") or _id_from(home)
    language = outline.get("language") or ""
    title = outline.get("title") or outline.get("text") or source_id
    source = given.setdefault(
        source_id,
        {
            "id": source_id,
            "name": title,
            "home": home,
            "language": language if LANGUAGE.fullmatch(language) else "en",
            "owner": outline.get("owner") or title,
            "feeds": [],
        },
    )
    feed = {"url": url, "kind": outline.get("kind") or "feed"}
    if outline.get("links"):
        feed["links"] = outline["links"]
    source["feeds"].append(feed)


def _front_page(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/"


def _id_from(home: str) -> str:
    host = (urlsplit(home).hostname or "source").removeprefix("www.")
    return "-".join(_words(host)) or "source"


def _words(text: str) -> Iterator[str]:
    return (match.group() for match in re.finditer(r"[a-z0-9]+", text.lower()))
