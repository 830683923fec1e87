"""What a model writes is dropped where a number, a name or a quotation stands in no report."""

from __future__ import annotations

import pytest

from pipeline.enrich.grounded import Reports, as_sentences, story_of, unfounded
from storage.models import Story

REPORTS = Reports(
    [
        Story(
            url="https://one.example/",
            id=1,
            title="Wexley cuts 1,400 jobs",
            text="Wexley will cut 1,400 jobs in Ulm, said chief Ada Corlin. It paid $14.3 billion"
            " for Scale Works in May. Shares fell 3 percent. Version 4.7.2 is out.",
        ),
        Story(
            url="https://two.example/",
            id=2,
            title="Wexley to shed staff",
            text="The maker Wexley sheds nine plants. “We have no choice but to act,” Ada Corlin"
            " told staff. OpenAI's GPT-5.4 was named.",
        ),
    ]
)
GERMAN = Reports(
    [
        Story(
            url="https://drei.example/",
            id=3,
            language="de",
            title="Braunwerk streicht Stellen",
            text="Der Konzern Braunwerk streicht 1.400 Stellen und zahlt 14,3 Millionen Euro.",
        )
    ]
)


@pytest.mark.parametrize(
    "sentence",
    [
        "Wexley will cut 1,400 jobs in Ulm.",
        "In Ulm, 1400 positions will go.",
        "It paid 14.3 billion dollars for Scale Works.",
        "Wexley's shares fell 3%.",
        "Nine plants are shed, Corlin said.",
        "Plants of the maker are shed, and 9 of them at once.",
        "Corlin said: “We have no choice but to act.”",
        "According to Corlin the cuts come in May.",
        "OpenAI's GPT-5.4 was named, and 4.7.2 is out.",
    ],
)
def test_what_the_reports_say_is_borne_out(sentence: str) -> None:
    assert unfounded(sentence, REPORTS, "en") == []


@pytest.mark.parametrize(
    ("sentence", "missing"),
    [
        ("Wexley will cut 1,500 jobs in Ulm.", ["1,500"]),
        ("Wexley will cut 1,400 jobs in Bern.", ["Bern"]),
        ("Wexley cuts 3 billion jobs.", ["3"]),
        ("Wexley cuts 1,400 percent of its staff.", ["1,400 percent"]),
        ("It paid 14.3 million dollars for Scale Works.", ["14.3"]),
        ("It paid 14.3 billion euros for Scale Works.", ["14.3 billion euros"]),
        ("Ten plants go.", ["ten"]),
        ("Half of the plants go.", ["half"]),
        ("Ada Wexley said so.", ["Ada Wexley"]),
        ("Tim Cook said so.", ["Tim", "Cook", "Tim Cook"]),
        ("Berlin shares fell.", ["Berlin"]),
        ("GPT-5.5 was named.", ["5.5", "GPT-5.5"]),
        ("Corlin said: “We have no choice but to close.”", ["We have no choice but to close."]),
        ("Version 4.7.3 is out.", ["4.7.3"]),
    ],
)
def test_what_no_report_says_is_told(sentence: str, missing: list[str]) -> None:
    assert set(missing) <= set(unfounded(sentence, REPORTS, "en"))


def test_german_nouns_are_no_names_and_german_numbers_are_read() -> None:
    said = "Braunwerk zahlt 14,3 Millionen Euro und streicht 1400 Stellen."
    assert unfounded(said, GERMAN, "de") == []
    assert "15,3" in unfounded("Braunwerk zahlt 15,3 Millionen Euro.", GERMAN, "de")
    assert "Solvanta" in unfounded("Der Konzern zahlt an Solvanta.", GERMAN, "de")


def test_a_sentence_is_shown_beside_the_report_that_it_tells_of() -> None:
    assert story_of("Nine plants are shed.", REPORTS, "en").id == 2
    assert story_of("It paid 14.3 billion dollars for Scale Works.", REPORTS, "en").id == 1


def test_marks_of_a_list_are_taken_off() -> None:
    assert as_sentences(["- One.", "", "  2) Two.", "• Three."]) == ["One.", "Two.", "Three."]
    assert as_sentences(["1,400 jobs go."]) == ["1,400 jobs go."]
