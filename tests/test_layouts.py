"""What is known of the layout of single sites, on pages made up in their shape.

A case is a folder, as in test_articles.py; the pages declare nothing, so that all must come from
the selectors, and hold what is around a text on these sites: offers, related stories, portraits.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lxml import html

from crawlers import selectors
from crawlers.articles import read_article
from crawlers.selectors import NO_LAYOUT, Layout, layout_of, text_of, voice_of
from crawlers.sources import load_sources
from crawlers.urls import site
from tests.test_articles import fields, read_case

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = Path(__file__).parent / "fixtures" / "layouts"
NAMES = sorted(path.name for path in CASES.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_page_in_the_shape_of_the_site(name: str) -> None:
    expected = json.loads((CASES / name / "expected.json").read_text("utf-8"))
    found = fields(read_article(*read_case(CASES / name)))
    wrong = [
        f"{field}: {found[field]!r} instead of {value!r}"
        for field, value in expected.items()
        if found[field] != value
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_the_selectors_make_the_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crawlers.articles.layout_of", lambda url: NO_LAYOUT)
    wrong = 0
    for name in NAMES:
        expected = json.loads((CASES / name / "expected.json").read_text("utf-8"))
        found = fields(read_article(*read_case(CASES / name)))
        wrong += any(found[field] != value for field, value in expected.items())
    assert wrong > len(NAMES) / 2


@pytest.mark.parametrize("name", NAMES)
def test_another_layout_is_read_as_any_other_page(name: str) -> None:
    page, entry = read_case(CASES / "krebsonsecurity.com")
    plain = page.html.replace(b"entry-", b"x-").replace(b"<article", b"<main").replace(b"h1", b"h2")
    url = f"https://www.{name}/2026/ferry-quay-data-centre"
    story = read_article(replace(page, url=url, html=plain), entry)
    assert story.text.startswith("Harbour Compute opened its third data centre")


def _shipped() -> Iterator[tuple[str, dict[str, str]]]:
    yield from selectors._known().items()


def test_at_least_twenty_load_sources_have_selectors_and_a_page() -> None:
    homes = {site(source.home) for source in load_sources()}
    feeds = {site(feed.url) for source in load_sources() for feed in source.feeds}
    known = {name for name, _ in _shipped()}
    assert known <= homes | feeds | {"bbc.co.uk"}
    assert len(known & homes) >= 20
    assert known - set(NAMES) <= {"bbc.co.uk"}  # its shape is that of bbc.com


@pytest.mark.parametrize("name", [name for name, _ in _shipped()])
def test_selectors_are_sound(name: str) -> None:
    layout = layout_of(f"https://www.{name}/a")
    assert layout.text is not None
    assert layout.title is not None
    assert set(selectors._known()[name]) <= set(Layout.__dataclass_fields__)
    assert layout_of(f"https://www.{name}.example.com/a") == NO_LAYOUT


def test_where_nothing_matches_nothing_is_said() -> None:
    tree = html.fromstring("<html><body><p>Nothing that anybody knows.</p></body></html>")
    layout = layout_of("https://techcrunch.com/a")
    assert text_of(tree, layout) is None
    assert not any(voice_of(tree, layout).values())
    assert text_of(tree, NO_LAYOUT) is None
