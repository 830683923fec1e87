"""Figures: what is read from a sentence, and how the figures of an event stand side by side."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.enrich.figure_groups import group_figures
from pipeline.enrich.figures import figures
from storage.models import Figure, Story

FIXTURES = Path(__file__).parent / "fixtures" / "enrich"
CASES = tomllib.loads((FIXTURES / "figures.toml").read_text("utf-8"))["case"]
NEWS = tomllib.loads((FIXTURES / "figures_news.toml").read_text("utf-8"))["case"]
PAIRS = tomllib.loads((FIXTURES / "contradictions.toml").read_text("utf-8"))["pair"]
ALL_FLOORS = json.loads((FIXTURES / "floors.json").read_text("utf-8"))
FLOORS = ALL_FLOORS["figures"]
SUMMER = datetime(2026, 6, 1, tzinfo=UTC)
AUTUMN = datetime(2026, 11, 20, tzinfo=UTC)


def story(
    text: str,
    id_: int = 1,
    title: str = "",
    language: str = "en",
    published: datetime | None = None,
) -> Story:
    url = f"https://s{id_}.example/a"
    return Story(url, title, text, published, "minute", id=id_, language=language)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["text"][:40])
def test_a_sentence_gives_its_figures_and_no_others(case: dict[str, Any]) -> None:
    found = figures(story(case["text"], language=case.get("language", "en")))
    assert [figure.key for figure in found] == case["keys"]
    for field in ("shown", "about"):
        if field in case:
            assert [getattr(figure, field) for figure in found] == case[field]


def test_figures_of_the_news_are_right_and_mostly_found() -> None:
    right = wrong = missed = 0
    told = []
    for case in NEWS:
        told_by = story(case["text"], language=case.get("language", "en"), published=SUMMER)
        found, wanted = Counter(f.key for f in figures(told_by)), Counter(case["keys"])
        right += (found & wanted).total()
        wrong += (found - wanted).total()
        missed += (wanted - found).total()
        if found != wanted:
            told.append(f"{case['text']} wrong {[*found - wanted]}, missed {[*wanted - found]}")
    assert right + missed >= FLOORS["figures"]
    assert right / (right + wrong) >= FLOORS["precision"], "\n".join(told)
    assert right / (right + missed) >= FLOORS["recall"], "\n".join(told)


@given(st.text(max_size=300), st.sampled_from(["en", "de", "zh", "", "pt-BR"]))
@settings(deadline=None)
def test_any_text_is_survived_and_every_quote_stands_in_its_sentence(
    text: str, language: str
) -> None:
    for figure in figures(story(text, language=language)):
        assert figure.quote and figure.quote in figure.sentence
        assert figure.value >= 0 and figure.unit and figure.shown


@given(
    st.lists(
        st.sampled_from(
            [
                "$",
                "€",
                "14.3",
                "1,400",
                "9",
                "nine",
                " ",
                "billion",
                "B",
                "%",
                "times",
                "less",
                "jobs",
                "GPQA Diamond",
                "scores",
                ":",
                "parameters",
                "256K",
                "context",
                "-",
                ".",
                "2026",
                "x",
                "for",
            ]
        ),
        max_size=14,
    )
)
@settings(deadline=None)
def test_any_mixture_of_its_own_words_is_survived(pieces: list[str]) -> None:
    for figure in figures(story(" ".join(pieces), title="".join(pieces))):
        assert figure.quote in figure.sentence


def test_a_table_under_a_sentence_keeps_its_benchmark() -> None:
    found = figures(
        story(
            "On the Intelligence Index the Vole 5 scores 52. The others:\n\n"
            "- Hamster 3.1: 57\n- Mole-5: 57\n\nTickets cost $30.",
            title="Vole 5 is out",
        )
    )
    assert [(f.shown, f.about) for f in found][:3] == [
        ("52", "Intelligence Index"),
        ("57", "Hamster 3.1, Intelligence Index"),
        ("57", "Mole-5, Intelligence Index"),
    ]


def test_a_score_without_an_owner_is_left_out() -> None:
    found = figures(
        story("The Intelligence Index has it at 52, with two rivals on 57 and one on 53.")
    )
    assert [f.shown for f in found] == ["52"]


def test_a_figure_said_twice_is_one_and_the_text_goes_before_the_title() -> None:
    found = figures(
        story("They cut 1,400 jobs. The 1,400 jobs are in Ulm.", title="1,400 jobs gone")
    )
    assert [(f.key, f.sentence) for f in found] == [("jobs 1400", "They cut 1,400 jobs.")]


def grouped(*texts: str) -> list[Any]:
    found: list[Figure] = []
    for id_, text in enumerate(texts, 1):
        found += figures(story(text, id_))
    return group_figures(found)


def test_one_figure_in_other_words_is_one_group() -> None:
    (group,) = grouped("Orval paid $14.3 billion.", "It cost Orval 14.3 billion dollars.")
    assert (group.shown, group.stories) == ("$14.3B", (1, 2))


def test_a_rounded_figure_stands_beside_the_exact_one_and_is_no_contradiction() -> None:
    groups = grouped(
        "Orval's deal with Scale Works was worth $14.3 billion.",
        "Orval made a deal with Scale Works worth about $14 billion.",
    )
    assert [(g.shown, [(v.shown, v.rounded) for v in g.differs]) for g in groups] == [
        ("$14.3B", [("about $14B", True)])
    ]


def test_sources_that_differ_are_shown_as_such() -> None:
    (group,) = grouped(
        "The maker Wexley will cut 1,200 jobs in spring.",
        "In spring the maker Wexley parts with 1,200 employees.",
        "Wexley, the maker, will cut about 1,400 jobs in spring.",
    )
    assert (group.shown, group.stories) == ("1,200 jobs", (1, 2))
    assert [(v.shown, v.stories, v.rounded) for v in group.differs] == [
        ("about 1,400 jobs", (3,), False)
    ]


def test_two_values_in_one_story_are_two_things() -> None:
    groups = grouped(
        "Wexley cuts 1,200 jobs in Ulm and 1,400 jobs in Bern this spring.",
        "Wexley cuts 1,400 jobs in Bern and 1,200 jobs in Ulm this spring.",
    )
    assert all(not group.differs for group in groups)


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ("It is sold from 12 September.", ["12 September 2026"]),
        ("It was shown on 20 December.", ["20 December 2025"]),  # the nearest
        ("The judge spoke on 1 June 2026.", []),  # the day on which the story came out
        ("The judge spoke on 31 May.", []),
        ("It ended on 29 February 2025.", []),  # there was none
        ("They may 3 times ask; 3 may come.", []),
        ("On May 30 million people slept.", []),
        ("It comes in October 2027, or 2027-11-05.", ["October 2027", "5 November 2027"]),
    ],
)
def test_a_date_is_completed_by_the_time_of_its_story(sentence: str, shown: list[str]) -> None:
    found = figures(story(sentence, published=SUMMER))
    assert [figure.shown for figure in found if figure.unit == "date"] == shown


def test_a_date_without_a_year_in_a_story_without_a_time_is_none() -> None:
    assert not figures(story("It is sold from 12 September."))


def test_two_days_for_one_thing_are_a_contradiction() -> None:
    groups = grouped(
        "The Quill 5 goes on sale on 12 September 2026.",
        "The Quill 5 goes on sale in Europe on 14 September 2026.",
    )
    (group,) = groups
    assert group.shown == "12 September 2026"
    assert [variant.shown for variant in group.differs] == ["14 September 2026"]


def test_two_days_for_two_things_are_none() -> None:
    groups = grouped(
        "The Quill 5 goes on sale on 12 September 2026.",
        "The court hears Tolvane on 14 September 2026.",
        "Sales of the Quill 5 began in September 2026.",
    )
    assert all(not group.differs for group in groups)


def test_a_score_on_another_benchmark_is_another_figure() -> None:
    groups = grouped("It scores 52 on the Intelligence Index.", "It scores 52 on HealthBench.")
    assert sorted(group.about for group in groups) == ["HealthBench", "Intelligence Index"]


def test_contradictions_are_mostly_right_and_half_of_them_found() -> None:
    right = wrong = missed = 0
    told = []
    for pair in PAIRS:
        found = [
            {(f.story_id, f.quote) for f in (*group.quoted, *variant.quoted)}
            for group in group_figures(told_in(pair["one"], 1) + told_in(pair["other"], 2))
            for variant in group.differs
            if not variant.rounded
        ]
        wanted = {(1, pair["left"]), (2, pair["right"])}
        hits = [quotes for quotes in found if pair["differs"] and _are_of(quotes, wanted)]
        right += bool(hits)
        missed += pair["differs"] and not hits
        wrong += len(found) - len(hits)
        told += [f"{pair['one']} / {pair['other']}: {found}"] if len(found) > len(hits) else []
    floors = ALL_FLOORS["contradictions"]
    assert len(PAIRS) >= floors["pairs"]
    assert right / (right + wrong) >= floors["precision"], "\n".join(told)
    assert right / (right + missed) >= floors["recall"]


def told_in(text: str, id_: int) -> list[Figure]:
    return figures(story(text, id_, published=AUTUMN))


def _are_of(quotes: set[tuple[int, str]], wanted: set[tuple[int, str]]) -> bool:
    """Whether each story has the quote that was marked, be it with more or fewer words around."""
    return all(
        any(mine == id_ and (quote in words or words in quote) for mine, quote in quotes)
        for id_, words in wanted
    )


def test_people_of_two_kinds_are_no_contradiction() -> None:
    groups = grouped(
        "About 2.7 million people in Norway hear of the theft at Postvik.",
        "Postvik delivers letters to about 4.4 million customers.",
    )
    assert all(not group.differs for group in groups)


def test_cuts_in_other_words_are_compared() -> None:
    (group,) = grouped("Wexley will cut 1,200 jobs.", "A memo: 1,400 roles are to go at the maker.")
    assert [variant.shown for variant in group.differs] == ["1,400 roles"]


@pytest.mark.parametrize(
    ("sentence", "about"),
    [
        ("The letter went to 9,000 shops in Norway.", "letter"),
        ("The 640 guests held a feast of herring.", ""),
        ("The utilisation averaged 91 percent.", "utilisation"),
        ("The robot answers 61 percent of merchants' questions.", "merchants' questions"),
        ("Four people were hurt.", ""),
        ("Orval will borrow 600 million dollars.", "Orval will borrow 600 million dollars"),
    ],
)  # fmt: skip
def test_what_a_figure_is_about_ends_in_no_verb_and_no_measure(sentence: str, about: str) -> None:
    assert {figure.about for figure in figures(story(sentence))} <= {about}


def test_words_that_several_stories_give_are_preferred() -> None:
    (group,) = grouped(
        "The Vole's memory is given as 24 GB.",
        "On each card a graphics memory of up to 24 GB is soldered.",
        "Its graphics memories hold 24 GB.",
    )
    assert group.about == "graphics memory"


@given(st.permutations([1, 2, 3, 4]))
@settings(deadline=None, max_examples=24)
def test_the_order_of_the_stories_does_not_matter(order: list[int]) -> None:
    texts = {
        1: "Wexley will cut 1,200 jobs. It paid $14.3 billion.",
        2: "Wexley will cut 1,400 jobs in all.",
        3: "The sum is about $14 billion. Nine months of work went into it.",
        4: "Wexley will cut 1,200 jobs. After nine months of work, 14 percent go.",
    }
    per_story = {id_: figures(story(text, id_)) for id_, text in texts.items()}
    mixed = [figure for id_ in order for figure in per_story[id_]]
    straight = [figure for id_ in sorted(texts) for figure in per_story[id_]]
    assert group_figures(mixed) == group_figures(straight)
