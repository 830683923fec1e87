"""A month as weeks. Comes in: a month and the counts of its days. Goes out: rows of seven."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date


@dataclass(frozen=True, slots=True)
class DayOf:
    """A place in a week; without a day, it is of another month."""

    day: date | None
    count: int = 0


def weeks_of(month: date, counts: Mapping[date, int]) -> list[list[DayOf]]:
    """The weeks of a month, Mondays first."""
    weeks = calendar.Calendar().monthdatescalendar(month.year, month.month)
    return [
        [DayOf(d, counts.get(d, 0)) if d.month == month.month else DayOf(None) for d in week]
        for week in weeks
    ]
