"""Vectors of stories: what is embedded, what is kept, and that nothing else changes one."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.embeddings import (
    CHUNK,
    TEXT_CHARACTERS,
    Embedding,
    Meaning,
    content_hash,
    embedded_words,
    likeness,
    meaning_of,
)
from pipeline.reading import Reading, read_all
from storage.database import create_or_open, in_memory, open_existing, transaction
from storage.vectors import drop_other_models, save_vectors, vectors_by_hash
from tests.stories import made_stories, stored, story

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from sqlite_utils import Database

    from storage.models import Story


class HashEmbedder:
    """A vector that follows from the text, with no meaning at all."""

    name = "hash"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked += texts
        return np.stack([hashed(text) for text in texts])


def hashed(text: str) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    vector: NDArray[np.float32] = np.random.default_rng(seed).normal(size=16).astype(np.float32)
    return vector / np.linalg.norm(vector)


def readings_of(db: Database, stories: list[Story]) -> list[Reading]:
    """The readings of stories that are stored now, in the order of their addresses."""
    return sorted(read_all(stored(db, stories)), key=lambda reading: reading.url)


def meant(
    db: Database, readings: Sequence[Reading], embedder: HashEmbedder, *, keep: bool = True
) -> NDArray[np.float32]:
    return meaning_of(db, readings, Embedding(embedder), keep=keep).rows(readings)


# What is embedded


def test_the_title_and_how_the_text_begins() -> None:
    told = story("https://a.example/1", "Dam shut", "A crack. " * 200)
    assert embedded_words(told) == "Dam shut. " + told.text[:TEXT_CHARACTERS]
    assert embedded_words(replace(told, text="")) == "Dam shut"
    assert embedded_words(replace(told, title="")) == told.text[:TEXT_CHARACTERS]


@given(st.text(), st.text())
def test_any_words_can_be_embedded(title: str, text: str) -> None:
    words = embedded_words(story("https://a.example/1", title, text))
    assert len(words) < 1000
    assert len(content_hash(words)) == 32


def test_an_edit_of_the_beginning_is_other_content() -> None:
    told = story("https://a.example/1", "Dam shut", "x" * TEXT_CHARACTERS)
    hashed = content_hash(embedded_words(told))
    assert hashed != content_hash(embedded_words(replace(told, title="Dam opened")))
    assert hashed == content_hash(embedded_words(replace(told, text=told.text + " More.")))


# What is kept


@pytest.mark.long
@given(st.permutations(range(8)), st.integers(0, 8))
def test_a_vector_follows_from_its_story_alone(order: list[int], cut: int) -> None:
    db = in_memory()
    readings = readings_of(db, made_stories())
    meant(db, [readings[place] for place in order[:cut]], HashEmbedder())
    mixed = meant(db, readings, HashEmbedder())  # some kept, some made now
    fresh = in_memory()
    readings_of(fresh, made_stories())
    alone = [meant(fresh, [each], HashEmbedder(), keep=False)[0] for each in readings]
    assert mixed.tobytes() == np.stack(alone).tobytes()
    assert np.allclose(np.linalg.norm(mixed, axis=1), 1, atol=1e-6)


def test_nothing_is_embedded_twice() -> None:
    db = in_memory()
    stories = made_stories()
    twice = [*stories, replace(stories[0], url="https://other.example/copy")]
    readings = readings_of(db, twice)
    embedder = HashEmbedder()
    meant(db, readings, embedder)
    assert len(embedder.asked) == len(stories)
    meant(db, readings, embedder)
    assert len(embedder.asked) == len(stories)


def test_no_stories() -> None:
    assert meant(in_memory(), [], HashEmbedder()).shape == (0, 0)


def test_a_kill_loses_one_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    db = in_memory()
    readings = readings_of(
        db, [story(f"https://a.example/{n}", f"Title {n}") for n in range(CHUNK + 5)]
    )
    embedder = HashEmbedder()
    embed = embedder.embed

    def killed(texts: Sequence[str]) -> NDArray[np.float32]:
        if embedder.asked:
            raise KeyboardInterrupt
        return embed(texts)

    monkeypatch.setattr(embedder, "embed", killed)
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        meaning_of(db, readings, Embedding(embedder), progress=said.append)
    assert said == [f"{CHUNK} of {CHUNK + 5} stories embedded"]
    again = HashEmbedder()
    meant(db, readings, again)
    assert len(again.asked) == 5


def test_a_database_open_for_reading_only(tmp_path: Path) -> None:
    path = tmp_path / "news.db"
    db = create_or_open(path)
    readings = readings_of(db, made_stories())
    kept = meant(db, readings[:3], HashEmbedder())
    embedder = HashEmbedder()
    found = meant(open_existing(path), readings, embedder, keep=False)
    assert len(embedder.asked) == len(readings) - 3
    assert found[:3].tobytes() == kept.tobytes()


def test_vectors_are_kept_by_model_all_or_none() -> None:
    db = in_memory()
    one, two = hashed("one"), hashed("two")
    save_vectors(db, "a", {"1": one, "2": two})
    save_vectors(db, "b", {"1": two})
    found = vectors_by_hash(db, "a", ["1", "2", "3", "1"])
    assert sorted(found) == ["1", "2"]
    assert np.allclose(found["1"], one, atol=1e-3)
    with pytest.raises(RuntimeError), transaction(db):
        save_vectors(db, "a", {"3": one})
        raise RuntimeError
    assert vectors_by_hash(db, "a", ["3"]) == {}


def test_vectors_of_other_models_can_be_dropped() -> None:
    db = in_memory()
    save_vectors(db, "a", {"1": hashed("one"), "2": hashed("two")})
    save_vectors(db, "b", {"1": hashed("two")})
    assert drop_other_models(db, "a") == 1
    assert sorted(vectors_by_hash(db, "a", ["1", "2"])) == ["1", "2"]
    assert vectors_by_hash(db, "b", ["1"]) == {}


# What is like what


def test_likeness_is_from_nought_to_one() -> None:
    axes = np.eye(3, dtype=np.float32)
    vectors = np.stack([axes[0], axes[0], axes[1], -axes[0], 0 * axes[0]])
    first, others = np.zeros(4, dtype=int), np.arange(1, 5)
    assert likeness(vectors, first, others).tolist() == [1, 0, 0, 0]
    assert likeness(vectors, others, first).tolist() == [1, 0, 0, 0]


def test_a_story_without_a_vector_is_like_nothing() -> None:
    db = in_memory()
    readings = readings_of(db, made_stories())
    some = meaning_of(db, readings[:2], Embedding(HashEmbedder()))
    rows = some.rows(readings)
    assert rows.any(axis=1).tolist() == [True, True] + [False] * (len(readings) - 2)
    assert Meaning({}).rows(readings).shape == (len(readings), 0)
