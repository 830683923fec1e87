"""Drawings: what they show, in words too, and that nothing in them can run."""

from __future__ import annotations

import re
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.digest.charts import ROLES, Bar, Mark, bars, described, spread, strip
from tests.hostile_words import WORDS
from tests.stories import MORNING

SVG = "{http://www.w3.org/2000/svg}"


def drawn(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(
        str(markup).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    )


def mark(who: str, minutes: int, role: str = "original") -> Mark:
    return Mark(who, role, MORNING + timedelta(minutes=minutes), f"+{minutes}")


MARKS = [mark("Salt Wire", 0), mark("Tide Post", 19), mark("Echo", 60, "copy")]


def places(svg: ElementTree.Element) -> list[float]:
    return [float(c.attrib["cx"].rstrip("%")) for c in svg.iter(f"{SVG}circle")]


def test_a_dot_for_each_story_in_the_lane_of_its_role() -> None:
    svg = drawn(spread(MARKS, name="7"))
    assert [c.attrib["class"] for c in svg.iter(f"{SVG}circle")] == ["original", "original", "copy"]
    assert sorted(places(svg)) == [2.0, 32.4, 98.0]
    said = [text.text for text in svg.iter(f"{SVG}text")]
    assert {"original 2", "copy", "3 stories", "09:00", "10:00"} <= set(said)


def test_it_grows_with_each_story() -> None:
    svg = drawn(spread(MARKS, name="7"))
    heights = [float(r.attrib["height"]) for r in svg.iter(f"{SVG}rect")]
    assert heights == sorted(heights) and len(heights) == 3


def test_a_screen_reader_hears_what_is_drawn() -> None:
    svg = drawn(spread(MARKS, name="7"))
    named = {e.attrib["id"]: e.text for e in svg.iter() if "id" in e.attrib}
    assert named[svg.attrib["aria-labelledby"]] == "How it spread"
    assert named[svg.attrib["aria-describedby"]] == described(MARKS)
    assert described(MARKS).startswith("Salt Wire, original, +0; Tide Post")
    assert "and 8 more." in described([mark(str(i), i) for i in range(20)])


def test_ids_of_two_drawings_are_apart() -> None:
    both = spread(MARKS, name="7") + spread(MARKS, name="8")
    ids = re.findall(r' id="([^"]+)"', both)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    "marks",
    [[], MARKS[:1], [mark("a", 5), mark("b", 5)], [Mark("a", "copy", None, ""), mark("b", 5)]],
)
def test_nothing_is_drawn_where_nothing_spread(marks: list[Mark]) -> None:
    assert spread(marks, name="7") == ""


def test_a_bar_is_seen_whenever_there_is_anything() -> None:
    svg = drawn(bars([Bar("1 May", 0), Bar("2 May", 1), Bar("3 May", 9000)], name="x", title="T"))
    tall = [
        int(r.attrib["height"]) for r in svg.iter(f"{SVG}rect") if "hit" not in r.attrib["class"]
    ]
    assert tall[0] == 0 and tall[1] > 0 and tall[2] > tall[1]
    assert "9000" in "".join(e.text or "" for e in svg.iter(f"{SVG}desc"))


def test_a_bar_can_lead_somewhere() -> None:
    svg = drawn(bars([Bar("1 May", 3, "days/1.html"), Bar("2 May", 0)], name="x", title="T"))
    [link] = svg.iter(f"{SVG}a")
    assert link.attrib == {"href": "days/1.html", "aria-label": "1 May: 3 events"}


@pytest.mark.parametrize("words", WORDS)
def test_stored_words_stay_words(words: str) -> None:
    marks = [Mark(words, words, m.when, words) for m in MARKS]
    for markup in (
        spread(marks, name="7"),
        strip(marks),
        bars([Bar(words, 1, "x"), Bar(words, 2)], name="x", title=words),
    ):
        allowed = {"svg", "title", "desc", "rect", "circle", "line", "text", "a", "g"}
        assert {e.tag.removeprefix(SVG) for e in drawn(markup).iter()} <= allowed


@given(
    st.lists(
        st.tuples(st.datetimes(min_value=MORNING.replace(tzinfo=None)), st.sampled_from(ROLES)),
        max_size=30,
    )
)
def test_everything_lies_inside_whatever_the_times(told: list[tuple[object, str]]) -> None:
    marks = [
        Mark("a", role, when.replace(tzinfo=MORNING.tzinfo), "")  # type: ignore[attr-defined]
        for when, role in told
    ]
    markup = spread(marks, name="7")
    if not markup:
        return
    svg = drawn(markup)
    assert all(0 <= place <= 100 for place in places(svg))
    ticks = [e for e in svg.iter(f"{SVG}line") if e.attrib["class"] == "grid"]
    assert len(ticks) <= 5
