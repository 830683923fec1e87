"""What is known of the layout of single sites: selectors.toml, read and put to use.

A page's tree comes in. Out goes a tree of its text alone, and one more voice on title, author and
date. Where a selector matches nothing the page is read as if nothing were known: layouts change.
"""

from __future__ import annotations

import tomllib
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from lxml import etree, html
from lxml.cssselect import CSSSelector

from crawlers.urls import site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawlers.json_ld import Voice

MIN_TEXT = 200  # characters; where less is found, the layout is another one by now
MAX_MATCHES = 200
MAX_VALUE = 1_000  # characters of one claim


@dataclass(frozen=True, slots=True)
class Layout:
    """The selectors of one site; None where nothing is known."""

    text: CSSSelector | None = None
    drop: CSSSelector | None = None
    title: CSSSelector | None = None
    author: CSSSelector | None = None
    date: CSSSelector | None = None


NO_LAYOUT = Layout()


def layout_of(url: str) -> Layout:
    """What is known of the pages of the site that an address belongs to."""
    known = _known().get(site(url))
    if known is None:
        return NO_LAYOUT
    return _compiled(tuple(sorted(known.items())))


def text_of(tree: Any, layout: Layout) -> Any:
    """A page that holds the text alone; None where the layout does not match."""
    if layout.text is None:
        return None
    found = list(_outermost(layout.text(tree)[:MAX_MATCHES]))
    page = html.Element("html")
    article = etree.SubElement(etree.SubElement(page, "body"), "article")
    has_lead = any(element.tag == "p" for element in found)
    for element in found:
        part = deepcopy(element)
        part.tag, part.tail = "p" if element.tag == "p" else "div", None
        if has_lead:  # by their names, trafilatura would take one part for the whole article
            part.attrib.clear()
        article.append(part)
    for element in layout.drop(article) if layout.drop else ():
        if element.getparent() is not None:
            element.drop_tree()
    return page if len("".join(article.itertext())) >= MIN_TEXT else None


def voice_of(tree: Any, layout: Layout) -> Voice:
    """What the marked places say."""
    return {
        "title": _values(tree, layout.title)[:1],
        "author": _values(tree, layout.author),
        "published": _values(tree, layout.date)[:1],
    }


def _values(tree: Any, selector: CSSSelector | None) -> tuple[str, ...]:
    found = selector(tree)[:MAX_MATCHES] if selector else ()
    values = (
        element.get("datetime") or element.get("content") or _text(element) for element in found
    )
    return tuple(dict.fromkeys(value[:MAX_VALUE] for value in values if value))


def _text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def _outermost(elements: list[Any]) -> Iterator[Any]:
    """Without those that stand within another one."""
    known = set(elements)
    return (each for each in elements if known.isdisjoint(each.iterancestors()))


@lru_cache(maxsize=1)
def _known() -> dict[str, dict[str, str]]:
    return tomllib.loads((resources.files("crawlers") / "selectors.toml").read_text("utf-8"))


@lru_cache(maxsize=64)
def _compiled(selectors: tuple[tuple[str, str], ...]) -> Layout:
    return Layout(**{name: CSSSelector(selector) for name, selector in selectors})
