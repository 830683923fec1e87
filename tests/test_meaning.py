"""Folding with an embedding: one more signal, the same laws; without one nothing changes."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pipeline.embedders
from pipeline.candidates import candidates
from pipeline.cli import main
from pipeline.directions import directions
from pipeline.embeddings import Embedding, Meaning, made_of, of_length_one
from pipeline.fold_pass import fold_pass
from pipeline.folding import WINDOW, fold
from pipeline.reading import read_all
from pipeline.reasons import match, worth_saying
from pipeline.weights import shipped_weights
from pipeline.window import window
from storage.database import create_or_open, in_memory
from storage.errors import NewsfoldError
from storage.models import Signal
from tests.stories import HAPPENINGS, MORNING, made_stories, stored, story, with_ids
from tests.test_embeddings import hashed
from tests.test_folding import dump, everything, found

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sqlite_utils import Database

    from storage.models import Story

STORIES = with_ids(made_stories())
TOPICS = {
    "Brankwell": "dam",
    "Quill": "phone",
    "Merriden": "court",
    "owl": "owl",
    "Eule": "owl",
    "Staudamm": "dam",
}
ABROAD = [
    story(
        "https://zeitung.example/damm",
        "Riss im Staudamm: Talsperre geschlossen",
        "Taucher fanden in der Mauer vom Staudamm einen Riss. Bewohner sollen sich bereithalten.",
        language="de",
    ),
    story(
        "https://blatt.example/eule",
        "Eine Eule besucht den Park",
        "Seit Jahrzehnten kam hier keine Eule mehr vorbei, nun kam eine, und viele schauten zu.",
        language="de",
    ),
]


class TopicEmbedder:
    """A model that knows what a few words are about, in two languages."""

    name = "topics"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return of_length_one(np.stack([_meant(text) for text in texts]))


def _meant(text: str) -> NDArray[np.float32]:
    about = [topic for word, topic in TOPICS.items() if word in text]
    return hashed(about[0]) + 0.3 * hashed(text) if about else hashed(text)


def meaning(stories: Sequence[Story], multilingual: bool = False) -> Meaning:
    return Meaning(made_of(stories, TopicEmbedder()), multilingual)


def passed(db: Database, *, multilingual: bool = False) -> TopicEmbedder:
    embedder = TopicEmbedder()
    fold_pass(db, now=lambda: MORNING, embedding=Embedding(embedder, multilingual))
    return embedder


def folded(stories: list[Story], *, multilingual: bool = False) -> Database:
    db = in_memory()
    stored(db, stories)
    passed(db, multilingual=multilingual)
    return db


# The laws hold with vectors, too


@given(st.permutations(STORIES))
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_the_order_of_stories_makes_no_difference(shuffled: list[Story]) -> None:
    assert fold(shuffled, meaning(shuffled)) == fold(STORIES, meaning(STORIES))


@pytest.mark.long
@given(st.permutations([*made_stories(), *ABROAD]), st.lists(st.integers(1, 9), max_size=3))
@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_passes_give_the_same_events_as_one_batch(shuffled: list[Story], cuts: list[int]) -> None:
    streamed = in_memory()
    bounds = [0, *sorted(cuts), len(shuffled)]
    for start, end in itertools.pairwise(bounds):
        stored(streamed, shuffled[start:end])
        passed(streamed, multilingual=True)
    batch = folded([*made_stories(), *ABROAD], multilingual=True)
    assert dump(streamed) == dump(batch)


def test_the_same_stories_give_the_same_database_and_a_second_fold_changes_nothing() -> None:
    db = folded(made_stories())
    before = everything(db)
    assert told_by(before) == told_by(everything(folded(made_stories())))
    assert passed(db).asked == []
    assert everything(db) == before


def told_by(lines: list[str]) -> list[str]:
    """What a fold wrote: not when the tables were made and when it ran."""
    clocks = ("_sqlite_migrations", '"runs"')
    return [line for line in lines if not any(clock in line for clock in clocks)]


def test_without_an_embedding_nothing_is_embedded_and_nothing_weighed() -> None:
    db = in_memory()
    stored(db, made_stories())
    fold_pass(db, now=lambda: MORNING)
    assert db["vectors"].count == 0
    one, two = list(read_all(STORIES))[:2]
    assert "meaning" not in {signal.name for signal in match(one, two).signals}


def test_every_membership_has_a_reason_that_can_be_computed_again() -> None:
    db = folded(made_stories())
    known = meaning(STORIES)
    readings = {reading.url: reading for reading in read_all(STORIES)}
    rows = db.execute(
        "SELECT s.url, t.url, m.score, m.because FROM event_stories AS m"
        " JOIN stories AS s ON s.id = m.story_id JOIN stories AS t ON t.id = m.through_story"
    ).fetchall()
    assert len(rows) == 4
    for url, through, score, because in rows:
        again = match(readings[url], readings[through], known)
        assert score == again.score
        assert because == "; ".join(signal.words for signal in worth_saying(again.signals))
        assert "meaning" in {signal.name for signal in again.signals}


def test_a_model_that_is_named_later_embeds_the_known_stories_too() -> None:
    db = in_memory()
    stored(db, made_stories()[1:])
    fold_pass(db, now=lambda: MORNING)
    stored(db, made_stories()[:1])
    assert len(passed(db).asked) == len(made_stories())
    assert dump(db)["members"]
    fold_pass(db, now=lambda: MORNING, rebuild=True, embedding=Embedding(TopicEmbedder()))
    assert dump(db) == dump(folded(made_stories()))


def test_another_model_takes_the_place_of_the_first_when_all_is_folded_again() -> None:
    db = folded(made_stories())
    other = TopicEmbedder()
    other.name = "other"
    fold_pass(db, now=lambda: MORNING, rebuild=True, embedding=Embedding(other))
    assert db.execute("SELECT DISTINCT model FROM vectors").fetchall() == [("other",)]


def test_a_pass_that_is_killed_need_not_embed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    db = in_memory()
    stored(db, made_stories())
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("pipeline.fold_pass.assign", _killed)
        passed(db)
    assert db["events"].count == 0
    assert passed(db).asked == []
    assert dump(db) == dump(folded(made_stories()))


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


# What meaning brings together


def test_stories_of_two_languages_stay_apart_unless_the_model_knows_both() -> None:
    stories = with_ids([*made_stories(), *ABROAD])
    alone = found(fold(stories, meaning(stories)), stories)
    assert all({each.url} in alone for each in ABROAD)
    together = found(fold(stories, meaning(stories, multilingual=True)), stories)
    assert len(together) == len(HAPPENINGS)
    for abroad, at_home in zip(ABROAD, ("dam", "owl"), strict=True):
        group = next(group for group in together if abroad.url in group)
        assert {url.rsplit("/", 1)[1] for url in group if url != abroad.url} == {at_home}


def test_a_reason_across_languages_names_them() -> None:
    stories = with_ids([made_stories()[0], ABROAD[0]])
    told = match(*read_all(stories), meaning(stories, multilingual=True))
    assert {"told in two languages (en, de)", "told in two languages (de, en)"} & {
        signal.words for signal in told.signals
    }
    one_language = match(*read_all(stories), meaning(stories))
    assert "other_language" not in {signal.name for signal in one_language.signals}


def test_stories_that_share_no_word_are_compared_when_they_are_alike() -> None:
    words = [f"{a}{b}" for a in "bcdfgklmnprst" for b in ("arnok", "elbit", "ostun", "ugrav")]
    stories = with_ids(
        [
            story("https://a.example/1", "Brankwell " + " ".join(words[:6])),
            story("https://b.example/2", "Staudamm " + " ".join(words[6:12])),
            story("https://c.example/3", "Quill " + " ".join(words[12:18])),
            replace(
                story("https://d.example/4", "Brankwell " + " ".join(words[18:24])),
                published=MORNING + WINDOW + timedelta(hours=1),
            ),
        ]
    )
    assert pairs(stories, meaning(stories)) == {("1", "2")}
    assert pairs(stories, None) == set()


def pairs(stories: list[Story], meant: Meaning | None) -> set[tuple[str, str]]:
    side_by_side = window(list(read_all(stories)), meant)
    rows = np.arange(len(stories))
    found = candidates(side_by_side, rows, rows[:0], WINDOW.total_seconds())
    return {
        (stories[left].url[-1], stories[right].url[-1])
        for lefts, rights, _ in found
        for left, right in zip(lefts, rights, strict=True)
    }


def test_a_pair_is_compared_once_though_it_shares_words_and_meaning() -> None:
    side_by_side = window(list(read_all(STORIES)), meaning(STORIES))
    rows = np.arange(len(STORIES))
    for new, others in ((rows, rows[:0]), (rows[:3], rows[3:]), (rows[5:], rows[:5])):
        told = [
            (left, right)
            for lefts, rights, _ in candidates(side_by_side, new, others, WINDOW.total_seconds())
            for left, right in zip(lefts.tolist(), rights.tolist(), strict=True)
        ]
        assert len(told) == len(set(told))
        assert all(left < right for left, right in told)


# Which vectors are worth a closer look


VECTORS = of_length_one(np.random.default_rng(3).normal(size=(400, 48)))
MARKS = directions(VECTORS)


@given(st.lists(st.integers(0, 399), min_size=1, max_size=40, unique=True))
def test_marks_follow_from_a_vector_alone(rows: list[int]) -> None:
    among = directions(VECTORS[rows])
    assert (among != MARKS[rows]).nnz == 0


def test_alike_vectors_share_marks_and_others_seldom_do() -> None:
    noise = of_length_one(np.random.default_rng(4).normal(size=VECTORS.shape))
    alike = of_length_one(VECTORS + 0.75 * noise)  # cosine of about 0.8
    shared = (MARKS @ directions(alike).T).toarray() > 0
    assert shared.diagonal().mean() > 0.9
    assert shared.mean() < 0.05


def test_no_vector_no_marks() -> None:
    assert directions(np.zeros((3, 48), np.float32)).nnz == 0
    assert directions(np.zeros((0, 0), np.float32)).shape[0] == 0
    assert directions(np.zeros((2, 0), np.float32)).nnz == 0


# explain


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database that was folded by the command line with a configured embedding."""
    monkeypatch.setattr(pipeline.embedders, "load", lambda *_, **__: TopicEmbedder())
    path = tmp_path / "news.db"
    (tmp_path / "newsfold.toml").write_text('[fold]\nembedding = "topics"\n')
    db = create_or_open(path)
    stored(db, [*made_stories(), *ABROAD])
    db.close()
    fold_with("fold", path)
    return path


