"""HTML -> the fields of a Story, or a word on why there is no article in it.

A fetched page and the entry it was fetched for come in, a Story goes out. The way:
    characters (characters.py) -> one tree -> claims of the page (metadata.py, json_ld.py)
    -> blocks of text (body.py), without furniture (furniture.py) -> dates settled (dates.py)
    -> Story.
It asks no network, no clock (the time of the fetch is "now") and no database.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from crawlers.addresses import other_addresses
from crawlers.authors import choose_authors, read_names
from crawlers.body import plain_text, read_blocks, read_marked, to_sections
from crawlers.characters import decode, letters, one_line, plain_line
from crawlers.dates import (
    NO_HABITS,
    Claim,
    Habits,
    Moment,
    day_in_path,
    habits_of,
    moment,
    read_moment,
    settle,
    weigh,
)
from crawlers.furniture import Bare, Labels, date_lines, without_furniture
from crawlers.metadata import Claims, lines_near_title, read_claims, times_near_title
from crawlers.paywalls import is_paywalled
from crawlers.selectors import Layout, layout_of, text_of, voice_of
from crawlers.titles import choose_title, site_keys
from crawlers.urls import canonical_url, is_front_page, same_site, without_amp
from storage.models import DateClaim, Section, Story

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from crawlers.blocks import Block
    from storage.models import Entry, Page

MIN_TEXT = 200  # characters; below this a page is mostly boilerplate
MIN_ARTICLE = 50  # the same where the page says that it is an article
MAX_HTML = 5_000_000  # bytes; what comes after that is no longer the article
MAX_ELEMENTS = 20_000  # of a page that are read; four times those of the richest of 784 real pages
MAX_TITLE = 1_000
MAX_SUMMARY = 5_000
MAX_ADDRESS = 2_000
MAX_RUBRIC = 100
MAX_HEADINGS = 20
MAX_DATE_CLAIMS = 20  # that are kept; the believed one is among the first
SHOWN_TEXT = ".//text()[not(ancestor::script or ancestor::style or ancestor::template)]"
MIN_SITE = 6  # letters; shorter names of sites (blog, heise) are words of many texts

NOT_HTML = re.compile(
    rb"\s*(?:%PDF|\{|\[|\x89PNG|GIF8|\xff\xd8|PK\x03|\x1f\x8b|<\?xml[^>]*>\s*<rss)"
)
AMP_QUERY = re.compile(r"[?&](?:[^&=]*=)?amp(?:[=&#]|$)", re.IGNORECASE)
LISTINGS = frozenset({"CollectionPage", "SearchResultsPage"})
LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}|[A-Za-z]{2}|\d{3}))?\b")


class NoArticle(Exception):  # noqa: N818 - it is no error: many pages hold none
    """There is no article in a page. The reason is one of few, so that reasons can be counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read_article(page: Page, entry: Entry) -> Story:
    """The story that a page tells. Raises NoArticle when it tells none."""
    try:
        _refuse_front_page(page, entry)
        return _story(_tree(page), page, entry)
    except NoArticle:
        raise
    except RecursionError as error:
        raise NoArticle("nested too deeply") from error
    except Exception as error:  # what parsers raise on hostile pages is not to be foreseen
        raise NoArticle(f"unreadable: {type(error).__name__}") from error


def story_from_entry(entry: Entry) -> Story:
    """The story of an entry whose page cannot be had: what the feed itself says of it."""
    claims = _from_feed(entry)
    if entry.first_seen:
        settled, weighed = weigh(claims, entry.first_seen)
    else:
        settled, weighed = (claims[0].moment if claims else None), ()
    summary = plain_line(entry.summary, MAX_SUMMARY)
    url = canonical_url(entry.url)
    return Story(
        url=url,
        title=plain_line(entry.title, MAX_TITLE),
        text=summary,
        sections=(Section("", summary),) if summary else (),
        summary=summary,
        authors=read_names([entry.author or ""]),
        published=settled.when if settled else None,
        published_precision=settled.precision if settled else "guessed",
        source_id=entry.source_id or "",
        language=_language((), entry),
        first_seen=entry.first_seen,
        comments=entry.comments,
        text_from="feed",
        date_claims=weighed,
        also_at=other_addresses(url, [entry.through], [_address(entry.guid)]),
    )


def _address(guid: str | None) -> str | None:
    """An id of a feed, where it is an address."""
    return guid if guid and guid.lower().startswith(("http://", "https://")) else None


def _from_feed(entry: Entry) -> list[Claim]:
    if entry.published is None:
        return []
    when = moment(entry.published, entry.published_precision)
    return [Claim("feed", entry.published.isoformat(), when)]


def _refuse_front_page(page: Page, entry: Entry) -> None:
    """An article that is gone is often answered with the front page."""
    if is_front_page(page.url) and not is_front_page(entry.url):
        raise NoArticle("sent on to the front page")


