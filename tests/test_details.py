"""Details of a story that can clash with another one: read right, and only where they are told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.details import ABOUT_NOW, LEAD, Details, details
from pipeline.text import words

WEDNESDAY = datetime(2026, 4, 8, 9, 0, tzinfo=UTC)


def told(
    title: str, text: str = "", when: datetime | None = WEDNESDAY, language: str = "en"
) -> Details:
    return details(title, text, words(text), when, language)


def days(title: str, text: str = "", when: datetime | None = WEDNESDAY) -> set[date]:
    return {date.fromordinal(day) for day in told(title, text, when).days}


# Parties and names


def test_a_party_is_named_in_the_headline_and_in_the_text() -> None:
    found = told("Merriden Keeps Ferry Licence", "Judges sided with Merriden against Calder.")
    assert found.parties == {"merriden"}
    assert {"merriden", "calder"} <= found.names
    assert "Merriden" in found.spelled


def test_a_headline_alone_names_only_what_is_rare() -> None:
    found = told("Merriden Keeps The New Licence")
    assert "merriden" in found.parties
    assert not {"the", "new", "keep"} & found.parties


def test_days_and_months_are_no_parties() -> None:
    found = told(
        "Merriden wins on Monday in April", "They said that Merriden won on Monday in April."
    )
    assert found.parties == {"merriden"}


def test_names_of_two_letters_are_not_quoted() -> None:
    assert all(len(name) > 2 for name in told("A", "The EU met Merriden.").spelled)


# Steps


@pytest.mark.parametrize(
    ("title", "step"),
    [
        ("Calder sues Merriden", ("lawsuit", "filed")),
        ("Calder settles with Merriden", ("lawsuit", "settled")),
        ("Regulator opens probe into Merriden", ("regulator", "opened")),
        ("Merriden to acquire Calder", ("deal", "agreed")),
        ("Tolvane launches Quill 5", ("product", "launched")),
        ("Tolvane verklagt Merriden", ("lawsuit", "filed")),
    ],
)
def test_a_step_of_an_affair(title: str, step: tuple[str, str]) -> None:
    assert step in told(title).steps


def test_the_headline_comes_before_the_text() -> None:
    text = "Calder had sued Merriden in May."
    assert ("lawsuit", "filed") not in told("Calder settles with Merriden", text).steps
    assert ("lawsuit", "filed") in told("Ferry news", text).steps


def test_a_step_further_down_is_a_memory() -> None:
    text = "word " * LEAD + "Calder sued Merriden."
    assert told("Ferry news", text).steps == frozenset()


def test_a_phrase_is_matched_whole() -> None:
    assert told("Pursuers issue a tissue").steps == frozenset()


# Amounts


@pytest.mark.parametrize(
    ("said", "kind", "value"),
    [
        ("$5 billion", "money", 5e9),
        ("€5.25bn", "money", 5.25e9),
        ("£300", "money", 300),
        ("420 euros", "money", 420),
        ("5 Milliarden Euro", "money", 5e9),
        ("$1,234.50", "money", 1234.5),
        ("1,5 Millionen Euro", "money", 1.5e6),
        ("12%", "percent", 12),
        ("12 per cent", "percent", 12),
        ("0,5 Prozent", "percent", 0.5),
        ("3 million people", "count", 3e6),
        ("$40k", "money", 40_000),
    ],
)
def test_an_amount(said: str, kind: str, value: float) -> None:
    (found,) = told(f"It is {said} now").amounts
    assert found.kind == kind
    assert found.value == pytest.approx(value)
    assert found.shown in said


@pytest.mark.parametrize("said", ["7 ferries", "in 2026", "at 9:30", "$0", "0%", "Quill 5"])
def test_no_amount(said: str) -> None:
    assert told(f"It is {said} now").amounts == ()


def test_amounts_further_down_are_kept_apart() -> None:
    found = told("A deal", "It was dear. " * 60 + "It cost $5 billion.")
    assert found.amounts == ()
    assert [amount.value for amount in found.amounts_anywhere] == [5e9]


# Days


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("on Wednesday", date(2026, 4, 8)),
        ("on Monday", date(2026, 4, 6)),
        ("on Thursday", date(2026, 4, 2)),  # what is told has happened
        ("on April 3", date(2026, 4, 3)),
        ("on 3 April", date(2026, 4, 3)),
        ("on December 30", date(2025, 12, 30)),  # the nearest one
        ("am Montag", date(2026, 4, 6)),
    ],
)
def test_a_day(said: str, expected: date) -> None:
    assert days(f"It failed {said}") == {expected}


@pytest.mark.parametrize("said", ["next Monday", "in April", "April 31", "30 February", "may 99"])
def test_no_day(said: str) -> None:
    assert days(f"It failed {said}") == set()


def test_a_weekday_at_the_very_beginning_may_be_a_title() -> None:
    assert days("Monday: what to read") == set()


def test_without_a_time_no_day_can_be_told() -> None:
    assert days("It failed on Monday", when=None) == set()


def test_days_further_down_are_kept_apart() -> None:
    found = told("It failed on Monday", "word " * LEAD + "on Friday it held.")
    assert len(found.days) == 1
    assert len(found.days_anywhere) == 2


@given(st.integers(0, 30_000))
def test_a_day_is_never_far_from_the_story(after: int) -> None:
    when = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=after)
    for said in ("on Monday", "on February 29", "on 31 December", "on January 1"):
        assert all(
            abs(day - when.date()) <= ABOUT_NOW for day in days(f"It failed {said}", "", when)
        )


# Versions and siblings


def test_versions_of_products() -> None:
    assert told("Quill 5.1 is here, after Tolva v3").versions == {"quill": "5.1", "tolva": "3"}
    assert told("It shows the Paper Quill 5").versions == {"paper quill": "5"}


def test_the_first_version_of_a_product_counts() -> None:
    assert told("Quill 6 is here", "It follows the Quill 5.").versions["quill"] == "6"


def test_a_flaw_has_a_number_of_its_own() -> None:
    versions = told("A flaw", "It is CVE-2026-12345, like CVE-2025-1111.").versions
    assert versions["CVE-2026-12345"] == "CVE-2026-12345"
    assert "CVE-2025-1111" not in versions


def test_siblings_stand_in_the_headline() -> None:
    assert told("Tolvane shows the Quill Pro and mini", "There is no max.").siblings == {
        "pro",
        "mini",
    }


# Whatever is written


@given(st.text(max_size=300), st.text(max_size=600), st.sampled_from(["en", "de", "zh", "xx"]))
def test_any_story_can_be_read(title: str, text: str, language: str) -> None:
    found = told(title, text, language=language)
    assert found == told(title, text, language=language)
    assert all(amount.value > 0 for amount in found.amounts_anywhere)
    assert found.days <= found.days_anywhere


def test_metres_are_no_millions() -> None:
    told = details("A wall of 4 m and a 4K screen", "", [], None, "en")
    assert told.amounts == ()
    paid = details("It paid $4 m for 3 million seats", "", [], None, "en")
    assert [(a.kind, a.value) for a in paid.amounts] == [("money", 4e6), ("count", 3e6)]
