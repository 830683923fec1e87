"""`newsfold run`: one scheduled pass, done again and again."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from loopback import NOW, Reply, Web, rows, rss, serve

from storage.database import create_or_open
from storage.runs import TIME_IS_UP, only_one
from tests import processes
from tests.stories import made_stories, stored

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

_RUN = """
import json, sys
from pathlib import Path
from crawlers import extraction
from pipeline.output import Voice
from pipeline.passes import run_pass
from storage.times import from_iso
given = json.loads(sys.argv[1])
extraction._processes = lambda *_: given["readers"]
exec(given["before"])
sys.exit(run_pass(
    Path(given["database"]),
    voice=Voice(),
    seconds=given["seconds"],
    sources_file=Path(given["sources"]) if given["sources"] else None,
    now=lambda: from_iso(given["now"]),
    settings={"NEWSFOLD_NOW": given["now"], **given["settings"]},
))
"""
NO_NAMES = (
    "import socket\ndef fail(*_): raise socket.gaierror('no name')\nsocket.getaddrinfo = fail\n"
)
SOURCES = """
[[source]]
id = "alpha"
name = "Alpha"
home = "http://alpha.test/"
language = "en"
owner = "Alpha"
feeds = [{ url = "http://alpha.test/feed" }]

[[source]]
id = "beta"
name = "Beta"
home = "http://beta.test/"
language = "en"
owner = "Beta"
feeds = [{ url = "http://beta.test/feed" }]
"""


def run(
    database: Path,
    web: Web | None,
    sources: Path | None,
    *,
    now: str = NOW,
    before: str = "",
    seconds: float | None = None,
    readers: int = 0,
) -> CompletedProcess[str]:
    """One pass. Its pages are read by so many processes; starting one costs more than they do."""
    settings: dict[str, Any] = {"DOWNLOAD_DELAY": 0.01}
    if web is not None:
        settings["NEWSFOLD_PROXY"] = web.address
    given = {
        "database": str(database),
        "sources": str(sources) if sources else None,
        "now": now,
        "before": before,
        "seconds": seconds,
        "readers": readers,
        "settings": settings,
    }
    return processes.run(_RUN, json.dumps(given))


def page(title: str, place: str) -> str:
    body = "".join(
        f"<p>Engineers closed the dam at {place} after divers found crack number {n} in its"
        f" eastern wall, and the villages below {place} were told to be ready to leave.</p>"
        for n in range(3)
    )
    return f"<html><head><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>"


@contextmanager
def serve_two() -> Iterator[Web]:
    with serve() as served:
        for host, path in (("alpha", "/1"), ("beta", "/2")):
            served.add(f"http://{host}.test/feed", rss((f"Dam shut, says {host}", path)))
            title = f"Brankwell dam shut after crack, says {host}"
            served.add(f"http://{host}.test{path}", page(title, "Brankwell"))
        yield served


@pytest.fixture
def web() -> Iterator[Web]:
    with serve_two() as served:
        yield served


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What one pass counts that nobody has killed."""
    folder = tmp_path_factory.mktemp("unharmed")
    (folder / "sources.toml").write_text(SOURCES, "utf-8")
    with serve_two() as web:
        assert run(folder / "news.db", web, folder / "sources.toml").returncode == 0
    return counts(folder / "news.db")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    path = tmp_path / "sources.toml"
    path.write_text(SOURCES, "utf-8")
    return path


def counts(database: Path) -> dict[str, int]:
    tables = ("entries", "pages", "stories", "events", "event_stories")
    return {
        table: rows(database, f"SELECT count(*) AS count FROM {table}")[0]["count"]
        for table in tables
    }


def passes(database: Path) -> list[dict[str, Any]]:
    """The rows of `runs`, JSON read."""
    told = rows(database, "SELECT * FROM runs ORDER BY id")
    columns = ("counts", "durations", "errors", "versions")
    return [row | {column: json.loads(row[column]) for column in columns} for row in told]


def test_a_pass_goes_all_the_way_and_a_second_one_does_nothing_twice(
    web: Web, sources: Path, tmp_path: Path
) -> None:
    database = tmp_path / "news.db"
    first = run(database, web, sources)
    assert first.returncode == 0, first.stderr
    before = counts(database)
    assert before["stories"] == before["event_stories"] == 2
    assert before["events"] == 1
    asked = len(web.asked)
    for now in (NOW, "2026-11-20T20:00:00Z"):  # not due yet, and due again
        again = run(database, web, None, now=now)
        assert again.returncode == 0, again.stderr
        assert counts(database) == before
    urls = [url for url in web.urls()[asked:] if not url.endswith("robots.txt")]
    assert sorted(urls) == ["http://alpha.test/feed", "http://beta.test/feed"]


