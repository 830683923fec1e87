"""Old words go; what they said, ids and members stay, and no fold touches what is closed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.configuration import read_configuration
from pipeline.correct import merge, undo
from pipeline.explain import explain_stories
from pipeline.fold_pass import fold_pass
from pipeline.output import Voice
from pipeline.passes import fold_only
from pipeline.prune import prune, would_prune
from pipeline.show import find_event
from storage.database import create_or_open, open_existing, transaction
from storage.errors import NewsfoldError
from storage.health import last_pass
from storage.models import Entry, Feed, Page, Story
from storage.pages import save_entries, save_page, waiting_entries
from storage.runs import folding, recorded
from storage.stories import is_told, save_story, story_at
from tests.stories import MORNING, made_stories, stored

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlite_utils import Database

YEAR, MONTH, DAY = timedelta(days=365), timedelta(days=30), timedelta(days=1)
AGES = {"text": YEAR}
# What must stay, row by row, of whatever is pruned.
FOR_EVER = {
    "events": "id, title, headline_story, category, tldr, tldr_from, story_count, updated_at",
    "event_stories": "*",
    "figures": "*",
    "event_names": "*",
    "event_sources": "*",
    "matches": "*",
    "lineage": "*",
    "corrections": "*",
    "past_members": "*",
    "digests": "*",
    "stories": "id, url, source_id, title, authors, published, first_seen, language, copy_of",
}


def kept(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: sorted(db.execute(f"SELECT {columns} FROM {table}").fetchall(), key=str)
        for table, columns in FOR_EVER.items()
    }


def everything(db: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows that a user can see, but for those of passes."""
    tables = [
        name
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%search%'"
            " AND name NOT LIKE '%unspaced%' AND name NOT IN ('runs', '_sqlite_migrations')"
        )
    ]
    return {
        table: sorted(db.execute(f"SELECT * FROM {table}").fetchall(), key=str) for table in tables
    }


def two_years(path: Path) -> Path:
    """Stories of one morning, and the same kind of stories two years later."""
    db = create_or_open(path)
    stored(db, made_stories())
    fold_pass(db, now=lambda: MORNING)
    later = [
        replace(
            each,
            url=each.url.replace(".example/", ".example/later-"),
            title=each.title.replace("Brankwell", "Ostermoor").replace("Quill 5", "Quill 7"),
            text=each.text.replace("Brankwell", "Ostermoor").replace("Quill 5", "Quill 7"),
            published=each.published + 2 * YEAR if each.published else None,
        )
        for each in made_stories()
    ]
    with transaction(db):
        for each in later:
            save_story(db, each, MORNING + 2 * YEAR)
    fold_pass(db, now=lambda: MORNING + 2 * YEAR)
    db.close()
    return path


@pytest.fixture
def old_and_new(tmp_path: Path) -> Path:
    return two_years(tmp_path / "news.db")


def pruned(path: Path, ages: dict[str, timedelta] = AGES, when: timedelta = 2 * YEAR + DAY) -> Any:
    return prune(path, ages, now=lambda: MORNING + when, sleep=lambda _: None)


def test_old_words_go_and_what_they_said_stays(old_and_new: Path) -> None:
    db = create_or_open(old_and_new)
    before = kept(db)
    dropped = pruned(old_and_new)
    assert kept(db) == before
    assert dropped.events == 4
    assert dropped.stories == len(made_stories())
    rows = list(db.query("SELECT text, sections, summary, pruned, published FROM stories"))
    assert all((row["text"] == "") == (row["published"] < "2027") for row in rows)
    assert all((row["pruned"] is None) == (row["text"] != "") for row in rows)
    found = "SELECT count(*) FROM stories_search WHERE stories_search MATCH ?"
    assert db.execute(found, ("divers",)).fetchone()[0] == 3  # of the younger ones alone
    assert db.execute("SELECT count(*) FROM waiting").fetchone()[0] == 0
    assert db.execute("INSERT INTO stories_search (stories_search) VALUES ('integrity-check')")


def test_a_dry_run_says_what_would_go_and_leaves_it(old_and_new: Path) -> None:
    before = old_and_new.read_bytes()
    told = would_prune(old_and_new, AGES, now=lambda: MORNING + 2 * YEAR + DAY)
    assert old_and_new.read_bytes() == before
    assert told == pruned(old_and_new)
    assert told.bytes > 1000


def test_pruned_twice_is_pruned_once(old_and_new: Path) -> None:
    pruned(old_and_new)
    db = create_or_open(old_and_new)
    once = everything(db)
    again = pruned(old_and_new)
    assert (again.events, again.stories, again.bytes) == (0, 0, 0)
    assert everything(db) == once


