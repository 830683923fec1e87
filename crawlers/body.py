"""The text of an article: a page's tree comes in, its blocks of text go out, and become sections.

trafilatura finds the text (docs/choices.md says why); this module only turns its small XML (head,
p, list, quote, table) into headings and plain paragraphs, and puts back what left_out.py knows.
It never looks at metadata, and leaves the tree as it was.
"""

from __future__ import annotations

import re
from copy import deepcopy
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from lxml import etree, html

from crawlers.characters import printable
from crawlers.left_out import every_block, with_left_out
from storage.models import Section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from crawlers.blocks import Block

MAX_TEXT = 1_000_000  # characters; the longest articles have a tenth of it
MAX_HEADING = 500
ENOUGH = 0.85  # of a text that is known to be one
# Elements, more than the richest of 784 real pages has. Of such a page trafilatura asks no second
# reader: JusText's time grows with the square of the paragraphs, a minute for 20 000 of them.
VAST = 6_000
MIN_CELL_PARAGRAPHS = 2  # of a table cell that holds an article, not only its headline

CONTAINERS = frozenset({"body", "list", "table", "div", "quote", "item", "del", "comments"})
BLOCKS = frozenset({"head", "p", "row", "code", *CONTAINERS})


def read_blocks(tree: Any, url: str) -> list[Block]:
    """The blocks of text of the article in a page, in their order."""
    import trafilatura  # .3 s to import: only processes that read pages pay for it

    page = _out_of_layout_table(tree)
    found: Any = trafilatura.bare_extraction(
        page, url=url, include_comments=False, config=_settings(), fast=_is_vast(page)
    )
    if found is None or found.body is None:
        return []
    return list(_bounded(with_left_out(tree, list(_bounded(_blocks(found.body))))))


def _is_vast(tree: Any) -> bool:
    return next(islice(tree.iter(), VAST, None), None) is not None


def read_marked(article: Any, url: str) -> list[Block]:
    """The same of a page that holds nothing but the text, as somebody who knows its layout cut it
    out. Where trafilatura leaves much of that away, all of it is taken as it stands."""
    blocks = read_blocks(article, url)
    whole = list(_bounded(every_block(article)))
    return blocks if _length(blocks) >= ENOUGH * _length(whole) else whole


def _length(blocks: Iterable[Block]) -> int:
    return sum(len(text) for _, text in blocks)


def to_sections(blocks: Iterable[Block]) -> tuple[Section, ...]:
    """Blocks by their headings; the first section often has none."""
    return tuple(_sections(blocks))


def _out_of_layout_table(tree: Any) -> Any:
    """The cell with the headline as a page of its own, where a table lays the whole page out (as
    in the nineties): trafilatura takes such a table for data, menus and all."""
    headlines = tree.xpath("//td//h1")
    if len(headlines) != 1:
        return tree
    cell = headlines[0].xpath("ancestor::td[1]")[0]
    if len(cell.findall(".//p")) < MIN_CELL_PARAGRAPHS:
        return tree
    page = html.Element("html")
    body = etree.SubElement(page, "body")
    article = deepcopy(cell)
    article.tag, article.tail = "article", None
    body.append(article)
    return page


@cache
def _settings() -> Any:
    from trafilatura.settings import use_config

    settings = use_config()
    # By default a text of less than 250 characters gives way to everything on the page, menus
    # too; on the labelled sets 150 is as good, and short news stay clean.
    settings.set("DEFAULT", "MIN_EXTRACTED_SIZE", "150")
    return settings


def plain_text(sections: Iterable[Section]) -> str:
    """All paragraphs and headings, blank lines between them."""
    parts = (part for section in sections for part in (section.heading, section.text))
    return "\n\n".join(part for part in parts if part)


def _blocks(element: Any) -> Iterator[Block]:
    """The blocks of text below an element, in order, and whether each is a heading."""
    if element.tag not in CONTAINERS or not _holds_blocks(element):
        yield element.tag == "head", _line(_inline(element))
        return
    loose = [element.text or ""]
    for child in element:
        if _is_block(child):
            yield False, _line("".join(loose))
            yield from _blocks(child)
            loose = [child.tail or ""]
        else:
            loose += [_inline(child), child.tail or ""]
    yield False, _line("".join(loose))


def _holds_blocks(element: Any) -> bool:
    return any(map(_is_block, element))


def _is_block(element: Any) -> bool:
    """Code is a block of its own, or a few words of an item."""
    if element.tag == "code" and element.getparent().tag == "item":
        return "\n" in "".join(element.itertext()).strip() or element.find(".//lb") is not None
    return element.tag in BLOCKS


def _inline(element: Any) -> str:
    """The text of one block: a line break stays one, the cells of a row stand apart."""
    parts: list[str] = [element.text or ""]
    for child in element:
        if child.tag == "lb":
            parts.append("\n")
        elif child.tag == "cell" or _is_block(child):
            parts.append(f" {_inline(child)} ")
        else:
            parts.append(_inline(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _line(text: str) -> str:
    lines = (" ".join(line.split()) for line in printable(text).splitlines())
    return normalize("NFC", "\n".join(line for line in lines if line))


def _bounded(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks that say something, until there are enough of them."""
    length = 0
    for is_heading, text in blocks:
        if not re.search(r"\w", text):
            continue
        yield is_heading and len(text) <= MAX_HEADING, text[: MAX_TEXT - length]
        length += len(text) + 2
        if length >= MAX_TEXT:
            return


def _sections(blocks: Iterable[Block]) -> Iterator[Section]:
    heading, paragraphs = "", []  # type: str, list[str]
    for is_heading, text in blocks:
        if not is_heading:
            paragraphs.append(text)
            continue
        if heading or paragraphs:
            yield Section(heading, "\n\n".join(paragraphs))
        heading, paragraphs = " ".join(text.split()), []
    if heading or paragraphs:
        yield Section(heading, "\n\n".join(paragraphs))
