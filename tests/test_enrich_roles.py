"""Roles: copy, rewrite, commentary, roundup or original; and the story that names an event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.enrich.rewrites import retold
from pipeline.enrich.roles import headline_story, roles
from pipeline.enrich.roundups import is_roundup
from storage.models import Role, Section, Story

NOON = datetime(2026, 4, 8, 12, tzinfo=UTC)
NAMES = {"first": "First Light", "second": "Second Post", "third": "Third Hand"}
REPORT = (
    "The ferry company Morvik has ordered nine electric ferries from a yard in Gdansk. "
    "Each of them carries 120 cars and charges in eleven minutes at either pier. "
    "The first will sail between Halsa and Kanestraum from the autumn of 2027. "
    "Morvik expects the price of a crossing to stay as it is. "
    "The older ships go to a cousin company in the Azores. "
    "Crews start their training in a simulator next month."
)
RETOLD = (
    "Morvik, the ferry company, has ordered nine electric ferries at a yard in Gdansk. "
    "Every ferry carries 120 cars and charges at either pier in eleven minutes. "
    "From the autumn of 2027 the first will sail between Halsa and Kanestraum. "
    "The price of a crossing should stay as it is, Morvik expects. "
    "Older ships go to the Azores, to a cousin company."
)
OTHER = (
    "Batteries at sea are no longer a trial. Morvik's order shows that, and the yard is glad. "
    "Union leader Tora Vik wants the engineers to be asked about the night watch. "
    "A harbour master tells of cables as thick as an arm that freeze in February."
)


def story(
    source: str, text: str, minutes: int = 0, title: str = "Morvik orders ferries", **fields: object
) -> Story:
    id_ = {"first": 1, "second": 2, "third": 3}[source]
    return Story(
        url=f"https://{source}.example/ferries",
        id=id_,
        title=title,
        text=text,
        source_id=source,
        published=NOON + timedelta(minutes=minutes),
        **fields,  # type: ignore[arg-type]
    )


def test_whoever_carries_the_text_of_another_is_a_copy() -> None:
    found = roles([story("first", REPORT), story("second", REPORT, 30)], {2: 1}, NAMES)
    assert found == {1: "original", 2: "copy"}


def test_the_same_content_in_the_same_order_later_is_a_rewrite() -> None:
    found = roles([story("first", REPORT), story("second", RETOLD, 30)], {}, NAMES)
    assert found == {1: "original", 2: "rewrite"}


def test_a_report_of_its_own_is_original_however_late() -> None:
    found = roles([story("first", REPORT), story("second", OTHER, 900)], {}, NAMES)
    assert found == {1: "original", 2: "original"}


@pytest.mark.parametrize(
    "credit",
    [
        "as First Light reported",
        "according to First Light",
        "First Light first reported",
        "a manager told First Light",
        "wie First Light berichtet",
    ],
)
def test_naming_the_other_early_makes_it_a_rewrite(credit: str) -> None:
    text = f"Nine ferries are to be built for Morvik, {credit}. {OTHER}"
    assert roles([story("first", REPORT), story("second", text, 30)], {}, NAMES)[2] == "rewrite"


def test_naming_a_source_that_is_no_member_is_no_rewrite() -> None:
    text = f"Nine ferries are to be built, as Third Hand reported. {OTHER}"
    assert roles([story("first", REPORT), story("second", text, 30)], {}, NAMES)[2] == "original"


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "Opinion: ferries are not enough"},
        {"rubric": "Opinion"},
        {"summary": "Our columnist on ferries."},
        {"title": "Kommentar: Fähren reichen nicht"},
    ],
)
def test_a_view_is_commentary(fields: dict[str, str]) -> None:
    found = roles([story("first", REPORT), story("second", OTHER, 30, **fields)], {}, NAMES)  # type: ignore[arg-type]
    assert found[2] == "commentary"


def test_much_of_i_and_my_is_commentary_but_not_inside_quotations() -> None:
    mine = "I took my old ferry and I liked it, and I will miss my bench on the deck. " * 8
    quoted = "“I took my old ferry and I liked it,” said the captain of the harbour tug. " * 8
    assert roles([story("first", mine)], {}, NAMES)[1] == "commentary"
    assert roles([story("first", quoted)], {}, NAMES)[1] == "original"


@pytest.mark.parametrize(
    "title",
    [
        "The week in ferries: Morvik, and what else we read",
        "This week in shipping",
        "Friday roundup",
        "Die Woche in Häfen",
        "Morning briefing: ferries",
    ],
)
def test_a_roundup_tells_by_its_title(title: str) -> None:
    assert is_roundup(story("first", REPORT, title=title))


def parts(*named: str) -> tuple[Section, ...]:
    return tuple(Section(f"About {name}", f"News of {name}, of {name} Harbour.") for name in named)


def test_headings_about_different_names_make_a_roundup() -> None:
    assert is_roundup(
        story("first", "", title="Ships", sections=parts("Morvik", "Brenna", "Solund", "Tingvoll"))
    )


def test_headings_about_one_name_do_not() -> None:
    sections = tuple(
        Section(f"Part {i}", f"Morvik and {name} Bay, and Morvik again with {name} Head.")
        for i, name in enumerate(["Brenna", "Solund", "Tingvoll", "Averoy", "Smola"])
    )
    assert not is_roundup(story("first", "", title="Morvik in five places", sections=sections))


def test_retold_reads_the_order_too() -> None:
    told = [frozenset(f"{word}{i}" for i in range(6)) for word in ("a", "b", "c", "d")]
    assert retold(told, told) == 1.0
    assert retold(told[::-1], told) == 0.25
    assert retold([], told) == 0.0


def test_the_headline_story_is_an_early_original_with_a_plain_title() -> None:
    members = [
        story("first", REPORT, title="Why does everybody talk about ferries?"),
        story("second", REPORT + OTHER, 5, title="Morvik orders nine electric ferries in Gdansk"),
        story("third", RETOLD, 60, title="Morvik orders nine electric ferries in Gdansk"),
    ]
    found: dict[int, Role] = {1: "original", 2: "original", 3: "rewrite"}
    assert headline_story(members, found).id == 2


def test_a_column_names_an_event_only_when_nothing_else_is_there() -> None:
    column = story("first", REPORT, title="Opinion: Morvik orders ferries, and I am glad")
    report = story("second", REPORT, 300)
    assert headline_story([column, report], {1: "commentary", 2: "original"}).id == 2
    assert headline_story([column], {1: "commentary"}).id == 1


@given(st.permutations(range(5)))
@settings(deadline=None)
def test_neither_roles_nor_headline_depend_on_the_order(order: list[int]) -> None:
    members = [
        Story(
            url=f"https://{name}.example/{i}",
            id=i + 1,
            title=f"Morvik orders ferries {i}",
            text=text,
            source_id=name,
            published=NOON + timedelta(minutes=7 * (i // 2)),
        )
        for i, (name, text) in enumerate(
            [
                ("first", REPORT),
                ("second", RETOLD),
                ("third", OTHER),
                ("fourth", REPORT),
                ("fifth", ""),
            ]
        )
    ]
    expected = roles(members, {4: 1}, NAMES)
    mixed = [members[i] for i in order]
    assert roles(mixed, {4: 1}, NAMES) == expected
    assert headline_story(mixed, expected) == headline_story(members, expected)