@pytest.mark.parametrize("rebuild", [False, True])
def test_no_fold_changes_what_is_closed(old_and_new: Path, rebuild: bool) -> None:
    pruned(old_and_new)
    db = create_or_open(old_and_new)
    before, closed = kept(db), "SELECT * FROM events WHERE pruned IS NOT NULL ORDER BY id"
    rows = list(db.query(closed))
    assert len(rows) == 4
    report = fold_pass(db, now=lambda: MORNING + 3 * YEAR, rebuild=rebuild)
    assert report.waiting == (len(made_stories()) if rebuild else 0)
    assert list(db.query(closed)) == rows
    assert {r[:2] for r in kept(db)["event_stories"]} == {r[:2] for r in before["event_stories"]}
    assert kept(db)["lineage"] == []


def test_a_late_report_leaves_a_closed_event_as_it_is(old_and_new: Path) -> None:
    pruned(old_and_new)
    db = create_or_open(old_and_new)
    before = db.execute("SELECT * FROM event_stories ORDER BY story_id").fetchall()
    late = replace(made_stories()[0], url="https://late.example/dam")
    save_story(db, late, MORNING + 2 * YEAR)
    fold_pass(db, now=lambda: MORNING + 3 * YEAR)
    rows = db.execute("SELECT * FROM event_stories ORDER BY story_id").fetchall()
    assert rows[:-1] == before
    assert rows[-1][1] not in {row[1] for row in before}


def test_a_pruned_story_does_not_come_back(old_and_new: Path) -> None:
    pruned(old_and_new)
    db = create_or_open(old_and_new)
    [first, *_] = made_stories()
    before = story_at(db, first.url)
    edited = replace(first, text=first.text + " And more.", title="New words", text_from="page")
    assert save_story(db, edited, MORNING + 3 * YEAR) == "known"
    assert story_at(db, first.url) == before
    assert is_told(db, first.url)  # an archive need not be read for it
    assert db.execute("SELECT count(*) FROM waiting").fetchone()[0] == 0


