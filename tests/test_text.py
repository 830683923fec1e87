"""Words, stems, sentences and names, in any script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text import names, sentences, shingles, stems, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Version 4.7 of it's out", ["version", "4.7", "of", "it's", "out"]),
        ("1,400 jobs at GPT-5.4", ["1,400", "jobs", "at", "gpt", "5.4"]),
        ("Größe ŁÓDŹ Ελλάδα", ["größe", "łódź", "ελλάδα"]),
        ("新模型发布", ["新模", "模型", "型发", "发布"]),
        ("GPT的新", ["gpt", "的新"]),
        ("ﬁne ｗｉｄｅ", ["fine", "wide"]),
        ("Versiche\xadrung", ["versicherung"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_stems_bring_forms_of_a_word_together() -> None:
    assert len(set(stems("release released releases releasing", "en"))) == 1
    assert len(set(stems("Modell Modelle Modellen", "de"))) == 1
    assert stems("моделей 4.7", "ru")[-1] == "4.7"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("It rose 4.7 percent. Then it fell.", 2),
        ("Dr. Mara Ek spoke. The U.S. agreed.", 2),
        ("One.\n\nTwo without an end\n\nThree!", 3),
        ("“Is it?” she asked. “Yes.” He left.", 3),
        ("今天发布。明天再说。", 2),
        ("", 0),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert len(sentences(text)) == count


def test_names_of_running_text() -> None:
    found = names(
        "On Monday the people of Quill Labs showed Quill 5."
        " It beats GPT-5.4, said Mara Ek of Tolvane."
    )
    assert {"Quill Labs", "Quill 5", "GPT-5.4", "Mara Ek", "Tolvane"} <= set(found)
    assert "It" not in found


def test_shingles_of_a_short_text() -> None:
    assert shingles("one two") == ["one two"]
    assert shingles("one two three four") == ["one two three", "two three four"]
    assert shingles("") == []


@given(st.text(max_size=300))
def test_no_text_is_too_strange(text: str) -> None:
    for cut in (words, stems, sentences, names, shingles):
        assert all(cut(text))


@given(st.text(max_size=300))
def test_sentences_lose_no_words(text: str) -> None:
    assert "".join(" ".join(sentences(text)).split()) == "".join(text.split())


def test_a_hostile_text_takes_no_longer_than_another() -> None:
    """Each of these once took minutes: what is held was searched again for every piece."""
    for text in ("Mr. " * 50_000, "A. " * 50_000, "No. 1 " * 50_000):
        assert len(sentences(text)) < len(text)
