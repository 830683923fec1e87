"""Which title a story has: claims and headings come in, one title goes out.

The first claim counts, without the name of the site that many add to it. Where the page shows a
heading that says the same and only leaves additions away, the heading is the title; where the
claim was cut off, the longer heading is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crawlers.characters import letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_SITE_NAME = 50  # characters; some pages give their title as the name of the application
MIN_HEADING = 10  # letters; shorter ones begin too many titles by accident
CUT_AT = 100  # characters; schema.org wants headlines below 110, and systems cut there

SEPARATOR = re.compile(r"\s+(?:[|·•»«:>/ㅣ]|[-–—]+)\s+|\s*[|»«]\s*")
LOOSE = " |·•»«:>/ㅣ-–—"


def choose_title(
    claimed: Iterable[str], headings: Sequence[str], window: Sequence[str], site: set[str]
) -> str:
    """The title. `claimed` comes in the order of belief; `window` is what <title> says, believed
    after a heading that stands alone; `site` is what `site_keys` gives."""
    alone = headings if len(headings) == 1 else ()
    titles = [title for title in (*claimed, *alone, *window, *headings) if title]
    trimmed = (_without_site(title, site) for title in titles)
    title = next((title for title in trimmed if title), next(iter(titles), ""))
    return next((heading for heading in headings if _is_better(heading, title)), title)


def site_keys(names: Iterable[str], url: str) -> set[str]:
    """The names of a site, as `letters`: those it claims, and those in its address."""
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    labels = [label for label in host.split(".")[:-1] if len(label) > 3]
    told = [name for name in names if len(name) <= MAX_SITE_NAME]
    return {letters(name) for name in (*told, *labels, host, host.rpartition(".")[0])} - {""}


def _without_site(title: str, site: set[str]) -> str:
    """A title without the site's name before or after a separator; empty where it is that name."""
    if letters(title) in site:
        return ""
    parts = [part for part in SEPARATOR.split(title) if part]
    if len(parts) > 1 and letters(parts[-1]) in site:
        return title[: title.rindex(parts[-1])].rstrip(LOOSE)
    if len(parts) > 1 and letters(parts[0]) in site:
        return title[title.index(parts[0]) + len(parts[0]) :].lstrip(LOOSE)
    return title


def _is_better(heading: str, title: str) -> bool:
    shown, claimed = letters(heading), letters(title)
    if len(shown) < MIN_HEADING:
        return bool(shown) and shown == claimed
    was_cut = len(title) >= CUT_AT or title.endswith(("…", "..."))
    return claimed.startswith(shown) or (was_cut and shown.startswith(claimed))
