"""A pass over a database: in steps, after kills, beside other processes, with what was kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING

import pytest

from pipeline import fold_pass
from pipeline.fold_pass import FoldReport
from storage import workers
from storage.database import create_or_open, in_memory
from storage.events import unrelated_events
from storage.stories import waiting_ids
from tests.stories import MORNING, made_stories, stored, story
from tests.test_folding import dump

if TYPE_CHECKING:
    from pathlib import Path

    from sqlite_utils import Database

    from storage.models import Story


def fold(db: Database, path: Path | None = None) -> FoldReport:
    return fold_pass.fold_pass(db, now=lambda: MORNING, path=path)


def in_one_pass(stories: list[Story]) -> Database:
    db = in_memory()
    stored(db, stories)
    fold(db)
    return db


@pytest.mark.parametrize("step", [1, 2, 5])
def test_steps_give_the_same_events_as_one(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = in_one_pass(made_stories())
    monkeypatch.setattr(fold_pass, "STEP", step)
    assert dump(in_one_pass(made_stories())) == dump(whole)


def test_a_pass_that_ends_in_its_second_step_keeps_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db = in_memory()
    stored(db, made_stories())
    waiting = len(waiting_ids(db))
    real, calls = fold_pass.fold_readings, []

    def dies_at_last(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 2:
            raise MemoryError
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(fold_pass, "STEP", 3)
    monkeypatch.setattr(fold_pass, "fold_readings", dies_at_last)
    with pytest.raises(MemoryError):
        fold(db)
    assert len(waiting_ids(db)) == waiting - 3
    monkeypatch.setattr(fold_pass, "fold_readings", real)
    fold(db)
    assert dump(db) == dump(in_one_pass(made_stories()))


@pytest.mark.parametrize("step", [1, 3, 5])
def test_passes_whose_time_is_up_between_steps_come_to_the_same_in_the_end(
    step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = in_memory()
    stored(db, made_stories())
    monkeypatch.setattr(fold_pass, "STEP", step)
    left = [len(waiting_ids(db))]
    while left[-1]:
        report = fold_pass.fold_pass(db, now=lambda: MORNING, seconds=0)  # one step is always done
        left.append(len(waiting_ids(db)))
        assert report.waiting == left[-2] - left[-1] == min(step, left[-2])
    stopped = [row[0] for row in db.execute("SELECT stopped FROM runs ORDER BY id")]
    assert stopped == ["time is up"] * (len(left) - 2) + [None]
    assert dump(db) == dump(in_one_pass(made_stories()))


def test_what_was_not_related_before_a_kill_is_related_by_the_next_pass(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db = in_memory()
    stored(db, made_stories())
    with monkeypatch.context() as patched:
        patched.setattr(fold_pass, "relate_changed", lambda db: None)
        fold(db)
    assert unrelated_events(db)
    assert fold(db) == FoldReport()
    assert not unrelated_events(db)


def test_other_processes_give_the_same_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "MANY", 1)
    monkeypatch.setattr(workers, "processors", lambda: 2)
    path = tmp_path / "news.db"
    db = create_or_open(path)
    stored(db, made_stories())
    db.conn.commit()
    fold(db, path)
    assert dump(db) == dump(in_one_pass(made_stories()))


@pytest.mark.parametrize(
    "lost",
    [
        "DELETE FROM readings",
        "DELETE FROM readings WHERE story_id % 2",
        "UPDATE readings SET marks = CAST(x'ff' || substr(marks, 2) AS BLOB)",
        "UPDATE readings SET sketch = x'ff'",
    ],
)
def test_readings_that_are_lost_or_outdated_are_made_again(lost: str) -> None:
    *earlier, last = made_stories()
    db = in_memory()
    stored(db, earlier)
    fold(db)
    db.execute(lost)
    stored(db, [last])
    fold(db)
    assert dump(db) == dump(in_one_pass(made_stories()))
    assert db.execute("SELECT count(*) FROM readings").fetchone()[0] == len(made_stories())


def test_old_readings_are_dropped_and_old_events_stay() -> None:
    db = in_memory()
    stored(db, made_stories())
    fold(db)
    events = dump(db)["events"]
    later = MORNING + 2 * fold_pass.KEEP_READINGS
    stored(
        db,
        [story(f"https://s.example/{n}", f"Thing {n}", published=later) for n in range(21)],
    )
    fold(db)
    assert db.execute("SELECT count(*) FROM readings").fetchone()[0] == 21
    assert set(events) < set(dump(db)["events"])


def test_a_pass_loads_its_window_and_no_more() -> None:
    db = in_memory()
    days = [
        story(f"https://s.example/{n}", word * 3, published=MORNING - timedelta(days=n))
        for n, word in enumerate(map("".join, product("bdfgklmn", "aeiouyxz")))
    ]
    stored(db, days)
    fold(db)
    new = story("https://s.example/new", "New", published=MORNING)
    stored(db, [new])
    assert fold(db).window == 6  # four days back, today, and the new one


def test_an_undated_story_that_comes_later_joins_its_event() -> None:
    stories = made_stories()
    undated = replace(stories[0], published=None, published_precision="guessed", text_from="import")
    db = in_memory()
    stored(db, stories[1:])
    fold(db)
    stored(db, [undated])
    fold(db)
    groups = db.execute(
        "SELECT event_id FROM event_stories AS m JOIN stories AS s ON s.id = m.story_id"
        " WHERE s.url LIKE ?",
        (f"%/{stories[0].url.rsplit('/', 1)[1]}",),
    ).fetchall()
    assert len(groups) > 1
    assert len(set(groups)) == 1


def test_an_edited_story_is_read_again_and_leaves_its_event() -> None:
    stories = made_stories()
    db = in_memory()
    stored(db, stories)
    fold(db)
    edited = replace(
        stories[0],
        title="Quarry owner sells old railway carriages",
        text="The owner of the quarry sells nine railway carriages to a museum in the north.",
    )
    stored(db, [edited])
    fold(db)
    assert dump(db)["members"] == dump(in_one_pass([edited, *stories[1:]]))["members"]
