"""The pages are safe: read-only without the secret, nothing stored runs, every answer guarded."""

from __future__ import annotations

import re
import sqlite3
import threading
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, urlsplit

import pytest

from pipeline.web import render
from pipeline.web.addresses import local
from pipeline.web.sign_in import actor_named, is_secret
from storage.corrections import all_corrections
from storage.database import create_or_open
from storage.errors import NewsfoldError
from storage.runs import only_one
from tests.hostile_words import WORDS, hostile_database
from tests.web import SECRET, Visitor, event_of, folded, stories_of, token_of, visitor

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from sqlite_utils import Database


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return folded(tmp_path / "news.db")


@pytest.fixture
def analyst(database: Path) -> Visitor:
    found = visitor(database, secret=SECRET)
    assert found.sign_in().status_code == 303
    return found


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Visitor:
    return visitor(hostile_database(tmp_path_factory.mktemp("hostile") / "news.db"), secret=SECRET)


def corrections(database: Path) -> list[str]:
    db = create_or_open(database)
    found = [each.verb for each in all_corrections(db)]
    db.close()
    return found


def unread(database: Path) -> str:
    """Everything in the file, as text."""
    db = sqlite3.connect(database)
    found = "\n".join(db.iterdump())
    db.close()
    return found


# Who may correct


def test_without_a_secret_nothing_can_be_corrected(database: Path) -> None:
    reader = visitor(database)
    event = event_of(database, "owl")
    before = unread(database)
    assert reader.get("/-/newsfold/sign-in").status_code == 403
    assert "Sign in" not in reader.get(f"/news/-/events/{event}").text
    reader.cookies["ds_actor"] = reader.app.sign({"a": actor_named("eve")}, "actor")
    assert "Correct" not in reader.get(f"/news/-/events/{event}").text
    reader.get("/-/logout")  # a page with a token
    token = token_of(reader.get("/-/logout").text)
    fields = {"verb": "pin title", "title": "Mine", "csrftoken": token}
    assert reader.post(f"/news/-/events/{event}/correct", fields).status_code == 403
    assert unread(database) == before


def test_who_is_not_signed_in_cannot_correct(database: Path) -> None:
    stranger = visitor(database, secret=SECRET)
    event = event_of(database, "owl")
    token = token_of(stranger.get("/-/newsfold/sign-in").text)
    fields = {"verb": "pin title", "title": "Mine", "csrftoken": token}
    assert stranger.post(f"/news/-/events/{event}/correct", fields).status_code == 403
    assert corrections(database) == []


