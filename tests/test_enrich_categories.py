"""Categories: what kind of happening a title and a text speak of, and which words decided."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.enrich.categories import category, event_category
from storage.models import Story

LABELS = {
    "model release", "product launch", "funding", "acquisition", "partnership", "research",
    "open source", "policy and law", "lawsuit", "security", "outage", "chips and hardware",
    "people", "layoffs", "earnings", "opinion", "roundup",
}  # fmt: skip


FIXTURES = Path(__file__).parent / "fixtures" / "enrich"
HEADLINES = tomllib.loads((FIXTURES / "categories.toml").read_text("utf-8"))["headline"]
FLOORS = json.loads((FIXTURES / "floors.json").read_text("utf-8"))["categories"]


def story(id_: int, title: str, text: str = "", rubric: str | None = None) -> Story:
    return Story(url=f"https://s{id_}.example/a", id=id_, title=title, text=text, rubric=rubric)


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("Orval releases Vole 5, a language model with open weights", "model release"),
        ("Orval launches a new app for hikers", "product launch"),
        ("Orval raises $38 million in a Series B round", "funding"),
        ("Orval acquires the map maker Fennwick", "acquisition"),
        ("Orval and Fennwick team up on maps", "partnership"),
        ("Researchers publish a study of sleep in voles", "research"),
        ("Regulator fines Orval over location data", "policy and law"),
        ("Homeowners sue Orval over doorbells", "lawsuit"),
        ("A vulnerability in Orval's router lets attackers in", "security"),
        ("Orval outage locks out customers", "outage"),
        ("Orval's new chip has eight cores", "chips and hardware"),
        ("Orval's chief executive steps down", "people"),
        ("Orval to cut 1,200 jobs", "layoffs"),
        ("Orval's first-quarter profit rises, outlook lifted", "earnings"),
        ("Opinion: Orval should listen", "opinion"),
        ("The week in maps: three small things", "roundup"),
        ("Orval entlässt 400 Mitarbeiter", "layoffs"),
        ("Sicherheitslücke in Routern von Orval", "security"),
        ("Orval übernimmt Fennwick", "acquisition"),
        ("Orval puts $75 million into Fennwick for a 12 percent stake", "funding"),
        ("Orval sperrt Kunden aus: Anmeldung nicht möglich", "outage"),
        ("Faltbares Telefon von Orval vorgestellt", "product launch"),
        ("One entry in six is wrong: an audit of a test for models", "research"),
        ("Voleware 3.1, the open-source database, released", "open source"),
        ("Release candidate of the open-source Voleware 3.2", "open source"),
        ("Alliance finishes specification 2.0, a standard for tags", "partnership"),
        ("Orval puts 24 weather satellites into orbit", "other"),
        ("A walk along the river", "other"),
    ],
)
def test_a_title_speaks_for_a_category(title: str, label: str) -> None:
    assert category(title, "")[0] == label


def test_invented_news_is_put_into_its_category() -> None:
    """Precision of what is named at all, and how much of the news is."""
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    wanted = Counter(each["category"] for each in HEADLINES)
    for each in HEADLINES:
        label, _ = category(each["title"], each["lead"])
        found[label] += 1
        right[label] += label == each["category"]
    assert wanted.total() >= FLOORS["headlines"] and set(wanted) == LABELS | {"other"}
    named = sum(right[label] for label in LABELS)
    assert named / sum(found[label] for label in LABELS) >= FLOORS["precision"]
    assert named / sum(wanted[label] for label in LABELS) >= FLOORS["recall"]
    for label in LABELS:
        assert right[label] / found[label] >= FLOORS["precision of each"], label
        assert right[label] / wanted[label] >= FLOORS["recall of each"], label


def test_the_words_that_decided_are_named() -> None:
    assert "sue" in category("Homeowners sue Orval", "The complaint went to court.")[1]


def test_the_title_counts_more_than_the_text() -> None:
    label, _ = category("Orval acquires Fennwick", "Last year Orval raised money from investors.")
    assert label == "acquisition"


def test_every_label_is_in_the_data_and_no_other() -> None:
    data = tomllib.loads(files("pipeline.enrich").joinpath("categories.toml").read_text("utf-8"))
    assert {row["label"] for row in data["category"]} == LABELS


def test_members_vote_and_the_headline_story_counts_more() -> None:
    members = [
        story(1, "Orval raises $38 million in a Series B round"),
        story(2, "Orval acquires the map maker Fennwick"),
    ]
    assert event_category(members, 1)[0] == "funding"
    assert event_category(members, 2)[0] == "acquisition"


def test_a_column_on_a_release_does_not_make_the_release_an_opinion() -> None:
    members = [
        story(1, "Orval releases Vole 5, a language model"),
        story(2, "Opinion: Vole 5 is a mistake", rubric="Opinion"),
    ]
    assert event_category(members, 1, {1: "original", 2: "commentary"})[0] == "model release"
    assert event_category(members[1:], 2, {2: "commentary"})[0] == "opinion"


def test_copies_have_no_vote_of_their_own() -> None:
    members = [story(1, "Orval outage locks out customers")] + [
        story(i, "Orval raises $38 million in a Series B round") for i in range(2, 6)
    ]
    roles = {1: "original", **dict.fromkeys(range(2, 6), "copy")}
    assert event_category(members, 1, roles)[0] == "outage"  # type: ignore[arg-type]


@given(st.permutations([1, 2, 3, 4]))
def test_the_order_of_the_members_does_not_matter(order: list[int]) -> None:
    members = {
        1: story(1, "Orval outage locks out customers"),
        2: story(2, "Orval sued over outage"),
        3: story(3, "Hackers blamed for outage at Orval"),
        4: story(4, "Quiet day at Orval"),
    }
    expected = event_category(list(members.values()), 1)
    assert event_category([members[i] for i in order], 1) == expected


@given(st.text(max_size=200), st.text(max_size=400))
def test_any_text_has_a_category(title: str, text: str) -> None:
    label, because = category(title, text)
    assert label in LABELS | {"other"}
    assert because
