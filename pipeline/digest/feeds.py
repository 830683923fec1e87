"""A digest as a feed, so that any reader can subscribe: Atom (RFC 4287) and JSON Feed 1.1.

Comes in: a DigestView and what the feed says of itself. Goes out: one string. The id of an entry
is made of the id of its event alone, so it stays when the event is told anew; `updated` is when
newsfold last changed the event. What was stored is escaped in the HTML of an entry, and that HTML
once more in the XML.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args
from urllib.parse import quote, urlsplit, urlunsplit

from pipeline.text import language_tag, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Protocol

    from pipeline.digest.view import DigestView, EventView

    class Element(Protocol):
        """What is used of an element of lxml."""

        text: str | None


FeedForm = Literal["atom", "jsonfeed"]
FORMS: tuple[FeedForm, ...] = get_args(FeedForm)
ATOM = "http://www.w3.org/2005/Atom"
JSON_FEED = "https://jsonfeed.org/version/1.1"
MOST_ADDRESSES = 5_000  # that are remembered; a list names a story more than once
TAG = "newsfold,2026"  # who hands out the ids and since when (RFC 4151), unless newsfold.toml says
EVENT_PAGE = "events/{}.html"  # of the site, from its front page
_TAG = re.compile(r"[a-z0-9.-]+(?:@[a-z0-9.-]+)?,\d{4}(?:-\d\d(?:-\d\d)?)?")
_DECLARED = "<?xml version='1.0' encoding='utf-8'?>\n"
_SAFE = "%/:=&?~+!$,;'@*()"  # of a path, a query and a fragment: no brackets, no second #
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FeedHead:
    """What a feed says of itself."""

    title: str
    name: str = "digest"  # the part of its id that tells it from other feeds of the same site
    tag: str = TAG
    site: str = ""  # where the pages of events are, with a slash at the end
    own_url: str = ""  # where the feed will be found
    home: str = ""  # the page that it is the feed of
    templates: Path | None = None  # a folder whose templates come before ours

    def id_of(self, what: str) -> str:
        return f"tag:{self.tag}:{quote(what)}"


def is_tag(text: str) -> bool:
    """Whether ids can begin with it: a domain or mail address, a comma, a date."""
    return bool(_TAG.fullmatch(text))


def feed_of(view: DigestView, form: FeedForm, head: FeedHead) -> str:
    """The digest as a feed that ends with a line end."""
    entries = [entry for event in view.events for entry in entry_of(event, head, view.until, form)]
    updated = max((_changed(event, view.until) for event in view.events), default=view.until)
    return feed_with(entries, form, head, updated)


def entry_of(event: EventView, head: FeedHead, until: datetime, *forms: FeedForm) -> list[str]:
    """One event as it stands in feeds of these forms. Of a feed it shows but its tag and its site;
    `until` stands in for an event that does not say when it changed."""
    content = _content(event, head)
    made = {"atom": _entry, "jsonfeed": _item}
    return [made[form](event, content, head, until) for form in forms]


def feed_with(entries: Sequence[str], form: FeedForm, head: FeedHead, updated: datetime) -> str:
    """These entries as one feed; `updated` is when anything in it last changed."""
    return (_atom if form == "atom" else _json_feed)(entries, head, updated)


def _atom(entries: Sequence[str], head: FeedHead, updated: datetime) -> str:
    from lxml import etree

    feed = etree.Element(_name("feed"), nsmap={None: ATOM})
    _add(feed, "title", head.title)
    _add(feed, "id", head.id_of(head.name))
    _add(feed, "updated", _iso(updated))
    _add(_add(feed, "author"), "name", head.title)
    _add(feed, "generator", "newsfold")
    if head.own_url:
        _add(feed, "link", rel="self", type="application/atom+xml", href=iri(head.own_url))
    if head.home or head.site:
        _add(feed, "link", rel="alternate", type="text/html", href=iri(head.home or head.site))
    start, end, _ = _xml(feed).rpartition("</feed>")
    told = "".join(f"  {entry}\n" for entry in entries)
    return f"{_DECLARED}{start}{told}{end}\n"


def _entry(event: EventView, content: str, head: FeedHead, until: datetime) -> str:
    from lxml import etree

    entry = etree.Element(_name("entry"), nsmap={None: ATOM})
    _add(entry, "title", event.headline)
    _add(entry, "id", head.id_of(f"event/{event.event_id}"))
    _add(entry, "updated", _iso(_changed(event, until)))
    if event.first_published:
        _add(entry, "published", _iso(event.first_published))
    page = _page(event, head)
    if page:
        _add(entry, "link", rel="alternate", type="text/html", href=page)
    for url, title in {s.url: s.title for s in event.sources}.items():
        if iri(url) and iri(url) != page:
            _add(entry, "link", rel="related", type="text/html", href=iri(url), title=title)
    for name in _authors(event):
        _add(_add(entry, "author"), "name", name)
    _add(entry, "category", term=event.category)
    if event.tldr:
        _add(entry, "summary", event.tldr[0].text)
    _add(entry, "content", content, type="html", lang=event.language)
    return _xml(entry, level=1).replace(f' xmlns="{ATOM}"', "", 1)  # it stands inside the feed's


def _xml(element: Element, level: int = 0) -> str:
    from lxml import etree

    etree.indent(element, level=level)
    text: str = etree.tostring(element, encoding="unicode", with_tail=False)
    return text


def _json_feed(entries: Sequence[str], head: FeedHead, updated: datetime) -> str:
    body = {
        "version": JSON_FEED,
        "title": _clean(head.title),
        "home_page_url": iri(head.home or head.site),
        "feed_url": iri(head.own_url),
    }
    start = _json(_said(body)).removesuffix("\n}")
    items = ",".join(f"\n    {entry}" for entry in entries)
    end = "\n  " if entries else ""
    return f'{start},\n  "items": [{items}{end}]\n}}\n'


def _item(event: EventView, content: str, head: FeedHead, until: datetime) -> str:
    page = _page(event, head)
    item = {
        "id": head.id_of(f"event/{event.event_id}"),
        "url": page,
        "external_url": iri(event.url) if iri(event.url) != page else "",
        "title": _clean(event.headline),
        "content_html": content,
        "summary": _clean(event.tldr[0].text) if event.tldr else "",
        "date_published": _iso(event.first_published) if event.first_published else "",
        "date_modified": _iso(_changed(event, until)),
        "authors": [{"name": name} for name in _authors(event)],
        "tags": [_clean(event.category)],
        "language": language_tag(event.language),
    }
    return _json(_said(item)).replace("\n", "\n    ")  # no value has a line end of its own


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2)


def _said(body: Mapping[str, Any]) -> dict[str, Any]:
    """Without what says nothing; a list that is empty says something."""
    return {key: value for key, value in body.items() if value != ""}


def _page(event: EventView, head: FeedHead) -> str:
    """Our page of the event; without a site, the headline story."""
    return iri(head.site + EVENT_PAGE.format(event.event_id)) if head.site else iri(event.url)


def with_pages(view: DigestView, site: str) -> DigestView:
    """The same, each event with its page on the site at this address; without one, as it was."""
    if not site:
        return view
    events = (replace(e, page=site + EVENT_PAGE.format(e.event_id)) for e in view.events)
    return replace(view, events=tuple(events))


def _authors(event: EventView) -> list[str]:
    """The sources, each once, the first one first."""
    return list(dict.fromkeys(name for s in event.sources if (name := _clean(s.source).strip())))


def _changed(event: EventView, until: datetime) -> datetime:
    return event.updated or event.last_published or until


def _content(event: EventView, head: FeedHead) -> str:
    from pipeline.digest.render import feed_entry

    return _clean(feed_entry(event, head.templates)).strip()


def _add(parent: Element, name: str, text: str = "", lang: str = "", **attributes: str) -> Element:
    from lxml import etree

    element = etree.SubElement(parent, _name(name))
    for key, value in attributes.items():
        element.set(key, _clean(value))
    if language_tag(lang):
        element.set("{http://www.w3.org/XML/1998/namespace}lang", language_tag(lang))
    if text:
        element.text = _clean(text)
    found: Element = element
    return found


def _name(name: str) -> str:
    return f"{{{ATOM}}}{name}"


@lru_cache(MOST_ADDRESSES)
def iri(url: str) -> str:
    """An address as it may stand in a feed or a page, or nothing. What may not stand in its place
    is written by per cent; what is written so already stays."""
    from pipeline.digest.render import safe_url

    safe = _clean(safe_url(url))
    if not _is_address(safe):
        return ""
    parts = urlsplit(_LONE_PERCENT.sub("%25", safe))
    path, query, fragment = (
        quote(part, _SAFE) for part in (parts.path, parts.query, parts.fragment)
    )
    host = quote(parts.netloc, safe="%:@[]!$&'()*+,;=")
    return urlunsplit((parts.scheme, host, path, query, fragment))


def _is_address(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname) and not re.search(r"\s", url)
    except ValueError:
        return False


def _clean(text: str) -> str:
    """Without what XML cannot hold or what steers a terminal."""
    return text if text.isprintable() else _NOT_XML.sub("", visible(text))


def _iso(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
