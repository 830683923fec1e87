"""Who wrote it: lines that name authors come in, names go out, each once.

A line is cut into names at "and" and at commas, but at commas only where every piece is a first
and a last name: "Matthew Frankel, CFP" is one person. The site itself is believed to be the
author only where nobody else is named.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from crawlers.characters import letters, plain_line

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_LINE = 2_000  # characters
MAX_NAME = 100
MAX_AUTHORS = 20

BY = re.compile(
    r"^(?:.*\b(?:written|posts|posted|story|recipe|words|photos) by|by|author|von|par|por|av|af)"
    r"\b\s*:?\s+",
    re.IGNORECASE,
)
AND = re.compile(r"\s+(?:and|und|et|og|och|&)\s+|\s*[;|•]\s*|\s+·(?:\s+|$)", re.IGNORECASE)
COMMA = re.compile(r"\s*,\s*")
LOOSE = " ,;:/|·•-–—"
ABBREVIATION = re.compile(r"\s*\([^()]{1,5}\)$")  # "Elena Oberholzer (obe)"
NO_NAME = re.compile(
    r"https?:|www\.|\.com\b|[@{}<>]|\d{2}|^\W*$|^(?:admin|(?:the )?author|staff|editor)$"
    r"|^(?:updated|view|read|share|posted|published|written)\b|\bby$"
    r"|^(?:january|february|march|july|september|october|november|december)$",
    re.IGNORECASE,
)


def choose_authors(claimed: Iterable[Iterable[str]], tree: Any, site: set[str]) -> tuple[str, ...]:
    """The authors: of the first claim that names somebody else than the site itself, else what
    the page's layout shows, else the site."""
    readings = [read_names(lines) for lines in claimed]
    for names in readings:
        if people := tuple(name for name in names if letters(name) not in site):
            return people
    shown = read_names(_shown(tree))
    told = next((names for names in readings if names), ())
    return told if told and not all(" " in name for name in shown) else shown or told


def read_names(lines: Iterable[str]) -> tuple[str, ...]:
    """The names in these lines."""
    names: dict[str, str] = {}
    for line in lines:
        for piece in _pieces(BY.sub("", plain_line(line, MAX_LINE))):
            name = ABBREVIATION.sub("", piece).strip(LOOSE)
            if len(name) <= MAX_NAME and not NO_NAME.search(name):
                names.setdefault(letters(name), name)
    return tuple(names.values())[:MAX_AUTHORS]


def _pieces(line: str) -> list[str]:
    found: list[str] = []
    for part in AND.split(line):
        names = COMMA.split(part)
        found += names if all(" " in name for name in names) else [part]
    return found


def _shown(tree: Any) -> list[str]:
    """The byline that trafilatura finds by the names that publishers give to such elements."""
    from trafilatura.metadata import extract_author  # slow to import: see body.py

    return (extract_author(tree) or "").split("; ")
