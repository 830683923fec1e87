"""Copies: the same text, also cut or with other boilerplate; never just the same happening."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import same_text as comparing
from pipeline.copies import carriers, copies, originals
from pipeline.reading import read_all
from pipeline.same_text import MOST, NEIGHBOURS, same_text
from pipeline.sketches import MAX_KEPT, heads, sketch, sketches
from tests.stories import MORNING, story, with_ids

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.models import Story

WORDS = [f"{a}{b}{c}" for a in ("ba", "co", "du", "fi") for b in "lmnrst" for c in ("a", "ek", "o")]


def text(seed: int, sentences: int = 12) -> str:
    return " ".join(lines(seed, sentences))


def lines(seed: int, sentences: int = 12) -> list[str]:
    source = random.Random(seed)
    return [" ".join(source.choices(WORDS, k=9)).capitalize() + "." for _ in range(sentences)]


def told(url: str, words: str, hours: float = 0) -> Story:
    return story(url, "Title", words, published=MORNING + timedelta(hours=hours))


def is_copy(one: str, other: str) -> bool:
    return bool(list(same_text(sketches([("", one), ("", other)]))))


def groups(pairs: Iterable[tuple[int, int]]) -> set[frozenset[int]]:
    """What the pairs join."""
    found: dict[int, frozenset[int]] = {}
    for left, right in pairs:
        joined = found.get(left, frozenset((left,))) | found.get(right, frozenset((right,)))
        found.update(dict.fromkeys(joined, joined))
    return set(found.values())


# --- whose text it is --------------------------------------------------------------------------


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


def test_one_without_a_time_takes_nobodys_lead() -> None:
    undated = story("https://a.example/1", "Title", text(1), published=None)
    assert copies(with_ids([undated, told("https://z.example/1", text(1))])) == {1: 2}


def test_at_the_same_time_the_one_that_names_another_home_is_the_copy() -> None:
    carrier = replace(told("https://a.example/1", text(1)), canonical_claim="https://z.example/1")
    wire = told("https://z.example/1", text(1))
    assert copies(with_ids([carrier, wire])) == {1: 2}


def test_nothing_carries_nothing() -> None:
    assert copies([]) == {}
    assert copies(with_ids([told("https://a.example/1", "")])) == {}


def test_a_story_without_an_id_is_refused() -> None:
    with pytest.raises(ValueError, match="not stored"):
        copies([told("https://a.example/1", text(1))])


# --- what is the same text ---------------------------------------------------------------------

CHANGED = {
    "a new lead": "As was heard in the town on Monday. " + " ".join(lines(1)[1:]),
    "boilerplate": f"{text(1)} Sign up for our letter. All rights are reserved by us.",
    "capitals": text(1).upper(),
    "another order": " ".join([*lines(1)[7:], *lines(1)[:7]]),
    "cut to half": " ".join(lines(1)[:6]),
    "spaces": text(1).replace(" ", "\u00a0 "),
    "soft hyphens": text(1).replace("ek", "e\u00adk"),
    "wide letters": text(1).replace("a", "ａ"),
}


@pytest.mark.parametrize("changed", CHANGED.values(), ids=CHANGED)
def test_a_changed_copy_is_found(changed: str) -> None:
    assert is_copy(text(1), changed)


def test_quotation_marks_and_dashes_can_be_of_any_kind() -> None:
    plain = " ".join(f'"{line}" - it\'s "so", said she.' for line in lines(1, 6))
    set_well = plain.replace(' "', " “").replace('"', "”").replace("'", "’").replace("-", "—")
    assert sketch("", plain).hashes == sketch("", set_well.replace("”It", "“It")).hashes


def test_composed_and_decomposed_accents_are_the_same() -> None:
    composed = " ".join(f"café{n} déjà vu à côté" for n in range(20))
    assert sketch("É", composed) == sketch("e\u0301", composed.replace("é", "e\u0301"))


UNSPACED = [
    "一二三四五六七八九十",
    "กขคงจฉชซฌญ",
    "あいうえおかきくけこ",
    "ກຂຄງຈຊຍດຕຖ",  # Lao
    "កខគឃងចឆជឈញ",  # Khmer
    "ကခဂဃငစဆဇဈည",  # Burmese
]


@pytest.mark.parametrize("script", UNSPACED)
def test_scripts_without_spaces(script: str) -> None:
    one, other = ("".join(random.Random(n).choices(script, k=300)) for n in (1, 2))
    assert is_copy(one, one[:200])
    assert not is_copy(one, other)


def test_a_word_among_characters_without_spaces_is_one_word() -> None:
    told = ["新モ", "モデ", "デル", "ル", "gpt", "5", "発表", "表"]
    assert heads([sketch("", "新モデルGPT 5発表")])["words"] == len(told)


def test_a_quotation_is_no_copy() -> None:
    quoted = " ".join(text(1).split()[:45])
    assert not is_copy(text(1), f"{text(7, 30)} {quoted} {text(8, 30)}")
    assert not is_copy(text(1, 6), f"{text(7, 10)} {text(1, 6)} {text(8, 10)}")


def test_what_only_shares_a_boilerplate_paragraph_is_no_copy() -> None:
    about = text(99, 8)
    stories = [("", f"{text(seed)} {about}") for seed in range(60)]
    assert list(same_text(sketches(stories))) == []


def test_one_among_many_of_the_same_boilerplate_is_found() -> None:
    about = text(99, 8)
    stories = [("", f"{text(seed % 59)} {about}") for seed in range(60)]
    assert list(same_text(sketches(stories))) == [(0, 59)]


def test_very_short_texts_are_never_copies() -> None:
    assert copies(with_ids([told(f"https://s{n}.example/1", "Read more.") for n in range(5)])) == {}


def test_a_headline_is_a_copy_only_word_for_word_and_soon() -> None:
    headline = "Osterhaven ferry runs again after the storm"
    stories = [
        story("https://a.example/1", headline),
        story("https://b.example/1", headline.upper(), published=MORNING + timedelta(hours=3)),
        story("https://c.example/1", headline + " ends", published=MORNING + timedelta(hours=4)),
        story("https://d.example/1", headline, published=MORNING + timedelta(days=4)),
        story("https://e.example/1", headline, language="de"),
        story("https://f.example/1", "After the storm Osterhaven ferry runs again"),
    ]
    assert copies(with_ids(stories)) == {2: 1}


def test_a_headline_and_its_lead_can_be_cut_anywhere() -> None:
    one = story("https://a.example/1", "Osterhaven ferry runs", "again after the storm")
    other = story("https://b.example/1", "Osterhaven ferry runs again after", "the storm")
    assert copies(with_ids([one, other])) == {2: 1}


# --- the laws ----------------------------------------------------------------------------------


def mixed_stories() -> list[Story]:
    """Copies, cut copies, shared boilerplate and headlines, twenty of them."""
    made = [told(f"https://s{n}.example/1", text(n // 3), n) for n in range(9)]
    made += [told(f"https://c{n}.example/1", " ".join(lines(n)[:8]), 20 + n) for n in range(3)]
    made += [told(f"https://b{n}.example/1", f"{text(n + 50)} {text(99)}", n) for n in range(4)]
    made += [story(f"https://h{n}.example/1", "Ferry runs again after storm") for n in range(4)]
    return with_ids(made)


@given(st.permutations(range(20)))
@settings(deadline=None, max_examples=25)
def test_order_makes_no_difference(order: list[int]) -> None:
    stories = mixed_stories()
    assert copies([stories[n] for n in order]) == copies(stories)


@given(st.lists(st.integers(0, 20), max_size=4))
@settings(deadline=None, max_examples=25)
def test_blocks_join_the_same_as_one_batch(cuts: list[int]) -> None:
    made = list(sketches((each.title, each.text) for each in mixed_stories()))
    streamed: list[tuple[int, int]] = []
    for start, end in pairwise(sorted({0, 20, *cuts})):
        pairs = list(same_text(made[:end], new_from=start))
        assert all(right >= start for _, right in pairs)
        streamed += pairs
    assert groups(streamed) == groups(same_text(made))


def test_nothing_new_tells_nothing() -> None:
    made = list(sketches((each.title, each.text) for each in mixed_stories()))
    assert list(same_text(made, new_from=len(made))) == []


def test_originals_need_no_texts() -> None:
    stories = mixed_stories()
    assert originals(list(carriers(stories))) == copies(stories) != {}
    assert originals(read_all(stories)) == copies(stories)


# --- sketches ----------------------------------------------------------------------------------

TEXTS = st.text(alphabet=st.sampled_from("ab cdé’“新型ก\U00020001\ud800\n\x00"), max_size=400)


@given(st.lists(st.tuples(TEXTS, TEXTS), max_size=6))
@settings(deadline=None)
def test_read_together_or_alone_a_sketch_is_the_same(told: list[tuple[str, str]]) -> None:
    assert list(sketches(told)) == [sketch(*each) for each in told]


@given(TEXTS, TEXTS)
@settings(deadline=None)
def test_a_head_tells_what_follows(title: str, words: str) -> None:
    made = sketch(title, words)
    assert heads([bytes(made)])["words"] >= len(made.hashes) / 5
    assert heads([made, made])["level"].tolist() == [made.level] * 2


def test_a_sketch_is_small_whatever_the_text() -> None:
    short, long = sketch("A", text(1, 6)), sketch("A", text(1, 3000))
    assert short.level == 0
    assert len(short.hashes) == 5 * len(set(zip(*(text(1, 6).split()[n:] for n in range(3)))))  # noqa: B905
    assert MAX_KEPT / 4 < len(long.hashes) / 5 <= MAX_KEPT
    assert len(long) < 350


FOREIGN = [b"", b"\x00" * 14, b"\x01" * 13, b"\x01" * 15, b"\x02" * 14, b"\x01\xff" + b"\x00" * 12]


@pytest.mark.parametrize("data", FOREIGN)
def test_foreign_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="sketch"):
        heads([sketch("", text(1)), data])


def test_a_sketch_is_the_same_in_every_process() -> None:
    # Stored sketches are compared with new ones: other bytes need another VERSION.
    made = sketch("A title", text(1, 60))
    assert sha256(made).hexdigest()[:16] == "c75b524d9c0e54e0"


# --- the work ----------------------------------------------------------------------------------


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pairs were compared, call by call."""
    counts: list[int] = []
    compare = comparing._Shelf.compared

    def counted(shelf: object, left: Sequence[int], right: Sequence[int]) -> object:
        counts.append(len(left))
        return compare(shelf, left, right)  # type: ignore[arg-type]

    monkeypatch.setattr(comparing._Shelf, "compared", counted)
    return counts


