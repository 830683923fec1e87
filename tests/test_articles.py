"""HTML in many habits -> the fields of a story.

A case is a folder: page.html as a server would send it; meta.json with the address, the frozen
time of the fetch and the entry; expected.json with the fields that the case is about.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html as lxml_html

from crawlers.articles import NoArticle, read_article, story_from_entry
from crawlers.authors import read_names
from crawlers.characters import decode
from crawlers.dates import Moment, read_moment, settle
from crawlers.furniture import Labels, without_furniture
from crawlers.left_out import with_left_out
from storage.models import Entry, Page, Section, Story
from storage.times import from_iso, to_iso

CASES = Path(__file__).parent / "fixtures" / "articles"
NOW = datetime(2026, 4, 8, 18, tzinfo=UTC)
TIMES = {"published", "first_seen"}


def read_case(folder: Path) -> tuple[Page, Entry]:
    meta = json.loads((folder / "meta.json").read_text("utf-8"))
    told = {key: from_iso(value) if key in TIMES else value for key, value in meta["entry"].items()}
    fetched_at = from_iso(meta["fetched_at"])
    assert fetched_at is not None
    html = (folder / "page.html").read_bytes()
    return Page(1, meta["url"], html, fetched_at, meta["encoding"]), Entry(**told)


def fields(story: Story) -> dict[str, Any]:
    """A story as expected.json writes it."""
    return {
        name: _plain(getattr(story, name)) for name in story.__dataclass_fields__ if name != "extra"
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return to_iso(value)
    if isinstance(value, Section):
        return {"heading": value.heading, "text": value.text}
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def test_of_a_page_with_ever_more_elements_the_beginning_is_read() -> None:
    start = "<p>Harbour Compute opened its third data centre on Ferry Quay on Tuesday.</p>" * 4
    more = "".join(
        f"<p>Line <b>{number}</b> of a table that has no end.</p>" for number in range(12_000)
    )
    html = f"<html><h1>Ferry Quay</h1><main><article>{start}{more}</article></main><p>End</html>"
    page = Page(1, "https://a.example/ferry-quay", html.encode(), NOW)
    text = read_article(page, Entry(page.url)).text
    assert text.startswith("Harbour Compute opened")
    assert "Line 9000 of" in text
    assert "Line 10000 of" not in text


def test_a_picture_without_an_address_costs_only_the_picture() -> None:
    told = "".join(
        f"<p>Harbour Compute opened hall {number} of its data centre on Ferry Quay on Tuesday.</p>"
        for number in range(6)
    )
    pictures = "".join(
        f'<meta property="og:image" content="{address}">'
        for address in ("http://[quay", "https://a.example/quay.jpg")
    )
    html = f"<html>{pictures}<h1>Ferry Quay</h1><article>{told}</article></html>"
    page = Page(1, "https://a.example/ferry-quay", html.encode(), NOW)
    assert read_article(page, Entry(page.url)).image == "https://a.example/quay.jpg"


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_case(case: str) -> None:
    expected = json.loads((CASES / case / "expected.json").read_text("utf-8"))
    try:
        found = fields(read_article(*read_case(CASES / case)))
    except NoArticle as nothing:
        found = {"no_article": nothing.reason}
    wrong = [
        f"{field}: {found.get(field)!r} instead of {value!r}"
        for field, value in expected.items()
        if found.get(field, "nothing") != value
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_enough_habits() -> None:
    assert len(list(CASES.iterdir())) >= 12


def a_page(html: str | bytes, **changes: Any) -> Page:
    body = html.encode() if isinstance(html, str) else html
    return replace(Page(1, "https://news.example.com/a", body, NOW), **changes)


ENTRY = Entry(url="https://news.example.com/a", title="From the feed", source_id="example")
SENTENCE = "The quay was opened by the mayor, who cut a ribbon of optical fibre. "


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 100_000 + SENTENCE * 10,
        "<p>" + "<b><i>" * 50_000 + SENTENCE * 10,
        "<table><tr><td>" * 20_000 + SENTENCE * 10,
        '<script type="application/ld+json">' + "[" * 500_000 + "</script>" + SENTENCE * 10,
        '<script type="application/ld+json">' + '{"@graph":' * 200_000 + "</script>" + SENTENCE,
        '<script type="application/ld+json">' + " " * 900_000 + "x</script>" + SENTENCE,
        '<script type="application/ld+json">{"a":' + "9" * 10_000 + "}</script>" + SENTENCE,
        "<h1>" + "<script" * 100_000 + "</h1>" + SENTENCE * 10,
        "<title>" + "| - " * 100_000 + "</title>" + SENTENCE * 10,
        "\x00" * 1000,
        "<",
        "<!DOCTYPE html>",
        "<html></html>",
        "<!-- only a comment -->",
        b"\xff\xfe<\x00p\x00>\x00",
        b"\x80" * 10_000,
    ],
    ids=lambda html: str(html[:24]),
)
def test_hostile_pages_end_in_a_story_or_a_reason(html: str | bytes) -> None:
    try:
        story = read_article(a_page(html), ENTRY)
    except NoArticle as nothing:
        assert nothing.reason
    else:
        assert len(story.title) <= 1000
        assert len(story.text) <= 1_000_000


def test_text_is_bounded() -> None:
    paragraphs = "".join(f"<p>{number}: {SENTENCE * 20}</p>" for number in range(1500))
    story = read_article(a_page(f"<article>{paragraphs}</article>"), ENTRY)
    assert 900_000 < len(story.text) <= 1_000_000


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=2000))
def test_any_bytes_end_in_a_story_or_a_reason(html: bytes) -> None:
    try:
        read_article(a_page(b"<html><p>" + html), ENTRY)
    except NoArticle as nothing:
        assert not nothing.reason.startswith("unreadable")


@given(st.text(alphabet=st.characters(exclude_categories=["C"]), max_size=500))
def test_utf8_is_read_as_utf8_whatever_is_declared(text: str) -> None:
    for declared in (None, "iso-8859-1", "windows-1251", "nonsense"):
        assert decode(text.encode(), declared) == text


CLAIMS = st.builds(
    lambda hours, precision: Moment(
        NOW + timedelta(hours=hours), precision, (NOW + timedelta(hours=hours)).date()
    ),
    st.integers(-100_000, 100_000),
    st.sampled_from(["minute", "day", "guessed"]),
)


@given(st.lists(CLAIMS))
def test_nothing_is_published_after_it_was_fetched(claims: list[Moment]) -> None:
    settled = settle(claims, NOW)
    assert settled is None or settled.when <= NOW + timedelta(minutes=5)
    assert settled is None or settled in claims


@pytest.mark.parametrize(
    ("claim", "when", "precision"),
    [
        ("2026-04-08T16:02:00Z", "2026-04-08T16:02:00Z", "minute"),
        ("2026-04-08 16:02:00.1234567 +0200", "2026-04-08T14:02:00Z", "minute"),
        ("2026-04-08T16:02:00+02:00[Europe/Berlin]", "2026-04-08T14:02:00Z", "minute"),
        ("2026-04-08T16:02", "2026-04-08T16:02:00Z", "guessed"),
        ("2026-04-08 04:02 PM EDT", "2026-04-08T20:02:00Z", "minute"),
        ("2026-04-08", "2026-04-08T00:00:00Z", "day"),
        ("2026-04-08T00:00:00+02:00", "2026-04-08T00:00:00Z", "day"),
        ("20260408", "2026-04-08T00:00:00Z", "day"),
        ("1775664120", "2026-04-08T16:02:00Z", "minute"),
        ("1775664120000", "2026-04-08T16:02:00Z", "minute"),
        ("Wed, 08 Apr 2026 16:02:00 GMT", "2026-04-08T16:02:00Z", "minute"),
        ("Wed, 08 Apr 2026 16:02 EST", "2026-04-08T21:02:00Z", "minute"),
        ("Wed Apr 08 2026 16:02:00 GMT+0200 (CEST)", "2026-04-08T14:02:00Z", "minute"),
        ("Wed, 08 Apr 2026 16:02:00 CET", "2026-04-08T15:02:00Z", "minute"),
        ("Wed, 08 Apr 2026 16:02:00 CEST", "2026-04-08T14:02:00Z", "minute"),
        ("Wed, 08 Apr 2026 16:02:00", "2026-04-08T16:02:00Z", "guessed"),
        ("8 April 2026, 16:02 CDT", "2026-04-08T21:02:00Z", "minute"),
        ("April 8, 2026 4:02 PM", "2026-04-08T16:02:00Z", "guessed"),
        ("8 April 2026", "2026-04-08T00:00:00Z", "day"),
        ("8.4.2026", "2026-04-08T00:00:00Z", "day"),
        ("13/04/2026", "2026-04-13T00:00:00Z", "day"),
        ("04/08/2026", None, None),
        ("April 2026", None, None),
        ("4:02 PM", None, None),
        ("yesterday", None, None),
        ("", None, None),
        ("9" * 1000, None, None),
    ],
)
def test_what_a_date_says(claim: str, when: str | None, precision: str | None) -> None:
    found = read_moment(claim)
    assert (to_iso(found.when) if found else None) == when
    assert (found.precision if found else None) == precision


def test_story_from_entry() -> None:
    entry = Entry(
        url="http://news.example.com/a?utm_source=rss",
        title="  Quay\x00 opens ",
        summary="Servers by the sea.",
        author="By Ada Quill",
        published=NOW,
        published_precision="minute",
        comments=3,
        language="de",
        source_id="example",
        first_seen=NOW,
    )
    story = story_from_entry(entry)
    assert story == Story(
        url="https://news.example.com/a",
        title="Quay opens",
        text="Servers by the sea.",
        summary="Servers by the sea.",
        sections=(Section("", "Servers by the sea."),),
        authors=("Ada Quill",),
        published=NOW,
        published_precision="minute",
        source_id="example",
        language="de",
        first_seen=NOW,
        comments=3,
        text_from="feed",
    )
    late = replace(entry, published=NOW + timedelta(days=1))
    assert story_from_entry(late).published is None


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("Ximena Torr ·", ("Ximena Torr",)),
        ("By Ximena Torr · Ada Quill |", ("Ximena Torr", "Ada Quill")),
        ("Jordi Gal·la", ("Jordi Gal·la",)),
    ],
)
def test_separators_are_no_part_of_a_name(line: str, names: tuple[str, ...]) -> None:
    assert read_names([line]) == names


@pytest.mark.parametrize(
    ("url", "root", "head", "expected"),
    [
        # AMP pages name the page that they are a twin of, as the format asks
        ("/a/amp", "<html amp>", '<link rel="canonical" href="/a">', "/a"),
        ("https://amp.example.com/a", "<html ⚡>",
         '<link rel="canonical" href="https://news.example.com/a">', "/a"),
        # one that names only itself is known by its path
        ("/a/amp/", "<html amp>", '<link rel="canonical" href="/a/amp/">', "/a/"),
        ("/a.amp.html", "<html ⚡>", "", "/a.html"),
        # "amp" in other pages is a word
        ("/guitars/amp", "<html>", "", "/guitars/amp"),
        # a page does not call its twin its home, though its plugin may
        ("/a", "<html>",
         '<link rel="amphtml" href="/a/amp"><link rel="canonical" href="/a/amp">', "/a"),
        # whose twin differs by a parameter only, has one address
        ("https://amp.example.com/a", "<html amp>",
         '<link rel="amphtml" href="https://news.example.com/a?outputType=amp">'
         '<link rel="canonical" href="https://news.example.com/a">', "/a"),
        ("/a/amp", "<html amp>",
         '<link rel="amphtml" href="/a?amp"><link rel="canonical" href="/a">', "/a"),
        ("/a", "<html>",
         '<link rel="amphtml" href="/a/amp?utm_campaign=1">'
         '<link rel="canonical" href="/a/amp?utm_campaign=1">', "/a"),
        # mobile twins
        ("https://m.example.com/a", "<html>",
         '<link rel="canonical" href="https://news.example.com/a">', "/a"),
        ("https://m.example.com/a", "<html>", "", "https://m.example.com/a"),
        # on another site nobody is believed
        ("/a/amp", "<html amp>", '<link rel="canonical" href="https://evil.example/a">', "/a"),
    ],
)  # fmt: skip
def test_twins_of_a_page_are_one_story(url: str, root: str, head: str, expected: str) -> None:
    home = "https://news.example.com"
    page = a_page(
        f"<!doctype html>{root}<head><title>Quay opens</title>{head}</head>"
        f"<body><h1>Quay opens</h1><p>{SENTENCE * 6}</p></body></html>",
        url=url if "//" in url else home + url,
    )
    assert read_article(page, ENTRY).url == (expected if "//" in expected else home + expected)


LABELS = Labels(
    titles=frozenset({"thequayopens"}),
    names=frozenset({"adaquill", "harbour", "thewire"}),
    imprint=frozenset({"thewireisprintedonpaper"}),
)
LONG = SENTENCE * 3


def bare(*texts: str) -> tuple[str, ...]:
    blocks = [(text.startswith("#"), text.lstrip("# ")) for text in texts]
    return tuple(text for _, text in without_furniture(blocks, LABELS).blocks)


@pytest.mark.parametrize(
    "line",
    [
        "Harbour", "# Harbour", "The Wire", "Ada Quill", "By Ada Quill", "By Somebody Else",
        "Somebody Else, staff writer", "Von Ada Quill", "Harbour / 50823 / 8 April 2026, 16:40 UTC",
        "By Devi Raman | 15 April 2026, 16:30 UTC", "By the editors | 2 April 2026",
        "by Ada Quill Monday, November 18, 2019", "Sent on 3 April 2026, 01:00 CDT by Ada Quill",
        "Veröffentlicht am 13. Mai 2026 um 15:44", "05.08.2024, 20:59 Uhr", "# The Quay Opens",
    ],
)  # fmt: skip
def test_furniture_near_the_top(line: str) -> None:
    assert bare(line, LONG) == (LONG,)
    assert bare(SENTENCE, line, LONG) == (SENTENCE, LONG)
    far = (LONG, LONG, LONG, LONG, line, LONG)
    assert len(bare(*far)) == len(far)


@pytest.mark.parametrize(
    "line",
    ["By Monday it was over.", "In 2026", "2026", "It opens on 3 April 2026.", "# 3 April 2026",
     "By contrast, that was 2026", "Harbour life goes on"],
)  # fmt: skip
def test_short_lines_that_are_text(line: str) -> None:
    assert bare(line, LONG) == (line.lstrip("# "), LONG)


def test_what_stands_before_the_headline_goes() -> None:
    assert bare("Nation & World", "# The quay opens", LONG) == (LONG,)
    assert bare(LONG, "Nation & World", LONG) == (LONG, "Nation & World", LONG)


@pytest.mark.parametrize(
    "line",
    ["[ Reply | Printer version | Permanent link ]", "Do you know more? Write to us@wire.example.",
     "You have read two of your five free articles this month.", "The Wire is printed on paper.",
     "(Reporting by Ada Quill; editing by the night desk)"],
)  # fmt: skip
def test_furniture_at_the_end(line: str) -> None:
    assert bare(LONG, line) == (LONG,)
    assert bare(LONG, line, LONG) == (LONG, line, LONG)


def test_a_byline_in_the_text_names_author_and_time() -> None:
    line = "<p>By Devi Raman | 7 April 2026, 16:30 UTC</p>"
    story = read_article(a_page(f"<main><h1>Quay opens</h1>{line}<p>{LONG}</p></main>"), ENTRY)
    assert story.authors == ("Devi Raman",)
    assert story.published == datetime(2026, 4, 7, 16, 30, tzinfo=UTC)
    assert "Devi" not in story.text


def left_out(html: str, *kept: str) -> list[str]:
    blocks = [(False, text) for text in kept]
    return [text for _, text in with_left_out(lxml_html.fromstring(html), blocks)]


def test_items_come_back_to_their_list() -> None:
    items = ["WhatsApp", "Instagram", "the glasses", "Facebook"]
    html = f"<main><p>{LONG}</p><ul><li>" + "</li><li>".join(items) + "</li></ul><p>End</p></main>"
    assert left_out(html, LONG, "the glasses", "End") == [LONG, *items, "End"]
    assert left_out(html, LONG, "End") == [LONG, "End"]


def test_links_do_not_come_back() -> None:
    html = (
        "<div><ul><li><a>Facebook</a></li><li>Copy it</li></ul><h2><a>More</a></h2><p>x</p></div>"
    )
    assert left_out(html, "Copy it", "x") == ["Copy it", "x"]


def test_headings_come_back_between_paragraphs() -> None:
    html = (
        "<main><h2>Before</h2><p>One</p><h2>Two</h2><h3>Still two</h3><p>Two, then</p>"
        "<div><h3>A letter</h3></div><p>Three</p><h2>More of it</h2><p>Not kept</p></main>"
    )
    kept = ("One", "Two, then", "Three")
    assert left_out(html, *kept) == ["One", "Two", "Still two", "Two, then", "Three"]


@given(st.lists(st.sampled_from(["One", "Two", "WhatsApp", "Three"]), unique=True))
def test_nothing_kept_is_lost_or_moved(kept: list[str]) -> None:
    html = "<main><p>One</p><ul><li>Two<li>WhatsApp</ul><h2>Heading</h2><p>Three</p></main>"
    assert [text for text in left_out(html, *kept) if text in kept] == kept


def test_code_in_an_item_is_no_paragraph() -> None:
    items = "<li>Go: <code>string</code> is UTF-8 bytes.</li>" * 2
    story = read_article(a_page(f"<article><p>{LONG * 2}</p><ul>{items}</ul></article>"), ENTRY)
    assert "Go: string is UTF-8 bytes." in story.text.split("\n\n")
