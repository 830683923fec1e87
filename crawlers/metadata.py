"""What a page says of itself: its tree comes in, Claims go out, in the order they are believed.

Voices, first to last: JSON-LD of the article; meta tags (OpenGraph and its cousins); microdata;
h-entry; <time> elements that say they are the date of publication; what stands where the layout
of the site keeps it (selectors.py); JSON-LD of the page. Nothing
is judged here: dates are settled in dates.py, titles and addresses in articles.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from crawlers.json_ld import is_article, read_json_ld

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crawlers.json_ld import Voice

MAX_TAGS = 5_000  # of one kind that are looked at in one page
MAX_AROUND = 80  # elements after the headline among which its date line is looked for
MAX_PARTS = 3  # elements inside a date line
MAX_DATE_LINE = 80  # characters
MAX_VALUE = 5_000  # characters of one claim

# Names of meta tags, as publishing systems write them; compared in lower case.
META = {
    "title": ("og:title", "twitter:title", "parsely-title", "sailthru.title", "dc.title"),
    "author": (
        "author", "article:author", "article:author_name", "parsely-author", "sailthru.author",
        "byl", "dc.creator", "dcterms.creator", "citation_author", "cxenseparse:author",
    ),
    "published": (
        "article:published_time", "og:article:published_time", "article:published",
        "datepublished", "parsely-pub-date", "sailthru.date", "cxenseparse:recs:publishtime",
        "cxenseparse:publishtime", "publishdate", "publish-date", "publish_date", "published_time",
        "publication_date", "pubdate", "pub_date", "article.published", "originalpublicationdate",
        "dc.date.issued", "dcterms.issued", "dcterms.created", "dc.date.created", "dc.date",
        "citation_publication_date", "og:published_time", "rnews:datepublished", "date",
    ),
    "updated": ("article:modified_time", "og:updated_time", "dcterms.modified", "last-modified"),
    "image": ("og:image:secure_url", "og:image", "og:image:url", "twitter:image"),
    "language": ("content-language", "dc.language", "language", "og:locale"),
    "rubric": ("article:section", "parsely-section", "cxenseparse:category", "section"),
    "summary": ("og:description", "description", "twitter:description", "dc.description"),
    "tier": ("article:content_tier", "content_tier", "contenttier", "cxenseparse:content_tier"),
    "site": ("og:site_name", "application-name", "apple-mobile-web-app-title", "twitter:site"),
}  # fmt: skip
MICRODATA = {
    "headline": "title", "author": "author", "datepublished": "published", "image": "image",
    "datemodified": "updated", "articlesection": "rubric", "description": "summary",
}  # fmt: skip
H_ENTRY = {
    "p-name": "title", "entry-title": "title", "p-author": "author", "dt-published": "published",
    "published": "published", "dt-updated": "updated", "p-summary": "summary",
}  # fmt: skip

# The voices of Claims, in their order.
ORIGINS = (
    "JSON-LD of the article", "lang", "meta tags", "microdata", "h-entry", "declared <time>",
    "selectors", "JSON-LD of the page",
)  # fmt: skip

ENTRY = frozenset({"h-entry", "hentry"})
PUBLISHED_CLASS = re.compile(
    r"publi[sc]|posted|entry-date|post-date|article-date|byline-date", re.I
)
NO_LINES = frozenset({"script", "style", "noscript", "time", "svg", "template"})
ASIDES = frozenset({"aside", "nav", "footer"})


@dataclass(frozen=True, slots=True)
class Claims:
    """What the voices of a page say, the most believed one first; ORIGINS names them."""

    voices: tuple[Voice, ...]
    kinds: frozenset[str]  # JSON-LD types, and og:type in lower case
    addresses: tuple[str, ...]  # rel=canonical, then og:url
    amp_twins: tuple[str, ...] = ()  # rel=amphtml
    short_links: tuple[str, ...] = ()  # rel=shortlink
    is_amp: bool = False  # the document says that it is an AMP page

    def every(self, field: str) -> tuple[str, ...]:
        """What all voices say of this field, in their order."""
        return tuple(text for voice in self.voices for text in voice.get(field, ()))

    def dates(self) -> Iterator[tuple[str, str, tuple[str, ...]]]:
        """Every claimed time of publication: whose it is, in its own words, and what the same
        voice calls the last change."""
        for origin, voice in zip(ORIGINS, self.voices, strict=True):
            for said in voice.get("published", ()):
                yield origin, said, voice.get("updated", ())

    @property
    def is_article(self) -> bool:
        return "article" in self.kinds or is_article(self.kinds)


def read_claims(tree: Any, page_url: str, marked: Voice | None = None) -> Claims:
    """Everything that the page says of itself; `marked` is what stands where the layout of its
    site is known to keep it."""
    scripts = (
        script.text or ""
        for script in _some(tree, "script")
        if "ld+json" in script.get("type", "").lower()
    )
    article, page, kinds = read_json_ld(scripts, page_url)
    meta = _meta_tags(tree)
    voices = (
        article,
        {"language": _bounded(tree.get("lang", ""))},
        _by_field(meta),
        _microdata(tree),
        _h_entry(tree),
        _declared_times(tree),
        marked or {},
        {field: page[field] for field in ("published", "updated", "free") if field in page},
    )
    return Claims(
        voices=tuple(voices),
        kinds=kinds | {kind.lower() for kind in meta.get("og:type", ())},
        addresses=(*_links(tree, "canonical"), *meta.get("og:url", ())),
        amp_twins=tuple(_links(tree, "amphtml")),
        short_links=tuple(_links(tree, "shortlink")),
        is_amp=tree.get("amp") is not None or tree.get("⚡") is not None,
    )


def times_near_title(tree: Any) -> tuple[str, ...]:
    """The first <time> after the first <h1>: mostly the date line, though nothing says so."""
    for element in _some(tree, "h1"):
        following = element.xpath("following::time[@datetime][1]/@datetime")
        return _bounded(str(following[0])) if following else ()
    return ()


def lines_near_title(tree: Any) -> Iterator[str]:
    """Short lines around the first <h1>, where date lines stand: after it, then before it."""
    for heading in _some(tree, "h1"):
        after = heading.xpath("following::*")[:MAX_AROUND]
        before = heading.xpath("preceding::*")[-MAX_AROUND // 4 :]
        for element in (*after, *before):
            if len(element) <= MAX_PARTS and element.tag not in NO_LINES:
                line = _text(element)
                if 0 < len(line) <= MAX_DATE_LINE:
                    yield line
        return


def _some(tree: Any, *tags: str) -> Iterator[Any]:
    for number, element in enumerate(tree.iter(*tags)):
        if number >= MAX_TAGS:
            return
        yield element


def _bounded(text: str) -> tuple[str, ...]:
    text = text[:MAX_VALUE].strip()
    return (text,) if text else ()


def _meta_tags(tree: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for tag in _some(tree, "meta"):
        name = tag.get("property") or tag.get("name") or tag.get("http-equiv") or ""
        for content in _bounded(tag.get("content", "")):
            found.setdefault(name.strip().lower(), []).append(content)
    return found


def _by_field(meta: dict[str, list[str]]) -> Voice:
    return {
        field: tuple(dict.fromkeys(text for name in names for text in meta.get(name, ())))
        for field, names in META.items()
    }


def _links(tree: Any, kind: str) -> Iterator[str]:
    for link in _some(tree, "link"):
        if kind in link.get("rel", "").lower().split():
            yield from _bounded(link.get("href", ""))


def _microdata(tree: Any) -> Voice:
    """The properties of the first article scope, or of the page where nothing is scoped."""
    scopes = tree.xpath("//*[@itemscope and @itemtype]")[:MAX_TAGS]
    articles = [scope for scope in scopes if is_article(scope.get("itemtype").split())]
    top = articles[0] if articles else tree
    found: dict[str, tuple[str, ...]] = {}
    for element in top.xpath(".//*[@itemprop]")[:MAX_TAGS]:
        for name in element.get("itemprop").lower().split():
            field = MICRODATA.get(name)
            if field and _scope(element) is (top if articles else None):
                found[field] = (*found.get(field, ()), *_value(element))
    return found


def _scope(element: Any) -> Any:
    """The item whose property an element is; None when it stands in no item."""
    return next((up for up in element.iterancestors() if up.get("itemscope") is not None), None)


def _value(element: Any) -> tuple[str, ...]:
    """What a property says: an attribute made for it, a name inside it, or its text."""
    for attribute in ("content", "datetime", "src", "title"):
        if element.get(attribute):
            return _bounded(element.get(attribute))
    names = element.xpath(
        ".//*[@itemprop='name' or contains(@class, 'p-name') or contains(@class, 'fn')]"
    )
    inner = names[0] if names else element
    return _bounded(inner.get("content") or _text(inner))


def _text(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def _h_entry(tree: Any) -> Voice:
    """A page with one h-entry (or hentry): with several it is a list."""
    entries = [
        element
        for element in tree.xpath("//*[contains(@class, 'entry')]")[:MAX_TAGS]
        if _classes(element) & ENTRY
    ]
    if len(entries) != 1:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    # What stands inside a card of a person describes that person, not the entry.
    for element in entries[0].xpath(".//*[@class and not(ancestor::*[contains(@class, 'card')])]"):
        for name in _classes(element) & H_ENTRY.keys():
            found.setdefault(H_ENTRY[name], _value(element))
    return found


def _classes(element: Any) -> set[str]:
    return set(element.get("class", "").split())


def _declared_times(tree: Any) -> Voice:
    """<time> elements that call themselves the date of publication, outside of asides."""
    found = [
        time.get("datetime")
        for time in _some(tree, "time")
        if time.get("datetime")
        and (time.get("pubdate") is not None or PUBLISHED_CLASS.search(_hints(time)))
        and not any(up.tag in ASIDES for up in time.iterancestors())
    ]
    return {"published": _bounded(found[0]) if found else ()}


def _hints(element: Any) -> str:
    parent = element.getparent()
    return f"{element.get('class', '')} {parent.get('class', '') if parent is not None else ''}"
