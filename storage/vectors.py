"""Vectors of stories as rows: a cache, kept by model and by the hash of the words.

Comes in: vectors by content hash. Goes out: the same, rounded to float16. It never computes one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from storage.database import transaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from sqlite_utils import Database

STORED = np.dtype("<f2")  # half the room; a cosine changes by less than .001


def rounded(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vector as it would come back from the database."""
    return vector.astype(STORED).astype(np.float32)


def vectors_by_hash(
    db: Database, model: str, hashes: Iterable[str]
) -> dict[str, NDArray[np.float32]]:
    """The vectors that a model made of these words, where they are kept."""
    rows = db.execute(
        "SELECT content_hash, vector FROM vectors"
        " WHERE model = ? AND content_hash IN (SELECT value FROM json_each(?))",
        (model, json.dumps(sorted(set(hashes)))),
    )
    return {hash_: np.frombuffer(stored, STORED).astype(np.float32) for hash_, stored in rows}


def save_vectors(db: Database, model: str, vectors: Mapping[str, NDArray[np.float32]]) -> None:
    """Keep the vectors that a model made, by content hash, all of them or none."""
    with transaction(db):
        db.conn.executemany(
            "INSERT OR REPLACE INTO vectors (model, content_hash, vector) VALUES (?, ?, ?)",
            [
                (model, hash_, vector.astype(STORED).tobytes())
                for hash_, vector in sorted(vectors.items())
            ],
        )


def drop_other_models(db: Database, model: str) -> int:
    """Keep only the vectors that this model made; how many others there were."""
    with transaction(db):
        return int(db.execute("DELETE FROM vectors WHERE model <> ?", (model,)).rowcount)
