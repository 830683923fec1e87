"""Which id each event keeps, and what became of the others.

Comes in: groups of stories as they are now, and events as they were. Goes out: an id for every
group (None: a new one), and a word about every event that changed its shape. Pure; ids are made
where rows are written.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet


@dataclass(frozen=True, slots=True)
class Assignment:
    """`ids[i]` is the id of group i, None for a new event.

    `merged` maps an event that ended to the group that it became a part of; `split` maps a group
    with a new id to the event that most of its stories came out of.
    """

    ids: tuple[int | None, ...]
    merged: dict[int, int]
    split: dict[int, int]


def assign(groups: Sequence[AbstractSet[int]], known: Mapping[int, AbstractSet[int]]) -> Assignment:
    """Give each group the event that it continues.

    An event goes on in the group that holds most of its stories; among equals the older event
    (smaller id) and the earlier group win. Every known event is in `ids` or in `merged`, as long
    as one of its stories is in a group.
    """
    shared = _shared(groups, known)
    ids: list[int | None] = [None] * len(groups)
    placed: set[int] = set()
    for (event, group), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if event not in placed and ids[group] is None:
            ids[group] = event
            placed.add(event)
    biggest_group, biggest_event = _biggest(shared)
    return Assignment(
        tuple(ids),
        merged={event: group for event, group in biggest_group.items() if event not in placed},
        split={group: event for group, event in biggest_event.items() if ids[group] is None},
    )


def revived(
    groups: Mapping[int, AbstractSet[int]], ended: Mapping[int, AbstractSet[int]]
) -> dict[int, int]:
    """Groups (by number) that are an event which had ended, and come back under its id: one holds
    more than half of what the other held in its end, and the other way round."""
    shared = _shared(list(groups.values()), ended)
    numbers = list(groups)
    found: dict[int, int] = {}
    for (event, place), count in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        number = numbers[place]
        most = max(len(ended[event]), len(groups[number]))
        if 2 * count > most and number not in found and event not in found.values():
            found[number] = event
    return found


def _shared(
    groups: Sequence[AbstractSet[int]], known: Mapping[int, AbstractSet[int]]
) -> Counter[tuple[int, int]]:
    """How many stories each event and each group have in common."""
    event_of = {story: event for event, stories in known.items() for story in stories}
    shared: Counter[tuple[int, int]] = Counter()
    for number, group in enumerate(groups):
        for story in group:
            if story in event_of:
                shared[event_of[story], number] += 1
    return shared


def _biggest(shared: Counter[tuple[int, int]]) -> tuple[dict[int, int], dict[int, int]]:
    """For each event the group with most of its stories, and the other way round."""
    group_of: dict[int, int] = {}
    event_of: dict[int, int] = {}
    for (event, group), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        group_of.setdefault(event, group)
        event_of.setdefault(group, event)
    return dict(sorted(group_of.items())), event_of
