"""Edited stories: one id, the earlier words kept, and what changed can be asked."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.urls import canonical_url
from pipeline.changes import changes_of, edits, in_words
from pipeline.cli import main
from storage.database import create_or_open, in_memory
from storage.errors import NewsfoldError
from storage.models import DateClaim, Entry, Feed, Page, Source, Story
from storage.pages import save_entries, save_page, waiting_entries
from storage.sources import due_feeds, save_sources
from storage.stories import date_claims_of, save_story, story_at

if TYPE_CHECKING:
    from pathlib import Path

    from sqlite_utils import Database

NOW = datetime(2026, 4, 8, 18, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)
URL = "https://example.com/quay"
STORY = Story(
    URL,
    "Quay opens",
    "The quay was opened by the mayor.\n\nHe cut a ribbon of optical fibre.",
    source_id="example",
)
EDITED = replace(
    STORY,
    title="Quay opens late",
    text=STORY.text.replace("mayor", "deputy mayor") + "\n\nIt rained.",
)


def stored(db: Database) -> Database:
    save_sources(db, [Source("example", "Example", "https://example.com/", "en", "Example")])
    assert save_story(db, STORY, NOW) == "new"
    assert save_story(db, STORY, LATER) == "known"
    assert save_story(db, EDITED, LATER) == "changed"
    return db


def test_an_edited_story_keeps_its_id_and_says_what_changed() -> None:
    db = stored(in_memory())
    found = changes_of(db, URL + "?utm_source=rss", canonical_url)
    assert (found.story, found.title) == (1, "Quay opens late")
    [change] = found.changes
    assert change.at == "2026-04-08T20:00:00Z"
    assert [(edit.gone, edit.new) for edit in change.title] == [("", "late")]
    assert [(edit.gone, edit.new) for edit in change.text] == [("", "deputy"), ("", "It rained.")]
    assert "opened by the {+deputy+} mayor." in in_words(found)
    assert changes_of(db, "1", canonical_url) == found


def test_a_new_headline_in_the_feed_fetches_the_page_once_more() -> None:
    db = in_memory()
    feed = Feed("https://example.com/feed", "example")
    save_sources(
        db, [Source("example", "Example", "https://example.com/", "en", "Example", (feed,))]
    )
    [feed] = due_feeds(db, "feed", NOW)
    assert feed.id is not None
    entry = Entry(URL, "Quay opens", guid="1")
    [entry_id] = save_entries(db, feed, [(entry, URL)], NOW)
    for at, title, waits in [
        (NOW, "Quay opens", False),
        (LATER, "Quay opens late", True),  # another guid, too: it is still one story
        (LATER, "Quay opens late", False),
        (NOW + timedelta(days=4), "Quay opened last week", False),
    ]:
        save_page(db, Page(entry_id, URL, b"<p>", at))
        save_story(db, replace(STORY, title=title), at)
        assert save_entries(db, feed, [(replace(entry, title=title, guid=title), URL)], at) == []
        assert bool(waiting_entries(db, feed.id)) == waits


def test_every_state_is_compared_with_the_next_one() -> None:
    db = stored(in_memory())
    save_story(db, STORY, LATER + timedelta(hours=1))
    first, second = changes_of(db, "1", canonical_url).changes
    assert [edit.new for edit in first.title] == [edit.gone for edit in second.title] == ["late"]


def test_the_page_of_a_story_that_its_feed_told_is_no_edit() -> None:
    db = in_memory()
    save_sources(db, [Source("example", "Example", "https://example.com/", "en", "Example")])
    save_story(db, replace(STORY, text="A quay.", text_from="feed"), NOW)
    assert save_story(db, STORY, LATER) == "changed"
    assert changes_of(db, URL, canonical_url).changes == ()
    assert "not changed" in in_words(changes_of(db, URL, canonical_url))


@pytest.mark.parametrize("asked", ["2", "9" * 30, "https://example.com/b", "mailto:a", ""])
def test_what_is_no_story_is_a_wrong_call(asked: str) -> None:
    with pytest.raises(NewsfoldError) as caught:
        changes_of(stored(in_memory()), asked, canonical_url)
    assert caught.value.exit_code == 2


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stored(create_or_open(tmp_path / "news.db")).close()
    for form in ("text", "json"):
        with pytest.raises(SystemExit) as stop:
            main(["changes", str(tmp_path / "news.db"), "1", "--to", form])
        assert not stop.value.code
        out = capsys.readouterr().out
        assert "late" in out
    assert json.loads(out)["changes"][0]["title"][0]["new"] == "late"


WORDS = st.lists(st.sampled_from(["the", "quay", "was", "opened", "late"]), max_size=12)


@settings(deadline=None)
@given(WORDS, WORDS)
def test_edits_tell_exactly_what_differs(old: list[str], new: list[str]) -> None:
    found = edits(" ".join(old), " ".join(new))
    gone = sum(len(edit.gone.split()) for edit in found)
    come = sum(len(edit.new.split()) for edit in found)
    assert len(old) - gone == len(new) - come  # what stayed is the same on both sides
    assert bool(found) == (old != new)


def test_paywall_and_date_claims_are_kept_where_nobody_tells_anew() -> None:
    db = in_memory()
    save_sources(db, [Source("example", "Example", "https://example.com/", "en", "Example")])
    claims = (
        DateClaim("meta tags", "next week", None, None, "unreadable"),
        DateClaim("feed", "2026-04-08T16:00:00Z", NOW, "minute", "believed"),
    )
    save_story(db, replace(STORY, paywalled=True, date_claims=claims), NOW)
    save_story(db, EDITED, LATER)
    kept = story_at(db, URL)
    assert kept is not None
    assert kept.paywalled is True
    assert date_claims_of(db, 1) == claims
    save_story(db, replace(STORY, paywalled=False, date_claims=claims[1:]), LATER)
    kept = story_at(db, URL)
    assert kept is not None
    assert kept.paywalled is False
    assert date_claims_of(db, 1) == claims[1:]