def _tree(page: Page) -> Any:
    from lxml import etree, html

    if not page.html.strip() or NOT_HTML.match(page.html):
        raise NoArticle("not HTML")
    text = decode(page.html[:MAX_HTML], page.encoding)
    # Without huge_tree libxml2 bounds depth and sizes by itself.
    parser = html.HTMLParser(
        encoding="utf-8", collect_ids=False, remove_comments=True, remove_pis=True
    )
    try:
        tree = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.LxmlError, ValueError, AssertionError) as error:
        raise NoArticle("not HTML") from error
    for template in tree.xpath("//template[not(@shadowrootmode)]"):  # nobody is shown it
        template.drop_tree()
    _cut(tree)
    return tree


def _cut(tree: Any) -> None:
    """Take off what comes after MAX_ELEMENTS: each costs the reader up to half a millisecond."""
    last = next(islice(tree.iter(), MAX_ELEMENTS - 1, None), None)
    for element in (last, *last.iterancestors()) if last is not None else ():
        parent = element.getparent()
        if parent is not None:
            del parent[parent.index(element) + 1 :]
    if last is not None:
        del last[:]


def _story(tree: Any, page: Page, entry: Entry) -> Story:
    layout = layout_of(page.url)
    claims = read_claims(tree, page.url, voice_of(tree, layout))
    if LISTINGS & claims.kinds and not claims.is_article:
        raise NoArticle("a list of articles")
    url, claim = _identity(claims, page.url)
    site = site_keys(claims.every("site"), page.url)
    title = _title(tree, claims, entry, site)
    authors = choose_authors((voice.get("author", ()) for voice in claims.voices), tree, site)
    labels = _labels(tree, title, authors, claims, site)
    blocks = _blocks(tree, layout, page.url)
    bare = without_furniture(blocks, labels)
    sections = to_sections(bare.blocks)
    text = plain_text(sections)
    if len(text) < (MIN_ARTICLE if claims.is_article else MIN_TEXT):
        raise NoArticle("no text" if not text else "too little text")
    if not title:
        raise NoArticle("no title")
    language = _language(claims.every("language"), entry)
    habits = habits_of(language, page.url, page.fetched_at)
    published, date_claims = _published(tree, claims, page, entry, bare, habits)
    return Story(
        url=url,
        title=title,
        text=text,
        published=published.when if published else None,
        published_precision=published.precision if published else "guessed",
        source_id=entry.source_id or "",
        language=language,
        first_seen=entry.first_seen,
        updated=_updated(claims, published, habits, page),
        authors=_authors(authors, bare, site),
        sections=sections,
        summary=plain_line(entry.summary or next(iter(claims.every("summary")), ""), MAX_SUMMARY),
        image=_image(claims.every("image"), page.url),
        rubric=plain_line(next(iter(claims.every("rubric")), ""), MAX_RUBRIC) or None,
        comments=entry.comments,
        canonical_claim=claim,
        paywalled=is_paywalled(
            claims.every("free"), claims.every("tier"), (text for _, text in blocks)
        ),
        date_claims=date_claims,
        also_at=other_addresses(
            url,
            (*page.redirects, page.url, entry.through),
            (*claims.addresses, *claims.amp_twins, *claims.short_links, _address(entry.guid)),
        ),
    )


def _blocks(tree: Any, layout: Layout, url: str) -> list[Block]:
    """The blocks of text: of the part that the site's layout marks, where that holds a text."""
    marked = text_of(tree, layout)
    blocks = read_marked(marked, url) if marked is not None else []
    return blocks if sum(len(text) for _, text in blocks) >= MIN_TEXT else read_blocks(tree, url)


def _identity(claims: Claims, page_url: str) -> tuple[str, str | None]:
    """The canonical URL, and the claim of a page that says it belongs to another site.

    A page may name its own address only within its own site, and not the front page's. Its AMP
    twin is not its address; an AMP page that names no other is known by its path.
    """
    own, claim = None, None
    here = canonical_url(page_url)
    twins = set(_addresses(filter(_is_own_address, claims.amp_twins), page_url)) - {here}
    for url in _addresses(claims.addresses, page_url):
        if not same_site(url, page_url):
            claim = claim or url
        elif (
            own is None
            and url not in twins
            and not (is_front_page(url) and not is_front_page(page_url))
        ):
            own = url
    own = own or here
    return without_amp(own) if claims.is_amp and own == here else own, claim


def _is_own_address(twin: str) -> bool:
    """Whether an AMP twin has an address that lasts: "?outputType=amp" is taken off, and what is
    left is the page's."""
    return not AMP_QUERY.search(twin)


def _addresses(claimed: Iterable[str], page_url: str) -> Iterator[str]:
    for address in claimed:
        try:
            yield canonical_url(address, base=page_url)
        except ValueError:
            continue


def _title(tree: Any, claims: Claims, entry: Entry, site: set[str]) -> str:
    claimed = [plain_line(title, MAX_TITLE) for title in claims.every("title")]
    headings = _lines(tree.xpath("//h1"))
    window = _lines(tree.xpath("//head/title"))
    return choose_title(claimed, headings, window, site) or plain_line(entry.title, MAX_TITLE)


def _lines(elements: Iterable[Any]) -> list[str]:
    lines = (plain_line("".join(element.xpath(SHOWN_TEXT)), MAX_TITLE) for element in elements)
    return list(islice((line for line in lines if line), MAX_HEADINGS))


