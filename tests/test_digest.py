"""The digest: what is chosen, what a reader sees, and the forms that it takes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.digest.render import FORMS, render, safe_url
from pipeline.digest.terminal import WIDTH, width
from pipeline.digest.view import DigestView, EventView, build_view
from storage.models import Event, Figure, Member, Related, Section, Sentence, Source, Story

NOW = datetime(2026, 4, 9, 8, tzinfo=UTC)
SINCE = NOW - timedelta(days=1)
BROKE = datetime(2026, 4, 8, 16, 2, tzinfo=UTC)
FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def story(
    id_: int, source: str, minutes: int, text: str = "Words of a report.", **fields: object
) -> Story:
    return Story(
        url=f"https://{source}.example/ferries",
        id=id_,
        title="Morvik orders nine ferries",
        text=text,
        source_id=source,
        published=BROKE + timedelta(minutes=minutes),
        published_precision="minute",
        **fields,  # type: ignore[arg-type]
    )


STORIES = {
    1: story(
        1,
        "salt",
        0,
        "word " * 690,
        sections=(Section("", "Opening words."), Section("The price", "It is high. So be it.")),
    ),
    2: story(2, "tide", 19),
    3: story(3, "echo", 25),
}
SOURCES = {
    key: Source(id=key, name=name, home=f"https://{key}.example", language="en", owner=key)
    for key, name in {"salt": "Salt Wire", "tide": "Tide Post", "echo": "Echo"}.items()
}


def figure(story_id: int, shown: str, value: float) -> Figure:
    sentence = f"Morvik will pay {shown} for the Wisla order of nine ferries."
    return Figure(story_id, f"EUR {value:.0f}", value, "EUR", shown, shown, sentence, "Wisla order")


EVENT = Event(
    id=7,
    title="Morvik orders nine ferries",
    headline_story=1,
    members=(Member(2), Member(1), Member(3, "copy", through=1)),
    first_published=BROKE,
    last_published=BROKE + timedelta(minutes=25),
    category="product launch",
    tldr=(Sentence("Morvik has ordered nine ferries in Gdansk.", 2),),
    figures=(figure(1, "€310M", 310e6), figure(2, "€300M", 300e6), figure(3, "€310M", 310e6)),
    related=(Related(8, 0.4, "both name Morvik"),),
    independent=2,
    comments=12,
)
OTHER = replace(EVENT, id=8, title="Morvik sells an old ferry", related=(), category="acquisition")


def view(event: Event = EVENT) -> EventView:
    return build_view(event, STORIES, SOURCES, {8: OTHER})


def digest(*events: EventView) -> DigestView:
    return DigestView(SINCE, NOW, events)


# --- the view -------------------------------------------------------------------------------


def test_who_broke_it_and_by_how_much() -> None:
    assert (
        view().broke == "broke 16:02 UTC on 8 April with Salt Wire, 19 minutes ahead of Tide Post"
    )


def test_a_date_without_a_time_is_nobodys_lead() -> None:
    stories = {1: replace(STORIES[1], published_precision="day"), 2: STORIES[2]}
    seen = build_view(EVENT, stories, SOURCES, {})
    assert seen.broke == "broke 16:21 UTC on 8 April with Tide Post"


def test_a_lead_over_a_copy_or_a_sister_is_none() -> None:
    sisters = {**SOURCES, "tide": replace(SOURCES["tide"], owner="salt")}
    seen = build_view(EVENT, STORIES, sisters, {})
    assert seen.broke == "broke 16:02 UTC on 8 April with Salt Wire"


def test_sources_stand_by_time_and_copies_say_whose_text_they_carry() -> None:
    assert [(s.source, s.when, s.note) for s in view().sources] == [
        ("Salt Wire", "16:02", ""),
        ("Tide Post", "16:21", ""),
        ("Echo", "16:27", "same text as Salt Wire"),
    ]


def test_figures_that_differ_stand_side_by_side_and_copies_say_nothing_twice() -> None:
    (seen,) = view().figures
    assert (seen.shown, seen.sources) == ("€310M", ("Salt Wire",))
    assert [(v.shown, v.sources) for v in seen.differs] == [("€300M", ("Tide Post",))]


def test_agreement_is_told_with_the_number_of_reports_and_only_when_all_agree() -> None:
    stories = {
        i: replace(STORIES[2], id=i, source_id=f"s{i}", url=f"https://s{i}.example/")
        for i in range(1, 7)
    }
    roles = ("original", "original", "rewrite", "original", "commentary", "copy")
    members = tuple(Member(i, role) for i, role in enumerate(roles, 1))  # type: ignore[arg-type]

    def by(*ids: int) -> str:
        figures = tuple(figure(i, "€310M", 310e6) for i in ids)
        event = replace(EVENT, members=members, figures=figures)
        return build_view(event, stories, {}, {}).figures[0].by

    assert by(1, 2, 3, 4) == by(1, 2, 3, 4, 5) == "all 4 reports"
    assert by(1, 2, 4, 5) == "s1, s2, s4, s5"


def test_a_figure_of_somebody_else_is_left_out() -> None:
    other = replace(
        figure(1, "€11M", 11e6), sentence="A yard that was late in 2024 paid 11 million euros."
    )
    stories = {
        **STORIES,
        1: replace(STORIES[1], text="The yard says that Morvik ordered nine ferries."),
    }
    shown = build_view(
        replace(EVENT, figures=(other, *EVENT.figures)), stories, SOURCES, {}
    ).figures
    assert shown == view().figures


def test_sections_have_neither_dateline_nor_the_headline_as_heading() -> None:
    sections = (
        Section("Morvik orders nine ferries!", "GDANSK (Salt Wire) — The yard is glad. So are we."),
        Section("The price", "It is high."),
    )
    stories = {**STORIES, 1: replace(STORIES[1], sections=sections)}
    seen = build_view(EVENT, stories, SOURCES, {}).sections
    assert [(s.heading, s.first) for s in seen] == [
        ("", "The yard is glad."),
        ("The price", "It is high."),
    ]


def test_reading_time_is_that_of_the_headline_story() -> None:
    assert view().minutes == 3


def test_a_member_that_is_not_at_hand_is_left_out() -> None:
    assert build_view(EVENT, {}, {}, {}).sources == ()


# --- the forms ------------------------------------------------------------------------------


FOR_READERS = [form for form in FORMS if form not in ("atom", "jsonfeed")]  # see digest_feeds
EVERYWHERE = (
    "Morvik orders nine ferries",
    "ordered nine ferries in Gdansk",
    "Salt Wire",
    "€310M",
    "€300M",
    "The price",
    "Morvik sells an old ferry",
    "https://salt.example/ferries",
)


@pytest.mark.parametrize("form", FOR_READERS)
def test_every_form_says_what_matters(form: str) -> None:
    said = render(digest(view()), form)  # type: ignore[arg-type]
    for words in EVERYWHERE:
        assert words in said
    assert said.endswith("\n") and not said.endswith("\n\n")


@pytest.mark.parametrize("form", FOR_READERS)
def test_an_empty_digest_says_so(form: str) -> None:
    said = render(digest(), form)  # type: ignore[arg-type]
    assert "Nothing new" in said or json.loads(said)["events"] == []


def test_text_keeps_to_80_columns_without_trailing_spaces() -> None:
    for line in render(digest(view()), "text").splitlines():
        assert line == line.rstrip()
        assert width(line) <= WIDTH or "https://" in line


def test_colour_only_when_asked_for() -> None:
    assert "\x1b[" not in render(digest(view()), "text")
    coloured = render(digest(view()), "text", colour=True)
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == render(digest(view()), "text")


def test_json_holds_the_view() -> None:
    told = json.loads(render(digest(view()), "json"))
    assert told["version"] == 1
    assert told["since"] == "2026-04-08T08:00:00Z"
    assert told["events"][0]["figures"][0]["differs"][0]["sources"] == ["Tide Post"]


class Page(HTMLParser):
    """Tags, attributes and text of a page, and whether every tag is closed."""

    VOID = ("meta", "br", "hr", "img", "link")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> while {self.open[-1:]} is open"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.said += data


def page(html: str) -> Page:
    read = Page()
    read.feed(html)
    read.close()
    assert read.open == []
    return read


def test_html_is_one_file_without_scripts_or_anything_from_elsewhere() -> None:
    html = render(digest(view()), "html")
    read = page(html)
    assert not {"script", "img", "link", "iframe", "object", "form"} & set(read.tags)
    assert "url(" not in html and "@import" not in html
    assert read.tags.count("h2") == 1 and "main" in read.tags


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "javascript:alert(1)",
            "{{ 7 * 7 }}{% raw %}",
            "](javascript:alert(1)) [x](y) `a` | b",
            "\x1b[31mred\x1b]0;title\x07",
            "\u202egnp.exe",
            "</style></title></details>",
            "# heading\n- list\n1. one\n<!-- no -->",
            "&lt;b&gt; &amp;",
        ]
    ),
)


@given(HOSTILE, HOSTILE)
@settings(deadline=None, max_examples=150)
def test_hostile_strings_are_only_ever_text(text: str, url: str) -> None:
    source = replace(SOURCES["salt"], name=text)
    stories = {
        i: replace(s, url=url, title=text, sections=(Section(text, text),), text=text)
        for i, s in STORIES.items()
    }
    hostile = replace(
        EVENT,
        title=text,
        category=text,
        category_because=text,
        tldr=(Sentence(text, 1),),
        figures=(replace(EVENT.figures[0], shown=text, about=text),),
    )
    sources = {"salt": source, "tide": source, "echo": source}
    seen = digest(build_view(hostile, stories, sources, {8: replace(OTHER, title=text)}))
    for form in FORMS:
        said = render(seen, form)
        assert not FORBIDDEN.search(said)
        said.encode("utf-8")
    read = page(render(seen, "html"))
    clean = page(render(digest(view()), "html"))
    assert set(read.tags) <= set(clean.tags) | {"p"}
    assert not read.handlers
    assert all(link.lower().startswith(("http://", "https://")) for link in read.links)
    markdown = render(seen, "markdown")
    assert not re.search(r"\]\((?!<https?:)", re.sub(r"\\.", "", markdown))
    assert "<script" not in re.sub(r"\\.", "", markdown)
    json.loads(render(seen, "json"))


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "ftp://a.example",
        "https://",
        "http://[",
        "",
    ],
)
def test_only_web_addresses_become_links(url: str) -> None:
    assert safe_url(url) == ""
    assert safe_url("https://a.example/b?c=d&e") == "https://a.example/b?c=d&e"


@given(st.text(max_size=400))
@settings(deadline=None)
def test_text_stays_within_the_width_whatever_it_says(text: str) -> None:
    told = render(digest(replace(view(), headline=text, tldr=())), "text")
    for line in told.splitlines():
        assert width(line) <= WIDTH or "http" in line


def test_an_unknown_form_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no such form: pdf"):
        render(digest(), "pdf")  # type: ignore[arg-type]
