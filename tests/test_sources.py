"""The list of sources: TOML and OPML, there and back, and mistakes that name their remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawlers.sources import dump_opml, dump_sources, load_opml, load_sources, parse_sources
from storage.errors import NewsfoldError
from storage.models import Feed, Source

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """
[[source]]
id = "alpha"
name = "Alpha"
home = "https://alpha.example/"
language = "en"
owner = "Alpha Media"
feeds = [
  { url = "https://alpha.example/feed" },
  { url = "https://alpha.example/new", kind = "section", links = "article a" },
]
"""


def test_a_list_is_read() -> None:
    (source,) = parse_sources(GOOD, "my.toml")
    assert (source.id, source.owner) == ("alpha", "Alpha Media")
    assert source.feeds == (
        Feed("https://alpha.example/feed", "alpha"),
        Feed("https://alpha.example/new", "alpha", kind="section", links="article a"),
    )


def test_the_shipped_list_is_sound_and_survives_both_formats(tmp_path: Path) -> None:
    shipped = load_sources()
    assert len(shipped) >= 100
    assert parse_sources(dump_sources(shipped), "x") == shipped
    (tmp_path / "list.opml").write_text(dump_opml(shipped), "utf-8")
    assert load_opml(tmp_path / "list.opml") == shipped


@pytest.mark.parametrize(
    ("change", "to", "message"),
    [
        ('id = "alpha"', 'id = "Alpha News"', "write the id in small letters"),
        ('id = "alpha"', "id = 7", "lacks id"),
        ('name = "Alpha"', "", "source 'alpha' lacks name"),
        ('owner = "Alpha Media"', 'owner = " "', "lacks owner"),
        ('language = "en"', 'language = "English"', "language is a tag such as en"),
        ('home = "https://alpha.example/"', 'home = "alpha"', "home is 'alpha'; write a whole"),
        ('name = "Alpha"', 'name = "Alpha"\ncolour = "red"', "unknown key 'colour'; known are id,"),
        ("[[source]]", "[[outlet]]", "unknown key 'outlet'"),
        ("[[source]]", "[source]", "write each source as a [[source]] table"),
        ('"https://alpha.example/feed"', '"ftp://alpha.example/"', "write a whole http(s)"),
        ('"https://alpha.example/feed"', "7", "put it in quotes"),
        ('{ url = "https://alpha.example/feed" }', '"https://x.example/"', "a feed is written as"),
        ('kind = "section"', 'kind = "page"', "choose one of feed, sitemap, section"),
        (', links = "article a"', "", 'needs links = "a CSS selector"'),
        ('kind = "section", ', "", 'needs kind = "section"'),
        ("alpha.example/new", "alpha.example/feed", "is a feed of 'alpha' and 'alpha'"),
        ('id = "alpha"', "id = ", "is no TOML"),
        ("]", "", "is no TOML"),
    ],
)
def test_a_mistake_names_file_source_and_remedy(change: str, to: str, message: str) -> None:
    assert change in GOOD
    with pytest.raises(NewsfoldError) as caught:
        parse_sources(GOOD.replace(change, to), "my.toml")
    assert message in str(caught.value)
    assert str(caught.value).startswith("my.toml: ")
    assert caught.value.exit_code == 2


def test_ids_are_unique() -> None:
    with pytest.raises(NewsfoldError, match="two sources have the id 'alpha'"):
        parse_sources(GOOD + GOOD.replace("alpha.example/", "beta.example/"), "my.toml")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NewsfoldError, match=r"none\.toml: cannot be read"):
        load_sources(tmp_path / "none.toml")


def test_a_list_of_another_reader_is_imported(tmp_path: Path) -> None:
    (tmp_path / "list.opml").write_text(
        """<opml version="1.0"><body><outline text="Tech">
        <outline text="One" type="rss" xmlUrl="https://www.one.example/rss"
                 htmlUrl="https://www.one.example/"/>
        <outline text="One more" xmlUrl="https://www.one.example/rss2"
                 htmlUrl="https://www.one.example/"/>
        <outline title="Two" xmlUrl="http://feeds.two.example/atom"/>
        </outline></body></opml>"""
    )
    one, two = load_opml(tmp_path / "list.opml")
    assert (one.id, one.name, len(one.feeds)) == ("one-example", "One", 2)
    assert (two.id, two.home, two.owner) == (
        "feeds-two-example",
        "http://feeds.two.example/",
        "Two",
    )


def test_opml_reads_no_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "list.opml").write_text(
        f'<!DOCTYPE o [<!ENTITY x SYSTEM "{(tmp_path / "secret").as_uri()}">]>'
        '<opml><body><outline text="&x;" xmlUrl="https://one.example/rss">&x;</outline></body></opml>'
    )
    try:
        text = dump_sources(load_opml(tmp_path / "list.opml"))
    except NewsfoldError as error:
        text = str(error)
    assert "secret" not in text.replace(str(tmp_path), "")


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(
    lambda text: text.strip() == text
)


@given(words, words)
def test_any_words_survive_the_toml(name: str, owner: str) -> None:
    feeds = (Feed("https://a.example/f", "a", kind="section", links='a[title="x\\y"]'),)
    sources = [Source("a", name, "https://a.example/", "en", owner, feeds)]
    assert parse_sources(dump_sources(sources), "x") == sources
