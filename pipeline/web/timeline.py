"""Times and counts as places in a drawing; nothing is drawn here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MARGIN = 3.0  # per cent, so that no dot is cut at an edge


def places(times: Sequence[datetime | None]) -> list[float | None]:
    """Where each time lies between the first and the last, in per cent of a line."""
    known = [moment for moment in times if moment is not None]
    if not known:
        return [None] * len(times)
    first = min(known)
    whole = (max(known) - first).total_seconds() or 1.0
    room = 100 - 2 * MARGIN
    return [
        None if t is None else round(MARGIN + room * (t - first).total_seconds() / whole, 2)
        for t in times
    ]


def heights(counts: Sequence[int], highest: int) -> list[int]:
    """How high each bar is; whatever is there at all is seen."""
    most = max([*counts, 1])
    return [max(2, round(highest * count / most)) if count else 0 for count in counts]
