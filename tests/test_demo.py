"""The whole way on the demo's web: real spiders, loopback only, from feeds to a digest."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.demo.stories import DemoStory, load_stories
from storage.database import open_existing

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlite_utils import Database

ROOT = Path(__file__).parent.parent
NEVER_READ = {"404", "410", "500", "endless"}
# An opinion with hardly a word in common with what it is about stands alone: a known miss.
ALONE = {("wexcourt-layoffs", "openloop")}
# An opinion may stand with the event that it is about.
COMMENTS_ON = {"muse-spark-closed-opinion": "muse-spark-release"}


# Ids of stories follow the order in which pages arrived; all else follows from the stories.
WHAT_A_FOLD_WRITES = (
    "SELECT e.id, e.title, s.url, category, category_because, tldr, first_published,"
    " last_published, first_source, story_count, source_count, independent_count, e.comments"
    " FROM events AS e JOIN stories AS s ON s.id = headline_story ORDER BY e.id",
    "SELECT event_id, s.url, role, score, t.url, because FROM event_stories AS m"
    " JOIN stories AS s ON s.id = story_id LEFT JOIN stories AS t ON t.id = through_story"
    " ORDER BY s.url",
    "SELECT f.id, event_id, s.url, key, value, shown, quote, sentence, about FROM figures AS f"
    " JOIN stories AS s ON s.id = story_id ORDER BY f.id",
    "SELECT * FROM related_events ORDER BY 1, 2",
    "SELECT event_id, kind, other_event, at FROM lineage ORDER BY id",
    "SELECT score, signals FROM matches ORDER BY 1, 2",
)


def newsfold(*words: object) -> subprocess.CompletedProcess[str]:
    program = "from pipeline.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "newsfold-demo"


@pytest.fixture(scope="module")
def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    done = newsfold("demo", folder)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def db(demo: subprocess.CompletedProcess[str], folder: Path) -> Database:
    return open_existing(folder / "news.db")


@pytest.fixture(scope="module")
def found(db: Database) -> dict[tuple[str, str], dict[str, Any]]:
    """Each story of the demo by event and source, with its row and its event's id."""
    rows = {
        (row["source_id"], letters(row["title"])): row
        for row in db.query(
            "SELECT s.*, m.event_id, m.role FROM stories AS s"
            " JOIN event_stories AS m ON m.story_id = s.id"
        )
    }
    return {
        (story.event, story.source_id): rows[story.source_id, letters(story.title)]
        for story in load_stories()
        if story.trouble not in NEVER_READ
    }


def letters(title: str) -> str:
    """A title without the kind of its quotation marks."""
    return re.sub(r"\W+", " ", title)


def with_trouble(name: str) -> list[DemoStory]:
    stories = [story for story in load_stories() if story.trouble == name]
    assert stories
    return stories


def test_it_shows_progress_prints_the_digest_and_says_what_next(
    demo: subprocess.CompletedProcess[str], folder: Path
) -> None:
    assert "103 pages" in demo.stderr
    assert "folding" in demo.stderr
    assert "Now try:" in demo.stderr
    assert demo.stdout.startswith("newsfold\n")
    assert "Now try:" not in demo.stdout
    page = (folder / "digest.html").read_text("utf-8")
    assert page.startswith(("<!doctype html>", "<!DOCTYPE html>"))
    for text in (demo.stdout, page):
        for words in ("3 min read", "Muse Spark", "$14.3B", "89.5%", "42.5", "Harbor Post"):
            assert words in text


def test_every_story_that_can_be_read_is_there_once(
    db: Database, found: dict[tuple[str, str], dict[str, Any]]
) -> None:
    assert db.execute("SELECT count(*) FROM stories").fetchone()[0] == len(found)
    assert len(found) == len(load_stories()) - len(NEVER_READ)


def test_reports_of_one_happening_are_one_event_and_nothing_else_is(
    found: dict[tuple[str, str], dict[str, Any]],
) -> None:
    events: dict[str, set[int]] = defaultdict(set)
    gold: dict[int, set[str]] = defaultdict(set)
    for (event, source), row in found.items():
        if source == "tagesnetz" or (event, source) in ALONE:
            continue
        label = COMMENTS_ON.get(event, event)
        events[label].add(row["event_id"])
        gold[row["event_id"]].add(label)
    assert {label: ids for label, ids in events.items() if len(ids) > 1} == {}
    assert {id_: labels for id_, labels in gold.items() if len(labels) > 1} == {}