def _labels(
    tree: Any, title: str, authors: Iterable[str], claims: Claims, site: set[str]
) -> Labels:
    titles = (title, *(plain_line(claim, MAX_TITLE) for claim in claims.every("title")))
    names = {letters(name) for name in (*authors, *claims.every("rubric"))} | site
    below_rule = map(letters, _lines(tree.xpath("(//hr)[last()]/following-sibling::p")))
    return Labels(
        titles=frozenset(map(letters, titles)) - {""},
        names=frozenset(names) - {""},
        imprint=frozenset(
            text for text in below_rule for name in site if len(name) >= MIN_SITE and name in text
        ),
    )


def _authors(authors: tuple[str, ...], bare: Bare, site: set[str]) -> tuple[str, ...]:
    """The byline in the text speaks where nobody but the site is named."""
    if any(letters(name) not in site for name in authors):
        return authors
    return read_names(bare.bylines) or authors


def _published(
    tree: Any, claims: Claims, page: Page, entry: Entry, bare: Bare, habits: Habits
) -> tuple[Moment | None, tuple[DateClaim, ...]]:
    """The time of publication, and every claim on it in the order in which they are believed."""
    told = _told(tree, claims, page, entry, bare, habits)
    settled, weighed = weigh(told, page.fetched_at)
    if settled is None:
        told += _date_by_layout(tree, page)
        settled, weighed = weigh(told, page.fetched_at)
    return settled, weighed[:MAX_DATE_CLAIMS]


def _told(
    tree: Any, claims: Claims, page: Page, entry: Entry, bare: Bare, habits: Habits
) -> list[Claim]:
    """The page's own voices, the feed, a <time> by the headline, the date line, the day in the
    address.

    A voice that gives the last change as the day of publication, or an earlier one, has its days
    from a machine that builds the page anew: an earlier day that is shown to readers goes first.
    """
    declared: list[Claim] = []
    doubtful: list[Claim] = []
    for origin, said, updated in claims.dates():
        claim = Claim(origin, said, read_moment(said, habits))
        (doubtful if _is_of_machine(claim, updated, habits) else declared).append(claim)
    declared += _from_feed(entry)
    shown = _read("<time> near the title", times_near_title(tree), habits)
    shown += _read("date line", bare.dates, habits)
    if doubtful or not any(claim.moment for claim in (*declared, *shown)):
        shown += _read("line near the title", date_lines(lines_near_title(tree)), habits)
    first = [claim for claim in shown if any(_is_before(claim, other) for other in doubtful)]
    shown = [claim for claim in shown if claim not in first]
    return [*declared, *first, *doubtful, *shown, *_day_in_address(page.url)]


def _read(origin: str, texts: Iterable[str], habits: Habits) -> list[Claim]:
    return [Claim(origin, text, read_moment(text, habits)) for text in texts]


def _is_of_machine(claim: Claim, updated: Iterable[str], habits: Habits) -> bool:
    if claim.moment is None or claim.moment.precision != "day":
        return False
    changes = (read_moment(said, habits) for said in updated)
    return any(change and change.day <= claim.moment.day for change in changes)


def _is_before(claim: Claim, other: Claim) -> bool:
    return bool(claim.moment and other.moment and claim.moment.day < other.moment.day)


def _day_in_address(url: str) -> list[Claim]:
    found = day_in_path(url)
    return [Claim("address", found.day.isoformat(), found)] if found else []


def _date_by_layout(tree: Any, page: Page) -> list[Claim]:
    """The day that htmldate finds in the text; slow, so it is asked when nobody else answered.

    It says 1 January where it found no more than a year.
    """
    from htmldate import find_date  # slow to import: see body.py

    today = page.fetched_at.strftime("%Y-%m-%d")
    try:
        day = find_date(tree, original_date=True, url=page.url, max_date=today)
    except (ValueError, OverflowError):  # it trips over zones of a day and more
        return []
    known = [day] if day and not day.endswith("-01-01") else []
    return _read("layout", known, NO_HABITS)


def _updated(
    claims: Claims, published: Moment | None, habits: Habits, page: Page
) -> datetime | None:
    told = (read_moment(said, habits) for said in claims.every("updated"))
    last = settle((found for found in told if found), page.fetched_at)
    if last is None or (published and last.when <= published.when):
        return None
    return last.when


def _language(claimed: Iterable[str], entry: Entry) -> str:
    """BCP 47, such as en or pt-BR: the page's, else the entry's, else English."""
    for text in (*claimed, entry.language or ""):
        if match := LANGUAGE.match(text.strip()):
            language, region = match.groups()
            return language.lower() + (f"-{_subtag(region)}" if region else "")
    return "en"


def _subtag(text: str) -> str:
    return text.title() if len(text) == 4 else text.upper()


def _image(claimed: Iterable[str], page_url: str) -> str | None:
    for address in claimed:
        try:
            url = urljoin(page_url, one_line(address, MAX_ADDRESS))
        except ValueError:  # no address, such as http://[
            continue
        if url.startswith(("https://", "http://")) and len(url) <= MAX_ADDRESS:
            return url
    return None
