"""The pages: what each shows, as HTML and as JSON, and what stays Datasette's."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.web.kept import MOST, Kept
from storage.database import create_or_open
from storage.models import DateClaim, Source
from storage.sources import add_source
from storage.stories import save_story
from tests.stories import MORNING, story
from tests.web import Visitor, event_of, folded, merged, stories_of, visitor

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folded(tmp_path_factory.mktemp("web") / "news.db")


@pytest.fixture(scope="module")
def reader(database: Path) -> Visitor:
    return visitor(database)


def titles(answer: Any) -> list[str]:
    return [event["headline"] for event in answer.json()["events"]]


def test_the_first_page_is_the_latest_day_that_has_events(reader: Visitor) -> None:
    assert reader.get("/").headers["location"] == "/news/-/events"
    page = reader.get("/news/-/events")
    assert page.status_code == 200
    assert "8 April 2026" in page.text
    assert "nothing in the last 24 hours" in page.text
    assert page.text.count("<article") == 4


def test_the_last_24_hours_are_shown_while_they_have_events(tmp_path: Path) -> None:
    reader = visitor(folded(tmp_path / "news.db"))
    reader.app.newsfold_now = lambda: MORNING + timedelta(hours=20)
    told = reader.get("/news/-/events.json").json()
    assert (told["is_of_now"], told["fell_back"], len(told["events"])) == (True, False, 4)
    reader.app.newsfold_now = lambda: MORNING + timedelta(days=9)
    told = reader.get("/news/-/events.json").json()
    assert (told["is_of_now"], told["fell_back"], len(told["events"])) == (False, True, 4)


def test_what_is_dated_ahead_of_us_is_no_news_yet(tmp_path: Path) -> None:
    reader = visitor(folded(tmp_path / "news.db"))
    reader.app.newsfold_now = lambda: MORNING - timedelta(days=3)
    assert titles(reader.get("/news/-/events.json")) == []


def test_most_sources_come_first(reader: Visitor) -> None:
    told = reader.get("/news/-/events.json").json()
    assert told["events"][0]["independent"] == 3
    assert told["found"] == 4


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("sources=2", 1),
        ("sources=3", 1),
        ("source=source2.example", 1),
        ("language=en", 4),
        ("category=no+such", 0),
        ("since=2026-04-08", 4),
        ("since=2026-04-09", 0),
        ("day=2026-04-08", 4),
        ("day=2026-04-07", 0),
        ("q=ferry", 1),
        ("q=Merriden+ferry", 1),
        ("q=ferry+owl", 0),
        ("q=ferry&sources=3", 0),
        ("q=100%25", 0),
        ("q=merrid*", 1),
        ("q=%22island+ferry%22", 1),
        ("q=ferry+-rival", 0),
        ("q=ferry+-owl", 1),
        ("q=ferry&day=2026-04-07", 0),
        ("page=2", 0),
    ],
)
def test_filters_and_search(reader: Visitor, query: str, count: int) -> None:
    assert len(titles(reader.get(f"/news/-/events.json?{query}"))) == count
    assert reader.get(f"/news/-/events?{query}").text.count("<article") == count


@pytest.mark.parametrize(
    "query",
    [
        "q=%22",
        "q=-ferry",
        "since=soon",
        "day=8+April",
        "day=0001-01-01",
        "day=9999-12-31",
        "sources=-1",
        "page=x",
    ],
)
def test_what_cannot_be_asked_is_said(reader: Visitor, query: str) -> None:
    answer = reader.get(f"/news/-/events?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert reader.get(f"/news/-/events.json?{query}").json()["ok"] is False


def test_a_search_shows_the_words_around_what_it_found(reader: Visitor) -> None:
    [event] = reader.get("/news/-/events.json?q=ferry").json()["events"]
    assert "**ferry**" in event["snippet"]
    assert "<mark>ferry</mark>" in reader.get("/news/-/events?q=ferry").text


def test_pages_follow_one_another(tmp_path: Path) -> None:
    path = folded(tmp_path / "news.db")
    db = create_or_open(path)
    [(row,)] = db.execute("SELECT max(id) FROM events")
    columns = [c for c in db["events"].columns_dict if c != "id"]
    for _ in range(40):
        with db.conn:
            db.execute(
                f"INSERT INTO events ({', '.join(columns)}) SELECT {', '.join(columns)}"
                " FROM events WHERE id = ?",
                (row,),
            )
    db.close()
    reader = visitor(path)
    first, second = (reader.get(f"/news/-/events.json?page={n}").json() for n in (1, 2))
    assert (first["found"], first["pages"]) == (44, 2)
    ids = [event["event_id"] for event in first["events"] + second["events"]]
    assert len(ids) == len(set(ids)) == 44
    assert 'rel="next"' in reader.get("/news/-/events").text


def test_coverage_is_counted_by_day_and_leads_to_the_days(reader: Visitor) -> None:
    told = reader.get("/news/-/events.json").json()
    assert [bar["stories"] for bar in told["bars"] if bar["shown"]] == [8]
    assert told["bars"][-1]["day"] == date(2026, 4, 8).isoformat()
    page = reader.get("/news/-/events").text
    assert "day=2026-04-08" in page
    assert "8 April 2026: 8 stories" in page


def test_an_event_tells_who_when_and_why(reader: Visitor, database: Path) -> None:
    event = event_of(database, "dam")
    page = reader.get(f"/news/-/events/{event}").text
    for happening in stories_of(database, "dam"):
        assert f'href="/news/-/stories/{happening}"' in page
    assert "https://source0.example/dam" in page
    assert page.count("<circle") == 3
    told = reader.get(f"/news/-/events/{event}.json").json()
    assert len(told["members"]) == 3
    for member in told["members"]:
        assert member["because"] in page.replace("&#39;", "'")
    assert told["corrections"] == []
    assert page.count("What would have kept it out") == 2


def test_figures_stand_beside_the_sentences_that_give_them(reader: Visitor, database: Path) -> None:
    event = event_of(database, "phone")
    told = reader.get(f"/news/-/events/{event}.json").json()
    [euros] = [figure for figure in told["figures"] if figure["shown"].endswith("420")]
    assert [quote["source"] for quote in euros["quotes"]] == euros["sources"]
    assert all("420" in quote["sentence"] for quote in euros["quotes"])
    page = reader.get(f"/news/-/events/{event}").text
    assert "for 420 euros" in page


def test_an_id_that_was_merged_leads_to_what_it_became(tmp_path: Path) -> None:
    path = folded(tmp_path / "news.db")
    stays, ended = merged(path, "owl", "court")
    reader = visitor(path)
    assert reader.get(f"/news/-/events/{ended}").headers["location"] == f"/news/-/events/{stays}"
    moved = reader.get(f"/news/-/events/{ended}.json")
    assert moved.headers["location"] == f"/news/-/events/{stays}.json"
    page = reader.get(f"/news/-/events/{stays}").text
    assert f"event {ended} became a part of" in page
    assert "by ada" in page  # the correction, for everybody to read


def test_what_is_not_there(reader: Visitor) -> None:
    for path in ("events/99", "stories/99", "events/" + "9" * 18):
        assert reader.get(f"/news/-/{path}").status_code == 404
        told = reader.get(f"/news/-/{path}.json")
        assert (told.status_code, told.json()["ok"]) == (404, False)
    assert reader.get("/nowhere/-/events").status_code == 404


def test_a_story_with_its_history(tmp_path: Path) -> None:
    path = folded(tmp_path / "news.db")
    [owl] = stories_of(path, "owl")
    db = create_or_open(path)
    [(url,)] = db.execute("SELECT url FROM stories WHERE id = ?", (owl,))
    claims = (
        DateClaim("JSON-LD", "2026-04-08T12:00Z", MORNING, "minute", "believed"),
        DateClaim("the address", "2026/04/07", None, None, "unreadable"),
    )
    edited = story(url, "Snowy owl seen in city garden", "Bird watchers met.")
    edited = replace(edited, authors=("Ida Quill",), date_claims=claims)
    save_story(db, edited, MORNING + timedelta(hours=3))
    db.close()
    reader = visitor(path)
    page = reader.get(f"/news/-/stories/{owl}").text
    assert "Ida Quill" in page
    assert "<del>park</del> <ins>garden</ins>" in page
    assert "unreadable" in page
    assert f"/news/-/events/{event_of(path, 'owl')}#story-{owl}" in page
    told = reader.get(f"/news/-/stories/{owl}.json").json()
    assert [claim["origin"] for claim in told["dates"]] == ["JSON-LD", "the address"]
    assert told["changes"][0]["title"][0]["gone"] == "park"
    assert told["event_id"] == event_of(path, "owl")


def test_tables_facets_and_sql_stay_where_they_are(reader: Visitor) -> None:
    assert "event_stories" in reader.get("/news").text
    facets = reader.get("/news/events.json?_facet=category").json()["facet_results"]
    assert facets["category"]["results"]
    rows = reader.get("/news.json?sql=select+count(*)+as+n+from+stories&_shape=array").json()
    assert rows == [{"n": 8}]
    assert 'href="/news/-/events"' in reader.get("/news").text  # the way back, in the menu


def test_other_databases_beside_it(database: Path, tmp_path: Path) -> None:
    other, second = tmp_path / "birds.db", tmp_path / "second.db"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE birds (name)")
    connection.commit()
    connection.close()
    db = create_or_open(second)
    add_source(db, Source("s", "S", "https://s.example/", "en", "S"))
    db.close()
    reader = visitor(database, other, second)
    assert reader.get("/birds/birds").status_code == 200
    assert reader.get("/birds/-/events").status_code == 404
    assert reader.get("/second/-/events").status_code == 200
    assert "There are no events yet" in reader.get("/second/-/events").text
    menu = reader.get("/birds").text
    assert "Events of news" in menu
    assert "Events of second" in menu
    assert "Events of birds" not in menu


def test_a_database_that_an_older_newsfold_made(tmp_path: Path, database: Path) -> None:
    path = folded(tmp_path / "old.db")
    reader = visitor(database, path)
    db = sqlite3.connect(path)
    db.execute("DELETE FROM _sqlite_migrations WHERE name LIKE '0010%'")
    db.commit()
    db.close()
    answer = reader.get("/old/-/events")
    assert answer.status_code == 503
    assert "newsfold fold" in answer.text


def test_without_newsfold_serve_the_front_page_is_datasettes(database: Path) -> None:
    from datasette.app import Datasette

    plain = Visitor(Datasette([str(database)]))
    assert plain.get("/").status_code == 200
    assert "location" not in plain.get("/").headers
    assert plain.get("/news/-/events").status_code == 200
    assert 'href="/news/-/events"' in plain.get("/").text


@pytest.mark.parametrize(
    "metadata",
    [
        {"allow": {"id": "boss"}},
        {"databases": {"news": {"allow": {"id": "boss"}}}},
        {"databases": {"news": {"tables": {"stories": {"allow": {"id": "boss"}}}}}},
    ],
)
def test_who_may_not_see_the_tables_sees_no_page(
    database: Path, metadata: dict[str, object]
) -> None:
    from datasette.app import Datasette

    app = Datasette([str(database)], metadata=metadata)
    boss, stranger = Visitor(app), Visitor(app)
    boss.cookies["ds_actor"] = app.sign({"a": {"id": "boss"}}, "actor")
    for path in ("/news/-/events", "/news/-/events/1.json", "/news/-/stories/1"):
        assert boss.get(path).status_code == 200
        assert stranger.get(path).status_code == 403


def test_a_name_with_dots_and_spaces(tmp_path: Path) -> None:
    reader = visitor(folded(tmp_path / "my news.v2.db"))
    front = reader.get("/").headers["location"]
    page = reader.get(front)
    assert page.status_code == 200
    event = re.search(r'<h2[^>]*><a href="([^"]+)"', page.text)
    assert event is not None
    assert reader.get(event[1]).status_code == 200


def test_addresses_follow_the_base_url(database: Path) -> None:
    from datasette.app import Datasette

    reader = Visitor(Datasette([str(database)], settings={"base_url": "/deep/"}))
    page = reader.get("/news/-/events").text
    assert 'href="/deep/-/newsfold/page.css' in page
    assert 'href="/deep/news/-/events' in page
    assert 'href="/news' not in page


def test_what_everybody_sees_is_made_once(database: Path) -> None:
    reader = visitor(database)
    seconds = [0.0]
    reader.app.newsfold_kept = Kept(5, lambda: seconds[0])
    first = reader.get("/news/-/events").text
    reader.app.newsfold_now = lambda: MORNING + timedelta(hours=12)
    assert "8 April 2026" in first
    assert reader.get("/news/-/events").text == first
    assert reader.get("/news/-/events?page=1").text != first  # another address
    reader.cookies["ds_actor"] = "anything"
    assert reader.get("/news/-/events").text != first  # nobody who might be known
    reader.cookies.clear()
    seconds[0] = 6
    assert reader.get("/news/-/events").text != first


def test_many_who_ask_at_once_wait_for_one_answer() -> None:
    made: list[int] = []

    async def answer() -> int:
        await asyncio.sleep(0)
        made.append(1)
        if len(made) == 1:
            raise ValueError("once")
        return len(made)

    async def ask() -> list[object]:
        kept = Kept[int](5, lambda: 0.0)
        first = await asyncio.gather(
            *(kept.get("page", answer) for _ in range(3)), return_exceptions=True
        )
        later = await asyncio.gather(*(kept.get("page", answer) for _ in range(3)))
        for other in range(MOST + 5):
            await kept.get(other, answer)
        return [*map(str, first), *later, len(kept._made)]

    assert asyncio.run(ask()) == ["once", "once", "once", 2, 2, 2, MOST]
