"""What two groupings of the same stories put together differently, event by event.

Comes in: the event of each story before and after. Goes out: Differences, the largest first. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["merged", "split", "regrouped"]


@dataclass(frozen=True, slots=True)
class Difference:
    """Events that hold the same stories on both sides, but put them together differently: the ids
    of the events of either side, each with its stories, the largest first."""

    before: tuple[tuple[int, tuple[int, ...]], ...]
    after: tuple[tuple[int, tuple[int, ...]], ...]

    @property
    def kind(self) -> Kind:
        if len(self.after) == 1:
            return "merged"
        return "split" if len(self.before) == 1 else "regrouped"

    @property
    def stories(self) -> int:
        return sum(len(ids) for _, ids in self.before)


def differences(before: Mapping[int, int], after: Mapping[int, int]) -> list[Difference]:
    """What differs among the stories that both know; that an event has another id on the other
    side, or new stories besides, is no difference."""
    both = sorted(before.keys() & after.keys())
    old, new = _groups(before, both), _groups(after, both)
    found, seen = [], set[int]()
    for event in sorted(old):
        if event not in seen:
            left, right = _tied(event, old, new, before, after)
            seen |= left
            if len(left) > 1 or len(right) > 1:
                found.append(Difference(_side(left, old), _side(right, new)))
    return sorted(found, key=lambda each: (-each.stories, each.before))


Groups = dict[int, list[int]]


def _groups(event_of: Mapping[int, int], stories: list[int]) -> Groups:
    groups: Groups = defaultdict(list)
    for story in stories:
        groups[event_of[story]].append(story)
    return dict(groups)


def _tied(
    event: int, old: Groups, new: Groups, before: Mapping[int, int], after: Mapping[int, int]
) -> tuple[set[int], set[int]]:
    """The events of both sides that hang together by the stories that they share."""
    left, right = {event}, set[int]()
    reached = [event]
    while reached:
        for story in old[reached.pop()]:
            other = after[story]
            if other in right:
                continue
            right.add(other)
            more = {before[each] for each in new[other]} - left
            left |= more
            reached.extend(more)
    return left, right


def _side(events: set[int], groups: Groups) -> tuple[tuple[int, tuple[int, ...]], ...]:
    found = ((event, tuple(groups[event])) for event in events)
    return tuple(sorted(found, key=lambda each: (-len(each[1]), each[0])))
