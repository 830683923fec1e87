"""The list of sources: TOML and OPML, there and back, and mistakes that name their remedy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.sources import dump_opml, dump_sources, load_opml, load_sources, parse_sources
from storage.errors import NewsfoldError
from storage.models import Feed, Source

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


words = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), min_size=1
).filter(lambda text: text.strip() == text)


@given(words, words)
def test_any_words_survive_the_toml(name: str, owner: str) -> None:
    feeds = (Feed("https://a.example/f", "a", kind="section", links='a[title="x\\y"]'),)
    sources = [Source("a", name, "https://a.example/", "en", owner, feeds)]
    assert parse_sources(dump_sources(sources), "x") == sources


addresses = st.from_regex(r"https://[a-z]{1,9}\.example/[a-z0-9?=&;/]{0,9}", fullmatch=True)
feeds = st.one_of(
    st.builds(lambda url: Feed(url, ""), addresses),
    st.builds(lambda url: Feed(url, "", kind="sitemap"), addresses),
    st.builds(lambda url, links: Feed(url, "", kind="section", links=links), addresses, words),
    st.builds(lambda url, links: Feed(url, "", kind="discussion", links=links), addresses, words),
)


@st.composite
def lists(draw: st.DrawFn) -> list[Source]:
    """A list of sources as newsfold can have one: each id and each feed once."""
    drawn = draw(
        st.lists(st.lists(feeds, min_size=1, max_size=4), min_size=1, max_size=4).filter(
            lambda many: len({f.url for each in many for f in each}) == sum(map(len, many))
        )
    )
    return [
        Source(
            id=f"s-{number}",
            name=draw(words),
            home=draw(addresses),
            language=draw(st.sampled_from(["en", "pt-BR", "zh-Hans"])),
            owner=draw(words),
            feeds=tuple(replace(feed, source_id=f"s-{number}") for feed in each),
        )
        for number, each in enumerate(drawn)
    ]


@settings(deadline=None)  # a busy machine is no fault
@given(lists())
def test_any_list_survives_opml(sources: list[Source]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "list.opml"
        path.write_text(dump_opml(sources), "utf-8")
        assert load_opml(path) == sources


def test_what_no_xml_can_hold_is_left_out(tmp_path: Path) -> None:
    [source] = parse_sources(GOOD.replace('"Alpha"', r'"Al\u0001pha"'), "my.toml")
    (tmp_path / "list.opml").write_text(dump_opml([source]), "utf-8")
    assert load_opml(tmp_path / "list.opml")[0].name == "Alpha"


def test_lists_of_other_readers_have_their_ways(tmp_path: Path) -> None:
    """Folders in folders, a feed in two of them, odd letters, addresses and attributes."""
    (tmp_path / "list.opml").write_text(
        """<?xml version="1.0"?><opml version="2.0" xmlns:fz="urn:forum-dot-freshrss">
        <head><title>Mine</title></head><body><outline text="Tech"><outline text="AI">
        <outline text="One" xmlurl="https://one.example/rss" htmlurl="one.example" fz:x="y"/>
        </outline><outline text="Also one" xmlUrl=" https://one.example/rss "/></outline>
        <outline text="Two" xmlUrl="feed://two.example/rss" category="/a,/b" description="Words"/>
        <outline text="Three" xmlUrl="feed:https://three.example/rss"/>
        <outline text="A page" type="link" url="https://page.example/"/></body></opml>"""
    )
    found = load_opml(tmp_path / "list.opml")
    assert [(each.name, each.home, [feed.url for feed in each.feeds]) for each in found] == [
        ("One", "https://one.example/", ["https://one.example/rss"]),
        ("Two", "http://two.example/", ["http://two.example/rss"]),
        ("Three", "https://three.example/", ["https://three.example/rss"]),
    ]
