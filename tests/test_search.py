"""Full-text search: what is found, in any script, in step with what is stored; never as syntax."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.fold_pass import fold_pass
from storage.database import in_memory
from storage.errors import NewsfoldError
from storage.migrations import fill_search
from storage.search import (
    Term,
    event_ids_matching,
    search_for,
    snippets,
    story_ids_matching,
    terms_of,
)
from tests.stories import MORNING, made_stories, stored, story

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlite_utils import Database

INDEXES = ("stories_search", "events_search", "stories_unspaced", "events_unspaced")
# A word of each script that puts no spaces between words, within a longer run of it.
UNSPACED = {
    "zh": ("北京市新建的人工智能中心今天开放", ["人工智能", "北京", "开放", "心"]),
    "ja": ("新しいロボットが東京で公開された", ["ロボット", "東京", "公開", "された"]),
    "th": ("บริษัทเปิดตัวหุ่นยนต์ใหม่", ["หุ่นยนต์", "ใหม่", "เปิด"]),
    "km": ("ក្រុមហ៊ុនបង្ហាញមនុស្សយន្ត", ["មនុស្សយន្ត"]),
}


def having(*titles: str, text: str = "") -> Database:
    db = in_memory()
    stored(db, [story(f"https://a.example/{i}", title, text) for i, title in enumerate(titles)])
    return db


def urls(db: Database, ids: Iterable[int]) -> list[str]:
    return [db.execute("SELECT url FROM stories WHERE id = ?", (id_,)).fetchone()[0] for id_ in ids]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("quantum", {0, 1}),
        ("QUANTUM chips", {1}),
        ("quantum chip*", {0, 1}),
        ('"chip quantum"', set()),
        ("“quantum chip”", {0}),
        ("quantum -chips", {0}),
        ('quantum -"chip for"', {1}),
        ("cafe", {2}),
        ("GPT-4", {3}),
        ("gpt 4.7", set()),
        ("title:quantum", set()),
        ("quantum AND chip", set()),  # "and" is a word like any other
        ("quantum OR phone", set()),
        ("NEAR(quantum chip)", set()),
        ("हिन्दी", {4}),
        ("हिन", set()),
        ("삼성전자", {5}),  # 삼성전자가: with its particle
    ],
)
def test_what_words_find(words: str, found: set[int]) -> None:
    db = having(
        "Quantum chip for phones",
        "Three quantum chips",
        "Café Mozilla",
        "GPT-4 is out",
        "हिन्दी में समाचार",
        "삼성전자가 새 칩을 공개했다",
    )
    assert {id_ - 1 for id_ in story_ids_matching(db, words, 10)} == found


@given(st.text(max_size=40))
def test_whatever_is_typed_is_no_syntax(words: str) -> None:
    db = EMPTY
    try:
        asked = search_for(db, "stories", words)
    except NewsfoldError as error:
        assert "nothing to look for" in str(error)
    else:
        assert asked.terms
        story_ids_matching(db, words, 10)


EMPTY = having("One story")


def test_words_are_cut_into_terms() -> None:
    assert terms_of('big "data centre"* -phone AI* "') == (
        (Term("big"), Term("data centre", begins=True), Term("AI", begins=True)),
        (Term("phone"),),
    )
    for nothing in ("", "-phone", '""', "+ - *"):
        with pytest.raises(NewsfoldError, match="nothing to look for"):
            terms_of(nothing)


@pytest.mark.parametrize("language", UNSPACED)
def test_words_of_scripts_without_spaces(language: str) -> None:
    title, words = UNSPACED[language]
    db = having(title, "An English story", *(t for t, _ in UNSPACED.values() if t != title))
    fold_pass(db, now=lambda: MORNING)
    for word in words:
        assert story_ids_matching(db, word, 10) == [1], word
        [event] = event_ids_matching(db, word, 10)
        assert db.execute("SELECT title FROM events WHERE id = ?", (event,)).fetchone()[0] == title
        [cut] = snippets(db, search_for(db, "stories", word), [1]).values()
        assert f"**{word}**" in cut


def test_one_and_two_letters_at_the_end_of_a_text() -> None:
    db = having("新しい東京", "東京の新しい", "大阪")
    assert set(story_ids_matching(db, "東京", 10)) == {1, 2}
    assert set(story_ids_matching(db, "京", 10)) == {1, 2}
    assert story_ids_matching(db, "東京 -新しい東", 10) == [2]
    assert story_ids_matching(db, "奈良", 10) == []


def test_a_title_weighs_more_than_a_text() -> None:
    db = in_memory()
    stored(
        db,
        [
            story("https://a.example/1", "Ferry news", "The licence is kept. " * 3),
            story("https://a.example/2", "Licence for the ferry", "It sails on. " * 3),
            story("https://a.example/3", "Ferry sails", "It sails on. " * 3),
        ],
    )
    assert story_ids_matching(db, "licence", 10) == [2, 1]


def test_snippets_show_what_was_found() -> None:
    db = having(
        "One", text=f"{'Nothing here. ' * 40}Divers saw a crack in the wall. {'More. ' * 40}"
    )
    [cut] = snippets(db, search_for(db, "stories", "crack"), [1], ("[", "]")).values()
    assert "[crack]" in cut
    assert len(cut) < 250


def consistent(db: Database) -> bool:
    """Whether the indexes hold what they would hold if they were made anew."""
    for index in INDEXES[:2]:
        db.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)")
    kept = contents(db)
    for index in INDEXES:
        db.execute(f"INSERT INTO {index} ({index}) VALUES ('delete-all')")
    fill_search(db)
    return kept == contents(db)


def contents(db: Database) -> dict[str, list[object]]:
    found = {}
    for index in INDEXES:
        db.execute(
            f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.{index}_all USING"
            f" fts5vocab(main, {index}, instance)"
        )
        found[index] = sorted(db.execute(f"SELECT * FROM temp.{index}_all").fetchall())
    return found


def test_indexes_follow_what_is_stored() -> None:
    db = in_memory()
    chinese, japanese = UNSPACED["zh"][0], UNSPACED["ja"][0]
    stories = [*made_stories(), story("https://z.example/1", chinese, chinese, language="zh")]
    stored(db, stories)
    fold_pass(db, now=lambda: MORNING)
    assert consistent(db)
    # Edited: into another script, and out of it.
    stored(
        db,
        [
            replace(stories[0], title=japanese, text=japanese, language="ja"),
            replace(stories[-1], title="Lamps of a city", text="They get darker."),
        ],
    )
    fold_pass(db, now=lambda: MORNING)
    assert consistent(db)
    assert urls(db, story_ids_matching(db, "東京", 10)) == [stories[0].url]
    assert story_ids_matching(db, "人工智能", 10) == []
    gone = db.execute("SELECT max(id) FROM events").fetchone()[0]
    for table in ("event_names", "figures", "event_sources", "leads", "related_events"):
        db.execute(f"DELETE FROM {table} WHERE event_id = ?", (gone,))
    db.execute("DELETE FROM event_stories WHERE event_id = ?", (gone,))
    db.execute("DELETE FROM events WHERE id = ?", (gone,))
    assert consistent(db)
