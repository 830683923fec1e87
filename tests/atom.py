"""The rules of RFC 4287: a grammar (atom.rng), and what a grammar cannot say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from lxml import etree

ATOM = "{http://www.w3.org/2005/Atom}"
GRAMMAR = etree.RelaxNG(etree.parse(Path(__file__).with_name("atom.rng")))


def broken_rules(feed: str) -> list[str]:
    """What a feed does that the RFC forbids."""
    root = etree.fromstring(feed.encode())
    if not GRAMMAR.validate(root):
        return [str(error) for error in GRAMMAR.error_log]
    entries = root.findall(f"{ATOM}entry")
    said = [rule for entry in entries for rule in _of_entry(entry, root)]
    said += _of_links(root)
    ids = Counter((e.findtext(f"{ATOM}id"), e.findtext(f"{ATOM}updated")) for e in entries)
    said += [f"4.1.1: two entries with {each}" for each, count in ids.items() if count > 1]
    return said


def _of_entry(entry: etree._Element, root: etree._Element) -> list[str]:
    said = _of_links(entry)
    if entry.find(f"{ATOM}author") is None and root.find(f"{ATOM}author") is None:
        said.append("4.1.2: no author")
    alternate = [link for link in entry.findall(f"{ATOM}link") if _rel(link) == "alternate"]
    if entry.find(f"{ATOM}content") is None and not alternate:
        said.append("4.1.2: neither content nor an alternate link")
    return said


def _of_links(element: etree._Element) -> list[str]:
    kinds = Counter(
        (link.get("type"), link.get("hreflang"))
        for link in element.findall(f"{ATOM}link")
        if _rel(link) == "alternate"
    )
    return [f"4.1.2: two alternates {each}" for each, count in kinds.items() if count > 1]


def _rel(link: etree._Element) -> str:
    return link.get("rel") or "alternate"