def test_every_role_is_as_it_was_written(
    found: dict[tuple[str, str], dict[str, Any]],
) -> None:
    written = {(story.event, story.source_id): story.role for story in load_stories()}
    alone = {key for key in found if key in ALONE}
    wrong = {
        key: (row["role"], written[key])
        for key, row in found.items()
        if row["role"] != written[key] and key not in alone
    }
    assert wrong == {}


def muse_spark(db: Database) -> int:
    """The id of the main event."""
    row = db.execute("SELECT id FROM events WHERE title LIKE 'Meta releases Muse Spark%'")
    return int(row.fetchone()[0])


def test_the_event_as_a_reader_sees_it(db: Database, folder: Path) -> None:
    done = newsfold("show", folder / "news.db", muse_spark(db), "--to", "json")
    event = json.loads(done.stdout)
    assert event["category"] == "model release"
    assert event["minutes"] == 3
    assert (
        "16:02 UTC on 8 April with Morning Byte, 19 minutes ahead of Model Watch" in event["broke"]
    )
    assert event["independent"] == 4
    assert event["comments"] > 100
    assert 2 <= len(event["tldr"]) <= 3
    roles = {source["source"]: source["role"] for source in event["sources"]}
    assert roles["Harbor Post"] == "copy"
    assert roles["Gadget Lane"] == "rewrite"
    assert [roles[name] for name in ("Morning Byte", "Model Watch", "Delta Wire")] == [
        "original"
    ] * 3
    assert len([section for section in event["sections"] if section["heading"]]) >= 4
    figures = {figure["shown"] for figure in event["figures"]}
    assert {"$14.3B", "52", "57", "53", "89.5%", "42.5", "42.8%"} <= figures
    related = {other["headline"]: other for other in event["related"]}
    gemma = next(other for title, other in related.items() if "Gemma 4" in title)
    assert gemma["category"] == "model release"
    assert gemma["tldr"]
    assert any("API" in title for title in related)


def test_pages_that_cannot_be_had(db: Database) -> None:
    became = {row["title"]: row["status"] for row in db.query("SELECT title, status FROM entries")}
    for name, status in (
        ("404", "gone"),
        ("410", "gone"),
        ("500", "failed"),
        ("endless", "failed"),
        ("robots", "forbidden"),
    ):
        assert [became[story.title] for story in with_trouble(name)] == [status]
    [robots] = with_trouble("robots")
    [row] = db.query("SELECT text_from FROM stories WHERE title = ?", (robots.title,))
    assert row["text_from"] == "feed"


@pytest.mark.parametrize(
    ("trouble", "holds"),
    [
        ("no-date", lambda row: row["published"] is None),
        ("future-date", lambda row: (row["published"] or "") <= "2026-04-16T07:00:00Z"),
        ("no-zone", lambda row: row["published_precision"] == "guessed"),
        ("redirect-chain", lambda row: row["url"].startswith("https://morningbyte.example/2026/")),
        ("tracking", lambda row: "utm_" not in row["url"] and "fbclid" not in row["url"]),
        ("canonical-elsewhere", lambda row: "deltawire.example" in row["canonical_claim"]),
        ("same-guid", lambda row: row["text_from"] == "page"),
    ],
)
def test_trouble_is_settled(
    found: dict[tuple[str, str], dict[str, Any]],
    trouble: str,
    holds: Callable[[dict[str, Any]], bool],
) -> None:
    for story in with_trouble(trouble):
        assert holds(found[story.event, story.source_id])


def test_a_wrong_charset_leaves_no_mojibake(db: Database) -> None:
    for row in db.query("SELECT title, text FROM stories WHERE source_id = 'gadgetlane'"):
        assert not re.search(r"\ufffd|â€|Ã|[\x80-\x9f]", row["title"] + row["text"])


def test_a_broken_feed_is_named(db: Database, demo: subprocess.CompletedProcess[str]) -> None:
    [row] = db.query("SELECT * FROM feeds WHERE source_id = 'staticpage'")
    assert "not a feed" in row["last_error"]
    assert "staticpage" in demo.stderr
    assert db.execute("SELECT count(*) FROM feeds WHERE last_error IS NOT NULL").fetchone()[0] == 1


@pytest.mark.long
def test_the_same_web_gives_the_same_events(
    db: Database, demo: subprocess.CompletedProcess[str], tmp_path: Path
) -> None:
    again = newsfold("demo", tmp_path / "again")
    assert again.stdout == demo.stdout
    other = open_existing(tmp_path / "again" / "news.db")
    for query in WHAT_A_FOLD_WRITES:
        assert db.execute(query).fetchall() == other.execute(query).fetchall()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear aunt", "utf-8")
    done = newsfold("demo", tmp_path)
    assert done.returncode == 2
    assert "did not make" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
