"""Copies: the same text, also cut or with other boilerplate; never just the same happening."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.copies import copies
from tests.stories import MORNING, story, with_ids

if TYPE_CHECKING:
    from storage.models import Story

WORDS = [f"word{n}" for n in range(900)]


def text(seed: int, sentences: int = 12) -> str:
    source = random.Random(seed)
    return " ".join(
        " ".join(source.choices(WORDS, k=9)).capitalize() + "." for _ in range(sentences)
    )


def told(url: str, words: str, hours: float = 0) -> Story:
    return story(url, "Title", words, published=MORNING + timedelta(hours=hours))


def test_a_copy_is_told_whose_text_it_is() -> None:
    original = told("https://wire.example/1", text(1))
    cut = told("https://b.example/1", " ".join(text(1).split()[:70]), 1)
    framed = told("https://c.example/1", f"By our staff. {text(1)} This is agency material.", 2)
    other = told("https://d.example/1", text(2), 3)
    assert copies(with_ids([original, cut, framed, other])) == {2: 1, 3: 1}


def test_the_first_one_is_the_original_wherever_it_stands() -> None:
    late = told("https://a.example/1", text(1), 5)
    early = told("https://z.example/1", text(1), 0)
    assert copies(with_ids([late, early])) == {1: 2}


def test_at_the_same_time_the_one_that_names_another_home_is_the_copy() -> None:
    carrier = replace(told("https://a.example/1", text(1)), canonical_claim="https://z.example/1")
    wire = told("https://z.example/1", text(1))
    assert copies(with_ids([carrier, wire])) == {1: 2}


def test_a_quotation_is_no_copy() -> None:
    quoted = " ".join(text(1).split()[:45])
    long = told("https://b.example/1", f"{text(7, 30)} {quoted} {text(8, 30)}", 1)
    assert copies(with_ids([told("https://a.example/1", text(1)), long])) == {}


def test_very_short_texts_are_never_copies() -> None:
    assert copies(with_ids([told(f"https://s{n}.example/1", "Read more.") for n in range(5)])) == {}


def test_a_headline_is_a_copy_only_word_for_word_and_soon() -> None:
    headline = "Osterhaven ferry runs again after the storm"
    stories = [
        story("https://a.example/1", headline),
        story("https://b.example/1", headline.upper(), published=MORNING + timedelta(hours=3)),
        story("https://c.example/1", headline + " ends", published=MORNING + timedelta(hours=4)),
        story("https://d.example/1", headline, published=MORNING + timedelta(days=4)),
    ]
    assert copies(with_ids(stories)) == {2: 1}


def test_a_wire_story_that_hundreds_carry() -> None:
    stories = with_ids([told(f"https://s{n}.example/1", text(1), n) for n in range(300)])
    assert copies(stories) == dict.fromkeys(range(2, 301), 1)


@given(st.permutations(range(8)))
@settings(deadline=None)
def test_order_makes_no_difference(order: list[int]) -> None:
    stories = with_ids([told(f"https://s{n}.example/1", text(n // 3), n) for n in range(8)])
    assert copies([stories[n] for n in order]) == copies(stories)
