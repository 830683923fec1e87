"""Event ids: kept where most of the stories are, never lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.lineage import assign

PARTITION = st.lists(st.integers(0, 4), min_size=1, max_size=12)


def as_groups(labels: list[int]) -> list[set[int]]:
    found: dict[int, set[int]] = {}
    for story, label in enumerate(labels):
        found.setdefault(label, set()).add(story)
    return list(found.values())


def test_an_event_that_grows_keeps_its_id() -> None:
    assert assign([{1, 2, 3}], {7: {1, 2}}).ids == (7,)


def test_two_events_that_become_one_keep_the_older_id_among_equals() -> None:
    assignment = assign([{1, 2, 3, 4}], {7: {1, 2}, 9: {3, 4}})
    assert assignment.ids == (7,)
    assert assignment.merged == {9: 0}


def test_the_part_that_leaves_says_where_it_came_from() -> None:
    assignment = assign([{1, 2}, {3}], {7: {1, 2, 3}})
    assert assignment.ids == (7, None)
    assert assignment.split == {1: 7}
    assert assignment.merged == {}


def test_a_new_event_has_no_history() -> None:
    assignment = assign([{1}, {2}], {})
    assert assignment.ids == (None, None)
    assert (assignment.merged, assignment.split) == ({}, {})


@given(PARTITION, PARTITION)
def test_every_known_event_answers(before: list[int], after: list[int]) -> None:
    count = min(len(before), len(after))
    known = {10 + number: group for number, group in enumerate(as_groups(before[:count]))}
    groups = as_groups(after[:count])
    assignment = assign(groups, known)
    given_out = [id_ for id_ in assignment.ids if id_ is not None]
    assert len(given_out) == len(set(given_out))
    assert set(given_out) | set(assignment.merged) == set(known)
    assert not set(given_out) & set(assignment.merged)
    for event, group in assignment.merged.items():
        assert known[event] & groups[group]


@given(PARTITION)
def test_nothing_changed_nothing_new(labels: list[int]) -> None:
    groups = as_groups(labels)
    known = {10 + number: group for number, group in enumerate(groups)}
    assignment = assign(groups, known)
    assert assignment.ids == tuple(known)
    assert (assignment.merged, assignment.split) == ({}, {})
