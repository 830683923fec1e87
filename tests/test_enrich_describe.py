"""A whole event, and what its parts share: the reading of its stories."""

from __future__ import annotations

import pickle
import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.demo.stories import load_stories
from pipeline.enrich.alike import COMMON, FEW, Shared
from pipeline.enrich.describe import describe, describe_with_names, event_names
from pipeline.enrich.figures import figures
from pipeline.enrich.phrases import PhraseLists
from pipeline.enrich.stands_alone import data
from pipeline.enrich.told import READ, Told
from pipeline.folding import SAME_TEXT, Belonging, Group
from pipeline.text import names, words
from storage.models import Match, Source, Story

TEXT = (
    "Orval said on Tuesday that it would buy Fennwick for $1.2 billion. The deal is to close in "
    "May, the company said. About 400 people work at Fennwick in Lisbon.\n\nOrval has 12,000 "
    "employees. Analysts at Pennant Row expected 9 percent less revenue.\n"
)
WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
TEXTS = st.lists(WORDS | st.sampled_from(["Orval.", "\n", "said", "U.S.", "Row"])).map(" ".join)


def story(id_: int, text: str = TEXT, **fields: object) -> Story:
    when = datetime(2026, 4, 2, 9, tzinfo=UTC) + timedelta(minutes=id_)
    plain = Story(f"https://source{id_}.test/", "Orval buys Fennwick", text, when, id=id_)
    return replace(plain, source_id=f"source{id_}.test", **fields)  # type: ignore[arg-type]


def arguments() -> tuple[int, Group, dict[int, Story], dict[int, int], dict[str, Source]]:
    stories = {id_: story(id_) for id_ in (1, 2, 3)}
    same = [Belonging(id_, Match(1, id_, 1.0, (SAME_TEXT,))) for id_ in (2, 3)]
    sources = {
        s.source_id: Source(s.source_id, s.source_id, "", "en", "") for s in stories.values()
    }
    return 7, Group((Belonging(1, None), *same)), stories, {2: 1, 3: 1}, sources


def test_another_process_describes_an_event_alike() -> None:
    sent = pickle.loads(pickle.dumps((describe, arguments())))
    assert pickle.loads(pickle.dumps(sent[0](*sent[1]))) == describe(*arguments())


def test_an_event_and_its_names_are_the_same_read_together() -> None:
    _, _, stories, _, _ = arguments()
    both = describe_with_names(*arguments(), frozenset(["Lisbon"]))
    assert both == (
        describe(*arguments()),
        event_names(list(stories.values()), frozenset(["Lisbon"])),
    )


def test_each_copy_gives_the_figures_of_its_text() -> None:
    event = describe(*arguments())
    assert Counter(figure.story_id for figure in event.figures) == {1: 4, 2: 4, 3: 4}
    assert [m.role for m in event.members] == ["original", "copy", "copy"]


def test_names_are_those_of_the_lead() -> None:
    found = event_names([story(1, TEXT * 40)], frozenset(["Lisbon"]))
    assert set(found) == set(names(TEXT)) - {"Lisbon"}


@given(TEXTS, st.integers(0, 30))
def test_a_story_is_cut_once_however_much_of_it_is_asked_for(text: str, count: int) -> None:
    told = Told(story(1, text))
    begun = [said.text for said in told.said(count)]
    assert begun == list(told.body[:count])
    assert [said.text for said in told.said(count + 5)][:count] == begun
    assert all(list(said.words) == words(said.text) for said in told.said(count))


def test_a_long_text_is_read_to_its_last_whole_sentence() -> None:
    long = "Orval has twelve thousand employees in Lisbon. " * 200
    told = Told(story(1, long))
    assert set(told.sentences) == {long[: long.index(".") + 1]}
    assert READ - 100 < len(" ".join(told.sentences)) <= READ


@pytest.mark.parametrize("kind", sorted(data()["needs"].keys() & data()["patterns"].keys()))
def test_a_sentence_with_a_pattern_has_a_word_that_it_needs(kind: str) -> None:
    forms = data()["patterns"][kind]
    pattern = re.compile(forms if isinstance(forms, str) else "|".join(forms))
    sentences = [s for each in load_stories() for s in Told(story(1, each.text)).said(100)]
    needed = set(data()["needs"][kind].split())
    for said in sentences:
        if pattern.search(said.text if isinstance(forms, str) else said.lower):
            assert needed & said.vocabulary, said.text


@pytest.mark.parametrize("count", [30, FEW * 2])
def test_what_sentences_share_is_the_same_dense_or_sparse(count: int) -> None:
    draw = np.random.default_rng(0)
    sentences = [
        frozenset(f"stem{n}" for n in (draw.random(15) ** 3 * count).astype(int))
        for _ in range(COMMON * 10)
    ]
    weights = {f"stem{n}": 1 + n % 3 for n in range(count)}
    found = Shared(sentences, weights).among_themselves()
    for i, one in enumerate(sentences):
        for j, other in enumerate(sentences):
            assert found[i, j] == pytest.approx(sum(weights[stem] ** 2 for stem in one & other))


def test_phrases_are_found_whole_the_longest_first_none_over_another() -> None:
    lists = PhraseLists({"a": ["data breach", "breach*", "cut*"], "b": ["data", "layoff*"]})
    found = lists.find(words("a data breach breaches cutting data layoffs haircut"))
    assert found == {"a": ["data breach", "breaches", "cutting"], "b": ["data", "data", "layoffs"]}


def test_a_sentence_without_a_number_of_its_own_gives_no_figure() -> None:
    assert figures(story(1, "GPT-5 and B-52 flew over route 66 at 9:30.", title="")) == []
