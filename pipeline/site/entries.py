"""What events say in feeds, kept from build to build: of a feed in which one event is new, one
entry is made.

Comes in: the entries of the last build, a mark of each event, a way to read whole events. Goes out:
feeds, and the entries of all of them. An entry whose mark has changed is made anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.digest.feeds import FORMS, entry_of, feed_with

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from pipeline.digest.feeds import FeedForm, FeedHead
    from pipeline.digest.view import EventView

    Kept = Mapping[str, Sequence[str]]  # by id: the mark of an event, and its entry in each form


class Entries:
    """Those of one build. `whole` reads events."""

    def __init__(
        self, kept: Kept, whole: Callable[[Sequence[int]], list[EventView]], now: datetime
    ) -> None:
        self._known = dict(kept)
        self._whole = whole
        self._now = now
        self._marks: dict[str, str] = {}

    def want(self, marks: Mapping[int, str]) -> None:
        """These events stand in a feed, whether that is made anew or not."""
        self._marks |= {str(id_): mark for id_, mark in marks.items()}

    def feed(
        self, ids: Sequence[int], form: FeedForm, head: FeedHead, updated: datetime | None
    ) -> str:
        """The feed of events that were wanted, in their order."""
        for event in self._whole([id_ for id_ in ids if not self._is_known(str(id_))]):
            id_ = str(event.event_id)
            self._known[id_] = [self._marks[id_], *entry_of(event, head, self._now, *FORMS)]
        place = 1 + FORMS.index(form)
        entries = [self._known[str(id_)][place] for id_ in ids if self._is_known(str(id_))]
        return feed_with(entries, form, head, updated or self._now)

    @property
    def kept(self) -> Kept:
        """For the next build: without what no feed has any more."""
        return {id_: self._known[id_] for id_ in sorted(self._marks) if self._is_known(id_)}

    def _is_known(self, id_: str) -> bool:
        return id_ in self._known and self._known[id_][0] == self._marks[id_]
