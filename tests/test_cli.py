"""The contract of the command line: verbs, forms, exit codes, plain errors."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.reasons import worth_saying
from storage.models import Signal
from storage.runs import only_one
from tests.stories import HAPPENINGS, made_stories

if TYPE_CHECKING:
    from collections.abc import Callable

    Newsfold = Callable[..., tuple[int, str, str]]

ROOT = Path(__file__).parent.parent
UNSEEN = ("--kind", "feed")  # sources add: as it stands, without a look at it
VERBS = (
    "demo",
    "run",
    "crawl",
    "worker",
    "import",
    "fold",
    "events",
    "show",
    "explain",
    "changes",
    "digest",
    "digests",
    "site",
    "serve",
    "evaluate",
)


@pytest.fixture
def database(tmp_path: Path, newsfold: Newsfold) -> Path:
    """A database with the made-up stories, folded."""
    path = tmp_path / "news.db"
    lines = tmp_path / "stories.jsonl"
    lines.write_text(
        "".join(
            json.dumps(
                {
                    "url": each.url,
                    "title": each.title,
                    "text": each.text,
                    "published": each.published.isoformat() if each.published else None,
                    "source": each.source_id,
                }
            )
            + "\n"
            for each in made_stories()
        ),
        "utf-8",
    )
    assert newsfold("import", path, lines)[0] == 0
    assert newsfold("fold", path)[0] == 0
    return path


def test_an_import_beside_a_pass_says_that_it_waits(
    tmp_path: Path, newsfold: Newsfold, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"url": "https://a.example/1", "title": "One"}\n', "utf-8")
    holds, waits = Event(), Event()

    def another() -> None:
        with only_one(tmp_path / "news.db"):
            holds.set()
            waits.wait(10)

    def say(words: str) -> None:
        if words.endswith("waiting for another newsfold pass to end"):
            waits.set()

    monkeypatch.setattr("pipeline.output.say", say)
    Thread(target=another).start()
    holds.wait()
    code, out, _ = newsfold("import", tmp_path / "news.db", lines)
    assert (code, json.loads(out)["new"]) == (0, 1)
    assert waits.is_set()


def test_import_and_fold_say_what_they_did(tmp_path: Path, newsfold: Newsfold) -> None:
    lines = tmp_path / "a.jsonl"
    lines.write_text('{"url": "https://a.example/1", "title": "One"}\n', "utf-8")
    path = tmp_path / "news.db"
    code, out, _ = newsfold("import", path, lines)
    assert (code, json.loads(out)["new"]) == (0, 1)
    assert json.loads(newsfold("import", path, lines)[1])["known"] == 1
    assert json.loads(newsfold("fold", path)[1])["new"] == 1
    assert json.loads(newsfold("fold", path)[1])["new"] == 0


def test_events_in_every_form(database: Path, newsfold: Newsfold) -> None:
    rows = json.loads(newsfold("events", database)[1])
    assert len(rows) == len(HAPPENINGS)
    assert rows[0]["independent_count"] == 3
    lines = newsfold("events", database, "--nl")[1].splitlines()
    assert [json.loads(line) for line in lines] == rows
    for flag, delimiter in (("--csv", ","), ("--tsv", "\t")):
        text = newsfold("events", database, flag)[1]
        read = list(csv.DictReader(io.StringIO(text), delimiter=delimiter))
        assert [row["title"] for row in read] == [row["title"] for row in rows]
    table = newsfold("events", database, "-t")[1]
    assert table.splitlines()[0].split() == ["id", "broke", "category", "sources", "title"]


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--min-sources", 2], 1),  # the others have a report and a rewrite of it
        (["--search", "brankwell"], 1),
        (["--search", "100%_"], 0),
        (["--source", "source2-example"], 1),
        (["--since", "2026-04-08T12:30Z"], 3),
        (["--since", "1h"], 0),
        (["-n", 2], 2),
        (["--category", "OTHER", "--search", "owl"], 1),
    ],
)
def test_events_can_be_narrowed(
    database: Path, newsfold: Newsfold, options: list[object], count: int
) -> None:
    code, out, _ = newsfold("events", database, *options)
    assert (code, len(json.loads(out))) == (0, count)


def test_show_tells_why_each_story_is_in_it(database: Path, newsfold: Newsfold) -> None:
    event = json.loads(newsfold("events", database)[1])[0]["id"]
    shown = json.loads(newsfold("show", database, event, "--to", "json")[1])
    assert len(shown["members"]) == 3
    assert [member["through"] is None for member in shown["members"]] == [True, False, False]
    text = newsfold("show", database, event)[1]
    assert "Why each story is in it" in text
    assert "first report" in text
    assert "Brankwell" in text


def test_show_tells_what_would_have_kept_a_story_out(database: Path, newsfold: Newsfold) -> None:
    shown = json.loads(newsfold("show", database, 1, "--to", "json")[1])
    first, *others = (member["kept_out"] for member in shown["members"])
    assert first is None
    for kept in others:
        assert kept["score"] < kept["threshold"]
        assert kept["without"][0]["name"] == "words"
    assert newsfold("show", database, 1)[1].count("kept out without: both name") == len(others)


def test_show_follows_an_event_that_was_merged(database: Path, newsfold: Newsfold) -> None:
    first, second = (row["id"] for row in json.loads(newsfold("events", database)[1])[:2])
    with sqlite3.connect(database) as db:
        db.execute(
            "INSERT INTO lineage (event_id, kind, other_event, at)"
            " VALUES (99, 'merged', 98, '2026-04-09T00:00:00Z'), (98, 'merged', ?,"
            " '2026-04-09T01:00:00Z')",
            (second,),
        )
    assert first != second
    code, out, _ = newsfold("show", database, 99)
    assert code == 0
    assert f"Event {second} (event 99 was merged into it)" in out


def test_explain_agrees_with_what_is_stored(database: Path, newsfold: Newsfold) -> None:
    shown = json.loads(newsfold("show", database, 1, "--to", "json")[1])
    member = next(m for m in shown["members"] if m["through"])
    words = ("explain", database, member["url"], member["through"])
    explained = json.loads(newsfold(*words, "--to", "json")[1])
    assert explained["score"] == member["score"]
    signals = worth_saying(Signal(**signal) for signal in explained["signals"])
    assert "; ".join(signal.words for signal in signals) == member["because"]
    assert "One event (1)" in newsfold(*words)[1]


def test_explain_says_why_two_stories_are_apart(database: Path, newsfold: Newsfold) -> None:
    urls = [each.url for each in made_stories()]
    code, out, _ = newsfold("explain", database, urls[0], urls[-1] + "?utm_source=x")
    assert code == 0
    assert "Two events" in out
    assert "not alike enough" in out


def test_explain_tells_also_what_weighs_nothing(tmp_path: Path, newsfold: Newsfold) -> None:
    path, lines = tmp_path / "news.db", tmp_path / "stories.jsonl"
    told = "Tolvane bought the maker of the Quill for {} million euros, it said on Wednesday."
    lines.write_text(
        "".join(
            json.dumps({"url": f"https://{host}.example/1", "title": title, "text": text}) + "\n"
            for host, title, text in (
                ("a", "Tolvane buys Quill", told.format(420)),
                ("b", "Quill sold to Tolvane", told.format(610)),
            )
        ),
        "utf-8",
    )
    newsfold("import", path, lines)
    newsfold("fold", path)
    out = newsfold("explain", path, "https://a.example/1", "https://b.example/1")[1]
    assert re.search(r"[+-]0\.00  other_amounts +clash: €?420", out), out


def test_digest_in_every_form(database: Path, newsfold: Newsfold) -> None:
    options = ("--since", "2026-04-01")
    assert "Brankwell" in newsfold("digest", database, *options)[1]
    assert "<html" in newsfold("digest", database, *options, "--to", "html")[1]
    assert newsfold("digest", database, *options, "--to", "markdown")[1].startswith("# ")
    body = json.loads(newsfold("digest", database, *options, "--to", "json")[1])
    assert len(body["events"]) == len(HAPPENINGS)
    assert "importance" in newsfold("digest", database, *options, "--explain")[1]


def test_evaluate_scores_a_labelled_file(tmp_path: Path, newsfold: Newsfold) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(
        "".join(
            json.dumps({"url": each.url, "title": each.title, "text": each.text, "event": event})
            + "\n"
            for each in made_stories()
            for event in [each.url.rsplit("/", 1)[1]]
        ),
        "utf-8",
    )
    [scores] = json.loads(newsfold("evaluate", gold)[1])
    assert scores["bcubed_f1"]["value"] == 1
    assert "B3 F1" in newsfold("evaluate", gold, "-t")[1]


def test_sources_by_hand(tmp_path: Path, newsfold: Newsfold) -> None:
    database = tmp_path / "news.db"
    feed = "https://brankwell.example/feed.xml"
    code, out, err = newsfold(
        "sources", "add", database, feed, "--kind", "feed", "--owner", "Brankwell Media"
    )
    assert (code, out) == (0, "")
    assert "sources check" in err
    [row] = json.loads(newsfold("sources", "list", database)[1])
    assert (row["source"], row["owner"]) == ("brankwell-example", "Brankwell Media")
    for form in ("toml", "opml"):
        saved = tmp_path / f"list.{form}"
        saved.write_text(newsfold("sources", "export", database, "--to", form)[1], "utf-8")
        other = tmp_path / f"{form}.db"
        assert newsfold("sources", "import", other, saved)[0] == 0
        assert json.loads(newsfold("sources", "list", other)[1]) == [row]
    assert newsfold("sources", "remove", database, "brankwell-example")[0] == 0
    assert json.loads(newsfold("sources", "list", database)[1]) == []
    assert newsfold("sources", "remove", database, "brankwell-example")[0] == 2


def test_the_shipped_sources(newsfold: Newsfold) -> None:
    rows: list[dict[str, Any]] = json.loads(newsfold("sources", "list")[1])
    assert len({row["source"] for row in rows}) >= 80
    assert all(row["owner"] and row["language"] and row["url"] for row in rows)
    english = [row for row in rows if row["language"] == "en"]
    assert len(english) > len(rows) / 2
    assert len({row["owner"] for row in rows}) < len({row["source"] for row in rows})


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["events", "{none}"], 2, "no such database; make one with: newsfold run"),
        (["events", "{db}", "--category", "gossip"], 2, "there are: "),
        (["events", "{db}", "--source", "nobody"], 2, "no source is called"),
        (["show", "{db}", "99999999999999999999"], 2, "not in the range"),
        (["show", "{db}", "4711"], 2, "no event has had the id 4711"),
        (["explain", "{db}", "https://x.example/", "https://y.example/"], 2, "no story of this"),
        (["explain", "{db}", "x", "y"], 2, "x"),
        (["events", "{db}", "--since", "soon"], 2, "write 2026-04-08, 12h, 3d or 2w"),
        (["import", "{db}", "{none}.jsonl"], 2, "no such file"),
        (["evaluate", "{none}.jsonl"], 2, "no such file"),
        (["crawl", "{db}", "nobody"], 2, "no source is called 'nobody'"),
        (["frobnicate"], 2, "No such command"),
        (["sources", "add", "{db}", "ftp://x.example/feed"], 2, "http"),
    ],
)
def test_a_wrong_call_is_explained(
    database: Path, newsfold: Newsfold, words: list[str], code: int, said: str
) -> None:
    none = database.parent / "none"
    got, out, err = newsfold(*(word.format(db=database, none=none) for word in words))
    assert (got, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
    assert not none.exists()


def test_a_second_pass_leaves_at_once(database: Path, newsfold: Newsfold) -> None:
    before = database.read_bytes()
    with only_one(database):
        for verb in ("run", "crawl", "fold"):
            code, out, err = newsfold(verb, database)
            assert (code, out) == (0, "")
            assert "another newsfold pass is working on it" in err
    assert database.read_bytes() == before


def test_help_names_every_verb(newsfold: Newsfold) -> None:
    code, out, _ = newsfold("--help")
    assert code == 0
    for verb in VERBS:
        assert f"  {verb} " in out


def test_check_says_what_it_cannot_read_and_ends_with_3(tmp_path: Path, newsfold: Newsfold) -> None:
    database = tmp_path / "news.db"
    newsfold("sources", "add", database, "http://127.0.0.1:9/feed.xml", *UNSEEN, "--id", "here")
    program = "from pipeline.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "sources", "check", database],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 3
    [row] = json.loads(done.stdout)
    assert (row["source"], row["entries"]) == ("here", 0)
    assert "only public hosts" in row["error"]
    assert newsfold("sources", "check", database, "nobody")[0] == 2


def test_another_feed_of_a_source_leaves_it_as_it_was(tmp_path: Path, newsfold: Newsfold) -> None:
    database = tmp_path / "news.db"
    first = ("https://a.example/one.xml", "--id", "a", "--owner", "Big House", "--language", "de")
    newsfold("sources", "add", database, *UNSEEN, *first)
    newsfold("sources", "add", database, "https://a.example/two.xml", *UNSEEN, "--id", "a")
    rows = json.loads(newsfold("sources", "list", database)[1])
    assert [(row["owner"], row["language"]) for row in rows] == [("Big House", "de")] * 2


def test_a_feed_that_was_removed_can_be_added_again(tmp_path: Path, newsfold: Newsfold) -> None:
    database = tmp_path / "news.db"
    for _ in range(2):
        newsfold("sources", "add", database, "https://a.example/feed.xml", *UNSEEN, "--id", "a")
        assert len(json.loads(newsfold("sources", "list", database)[1])) == 1
        newsfold("sources", "remove", database, "a")
        assert json.loads(newsfold("sources", "list", database)[1]) == []


@pytest.mark.parametrize(
    "words",
    [
        ["fold", "{new}"],
        ["import", "{new}", "{none}.jsonl"],
        ["sources", "import", "{new}", "{junk}"],
        ["run", "{none}/news.db"],
    ],
)
def test_a_mistyped_name_makes_no_database(
    tmp_path: Path, newsfold: Newsfold, words: list[str]
) -> None:
    junk = tmp_path / "junk.toml"
    junk.write_text("no sources here", "utf-8")
    names = {"new": tmp_path / "new.db", "none": tmp_path / "none", "junk": junk}
    assert newsfold(*(word.format(**names) for word in words))[0] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["junk.toml"]


def test_quiet_leaves_it_to_another_pass_in_silence(database: Path, newsfold: Newsfold) -> None:
    with only_one(database):
        assert newsfold("fold", database, "--quiet") == (0, "", "")


def test_an_empty_digest_says_when_the_latest_story_was(database: Path, newsfold: Newsfold) -> None:
    code, out, err = newsfold("digest", database, "--since", "1h")
    assert code == 0
    assert "Nothing new" in out
    assert "2026-04-08" in err


def test_a_table_fits_the_terminal(
    database: Path, newsfold: Newsfold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = newsfold("events", database, "-t")[1].splitlines()
    assert max(map(len, lines)) <= 80
