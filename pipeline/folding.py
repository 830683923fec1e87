"""Stories into events: the heart of newsfold.

Comes in: the stories of a window. Goes out: groups of them, each story with its reason. What
happens on the way:

    stories -> copies set aside -> readings -> candidates -> scores -> average linkage -> groups
                     |                                                                      |
                     +------------------ each copy goes where its original is --------------+

It is a function of the stories alone: not of their order, of what was folded before, or of the
time of day. Which id an event has is decided in lineage.py; nothing is stored here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.candidates import candidates
from pipeline.copies import copies
from pipeline.linkage import groups
from pipeline.reading import Reading, read
from pipeline.signals import SAME_EVENT, match, score
from storage.models import Match, Signal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.models import Story

WINDOW = timedelta(days=7)  # two stories further apart are never one event by themselves
TOO_WEAK = 0.1  # a lower score counts as 0: it would be most pairs, and changes no event
SAME_TEXT = Signal("same_text", 1.0, "carries the same text")


@dataclass(frozen=True, slots=True)
class Belonging:
    """Why a story is in its group: the match with the member through which it came in.

    `match` is None for the first report, which came in through none.
    """

    story_id: int
    match: Match | None

    @property
    def through(self) -> int | None:
        if self.match is None:
            return None
        return self.match.left if self.match.right == self.story_id else self.match.right


@dataclass(frozen=True, slots=True)
class Group:
    """Stories about one happening, the first report first."""

    belongings: tuple[Belonging, ...]

    @property
    def story_ids(self) -> frozenset[int]:
        return frozenset(belonging.story_id for belonging in self.belongings)


@dataclass(frozen=True, slots=True)
class Folded:
    """The groups, in the order of their first reports, and whose text each copy carries."""

    groups: tuple[Group, ...]
    copy_of: dict[int, int]


def fold(stories: Iterable[Story]) -> Folded:
    """Put stories that report the same happening together. Every story is in one group."""
    in_order = sorted(stories, key=lambda story: story.url)
    copy_of = copies(in_order)
    readings = [read(story) for story in in_order]
    originals = [reading for reading in readings if reading.id not in copy_of]
    by_id = {reading.id: reading for reading in readings}
    carried = _carried(copy_of)
    found = []
    for positions in groups(len(originals), _scores(originals), SAME_EVENT):
        members = [originals[position] for position in positions]
        copied = [by_id[id_] for member in members for id_ in carried.get(member.id, ())]
        found.append(_group(members, copied, copy_of))
    found.sort(key=lambda group: by_id[group.belongings[0].story_id].appeared)
    return Folded(tuple(found), copy_of)


def _scores(readings: Sequence[Reading]) -> Iterable[tuple[int, int, float]]:
    """Scores of the pairs worth comparing. A roundup tells of many happenings: left alone it
    cannot glue their events together."""
    for lefts, rights, cosines in candidates(readings, WINDOW):
        for left, right, cosine in zip(
            lefts.tolist(), rights.tolist(), cosines.tolist(), strict=True
        ):
            if readings[left].roundup or readings[right].roundup:
                continue
            total = score(readings[left], readings[right], cosine)
            if total >= TOO_WEAK:
                yield left, right, total


def _carried(copy_of: dict[int, int]) -> dict[int, list[int]]:
    carried: dict[int, list[int]] = {}
    for copy, original in copy_of.items():
        carried.setdefault(original, []).append(copy)
    return carried


def _group(members: list[Reading], copied: list[Reading], copy_of: dict[int, int]) -> Group:
    """Each member with its reason: the strongest match with a member before it."""
    members = sorted(members, key=_in_time)
    belongings = [Belonging(members[0].id, None)]
    for position, member in enumerate(members[1:], start=1):
        belongings.append(Belonging(member.id, _strongest(member, members[:position])))
    for copy in sorted(copied, key=_in_time):
        original = copy_of[copy.id]
        left, right = sorted((copy.id, original))
        belongings.append(Belonging(copy.id, Match(left, right, 1.0, (SAME_TEXT,))))
    return Group(tuple(belongings))


def _strongest(member: Reading, others: Sequence[Reading]) -> Match:
    best = min(others, key=lambda other: (-score(other, member), other.url))
    return match(best, member)


def _in_time(reading: Reading) -> tuple[bool, float, str]:
    return reading.appeared
