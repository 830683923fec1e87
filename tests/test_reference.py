"""The reference puts reports of one happening together, by words alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline import reference as module
from pipeline.reference import reference
from storage.errors import NewsfoldError
from tests.stories import made_stories, story, with_ids


def test_reports_of_one_happening_are_together() -> None:
    stories = with_ids(made_stories())
    happening = {each.stored_id: each.url.rsplit("/", 1)[1] for each in stories}
    found = reference(stories)
    assert sorted(id_ for ids in found for id_ in ids) == sorted(happening)
    assert [{happening[id_] for id_ in ids} for ids in found if len(ids) > 1]
    assert all(len({happening[id_] for id_ in ids}) == 1 for ids in found)


def test_time_makes_no_difference() -> None:
    stories = with_ids(made_stories())
    assert reference([replace(each, published=None) for each in stories]) == reference(stories)


def test_few_stories_and_empty_ones() -> None:
    assert reference([]) == []
    one, two = with_ids([story("https://a.example/1", ""), story("https://b.example/2", "")])
    assert reference([one]) == [[1]]
    assert reference([one, two]) == [[1], [2]]


def test_too_many_stories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_STORIES", 1)
    with pytest.raises(NewsfoldError, match="leave --reference out"):
        reference(with_ids(made_stories()))
