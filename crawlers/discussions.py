"""The feed of a discussion site comes in, what it discusses goes out: whose story, how much, where.

Hacker News, Lobsters, Reddit, Techmeme and their like link to stories of others. A post without
such a link (Ask HN) discusses no story and is left out. It never fetches anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from crawlers.entries import (
    MAX_ENTRIES,
    MAX_MARKUP,
    absolute,
    count,
    is_json,
    json_feed,
    links_in,
    plain_text,
    xml_feed,
)
from crawlers.urls import canonical_url
from storage.models import Discussion

if TYPE_CHECKING:
    from collections.abc import Iterator

# As they stand on lines of their own in the feeds of hnrss.org and of others.
_POINTS = re.compile(r"\bPoints?: (\d+)", re.IGNORECASE)
_COMMENTS = re.compile(r"\bComments?: (\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Post:
    """A post as the feed gave it; its addresses are absolute."""

    link: str | None
    discussion: str | None
    markup: str
    comments: int | None


def read_discussions(
    body: bytes, url: str, *, links: str | None = None, content_type: str | None = None
) -> list[Discussion]:
    """The discussions that a feed fetched from `url` lists, in its order, each once.

    `links` is a CSS selector: the first link that it finds in the markup of a post leads to the
    story, where the post's own link leads to the discussion. FeedError when it is no feed.
    """
    posts = _json_posts(body, url) if is_json(body) else _xml_posts(body, url, content_type)
    found: dict[str, Discussion] = {}
    for post in posts:
        discussion = _discussion(post, url, links)
        if discussion:
            found.setdefault(discussion.url, discussion)
        if len(found) >= MAX_ENTRIES:
            break
    return list(found.values())


def _discussion(post: _Post, url: str, links: str | None) -> Discussion | None:
    at = post.discussion or post.link
    inner = next(links_in(post.markup, url, links), None) if links else None
    story = inner or post.link
    if not at or not story or _host(story) in (_host(at), _host(url)):
        return None
    text = plain_text(post.markup, MAX_MARKUP)
    told = count(post.comments)
    return Discussion(
        url=canonical_url(at),
        story_url=canonical_url(story),
        points=_last(_POINTS, text),
        comments=told if told is not None else _last(_COMMENTS, text),
    )


def _xml_posts(body: bytes, url: str, content_type: str | None) -> Iterator[_Post]:
    for item in xml_feed(body, content_type).entries:
        contents = [content.get("value") for content in item.get("content") or ()]
        yield _Post(
            link=absolute(url, item.get("link")),
            discussion=absolute(url, item.get("comments")),
            markup="\n".join(text for text in (item.get("summary"), *contents) if text),
            comments=item.get("slash_comments") or item.get("thr_total"),
        )


def _json_posts(body: bytes, url: str) -> Iterator[_Post]:
    for item in json_feed(body)["items"]:
        if isinstance(item, dict):
            yield _json_post(item, url)


def _json_post(item: dict[str, Any], url: str) -> _Post:
    """By the specification `external_url` is the page elsewhere and `url` the post about it. Some
    write the page elsewhere into `url`; then the id leads to the post."""
    given = {key: value for key, value in item.items() if isinstance(value, str)}
    told, elsewhere = absolute(url, given.get("url")), absolute(url, given.get("external_url"))
    ours = given.get("id", "") if given.get("id", "").startswith(("http://", "https://")) else None
    at = told if elsewhere and elsewhere != told else absolute(url, ours)
    return _Post(elsewhere or told, at, given.get("content_html", ""), None)


def _host(url: str) -> str:
    return (urlsplit(url).hostname or "").removeprefix("www.").removeprefix("old.")


def _last(pattern: re.Pattern[str], text: str) -> int | None:
    """The last number of its kind: what a user wrote stands before what the site adds."""
    found = pattern.findall(text)
    return count(found[-1]) if found else None