def test_only_the_secret_signs_in(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.web.sign_in.WAIT", 0)
    stranger = visitor(database, secret=SECRET)
    for wrong in ("", "guess", SECRET + " x", SECRET[:-1], "é" * 20):
        answer = stranger.sign_in(secret=wrong)
        assert answer.status_code == 403
        assert "ds_actor" not in answer.cookies
    assert stranger.sign_in().headers["location"] == "/"


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(database: Path) -> None:
    answer = visitor(database, secret=SECRET).sign_in()
    [cookie] = [c for c in answer.headers.get_list("set-cookie") if c.startswith("ds_actor=")]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=43200" in cookie
    assert SECRET not in cookie


def test_a_file_that_nobody_can_write_is_shown_and_not_corrected(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = create_or_open(database)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    monkeypatch.setattr("pipeline.web.serve.can_follow_writers", lambda path: False)
    found = visitor(database, secret=SECRET)
    found.sign_in()
    event = event_of(database, "owl")
    page = found.get(f"/news/-/events/{event}").text
    assert "Snowy owl" in page
    assert 'id="correct"' not in page
    fields = {"verb": "pin title", "title": "Mine", "csrftoken": token_of(page)}
    assert found.post(f"/news/-/events/{event}/correct", fields).status_code == 403


def test_a_name_does_not_make_a_root_of_datasette(database: Path) -> None:
    found = visitor(database, secret=SECRET)
    found.sign_in(name="root")
    assert found.get("/-/permissions").status_code == 403


def test_a_cookie_of_another_server_does_not_count(database: Path) -> None:
    other = visitor(database, secret=SECRET)
    other.sign_in()
    here = visitor(database, secret=SECRET)
    here.cookies = other.cookies
    assert "Sign out" not in here.get(f"/news/-/events/{event_of(database, 'owl')}").text


def test_a_short_secret_is_refused(database: Path) -> None:
    with pytest.raises(NewsfoldError, match="shorter than 12"):
        visitor(database, secret="password")


def test_secrets_are_compared_whole() -> None:
    assert is_secret("ünïcode", "ünïcode")
    assert not is_secret("", "x")
    assert not is_secret("x\x00", "x")


@pytest.mark.parametrize(
    "address", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\nb", "evil"]
)
def test_signing_in_leads_to_this_site_only(address: str) -> None:
    assert local(address, "/home") == "/home"


def test_a_form_of_another_site_is_refused(analyst: Visitor, database: Path) -> None:
    event = event_of(database, "owl")
    fields = {"verb": "pin title", "title": "Mine"}
    for token in ("", "guess"):
        answer = analyst.post(f"/news/-/events/{event}/correct", {**fields, "csrftoken": token})
        assert answer.status_code == 403
    assert corrections(database) == []
    # And nothing is corrected by following a link.
    assert analyst.get(f"/news/-/events/{event}/correct").status_code == 302
    assert corrections(database) == []


def test_what_is_sent_is_bounded(analyst: Visitor) -> None:
    answer = analyst.post("/-/newsfold/sign-in", {"name": "x" * 1_100_000})
    assert answer.status_code == 413
    token = token_of(analyst.get("/-/newsfold/sign-in").text)
    many = {"csrftoken": token, "story": list(range(6_000))}
    assert analyst.post("/-/newsfold/sign-in", many).status_code == 400
    assert analyst.correct(1, story=list(range(6_000))).status_code == 409


# What an analyst does


def test_every_correction_by_form(analyst: Visitor, database: Path) -> None:
    owl, court, dam = (event_of(database, each) for each in ("owl", "court", "dam"))
    answer = analyst.correct(owl, verb="pin title", title="An owl <b>rests</b>", note="clearer")
    assert answer.headers["location"] == f"/news/-/events/{owl}#corrections"
    page = analyst.get(f"/news/-/events/{owl}").text
    assert "An owl &lt;b&gt;rests&lt;/b&gt;" in page
    assert "clearer" in page

    analyst.correct(owl, verb="pin category", category="research", note="a study")
    page = analyst.get(f"/news/-/events/{owl}").text
    assert "“research” by ada" in page
    assert "<option selected>research</option>" in page

    analyst.correct(owl, verb="merge", event=str(court))
    assert event_of(database, "owl") == event_of(database, "court")

    one, *_ = stories_of(database, "dam")
    analyst.correct(dam, verb="split", story=[str(one)])
    db = create_or_open(database)
    apart = {
        row[0]
        for row in db.execute(
            "SELECT event_id FROM event_stories WHERE story_id IN"
            " (SELECT id FROM stories WHERE url LIKE '%/dam')"
        )
    }
    db.close()
    assert len(apart) == 2

    phone = event_of(database, "phone")
    _, two, _ = stories_of(database, "dam")
    stays = next(e for e in apart if e != dam)
    analyst.correct(dam, verb="move", story=str(two), target=str(phone))
    analyst.correct(stays, verb="not-an-event")
    assert corrections(database) == [
        "pin title",
        "pin category",
        "merge",
        "split",
        "move",
        "not-an-event",
    ]

    analyst.correct(event_of(database, "owl"), verb="undo", correction="1")
    assert "Undone by ada" in analyst.get(f"/news/-/events/{event_of(database, 'owl')}").text


def test_what_cannot_be_done_is_said_and_nothing_changes(analyst: Visitor, database: Path) -> None:
    owl = event_of(database, "owl")
    for fields in (
        {"verb": "merge", "event": ""},
        {"verb": "merge", "event": "999"},
        {"verb": "merge", "event": "1; DROP"},
        {"verb": "merge", "event": "9" * 30},
        {"verb": "split", "story": "8"},
        {"verb": "move", "story": ["1", "2"], "target": "1"},
        {"verb": "move", "story": "1", "target": ""},
        {"verb": "pin title", "title": " "},
        {"verb": "undo", "correction": "77"},
        {"verb": "drop"},
        {},
    ):
        answer = analyst.correct(owl, **fields)
        assert answer.status_code == 409, fields
        assert 'role="alert"' in answer.text
    assert corrections(database) == []


def test_a_clash_is_told_and_can_be_let_win(analyst: Visitor, database: Path) -> None:
    owl, court = event_of(database, "owl"), event_of(database, "court")
    analyst.correct(owl, verb="merge", event=str(court))
    together = event_of(database, "owl")
    stories = [str(id_) for id_ in stories_of(database, "owl")]
    refused = analyst.correct(together, verb="split", story=stories)
    assert refused.status_code == 409
    assert "clashes with correction 1" in refused.text
    assert 'name="replace"' in refused.text
    analyst.correct(together, verb="split", story=stories, replace="1")
    assert event_of(database, "owl") != event_of(database, "court")


def test_beside_a_pass_a_correction_waits_and_says_so(analyst: Visitor, database: Path) -> None:
    owl = event_of(database, "owl")
    with only_one(database):
        answer = analyst.correct(owl, verb="pin title", title="Later")
    assert answer.headers["location"] == f"/news/-/events/{owl}?waiting=1#corrections"
    assert "the next one brings it about" in analyst.get(f"/news/-/events/{owl}?waiting=1").text
    assert corrections(database) == ["pin title"]


# What every answer carries


PATHS = ("/news/-/events", "/news/-/events/1", "/news/-/stories/1", "/-/newsfold/sign-in")
THEIRS = ("/news", "/news/events", "/news?sql=select+1", "/news/events/1", "/nowhere", "/.json")


def test_our_pages_allow_no_script_at_all(hostile: Visitor) -> None:
    for path in (*PATHS, *(f"{path}.json" for path in PATHS[:3]), "/news/-/events/99"):
        answer = hostile.get(path)
        assert answer.headers["content-security-policy"] == render.POLICY, path
        assert "script" not in render.POLICY  # falls back to default-src 'none'
        assert_guarded(answer)


def test_pages_of_datasette_run_their_own_scripts_only(hostile: Visitor) -> None:
    for path in THEIRS:
        answer = hostile.get(path)
        policy = answer.headers["content-security-policy"]
        [scripts] = re.findall(r"script-src ([^;]*)", policy)
        assert "unsafe" not in scripts
        assert "sha256-" in scripts
        assert_guarded(answer)


def assert_guarded(answer: httpx.Response) -> None:
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-frame-options"] == "DENY"


def test_readers_get_no_cookie(database: Path) -> None:
    reader = visitor(database, secret=SECRET)
    for path in ("/news/-/events", f"/news/-/events/{event_of(database, 'owl')}"):
        answer = reader.get(path)
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "max-age=5"


def test_pages_of_who_is_signed_in_are_kept_by_nobody(analyst: Visitor) -> None:
    assert analyst.get("/news/-/events").headers["cache-control"] == "private, no-store"


# What is stored


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


NEVER = {"script", "iframe", "object", "embed", "base", "style", "img", "video", "math", "marquee"}


def hostile_paths(reader: Visitor) -> list[str]:
    events = [f"/news/-/events/{n}" for n in range(1, len(WORDS) + 1)]
    stories = [f"/news/-/stories/{n}" for n in range(1, 2 * len(WORDS) + 1)]
    return ["/news/-/events", "/news/-/events?page=2", *events, *stories]


def test_what_is_stored_makes_no_tag_and_no_link_but_of_the_web(hostile: Visitor) -> None:
    hostile.sign_in(name=WORDS[0])
    for path in hostile_paths(hostile):
        answer = hostile.get(path)
        assert answer.status_code == 200, path
        page = Tags()
        page.feed(answer.text)
        for tag, attributes in page.tags:
            assert tag not in NEVER, path
            assert not [name for name in attributes if name.startswith("on")], (path, attributes)
            assert "style" not in attributes
            for name in ("href", "action", "src"):
                target = attributes.get(name) or ""
                parts = urlsplit(target)
                assert parts.scheme in ("", "http", "https"), (path, target)
                assert not target.startswith("//"), (path, target)
        forms = {a.get("action") for t, a in page.tags if t == "form"}
        assert all((action or "").startswith("/") for action in forms)


def test_json_is_sent_as_json(hostile: Visitor) -> None:
    for path in ("/news/-/events.json", "/news/-/events/1.json", "/news/-/stories/1.json"):
        answer = hostile.get(path)
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        answer.json()


@pytest.mark.parametrize("words", WORDS)
def test_what_is_asked_makes_no_tag_either(hostile: Visitor, words: str) -> None:
    asked = quote(words.encode("utf-8", "replace"))
    for path in (f"/news/-/events?q={asked}", f"/news/-/events?since={asked}&category={asked}"):
        page = Tags()
        page.feed(hostile.get(path).text)
        assert not {tag for tag, _ in page.tags} & NEVER


# Readers and writers


def test_a_query_that_takes_too_long_is_cut_off(database: Path) -> None:
    reader = visitor(database)
    endless = (
        "with recursive c(x) as (select 1 union all select x + 1 from c) select count(*) from c"
    )
    answer = reader.get(f"/news.json?sql={quote_plus(endless)}")
    assert answer.status_code == 400
    assert "took too long" in answer.text


def test_a_query_cannot_fill_the_memory(database: Path) -> None:
    answer = visitor(database).get("/news.json?sql=select+length(zeroblob(900000000))")
    assert answer.status_code == 400
    assert "too big" in answer.text


def test_our_own_questions_have_a_limit_too(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(db: Database, **asked: object) -> object:
        return db.execute(
            "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
        ).fetchone()

    monkeypatch.setattr("pipeline.web.pages.front", endless)
    reader = visitor(database)
    reader.app.sql_time_limit_ms = 50
    answer = reader.get("/news/-/events")
    assert answer.status_code == 503
    assert "took too long" in answer.text


def test_the_file_is_opened_read_only(database: Path) -> None:
    reader = visitor(database, secret=SECRET)
    for statement in ("delete+from+stories", "pragma+user_version=1", "vacuum"):
        assert reader.get(f"/news.json?sql={statement}").status_code == 400
    assert reader.get("/news.db").status_code == 403


def test_readers_never_wait_for_a_writer(database: Path) -> None:
    reader = visitor(database)
    writer = create_or_open(database)
    writer.conn.execute("BEGIN IMMEDIATE")
    writer.conn.execute("UPDATE events SET title = title || '!'")
    assert reader.get("/news/-/events").status_code == 200
    assert "!</a></h2>" not in reader.get("/news/-/events").text
    writer.conn.commit()
    writer.close()
    assert "!</a></h2>" in reader.get("/news/-/events").text


def test_readers_beside_many_small_writes(database: Path) -> None:
    reader = visitor(database)
    stop = threading.Event()

    def write() -> None:
        db = create_or_open(database)
        while not stop.is_set():
            with db.conn:
                db.execute("UPDATE events SET updated_at = updated_at || ''")
        db.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        answers = [reader.get("/news/-/events").status_code for _ in range(30)]
    finally:
        stop.set()
        writer.join()
    assert set(answers) == {200}
