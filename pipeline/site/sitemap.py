"""The map of a site for search engines: one file, or parts of 50 000 addresses and a list of them.

Comes in: addresses, each with the time of its last change. Goes out: XML by path.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pipeline.site import addresses
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    Entry = tuple[str, datetime | None]

MOST = 50_000  # addresses of one file, as sitemaps.org has it
HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
NAMES = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def sitemap(entries: Sequence[Entry], base_url: str, most: int = MOST) -> Iterator[tuple[str, str]]:
    """Each file of it, the one that names the others last. A new address at the end changes the
    last part only."""
    if len(entries) <= most:
        yield addresses.SITEMAP, _file("urlset", "url", entries)
        return
    listed: list[Entry] = []
    for part, start in enumerate(range(0, len(entries), most), 1):
        path = addresses.sitemap_part(part)
        own = entries[start : start + most]
        listed.append((base_url + path, max((when for _, when in own if when), default=None)))
        yield path, _file("urlset", "url", own)
    yield addresses.SITEMAP, _file("sitemapindex", "sitemap", listed)


def robots(base_url: str) -> str:
    return f"User-agent: *\nAllow: /\n\nSitemap: {base_url}{addresses.SITEMAP}\n"


def _file(name: str, each: str, entries: Sequence[Entry]) -> str:
    lines = [
        f"<{each}><loc>{escape(url, quote=False)}</loc>{_lastmod(when)}</{each}>\n"
        for url, when in entries
    ]
    return f"{HEAD}<{name} {NAMES}>\n{''.join(lines)}</{name}>\n"


def _lastmod(when: datetime | None) -> str:
    return f"<lastmod>{to_iso(when)}</lastmod>" if when else ""