def test_a_pass_leaves_a_row_and_so_do_its_parts(web: Web, sources: Path, tmp_path: Path) -> None:
    database = tmp_path / "news.db"
    assert run(database, web, sources).returncode == 0
    whole, crawl, fold = passes(database)
    assert [whole["verb"], crawl["verb"], fold["verb"]] == ["run", "crawl", "fold"]
    assert [whole["part_of"], crawl["part_of"], fold["part_of"]] == [None, whole["id"], whole["id"]]
    assert whole["counts"] == {"crawl": crawl["counts"], "fold": fold["counts"]}
    assert whole["counts"]["crawl"]["stories_new"] == whole["counts"]["fold"]["waiting"] == 2
    assert set(whole["durations"]) == {"fetch", "read", "fold", "total"}
    assert sum(whole["durations"].values()) <= 2 * whole["durations"]["total"]
    assert (whole["errors"], whole["stopped"]) == ([], None)
    assert set(whole["versions"]) == {"newsfold", "python", "scrapy", "sqlite"}
    assert whole["versions"]["scrapy"].startswith("2.")
    (tmp_path / "newsfold.toml").write_text('[run]\ntime = "8m"\n')  # what is so anyway
    run(database, web, None)
    (tmp_path / "newsfold.toml").write_text('[run]\ntime = "7m"\n')
    run(database, web, None)
    first, second, third = (
        row["configuration"] for row in passes(database) if row["verb"] == "run"
    )
    assert first == second != third


@pytest.mark.long
def test_when_its_time_is_up_it_folds_what_it_has_and_the_next_pass_goes_on(
    web: Web, sources: Path, tmp_path: Path
) -> None:
    database = tmp_path / "news.db"
    pages = 36
    listed = [(f"Dam {n}", f"/slow/{n}") for n in range(pages)]
    web.add("http://beta.test/feed", rss(*listed))
    for _, path in listed:
        place = f"Place{path[6:]}"
        told = page(f"{place} dam shut", place).encode()
        web.pages[f"http://beta.test{path}"] = Reply(told, wait=0.15)
    done = run(database, web, sources, seconds=4, readers=1)
    assert done.returncode == 0, done.stderr
    assert "its 4 seconds are up" in done.stderr
    whole, crawl, *_ = passes(database)
    assert whole["finished"] is not None
    assert (whole["stopped"], crawl["stopped"]) == ("time is up", "time is up")
    before = counts(database)
    assert before["pages"] < pages
    assert before["event_stories"] == before["stories"] <= before["pages"]
    rest = rows(database, "SELECT DISTINCT status, attempts FROM entries WHERE status <> 'fetched'")
    assert {tuple(row.values()) for row in rest} <= {("waiting", 0)}
    again = run(database, web, None, now="2026-11-20T12:10:00Z")  # before the feeds are due again
    assert again.returncode == 0, again.stderr
    assert counts(database)["stories"] == counts(database)["event_stories"] == pages + 1
    assert passes(database)[-2]["stopped"] is None


def test_when_its_time_is_up_while_it_folds_the_next_pass_folds_the_rest(
    web: Web, sources: Path, tmp_path: Path, unharmed: dict[str, int]
) -> None:
    database = tmp_path / "news.db"
    late = (
        "import pipeline.fold_pass, pipeline.passes\n"
        "pipeline.fold_pass.STEP = 1\n"
        "pipeline.passes.Budget.left_for_folding = lambda self: 0.0\n"
    )
    done = run(database, web, sources, before=late, seconds=600)
    assert done.returncode == 0, done.stderr
    assert "its 600 seconds are up" in done.stderr
    whole, crawl, fold = passes(database)
    assert (whole["stopped"], crawl["stopped"], fold["stopped"]) == (TIME_IS_UP, None, TIME_IS_UP)
    assert (counts(database)["stories"], counts(database)["event_stories"]) == (2, 1)
    again = run(database, web, None, now="2026-11-20T12:10:00Z")
    assert again.returncode == 0, again.stderr
    assert counts(database) == unharmed
    assert passes(database)[3]["stopped"] is None


@pytest.mark.long
@pytest.mark.parametrize("commits", [2, 7, 12, 16])
def test_killed_at_a_commit_the_next_pass_comes_to_the_same(
    web: Web, sources: Path, tmp_path: Path, unharmed: dict[str, int], commits: int
) -> None:
    kill = (
        "import os, signal, storage.database as module\n"
        "from contextlib import contextmanager\n"
        "whole, left = module.transaction, [COMMITS]\n"
        "@contextmanager\n"
        "def transaction(db):\n"
        "    with whole(db):\n"
        "        yield\n"
        "        left[0] -= 1\n"
        "        if left[0] <= 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "module.transaction = transaction\n"
        "for name, other in list(sys.modules.items()):\n"
        "    if getattr(other, 'transaction', None) is whole: other.transaction = transaction\n"
    ).replace("COMMITS", str(commits))
    database = tmp_path / "news.db"
    assert run(database, web, sources, before=kill).returncode == -9
    assert run(database, web, sources, now="2026-11-20T12:20:00Z").returncode == 0
    assert counts(database) == unharmed


