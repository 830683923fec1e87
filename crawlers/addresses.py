"""Where else a story is known to stand: what was seen and what was claimed come in, canonical
URLs go out.

A discussion may name any of these addresses. Nothing is ever fetched to find one: they are what
the redirects on the way to a page, its feed and the page itself have told anyway.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from crawlers.urls import canonical_url, is_front_page, same_site

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MOST = 10  # addresses of one story; a story of a blog has two or three


def other_addresses(
    story_url: str, seen: Iterable[str | None], claimed: Iterable[str | None]
) -> tuple[str, ...]:
    """The other addresses of the story at a canonical URL, each once.

    `seen` led to it and may be on any site; `claimed` is believed on the story's own site alone,
    or a page could draw what is said of others to itself. A front page is no story's address.
    """
    told = (*_spelled(seen, story_url), *_own(_spelled(claimed, story_url), story_url))
    found = dict.fromkeys(url for url in told if url != story_url and not is_front_page(url))
    return tuple(islice(found, MOST))


def _spelled(addresses: Iterable[str | None], story_url: str) -> Iterator[str]:
    for address in addresses:
        try:
            if address:
                yield canonical_url(address, base=story_url)
        except ValueError:
            continue


def _own(urls: Iterable[str], story_url: str) -> Iterator[str]:
    return (url for url in urls if same_site(url, story_url))