def test_an_entry_without_its_words_is_not_new_when_its_feed_lists_it_again(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = create_or_open(path)
    db.execute("INSERT INTO sources VALUES ('s', 'S', 'https://s.example/', 'en', 'S')")
    db.execute("INSERT INTO feeds (id, source_id, url, kind) VALUES (1, 's', 'u', 'feed')")
    db.conn.commit()
    feed = Feed(url="u", kind="feed", id=1, source_id="s")
    entry = Entry("https://s.example/a", title="A title", summary="And what it says", author="B")
    listed = [(entry, entry.url)]
    [number] = save_entries(db, feed, listed, MORNING)
    with transaction(db):
        save_page(db, Page(number, entry.url, b"<p>x", MORNING))
    assert pruned(path, {"entries": MONTH}, YEAR).entries == 0  # its page waits to be read
    db.execute("UPDATE pages SET extracted = ?", (MORNING.isoformat()[:19] + "Z",))
    db.conn.commit()
    assert pruned(path, {"entries": MONTH, "pages": 4 * DAY}, YEAR).pages == 1
    [row] = db.query("SELECT * FROM entries")
    assert (row["title"], row["summary"], row["author"]) == ("", "", None)
    assert pruned(path, {"entries": MONTH}, YEAR).entries == 0
    assert save_entries(db, feed, listed, MORNING + YEAR) == []
    assert waiting_entries(db, 1) == []


def test_what_a_correction_is_about_keeps_its_words(old_and_new: Path) -> None:
    db = create_or_open(old_and_new)
    one, two = (
        db.execute(
            "SELECT event_id FROM event_stories JOIN stories ON id = story_id WHERE url LIKE ?",
            (f"%.example/{name}%",),
        ).fetchone()[0]
        for name in ("dam", "owl")
    )
    done = merge(old_and_new, [one, two], by="ada", now=lambda: MORNING)
    assert pruned(old_and_new).events == 2
    fold_pass(db, now=lambda: MORNING + 3 * YEAR, rebuild=True)
    assert find_event(db, two).view.event_id == one
    undo(old_and_new, done.correction_id, by="ada", now=lambda: MORNING + 3 * YEAR)
    assert find_event(db, two).view.event_id == two
    assert pruned(old_and_new).events == 2


def test_a_closed_event_takes_no_correction(old_and_new: Path) -> None:
    pruned(old_and_new)
    db = create_or_open(old_and_new)
    ids = [row[0] for row in db.execute("SELECT id FROM events ORDER BY id")]
    with pytest.raises(NewsfoldError, match="event 1 is closed"):
        merge(old_and_new, [ids[0], ids[-1]], by="ada")
    assert db.execute("SELECT count(*) FROM corrections").fetchone()[0] == 0


def test_what_was_imported_lately_of_years_ago_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = create_or_open(path)
    stored(db, [replace(each, first_seen=MORNING + 2 * YEAR) for each in made_stories()])
    fold_pass(db, now=lambda: MORNING + 2 * YEAR)
    assert pruned(path).events == 0
    assert pruned(path, when=3 * YEAR + 2 * DAY).events == 4


def test_a_date_that_lies_ahead_keeps_nothing(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = create_or_open(path)
    stored(db, [replace(made_stories()[0], published=MORNING + 50 * YEAR, first_seen=MORNING)])
    fold_pass(db, now=lambda: MORNING)
    assert pruned(path).events == 1


def test_passes_go_with_their_parts_but_those_that_lineage_names(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = create_or_open(path)
    run = (
        "INSERT INTO runs (id, verb, started, counts, version, part_of)"
        " VALUES (?, ?, ?, '{}', '', ?)"
    )
    old, new = "2026-04-08T00:00:00Z", "2028-04-08T00:00:00Z"
    rows = [(1, "run", old, None), (2, "fold", old, 1), (3, "run", old, None)]
    rows += [(4, "fold", old, 3), (5, "trial", old, None), (6, "run", new, None)]
    db.conn.executemany(run, rows)
    db.execute("INSERT INTO lineage VALUES (1, 2, 'merged', 1, 4, ?)", (old,))
    db.conn.commit()
    assert pruned(path, {"runs": YEAR}).runs == 3
    left = [row[0] for row in db.execute("SELECT id FROM runs WHERE verb <> 'prune'")]
    assert left == [3, 4, 6]


def test_that_there_were_passes_is_not_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = create_or_open(path)
    for verb in ("crawl", "run", "fold"):
        with recorded(db, verb, lambda: MORNING):
            pass
    assert pruned(path, {"runs": YEAR}).runs == 2
    last = last_pass(db)
    assert last is not None
    assert (last.verb, last.finished) == ("run", MORNING)


def test_a_closed_event_can_still_be_shown(
    old_and_new: Path, newsfold: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    db = open_existing(old_and_new)
    before = json.loads(newsfold("show", old_and_new, 1, "--to", "json")[1])
    urls = [row[0] for row in db.execute("SELECT url FROM stories ORDER BY id LIMIT 2")]
    pruned(old_and_new)
    code, out, _ = newsfold("show", old_and_new, 1, "--to", "json")
    after = json.loads(out)
    assert code == 0
    assert after["pruned"] == "2028-04-08T09:00:00Z"
    for key in ("headline", "tldr", "sources", "figures", "members", "related"):
        assert after[key] == before[key], key
    assert "texts of its stories were dropped on 2028-04-08" in newsfold("show", old_and_new, 1)[1]
    code, out, _ = newsfold("explain", old_and_new, *urls)
    assert (code, "Words were pruned on 2028-04-08" in out) == (0, True)
    code, out, _ = newsfold("changes", old_and_new, 1)
    assert (code, "dropped on 2028-04-08" in out) == (0, True)
    for form in ("text", "markdown", "html", "json", "atom"):
        code, out, err = newsfold("digest", old_and_new, "--since", "2026-04-01", "--to", form)
        assert (code, "Brankwell" in out) == (0, True), err
    assert newsfold("site", old_and_new, tmp_path / "site")[0] == 0
    code, _, err = newsfold("show", old_and_new, 1, "--as-of", "2026-04-20")
    assert (code, "were pruned on 2028-04-08" in err) == (1, True)


def test_a_new_story_beside_a_pruned_one_is_told_as_not_folded(old_and_new: Path) -> None:
    pruned(old_and_new)
    db = create_or_open(old_and_new)
    old, new = made_stories()[0].url, "https://late.example/"
    stored(db, [Story(new, "A late one", "Words of it.", source_id="late")])
    for pair in ((old, new), (new, old)):
        verdict = explain_stories(db, *pair).verdict
        assert verdict.startswith("One of them is not folded yet (newsfold fold NEWS.DB). Words")
        assert "None" not in verdict


def test_ages_are_told_on_the_line_or_in_the_settings(
    old_and_new: Path, newsfold: Callable[..., tuple[int, str, str]]
) -> None:
    for words, said in (
        ([], "nothing is dropped that is not named"),
        (["--keep-text", "7d"], "text is kept for 30 days at least"),
        (["--keep-text", "soon"], "write 30d, 8w or 2y"),
    ):
        code, _, err = newsfold("prune", old_and_new, *words)
        assert (code, said in err) == (2, True), err
    settings = old_and_new.parent / "newsfold.toml"
    settings.write_text('[keep]\ntext = "52w"\nruns = "1y"\n', "utf-8")
    assert read_configuration(old_and_new).keep.ages == {"text": 52 * 7 * DAY, "runs": YEAR}
    code, out, _ = newsfold("prune", old_and_new, "--dry-run")
    assert (code, json.loads(out)["pages"]) == (0, 0)
    assert newsfold("prune", old_and_new.parent / "none.db", "--keep-text", "1y")[0] == 2


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(range(len(made_stories()))), unique=True, min_size=1),
    st.integers(0, 3),
    st.booleans(),
)
def test_no_id_and_no_member_is_ever_lost(
    tmp_path_factory: pytest.TempPathFactory, chosen: list[int], cut: int, rebuild: bool
) -> None:
    """Laws 2 and 3 of the house, whatever is pruned between two folds of whatever stories."""
    path = tmp_path_factory.mktemp("prune") / "news.db"
    db = create_or_open(path)
    some = [made_stories()[number] for number in chosen]
    moved = [
        replace(each, published=each.published + (place % 3) * YEAR, first_seen=None)
        for place, each in enumerate(some)
        if each.published
    ]
    with transaction(db):
        for place, each in enumerate(moved):
            db.execute(
                "INSERT OR IGNORE INTO sources VALUES (?, ?, ?, 'en', ?)",
                (each.source_id, each.source_id, "https://x.example/", each.source_id),
            )
            save_story(db, each, MORNING + (place % 3) * YEAR)
    fold_pass(db, now=lambda: MORNING + 2 * YEAR)
    before = kept(db)
    when = timedelta(days=1) + cut * YEAR
    pruned(path, {"text": YEAR}, when)
    assert kept(db) == before
    fold_pass(db, now=lambda: MORNING + 4 * YEAR, rebuild=rebuild)
    assert {row[0] for row in kept(db)["events"]} == {row[0] for row in before["events"]}
    assert {r[:2] for r in kept(db)["event_stories"]} == {r[:2] for r in before["event_stories"]}
    once = everything(db)
    pruned(path, {"text": YEAR}, when)
    assert everything(db) == once
    db.close()


def test_folds_and_crawls_get_in_between(
    old_and_new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In each pause a story comes in and is folded, by a pass that takes its locks."""
    monkeypatch.setattr("pipeline.prune.AT_ONCE", {"text": 1})
    db, came = create_or_open(old_and_new), []

    def another(_: float) -> None:
        came.append(len(came))
        new = replace(
            made_stories()[-1],
            url=f"https://new.example/{came[-1]}",
            published=MORNING + 3 * YEAR + came[-1] * 30 * DAY,
            first_seen=None,
        )
        with transaction(db):
            save_story(db, new, MORNING + 3 * YEAR)
        assert fold_only(old_and_new, rebuild=False, voice=Voice(quiet=True)).new == 1

    dropped = prune(old_and_new, AGES, now=lambda: MORNING + 2 * YEAR + DAY, sleep=another)
    assert (dropped.events, len(came)) == (4, 4)


def test_no_event_is_closed_under_a_fold(old_and_new: Path) -> None:
    """A prune waits for a fold that has read the words."""
    done = threading.Event()

    def close() -> None:
        pruned(old_and_new)
        done.set()

    with folding(old_and_new):
        closing = threading.Thread(target=close)
        closing.start()
        assert not done.wait(0.5)
        db = open_existing(old_and_new)
        assert db.execute("SELECT count(*) FROM events WHERE pruned IS NOT NULL").fetchone()[0] == 0
    closing.join()
    assert db.execute("SELECT count(*) FROM events WHERE pruned IS NOT NULL").fetchone()[0] == 4


def test_a_killed_prune_is_finished_by_the_next(old_and_new: Path) -> None:
    """It is killed between and within its steps, some of which hold one event only."""
    script = (
        "import sys, time; from datetime import timedelta; from pathlib import Path;"
        "import pipeline.prune as p; from tests.stories import MORNING;"
        "p.AT_ONCE['text'] = 1;"
        "p.prune(Path(sys.argv[1]), {'text': timedelta(days=365)},"
        " now=lambda: MORNING + timedelta(days=731), say=print,"
        " sleep=lambda _: (print('step', flush=True), time.sleep(60)))"
    )
    for _ in range(2):
        killed = subprocess.Popen(
            [sys.executable, "-c", script, str(old_and_new)], stdout=subprocess.PIPE
        )
        assert killed.stdout and killed.stdout.readline() == b"step\n"
        os.kill(killed.pid, signal.SIGKILL)
        killed.wait()
    db = create_or_open(old_and_new)
    closed = "SELECT count(*) FROM events WHERE pruned IS NOT NULL"
    assert db.execute(closed).fetchone()[0] == 2
    assert pruned(old_and_new).events == 2
    mixed = (
        "SELECT count(*) FROM stories AS s JOIN event_stories AS m ON m.story_id = s.id"
        " JOIN events AS e ON e.id = m.event_id WHERE (e.pruned IS NULL) <> (s.pruned IS NULL)"
    )
    assert db.execute(mixed).fetchone()[0] == 0
