"""What every file that reads and writes rows needs: chunks of ids, marks for them, JSON columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Id = TypeVar("Id", int, str)

CHUNK = 500  # SQLite allows a bounded number of parameters


def chunks(ids: Iterable[Id]) -> Iterator[list[Id]]:
    """The ids, each once and in order, in lists that one statement can take."""
    wanted = sorted(set(ids))
    return (wanted[start : start + CHUNK] for start in range(0, len(wanted), CHUNK))


def marks(values: Sequence[object]) -> str:
    """`?, ?, ?`: a place in a statement for each value."""
    return ", ".join("?" * len(values))


def to_json(value: object) -> str:
    """A JSON column, in the letters of every script."""
    return json.dumps(value, ensure_ascii=False)