def test_what_is_new_joins_its_event(web: Web, sources: Path, tmp_path: Path) -> None:
    database = tmp_path / "news.db"
    run(database, web, sources)
    web.add("http://beta.test/feed", rss(("Dam again", "/3"), ("Dam shut, says beta", "/2")))
    web.add("http://beta.test/3", page("Brankwell villages wait below cracked dam", "Brankwell"))
    done = run(database, web, None, now="2026-11-20T15:00:00Z")
    assert done.returncode == 0, done.stderr
    assert counts(database)["stories"] == 3
    assert counts(database)["events"] == 1
    [event] = rows(database, "SELECT * FROM events")
    assert (event["id"], event["story_count"], event["source_count"]) == (1, 3, 2)


def test_a_source_that_fails_is_told_and_the_others_go_on(
    web: Web, sources: Path, tmp_path: Path
) -> None:
    web.add("http://beta.test/feed", "<html>no feed here</html>")
    done = run(tmp_path / "news.db", web, sources)
    assert done.returncode == 3
    assert "beta: a web page, not a feed" in done.stderr
    assert counts(tmp_path / "news.db")["stories"] == 1
    whole, crawl, fold = passes(tmp_path / "news.db")
    assert [whole["exit_code"], crawl["exit_code"], fold["exit_code"]] == [3, 3, 0]
    assert crawl["counts"]["feeds_failed"] == crawl["counts"]["sources_failed"] == 1
    [told] = crawl["errors"]
    assert (told["source"], told["feed"]) == ("beta", "http://beta.test/feed")
    assert told["reason"].startswith("a web page, not a feed")
    assert whole["errors"] == crawl["errors"]


def test_where_nothing_is_reachable_every_source_says_why(tmp_path: Path) -> None:
    database = tmp_path / "news.db"
    done = run(database, None, None, before=NO_NAMES)
    assert done.returncode == 3
    names = [row["id"] for row in rows(database, "SELECT id FROM sources ORDER BY id")]
    assert len(names) >= 80
    said = [line.partition(":")[0] for line in done.stderr.splitlines() if "network" in line]
    assert said == names
    assert set(counts(database).values()) == {0}


def test_a_pass_beside_another_leaves_at_once(web: Web, sources: Path, tmp_path: Path) -> None:
    database = tmp_path / "news.db"
    with only_one(database):
        done = run(database, web, sources)
    assert "AlreadyRunningError" in done.stderr  # the command line turns it into one line, exit 0
    assert web.asked == []
    assert set(counts(database).values()) == {0}


def test_killed_between_crawl_and_fold_loses_nothing(
    web: Web, sources: Path, tmp_path: Path
) -> None:
    database = tmp_path / "news.db"
    kill = (
        "import os, signal, pipeline.passes\n"
        "def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"
        "pipeline.passes.fold_pass = die\n"
    )
    assert run(database, web, sources, before=kill).returncode == -9
    assert counts(database)["stories"] == 2
    assert counts(database)["events"] == 0
    assert run(database, web, None).returncode == 0
    assert counts(database)["events"] == 1


def test_ctrl_c_ends_it_and_the_next_pass_does_the_rest(
    web: Web, sources: Path, tmp_path: Path
) -> None:
    database = tmp_path / "news.db"
    stop = (
        "import crawlers.crawl as module\n"
        "from dataclasses import replace\n"
        "crawl = module.crawl\n"
        "module.crawl = lambda *a, **k: replace(crawl(*a, **k), interrupted=True)\n"
    )
    done = run(database, web, sources, before=stop)
    assert "KeyboardInterrupt" in done.stderr  # the command line ends with 130
    assert counts(database)["stories"] == 0
    done = rows(database, "SELECT verb, exit_code, stopped, errors FROM runs ORDER BY id")
    assert [tuple(row.values()) for row in done] == [
        ("run", 1, "interrupted", '[{"reason": "KeyboardInterrupt"}]'),
        ("crawl", 1, "interrupted", '[{"reason": "KeyboardInterrupt"}]'),
    ]
    assert run(database, web, None).returncode == 0
    assert counts(database)["stories"] == 2


def test_a_quiet_pass_tells_only_what_failed(web: Web, sources: Path, tmp_path: Path) -> None:
    web.add("http://beta.test/feed", "<html>no feed here</html>")
    quiet = "from pipeline.output import Voice as Loud\nVoice = lambda: Loud(quiet=True)\n"
    done = run(tmp_path / "news.db", web, sources, before=quiet)
    assert done.returncode == 3
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["beta"]


def test_sources_are_there_after_an_import_too(web: Web, tmp_path: Path) -> None:
    database = tmp_path / "news.db"
    db = create_or_open(database)
    stored(db, made_stories())
    db.close()
    done = run(database, None, None, before=NO_NAMES)
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) > 80