def fold_with(*words: object) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert not stop.value.code


def explained(database: Path, capsys: pytest.CaptureFixture[str], *urls: str) -> dict[str, Any]:
    capsys.readouterr()
    fold_with("explain", database, *urls, "--to", "json")
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_explain_agrees_with_what_is_stored(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    db = create_or_open(database)
    rows = db.execute(
        "SELECT s.url, t.url, m.score, m.because FROM event_stories AS m"
        " JOIN stories AS s ON s.id = m.story_id JOIN stories AS t ON t.id = m.through_story"
    ).fetchall()
    vectors = db.execute("SELECT * FROM vectors").fetchall()
    for url, through, score, because in rows:
        told = explained(database, capsys, url, through)
        assert told["score"] == score
        signals = worth_saying(Signal(**signal) for signal in told["signals"])
        assert "; ".join(signal.words for signal in signals) == because
        assert told["missing"] is None
        by_name = {signal["name"]: signal["weight"] for signal in told["signals"]}
        assert 0 < by_name["meaning"] <= shipped_weights(embedded=True)["meaning"]
    assert rows
    db.execute("DELETE FROM vectors")
    db.conn.commit()
    assert explained(database, capsys, url, through) == told  # from the model
    assert db["vectors"].count == 0 < len(vectors)  # nothing is written


def test_explain_says_when_the_signal_is_missing(
    database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object, **__: object) -> None:
        raise NewsfoldError("embedding topics: there is no such package here")

    monkeypatch.setattr(pipeline.embedders, "load", gone)
    urls = [each.url for each in made_stories()[:2]]
    told = explained(database, capsys, *urls)
    assert told["missing"] == "embedding topics: there is no such package here"
    assert "meaning" not in {signal["name"] for signal in told["signals"]}
    fold_with("explain", database, *urls)
    assert "missing  meaning        embedding topics: there is" in capsys.readouterr().out


def test_explain_says_that_languages_fold_apart(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = explained(database, capsys, made_stories()[0].url, ABROAD[0].url)
    assert "told in two languages, and stories fold within one" in told["verdict"]
