"""The TL;DR: sentences of the reports, word for word, none of them in the air."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.enrich.reading_time import reading_minutes
from pipeline.enrich.tldr import LONGEST, MOST, SHORTEST, tldr, without_dateline
from storage.models import Story

TITLE = "Morvik orders nine electric ferries"
ONE = (
    "GDANSK (Salt Wire) — The ferry company Morvik has ordered nine electric ferries from Wisla,"
    " a Gdansk yard, the largest order of that kind in Europe so far. "
    "It was signed on Tuesday, and it had been expected for a long time by everybody in the trade. "
    "The first of the ships will sail between Halsa and Kanestraum in the autumn of 2027. "
    "“We have waited for this day for years, and now it has come at last.” "
    "As Salt Wire reported, Morvik will pay 310 million euros for the nine ships and the piers. "
    "Subscribe to our newsletter for more news about ferries from Norway and from elsewhere. "
    "What will become of the older Morvik ships, and who is going to pay for their journey south?"
)
TWO = (
    "Morvik of Kristiansund is buying nine ferries with batteries from Wisla, the yard in Gdansk. "
    "Between Halsa and Kanestraum the first of the new ships will sail in the autumn of 2027. "
    "Morvik pays 310 million euros for the nine ships, piers and cables included. "
    "They are the pride of the fleet, and those who built them were there to see them off."
)


def story(id_: int, text: str, **fields: object) -> Story:
    return Story(
        url=f"https://s{id_}.example/a",
        id=id_,
        title=TITLE,
        text=text,
        published=datetime(2026, 4, 8, id_, tzinfo=UTC),
        **fields,  # type: ignore[arg-type]
    )


def test_sentences_are_taken_word_for_word_from_the_story_that_they_name() -> None:
    members = {1: story(1, ONE), 2: story(2, TWO)}
    found = tldr(list(members.values()), TITLE)
    assert 2 <= len(found) <= MOST
    for sentence in found:
        assert sentence.text in members[sentence.story_id].text
        assert SHORTEST <= len(sentence.text) <= LONGEST


@pytest.mark.parametrize(
    "unfit",
    ["It was signed", "They are", "We have waited", "Subscribe", "Salt Wire", "What will become"],
)
def test_no_sentence_that_hangs_in_the_air(unfit: str) -> None:
    said = " ".join(sentence.text for sentence in tldr([story(1, ONE), story(2, TWO)], TITLE))
    assert unfit not in said


def test_nothing_is_said_twice() -> None:
    said = [sentence.text for sentence in tldr([story(1, ONE), story(2, TWO)], TITLE)]
    assert sum("Halsa" in text for text in said) <= 1
    assert sum("310 million" in text for text in said) <= 1


def test_the_headline_is_not_repeated() -> None:
    title = "Morvik pays 310 million euros for nine ferries with piers and cables"
    said = [sentence.text for sentence in tldr([story(1, ONE), story(2, TWO)], title)]
    assert said
    assert not any(text.startswith("Morvik pays 310") for text in said)


def test_copies_are_not_counted_twice() -> None:
    alone = tldr([story(1, ONE), story(2, TWO)], TITLE, {1: "original", 2: "original"})
    copies = [story(i, TWO) for i in range(3, 9)]
    roles = {1: "original", 2: "original", **dict.fromkeys(range(3, 9), "copy")}
    assert tldr([story(1, ONE), story(2, TWO), *copies], TITLE, roles) == alone  # type: ignore[arg-type]


def test_it_speaks_the_language_of_the_headline() -> None:
    german = story(
        3,
        "Die Reederei Morvik bestellt neun elektrische Fähren bei der Werft Wisla in Danzig.",
        language="de",
    )
    said = tldr([story(1, ONE), german], TITLE, language="en")
    assert {sentence.story_id for sentence in said} == {1}
    assert {s.story_id for s in tldr([story(1, ONE), german], TITLE, language="de")} == {3}


def test_without_a_fit_sentence_there_is_none() -> None:
    assert tldr([story(1, "Short. Too short. He said so.")], TITLE) == ()
    assert tldr([], TITLE) == ()


def test_datelines_are_cut_off() -> None:
    assert without_dateline("GDANSK (Salt Wire) — The yard is glad.") == "The yard is glad."
    assert (
        without_dateline("The yard — a large one — is glad.") == "The yard — a large one — is glad."
    )


@given(st.permutations([1, 2, 3]))
@settings(deadline=None)
def test_the_order_of_the_stories_does_not_matter(order: list[int]) -> None:
    members = {1: story(1, ONE), 2: story(2, TWO), 3: story(3, ONE[:400])}
    assert tldr([members[i] for i in order], TITLE) == tldr(list(members.values()), TITLE)


@given(st.text(max_size=500))
@settings(deadline=None)
def test_any_text_is_survived(text: str) -> None:
    for sentence in tldr([story(1, text)], TITLE):
        assert sentence.text in text


def test_reading_time() -> None:
    assert reading_minutes("") == 1
    assert reading_minutes("word " * 690) == 3
    for letter in "新カกລခខ":  # Chinese, Japanese, Thai, Lao, Burmese, Khmer: no spaces
        assert reading_minutes(letter * 1500) == 3


# --- the lead, and what else is fit -----------------------------------------------------------

FERRY_NEWS = (
    "Ships seldom make for talk at breakfast, and harbours hardly ever do in this part of Europe. "
    "Morvik on Tuesday ordered nine electric ferries from Wisla for the route to Kanestraum. "
    "It pays 310 million euros for them and hands its old diesel ships to the yard in return. "
    "With Havbris, Morvik ran the first line of that kind on hydrogen and gave it up again. "
    "The blue one that replaced it at Halsa was slower and louder than anybody had hoped for. "
    "Morvik signed the papers at the Wisla yard in Gdansk on Tuesday in front of the press. "
    "Read the timetable before you travel, for Morvik ferries will be fewer from the autumn on."
)


def told(*texts: str, title: str = TITLE) -> list[str]:
    return [s.text for s in tldr([story(i, text) for i, text in enumerate(texts, 1)], title)]


def test_the_first_sentence_says_what_happened_though_the_headline_does_too() -> None:
    assert told(FERRY_NEWS)[0].startswith("Morvik on Tuesday ordered nine electric ferries")


def test_what_only_begins_with_it_may_stand_behind_the_sentence_that_it_leans_on() -> None:
    assert told(FERRY_NEWS)[1].startswith("It pays 310 million euros")
    assert not any(
        text.startswith("It pays") for text in told(FERRY_NEWS.partition("Kanestraum. ")[2])
    )


@pytest.mark.parametrize(
    "unfit", ["The blue one", "Read the timetable", "With Havbris", "signed the"]
)
def test_no_dangler_no_advice_no_background_and_no_second_telling(unfit: str) -> None:
    assert not any(unfit in text for text in told(FERRY_NEWS))


def test_one_amount_is_told_once() -> None:
    other = "For 310 million euros the company Morvik gets nine ships with batteries and cables."
    assert sum("310" in text for text in told(FERRY_NEWS, other)) == 1


def test_a_lead_comes_from_an_original_report() -> None:
    retold = (
        "Morvik on Tuesday ordered nine electric ferries, the largest such order from Wisla yet."
    )
    members = [story(1, FERRY_NEWS), story(2, retold)]
    assert tldr(members, TITLE, {1: "original", 2: "rewrite"})[0].story_id == 1
