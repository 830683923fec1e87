"""Reading pages beside the crawl that brings them, so that neither waits for the other.

A database comes in, while a crawl stores pages in it; a report of the extraction goes out. It runs
in a thread, which only hands pages to the pool and writes their stories: the reactor stays free.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import Future
from threading import Thread
from typing import TYPE_CHECKING

from crawlers.extraction import ExtractionReport, Inflow, extract

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from crawlers.extraction import Clock


class ExtractionBeside:
    """An extraction that runs while the block does. The block ends it by `finish`; when it ends
    otherwise, what is being read is finished and the rest waits."""

    def __init__(self, database: Path, *, now: Clock) -> None:
        self.done = 0  # pages read so far
        self._database = database
        self._now = now
        self._inflow = Inflow(coming=True)
        self._progress: Callable[[int, int], None] | None = None
        self._report: Future[ExtractionReport] = Future()
        self._thread = Thread(target=self._work, name="extraction", daemon=True)

    def __enter__(self) -> ExtractionBeside:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop(after=0.0)
        self._thread.join()

    def finish(
        self, *, seconds: float | None = None, progress: Callable[[int, int], None] | None = None
    ) -> ExtractionReport:
        """No more pages come. After so many `seconds` no other page is begun, and the rest waits
        on; `progress` is told how many of how many are done."""
        self._progress = progress
        self._stop(after=seconds)
        return self._report.result()

    def _stop(self, after: float | None) -> None:
        self._inflow.end = math.inf if after is None else time.monotonic() + after
        self._inflow.coming = False

    def _work(self) -> None:
        try:
            report = extract(self._database, self._inflow, now=self._now, progress=self._told)
        except BaseException as error:
            self._report.set_exception(error)
        else:
            self._report.set_result(report)

    def _told(self, done: int, total: int) -> None:
        self.done = done
        if self._progress:
            self._progress(done, total)
