"""What a story means, as a vector: one more signal, for those who name a model.

    story -> its words -> content hash -> the database, or else the model -> a vector of length 1

Comes in: readings, and a model (embedders.py). Goes out: vectors by content hash. A vector follows
from the words of its story alone: it does not depend on what was embedded beside it, and it is
always computed with as it is kept, rounded. The text of a story is loaded, and the model asked,
only when a vector is missing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipeline.text import visible
from storage.stories import stories_by_id
from storage.vectors import rounded, save_vectors, vectors_by_hash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray
    from sqlite_utils import Database

    from pipeline.reading import Reading
    from storage.models import Story

    Vectors = NDArray[np.float32]  # a row a text

TITLE_CHARACTERS = 300
TEXT_CHARACTERS = 500  # news tells what happened first, and the cost grows with the length
CHUNK = 256  # stories between two writes: what a kill can cost
PAIRS_AT_ONCE = 2_000  # what a processor keeps at hand
DIGITS = 6  # of a likeness
ROUGH = 1e-4  # more than a sum in single precision can be wrong


class Embedder(Protocol):
    """A model that turns texts into vectors."""

    @property
    def name(self) -> str:
        """What its vectors are kept under: another model or another state of it, another name."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A vector of length 1 for each text, in order; of length 0 for one without words."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """What a configuration names: a model, and whether it knows many languages."""

    embedder: Embedder
    multilingual: bool = False


@dataclass(frozen=True, slots=True)
class Meaning:
    """Vectors by the content hash of the words that were embedded, and whether stories of two
    languages can be compared by them."""

    vectors: Mapping[str, Vectors]
    multilingual: bool = False

    def rows(self, readings: Sequence[Reading]) -> Vectors:
        """A row of length 1 a reading; one without a vector is like nothing."""
        size = len(next(iter(self.vectors.values()), ()))
        found = np.zeros((len(readings), size), np.float32)
        for row, reading in enumerate(readings):
            if reading.content_hash in self.vectors:
                found[row] = self.vectors[reading.content_hash]
        return of_length_one(found)  # to be kept they were rounded, which changed their lengths


def embedded_words(story: Story) -> str:
    """What of a story is embedded: its title and how its text begins."""
    parts = (story.title[:TITLE_CHARACTERS], story.text[:TEXT_CHARACTERS])
    return ". ".join(visible(part) for part in parts if part)


def content_hash(words: str) -> str:
    """The same for the same words, on every machine."""
    return hashlib.blake2b(words.encode("utf-8"), digest_size=16).hexdigest()


def meaning_of(
    db: Database,
    readings: Iterable[Reading],
    embedding: Embedding,
    *,
    keep: bool = True,
    progress: Callable[[str], None] = lambda what: None,
) -> Meaning:
    """The vector of each reading: from the database where it is kept, else made of the words of
    its story, and kept.

    `keep=False` is for a database that is open for reading only.
    """
    embedder = embedding.embedder
    story_of = {reading.content_hash: reading.id for reading in readings}
    found = vectors_by_hash(db, embedder.name, story_of)
    missing = sorted(story_of[hash_] for hash_ in story_of.keys() - found.keys())
    for start in range(0, len(missing), CHUNK):
        made = made_of(stories_by_id(db, missing[start : start + CHUNK]), embedder)
        if keep:
            save_vectors(db, embedder.name, made)
        found |= made
        progress(f"{min(start + CHUNK, len(missing))} of {len(missing)} stories embedded")
    return Meaning(found, embedding.multilingual)


def made_of(stories: Iterable[Story], embedder: Embedder) -> dict[str, Vectors]:
    """The vector of each story by its content hash, as it would be kept."""
    words = {content_hash(told): told for told in map(embedded_words, stories)}
    vectors = embedder.embed(list(words.values()))
    return {hash_: rounded(vector) for hash_, vector in zip(words, vectors, strict=True)}


def likeness(vectors: Vectors, left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.float64]:
    """How like the vectors of row left[i] and row right[i] are, for each i: the cosine, from 0
    to 1, rounded so that the order of a sum does not show."""
    cosine = np.zeros(len(left))
    for start in range(0, len(left), PAIRS_AT_ONCE):
        part = slice(start, start + PAIRS_AT_ONCE)
        wide = vectors[left[part]].astype(np.float64)
        cosine[part] = (wide * vectors[right[part]]).sum(axis=1)
    return cosine.clip(0.0, 1.0).round(DIGITS)


def at_least(
    vectors: Vectors, left: NDArray[Any], right: NDArray[Any], least: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The pairs of rows that are at least so like."""
    rough = np.zeros(len(left), np.float32)
    for start in range(0, len(left), PAIRS_AT_ONCE):
        part = slice(start, start + PAIRS_AT_ONCE)
        rough[part] = np.einsum("ij,ij->i", vectors[left[part]], vectors[right[part]])
    near = rough >= least - ROUGH
    left, right = left[near], right[near]
    alike = likeness(vectors, left, right) >= least
    return left[alike], right[alike]


def of_length_one(vectors: NDArray[Any]) -> Vectors:
    """Rows scaled to length 1; a row without a direction stays 0 and is like nothing."""
    wide = vectors.astype(np.float64)  # the rounding of the sum stays below what float32 shows
    lengths = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
    return (wide / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
