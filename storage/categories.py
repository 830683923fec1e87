"""What was learned from pinned categories, as rows.

Comes in: a model as JSON, under a key that is the same for the same pins. Goes out: that model.
How it is learned and used is decided in pipeline/.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from storage.times import to_iso

if TYPE_CHECKING:
    from datetime import datetime

    from sqlite_utils import Database


def learned_model(db: Database, learned_from: str) -> tuple[bool, dict[str, Any] | None]:
    """Whether anything was learned from these pins before, and the model if that is used."""
    rows = db.execute("SELECT model FROM category_models WHERE learned_from = ?", (learned_from,))
    row = rows.fetchone()
    return (False, None) if row is None else (True, json.loads(row[0]))


def keep_learned_model(
    db: Database,
    learned_from: str,
    model: dict[str, Any] | None,
    *,
    pins: int,
    said: str,
    now: datetime,
) -> None:
    db.execute(
        "INSERT OR REPLACE INTO category_models (learned_from, made_at, pins, said, model)"
        " VALUES (?, ?, ?, ?, ?)",
        (learned_from, to_iso(now), pins, said, json.dumps(model)),
    )