def test_a_wire_story_that_thousands_carry(compared: list[int]) -> None:
    made = sketch("", text(1))
    assert groups(same_text([made] * 3000)) == {frozenset(range(3000))}
    assert sum(compared) == 0  # equal sketches need no comparison


def test_a_wire_story_that_thousands_cut_and_frame(compared: list[int]) -> None:
    source = random.Random(5)
    wire = lines(1, 30)
    variants = [
        ("", f"{text(1000 + n, 1)} {' '.join(wire[: source.randint(18, 30)])} {text(n, 1)}")
        for n in range(3000)
    ]
    assert groups(same_text(sketches(variants))) == {frozenset(range(3000))}
    assert sum(compared) < 3000 * 5 * NEIGHBOURS


def test_boilerplate_that_thousands_share_stays_cheap(compared: list[int]) -> None:
    about = text(99, 8)
    stories = (("", f"{text(seed)} {about}") for seed in range(3000))
    assert list(same_text(sketches(stories))) == []
    assert sum(compared) < 3000 * 5 * NEIGHBOURS


def test_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST > 16_000_000
    monkeypatch.setattr(comparing, "MOST", 3)
    with pytest.raises(ValueError, match="window"):
        list(same_text([sketch("", text(1))] * 4))


def test_hundreds_carry_one_story() -> None:
    stories = with_ids([told(f"https://s{n}.example/1", text(1), n) for n in range(300)])
    assert copies(stories) == dict.fromkeys(range(2, 301), 1)
