"""How a feed asks to be polled: its body and headers come in, Hints go out.

ttl, skipHours and skipDays (RSS), sy:updatePeriod (RSS 1.0 and whoever borrows it), and WebSub
hubs (Link headers, atom:link, JSON Feed). It never fetches anything, and never fails: what cannot
be read asks for nothing.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from lxml import etree

from storage.models import Hints

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Links = dict[str, str]  # relation -> the first address of that relation

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
PERIODS = {  # of sy:updatePeriod, in minutes
    "hourly": 60,
    "daily": 24 * 60,
    "weekly": 7 * 24 * 60,
    "monthly": 30 * 24 * 60,
    "yearly": 365 * 24 * 60,
}
MAX_ADDRESS = 1000  # characters
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL = re.compile(r""";\s*rel\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s;,"']+))""", re.IGNORECASE)


def read_hints(body: bytes, headers: Mapping[str, str], url: str) -> Hints:
    """The hints of a feed that was fetched from `url`; header names are in small letters."""
    links = _header_links(headers.get("link", ""))
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        return _with_hub(Hints(), _json_links(body) | links, url)
    channel = _channel(body)
    if channel is None:
        return _with_hub(Hints(), links, url)
    told = {name: element for name, element in _named(channel) if name != "link"}
    hints = Hints(
        every=max(_ttl(told), _period(told)) or None,
        skip_hours=frozenset(_hours(told.get("skiphours"))),
        skip_days=frozenset(_days(told.get("skipdays"))),
    )
    return _with_hub(hints, _atom_links(channel) | links, url)


def _with_hub(hints: Hints, links: Links, url: str) -> Hints:
    """Where there is a hub, note it, and what to subscribe to: the feed's name for itself."""
    hub = _address(url, links.get("hub"))
    if hub is None:
        return hints
    topic = _address(url, links.get("self")) or url
    return Hints(hints.every, hints.skip_hours, hints.skip_days, hub, topic)


def _address(base: str, link: str | None) -> str | None:
    try:
        address = urljoin(base, (link or "").strip()) if link else ""
    except ValueError:
        return None
    if not address.startswith(("http://", "https://")) or len(address) > MAX_ADDRESS:
        return None
    return address if address.isprintable() else None


def _header_links(header: str) -> Links:
    found = ((match[1], _REL.search(match[2])) for match in _LINK.finditer(header[:10_000]))
    return _first_of_each(("".join(rel.groups("")), link) for link, rel in found if rel)


def _json_links(body: bytes) -> Links:
    try:
        feed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    hubs = feed.get("hubs")
    first = hubs[0] if isinstance(hubs, list) and hubs and isinstance(hubs[0], dict) else {}
    given = {"hub": first.get("url"), "self": feed.get("feed_url")}
    return {rel: link for rel, link in given.items() if isinstance(link, str)}


def _atom_links(channel: Any) -> Links:
    return _first_of_each(
        (element.get("rel", ""), element.get("href", ""))
        for name, element in _named(channel)
        if name == "link"
    )


def _first_of_each(given: Iterable[tuple[str, str]]) -> Links:
    links: Links = {}
    for relations, link in given:
        for relation in relations.lower().split():
            links.setdefault(relation, link)
    return links


def _channel(body: bytes) -> Any:
    """The element that speaks for the feed: RSS's channel, or Atom's feed."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, recover=True
    )
    try:
        root = etree.fromstring(body.lstrip(), parser)
    except (etree.LxmlError, ValueError):
        return None
    if root is None or _name(root) == "feed":
        return root
    return next((child for name, child in _named(root) if name == "channel"), None)


def _named(element: Any) -> Iterator[tuple[str, Any]]:
    return ((_name(child), child) for child in element)


def _name(element: Any) -> str:
    """Without namespace or prefix, which ill-formed feeds do not declare; in small letters."""
    tag = element.tag if isinstance(element.tag, str) else ""  # comments have none
    return str(tag).rpartition("}")[2].rpartition(":")[2].lower()


def _ttl(told: dict[str, Any]) -> int:
    return _number(told.get("ttl")) or 0


def _period(told: dict[str, Any]) -> int:
    """Minutes between two updates; `updateFrequency` of them come in one `updatePeriod`."""
    period = PERIODS.get(_text(told.get("updateperiod")).lower(), 0)
    return period // max(1, _number(told.get("updatefrequency")) or 1)


def _hours(skip: Any) -> Iterator[int]:
    for _, element in _named(skip if skip is not None else ()):
        hour = _number(element)
        if hour is not None and hour <= 24:
            yield hour % 24  # RSS 0.91 counts to 24


def _days(skip: Any) -> Iterator[int]:
    for _, element in _named(skip if skip is not None else ()):
        day = _text(element).lower()
        if day in DAYS:
            yield DAYS.index(day)


def _number(element: Any) -> int | None:
    text = _text(element)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else None


def _text(element: Any) -> str:
    return (element.text or "").strip() if element is not None else ""
