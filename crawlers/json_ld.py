"""What a page says of its article in JSON-LD (schema.org): scripts come in, a Voice goes out.

Broken JSON is mended where that is safe, and searched for single keys where it is not. Only the
places where a page describes itself are entered (@graph, lists, mainEntity), so that a teaser or
a comment never speaks for the article. Sizes and depth are bounded.
"""

from __future__ import annotations

import json
import re
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Voice = Mapping[str, tuple[str, ...]]
    Node = dict[str, Any]

ARTICLE = re.compile(r"(?:Article|BlogPosting|LiveBlogPosting|SocialMediaPosting|Report|Review)$")
WEB_PAGE = frozenset({"WebPage", "ItemPage", "AboutPage", "VideoObject", "PodcastEpisode"})
INNER = ("@graph", "@list", "mainEntity", "mainEntityOfPage")

OPENINGS = ("//", "<!--", "<![CDATA[")  # what some wrap scripts in, against old browsers

MAX_SCRIPT = 1_000_000  # characters; larger ones carry whole catalogues
MAX_NODES = 2_000
MAX_VALUES = 50  # of one key

FIELDS = {
    "title": ("headline", "name"),
    "published": ("datePublished", "dateCreated", "uploadDate"),
    "updated": ("dateModified",),
    "image": ("image", "thumbnailUrl"),
    "language": ("inLanguage",),
    "rubric": ("articleSection",),
    "summary": ("description", "abstract"),
    "site": ("publisher",),
    "author": ("author", "creator"),
    "free": ("isAccessibleForFree", "hasPart"),
}
SALVAGED = {"title": "headline", "published": "datePublished", "updated": "dateModified"}


def read_json_ld(scripts: Iterable[str], page_url: str) -> tuple[Voice, Voice, frozenset[str]]:
    """What the article's node says, what the page's own node says, and all types that occur."""
    nodes: list[Node] = []
    salvaged: Voice = {}
    for script in scripts:
        data = _loads(script[:MAX_SCRIPT])
        if data is None:
            salvaged = salvaged or _salvage(script[:MAX_SCRIPT])
        nodes += _nodes(data)
    by_id = {node["@id"]: node for node in nodes if isinstance(node.get("@id"), str)}
    article = _article(nodes, page_url)
    page = next((node for node in nodes if WEB_PAGE & set(_types(node))), None)
    return (
        _voice(article, by_id) if article else salvaged,
        _voice(page, by_id) if page else {},
        frozenset(kind for node in nodes for kind in _types(node)),
    )


def is_article(kinds: Iterable[str]) -> bool:
    """Whether one of these types is some kind of article."""
    return any(ARTICLE.search(kind) for kind in kinds)


def _loads(script: str) -> Any:
    """The value of a script, mended where it is broken in a known way; None when that fails."""
    bare = script.strip()
    for opening in OPENINGS:
        bare = bare.removeprefix(opening).strip()
    without_commas = re.sub(r",(\s*[}\]])", r"\1", bare)
    for attempt in (bare, without_commas, unescape(without_commas)):
        try:
            # The first value only: what follows is a semicolon, a closing comment, a second copy.
            return json.JSONDecoder(strict=False).raw_decode(attempt)[0]
        except (ValueError, RecursionError):
            continue
    return None


def _salvage(script: str) -> Voice:
    found: dict[str, tuple[str, ...]] = {}
    for field, key in SALVAGED.items():
        if match := re.search(rf'"{key}"\s*:\s*"((?:[^"\\\n]|\\.){{1,2000}})"', script):
            found[field] = (match[1].replace('\\"', '"').replace("\\/", "/"),)
    return found


def _nodes(data: Any) -> list[Node]:
    """The objects by which the page describes itself, in their order."""
    found: list[Node] = []
    waiting = [data]
    while waiting and len(found) < MAX_NODES:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value[:MAX_NODES])
        elif isinstance(value, dict):
            found.append(value)
            waiting += [value[key] for key in reversed(INNER) if key in value]
    return found


def _types(node: Node) -> list[str]:
    kinds = node.get("@type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return [kind.rsplit("/", 1)[-1] for kind in kinds[:MAX_VALUES] if isinstance(kind, str)]


def _article(nodes: list[Node], page_url: str) -> Node | None:
    """The article node that claims this page's address, else the first one with a headline."""
    articles = [node for node in nodes if is_article(_types(node))]
    here = _bare(page_url)
    for node in articles:
        if here in {_bare(link) for link in _addresses(node)}:
            return node
    return next((node for node in articles if node.get("headline")), next(iter(articles), None))


def _addresses(node: Node) -> Iterator[str]:
    for key in ("url", "@id", "mainEntityOfPage"):
        value = node.get(key)
        value = value.get("@id") if isinstance(value, dict) else value
        if isinstance(value, str):
            yield value


def _bare(url: str) -> str:
    """An address without what may differ between two spellings of one page."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return parts.netloc.removeprefix("www.") + parts.path.rstrip("/")


def _voice(node: Node, by_id: Mapping[str, Node]) -> Voice:
    found: dict[str, tuple[str, ...]] = {}
    for field, keys in FIELDS.items():
        for key in keys:
            texts = tuple(_texts(node.get(key), field, by_id))[:MAX_VALUES]
            if texts and field not in found:
                found[field] = texts
    return found


def _texts(value: Any, field: str, by_id: Mapping[str, Node], depth: int = 0) -> Iterator[str]:
    """The strings that a value stands for: itself, a name, an address, or those of its parts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bool):
        if field == "free":
            yield str(value)
    elif isinstance(value, int) and field == "published":
        yield str(value)
    elif depth > 3:
        return
    elif isinstance(value, list):
        for part in value[:MAX_VALUES]:
            yield from _texts(part, field, by_id, depth + 1)
    elif isinstance(value, dict):
        node = value if len(value) > 1 else by_id.get(str(value.get("@id")), value)
        yield from _texts(_name(node, field), field, by_id, depth + 1)


def _name(node: Node, field: str) -> Any:
    if field == "free":
        return node.get("isAccessibleForFree")
    if field == "image":
        return node.get("url") or node.get("contentUrl")
    if field == "language":
        return node.get("alternateName") or node.get("name")
    both = " ".join(str(node[key]) for key in ("givenName", "familyName") if node.get(key))
    return node.get("name") or node.get("@value") or both
