"""Who was in which event when: as of a date, after a pass, and in a trial."""

from __future__ import annotations

from datetime import timedelta
from itertools import count, pairwise
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import correct
from pipeline.as_of import event_as_of
from pipeline.cli import cli
from pipeline.fold_pass import fold_pass
from pipeline.output import Voice
from pipeline.passes import fold_trial
from pipeline.regrouped import differences
from storage.database import create_or_open, in_memory
from storage.errors import NewsfoldError
from storage.history import grouping_after, grouping_now, members_at
from storage.runs import run_rows
from tests.stories import HAPPENINGS, MORNING, made_stories, stored, story
from tests.test_corrections import event_of, members

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sqlite_utils import Database

HOUR = timedelta(hours=1)


def clock() -> Callable[[], datetime]:
    """An hour goes by from one look at it to the next."""
    hours = count()
    return lambda: MORNING + next(hours) * HOUR


def test_an_event_as_of_a_date_is_what_it_was(database: Path) -> None:
    db = create_or_open(database)
    dam, court = event_of(db, "dam"), event_of(db, "court")
    of_court = set(members(db, "court"))
    before = event_as_of(db, court, MORNING)
    correct.merge(database, [dam, court], by="ada", now=lambda: MORNING + 2 * HOUR)
    assert members_at(db, court, MORNING + HOUR) == of_court
    assert event_as_of(db, court, MORNING + HOUR).view == before.view
    assert len(event_as_of(db, dam, MORNING + HOUR).members) == 3
    assert len(event_as_of(db, dam, MORNING + 2 * HOUR).members) == 5
    with pytest.raises(NewsfoldError, match="it ended at 2026-04-08T11:00:00Z"):
        event_as_of(db, court, MORNING + 2 * HOUR)
    with pytest.raises(NewsfoldError, match="it began at 2026-04-08T09:00:00Z"):
        event_as_of(db, court, MORNING - HOUR)
    with pytest.raises(NewsfoldError, match="event 999 had no stories"):
        event_as_of(db, 999, MORNING)


def test_words_that_were_replaced_are_those_of_then(database: Path) -> None:
    db = create_or_open(database)
    owl = event_of(db, "owl")
    edited = story("https://source0.example/owl", "White owl in the city park", "It is white.")
    stored(db, [edited], MORNING + 2 * HOUR)
    fold_pass(db, now=lambda: MORNING + 2 * HOUR)
    assert event_as_of(db, owl, MORNING + HOUR).view.headline == HAPPENINGS["owl"][0][0]
    assert event_as_of(db, owl, MORNING + 3 * HOUR).view.headline == "White owl in the city park"


def test_a_title_that_was_pinned_later_plays_no_part(database: Path) -> None:
    db = create_or_open(database)
    owl = event_of(db, "owl")
    correct.pin_title(database, owl, "The owl", by="ada", now=lambda: MORNING + 2 * HOUR)
    assert event_as_of(db, owl, MORNING + HOUR).view.headline != "The owl"
    assert event_as_of(db, owl, MORNING + 3 * HOUR).view.headline == "The owl"


@given(
    st.permutations(made_stories()),
    st.lists(st.integers(1, 8), max_size=4),
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_every_grouping_there_was_can_be_asked_for(shuffled: list[object], cuts: list[int]) -> None:
    db, now = in_memory(), clock()
    bounds = [0, *sorted(cuts), len(shuffled)]
    was: dict[int, dict[int, int]] = {}
    for number, (start, end) in enumerate(pairwise(bounds)):
        stored(db, shuffled[start:end])  # type: ignore[arg-type]
        if number == 1:  # edited, so that it may go elsewhere
            db.execute("UPDATE stories SET title = 'Something else', text = '' WHERE id = 1")
        fold_pass(db, now=now)
        was[run_rows(db, None, 1)[0]["id"]] = grouping_now(db)
    for run, grouping in was.items():
        assert grouping_after(db, run) == grouping


def test_differences_are_events_that_hold_other_stories_together() -> None:
    before = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 5}
    after = {1: 1, 2: 9, 3: 2, 4: 2, 5: 8, 7: 8}
    split, merged = differences(before, after)
    assert (split.kind, merged.kind) == ("split", "merged")
    assert split.before == ((1, (1, 2)),)
    assert split.after == ((1, (1,)), (9, (2,)))
    assert merged.after == ((2, (3, 4)),)


@given(
    st.dictionaries(st.integers(0, 12), st.integers(0, 4)),
    st.dictionaries(st.integers(0, 12), st.integers(0, 4)),
)
def test_differences_hold_each_story_once_and_swap_with_their_sides(
    before: dict[int, int], after: dict[int, int]
) -> None:
    found, back = differences(before, after), differences(after, before)
    assert {(each.before, each.after) for each in found} == {(e.after, e.before) for e in back}
    listed = [id_ for each in found for _, ids in each.before for id_ in ids]
    assert len(listed) == len(set(listed))
    assert differences(before, before) == []


def test_a_trial_changes_nothing_but_can_be_looked_at(database: Path, tmp_path: Path) -> None:
    strict = tmp_path / "strict.toml"
    strict.write_text("[fold]\nthreshold = 0.95\n")
    db = create_or_open(database)
    before = everything(db)
    trial = fold_trial(database, rebuild=True, file=strict, voice=Voice(quiet=True))
    assert everything(db) == before
    shown = CliRunner().invoke(cli, ["runs", "diff", str(database), str(trial), str(trial)])
    assert shown.exit_code == 0
    assert (
        '{"kind": "split", "before": [{"event": 1, "stories": [{"id": 1, "title":' in shown.stdout
    )
    assert min(grouping_after(db, trial).values()) < 0  # no id was handed out
    strict.rename(tmp_path / "newsfold.toml")
    fold_pass(db, now=lambda: MORNING, rebuild=True, threshold=0.95)
    kept = run_rows(db, "fold", 1)[0]["id"]
    assert differences(grouping_after(db, trial), grouping_after(db, kept)) == []


def everything(db: Database) -> dict[str, list[object]]:
    tables = ("events", "event_stories", "matches", "lineage", "past_members", "waiting")
    return {table: list(db.query(f"SELECT * FROM {table}")) for table in tables}


def test_a_pass_that_is_not_there_is_told(database: Path) -> None:
    told = CliRunner().invoke(cli, ["runs", "diff", str(database), "1", "77"])
    assert isinstance(told.exception, NewsfoldError)
    assert "there is no pass 77" in str(told.exception)
