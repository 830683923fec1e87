"""TL;DRs that a language model wrote, as rows: nothing is asked twice.

Comes in: what a model was given, as a key, and what became of its sentences. Goes out: the same.
What is kept of them is decided in pipeline/.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from storage.models import Sentence
from storage.rows import chunks, marks
from storage.times import to_iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlite_utils import Database


def summaries_of(
    db: Database, model: str, given: Iterable[str]
) -> dict[str, tuple[tuple[Sentence, ...], int]]:
    """Of what a model was given before: the sentences that were kept, and how many were not."""
    found = {}
    for keys in chunks(given):
        for key, kept, dropped in db.execute(
            "SELECT given, kept, dropped FROM summaries WHERE model = ?"
            f" AND given IN ({marks(keys)})",
            (model, *keys),
        ):
            sentences = tuple(Sentence(**each) for each in json.loads(kept))
            found[key] = (sentences, len(json.loads(dropped)))
    return found


def save_summary(
    db: Database,
    model: str,
    given: str,
    kept: Sequence[Sentence],
    dropped: Sequence[dict[str, Any]],
    *,
    event_id: int,
    now: datetime,
) -> None:
    told = [{"text": each.text, "story_id": each.story_id} for each in kept]
    db.execute(
        "INSERT OR REPLACE INTO summaries (model, given, event_id, kept, dropped, made_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            model,
            given,
            event_id,
            json.dumps(told, ensure_ascii=False),
            json.dumps(dropped, ensure_ascii=False),
            to_iso(now),
        ),
    )
