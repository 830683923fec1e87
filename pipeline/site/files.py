"""The files of a site: written whole or not at all, and only when they say something else.

Comes in: paths inside a folder, text, and a mark of what it was made from. Goes out: files. What
was written is remembered in `.newsfold/site.json`, and entries of feeds beside it; nothing is
removed, unless it is asked for. A kill leaves each file as it was or as it will be.
"""

from __future__ import annotations

import json
import os
import shutil
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING

from storage.errors import WRONG_CALL, NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

KEPT = ".newsfold"  # the folder for what is ours alone
SITE, ENTRIES = "site.json", "entries.json"  # in it
VERSION = 1  # of both
SAVE_EVERY = 1_000  # files between two notes of what was written; what a kill costs


class SiteFiles:
    """The files of one folder, for one build. `settings` is a mark of all that every page shows:
    when it changes, each page is made anew."""

    def __init__(self, folder: Path, settings: str, *, rebuild: bool = False) -> None:
        self.folder = folder
        self.settings = settings
        self.written = 0
        self.removed = 0
        self._before = _read(folder / KEPT / SITE)
        self._known: dict[str, list[str]] = dict(self._before.get("files", {}))
        self._rebuild = rebuild
        self._wanted: set[str] = set()
        self.sources: Mapping[str, str] = self._before.get("sources", {})
        self._beside = folder / KEPT / "new"
        shutil.rmtree(self._beside, ignore_errors=True)  # of a build that was killed
        self._beside.mkdir(parents=True)

    @property
    def wanted(self) -> int:
        """How many files the site has by now."""
        return len(self._wanted)

    @property
    def known(self) -> list[str]:
        """The files that builds have written and that were not pruned."""
        return sorted(self._known)

    def is_due(self, path: str, mark: str) -> bool:
        """Whether the file must be made anew. It belongs to the site from then on."""
        self._wanted.add(path)
        known = self._known.get(path)
        if self._rebuild or known is None or known[0] != self._mark(mark):
            return True
        return path not in self._there

    def write(self, path: str, mark: str, text: str) -> None:
        """Put the file there, unless it says the same already."""
        self._wanted.add(path)
        body = text.encode("utf-8")
        told = blake2b(body, digest_size=9).hexdigest()
        known = self._known.get(path)
        target = self.folder / path
        if self._rebuild or known is None or known[1] != told or not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            beside = self._beside / "page"
            beside.write_bytes(body)
            beside.replace(target)
            self.written += 1
            if self.written % SAVE_EVERY == 0:
                self._save(self.sources)
        self._known[path] = [self._mark(mark), told]

    @cached_property
    def _there(self) -> frozenset[str]:
        """The files that are there; to ask for each of ten thousand takes five times as long."""
        folders = {path.rpartition("/")[0] for path in self._known}
        return frozenset(file for each in folders for file in _files_in(self.folder, each))

    @cached_property
    def entries(self) -> Mapping[str, list[str]]:
        """What builds before have noted of entries in feeds."""
        found = {} if self._rebuild else _read(self.folder / KEPT / ENTRIES)
        entries: dict[str, list[str]] = found.get("entries", {})
        return entries if found.get("settings") == self.settings else {}

    def finish(
        self, sources: Mapping[str, str], entries: Mapping[str, Sequence[str]], *, prune: bool
    ) -> None:
        """Note what was written; with `prune`, remove what the site has no more."""
        if prune:
            for path in sorted(self._known.keys() - self._wanted):
                (self.folder / path).unlink(missing_ok=True)
                del self._known[path]
                self.removed += 1
        if entries != self.entries:  # before the sources: they may have had other names
            self._note(ENTRIES, {"version": VERSION, "settings": self.settings, "entries": entries})
        self._save(sources)
        shutil.rmtree(self._beside, ignore_errors=True)

    def _mark(self, mark: str) -> str:
        return blake2b(f"{self.settings} {mark}".encode(), digest_size=9).hexdigest()

    def _save(self, sources: Mapping[str, str]) -> None:
        body = {"version": VERSION, "files": self._known, "sources": dict(sources)}
        if body != self._before:
            self._note(SITE, body)

    def _note(self, name: str, body: Mapping[str, Any]) -> None:
        beside = self._beside / name
        beside.write_text(json.dumps(body, ensure_ascii=False, sort_keys=True), "utf-8")
        beside.replace(self.folder / KEPT / name)


def claim(folder: Path) -> None:
    """Make the folder ours. Raises NewsfoldError for one that holds what is not."""
    try:
        if folder.exists() and not folder.is_dir():
            raise NewsfoldError(f"{folder} is a file; name a folder", WRONG_CALL)
        if folder.is_dir() and any(folder.iterdir()) and not (folder / KEPT).is_dir():
            raise NewsfoldError(
                f"{folder} holds files that are not of a site of ours, which could be written"
                " over; name a new or empty folder",
                WRONG_CALL,
            )
        (folder / KEPT).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NewsfoldError(f"{folder} cannot be written ({error.strerror})") from error


def _files_in(root: Path, folder: str) -> list[str]:
    """By their paths from the root."""
    start = f"{folder}/" if folder else ""
    try:
        with os.scandir(root / folder) as found:
            return [start + entry.name for entry in found if entry.is_file()]
    except OSError:
        return []


def _read(path: Path) -> dict[str, Any]:
    """What was noted; nothing where that cannot be read: then all is made anew."""
    try:
        found = json.loads(path.read_text("utf-8"))
        return found if found["version"] == VERSION else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
