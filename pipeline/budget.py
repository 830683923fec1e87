"""How long a pass may take: a duration comes in, and who may use how much of it goes out.

The crawl stops asking first, then reading stops, then folding; each keeps at least a share of its
own, so that whatever a pass has fetched goes on being read and folded, however short its time.
Nothing is ever cut off: what has begun is finished, and what waits stays waiting.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

CRAWL_UNTIL, READ_UNTIL = 0.75, 0.9  # shares of the time; folding has all of it
LEAST = 0.1  # share of the time that reading and folding have even when the crawl was late
_DURATION = re.compile(r"(\d{1,5})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60}


def seconds_of(duration: str) -> float:
    """`90s`, `8m`, `2h` or `1d` in seconds. Raises ValueError for anything else."""
    told = _DURATION.fullmatch(duration.strip().lower())
    if told is None or not int(told.group(1)):
        raise ValueError(f"{duration!r} is no duration; write 90s, 8m, 2h or 1d")
    return float(int(told.group(1)) * _SECONDS[told.group(2)])


@dataclass(frozen=True, slots=True)
class Budget:
    """The time of one pass, which began when this was made."""

    seconds: float
    started: float = field(default_factory=time.monotonic)

    def left_for_crawl(self) -> float:
        return self._left(CRAWL_UNTIL)

    def left_for_reading(self) -> float:
        return max(self._left(READ_UNTIL), LEAST * self.seconds)

    def left_for_folding(self) -> float:
        return max(self._left(1.0), LEAST * self.seconds)

    def _left(self, share: float) -> float:
        return self.started + share * self.seconds - time.monotonic()
