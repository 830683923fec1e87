"""How far a crawl has come: counts come in, lines for people go out to standard error.

It never changes what is crawled, and says nothing to standard output.
"""

from __future__ import annotations

import shutil
import sqlite3  # noqa: TC003
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable

    from storage.errors import NewsfoldError

ON_TERMINAL = 0.2  # seconds between two states of the one line
ON_FILE = 10.0  # seconds between two lines in a log


@dataclass
class Tally:
    """The counts of one crawl; its spiders write them, whoever listens reads them."""

    feeds_due: int = 0
    feeds_polled: int = 0
    feeds_unchanged: int = 0
    feeds_failed: list[tuple[str, str, str]] = field(default_factory=list)
    entries_new: int = 0
    pages_asked: int = 0
    pages_stored: int = 0
    pages_gone: int = 0
    pages_forbidden: int = 0
    pages_failed: int = 0
    offline: bool = False
    interrupted: bool = False
    deadline: float | None = None  # by time.monotonic(): from then on nothing more is asked
    out_of_time: bool = False
    database_error: sqlite3.Error | None = None
    failure: NewsfoldError | None = None  # whoever fetches for us cannot be had
    listener: Callable[[Tally], None] | None = None

    def changed(self) -> None:
        if self.listener:
            self.listener(self)

    @property
    def line(self) -> str:
        pages = f"{self.pages_stored}/{self.pages_asked} pages"
        lost = self.pages_gone + self.pages_forbidden + self.pages_failed
        failed = f", {len(self.feeds_failed)} failed" if self.feeds_failed else ""
        return (
            f"{self.feeds_polled}/{self.feeds_due} feeds{failed}, {self.entries_new} new entries,"
            f" {pages}" + (f", {lost} not to be had" if lost else "")
        )


class ProgressLine:
    """One line that is kept up to date on a terminal, one every ten seconds elsewhere."""

    def __init__(
        self, stream: TextIO | None = None, *, read: Callable[[], int] | None = None
    ) -> None:
        self._read = read  # how many pages have been read beside the crawl
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._last = time.monotonic()
        self._shown = 0  # characters of the line on the terminal

    def __call__(self, tally: Tally) -> None:
        now = time.monotonic()
        if now - self._last < (ON_TERMINAL if self._terminal else ON_FILE):
            return
        self._last = now
        read = self._read() if self._read else 0
        self._write(f"crawling: {tally.line}" + (f", {read} read" if read else ""))

    def done(self) -> None:
        """Leave the terminal's line clean for what comes next."""
        if self._terminal and self._shown:
            self._stream.write("\r" + " " * self._shown + "\r")
            self._stream.flush()

    def _write(self, line: str) -> None:
        if self._terminal:
            line = line[: shutil.get_terminal_size().columns - 1]  # a wrapped line stays behind
            self._stream.write("\r" + line.ljust(self._shown))
            self._shown = len(line)
        else:
            self._stream.write(line + "\n")
        self._stream.flush()
