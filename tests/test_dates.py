"""Dates as pages write them, and which of them is believed; rules: the docstring of dates.py."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawlers.articles import read_article
from crawlers.dates import CLOCK_SKEW, Claim, Habits, habits_of, is_relative, read_moment, weigh
from storage.models import Entry, Page
from storage.times import to_iso

NOW = datetime(2026, 4, 8, 18, 30, tzinfo=UTC)
ENGLISH = habits_of("en", "https://example.com/a", NOW)


@pytest.mark.parametrize(
    ("language", "url", "day_first"),
    [
        ("de", "https://example.com/", True),
        ("fr-FR", "https://example.com/", True),
        ("pt-BR", "https://example.com/", True),
        ("en-GB", "https://example.com/", True),
        ("en-AU", "https://example.com/", True),
        ("en-US", "https://example.co.uk/", False),
        ("en", "https://example.co.uk/", True),
        ("en", "https://www.example.com.au/", True),
        ("en", "https://example.com/", False),
        ("en-CA", "https://example.com/", None),
        ("ja", "https://example.jp/", None),
        ("zh-Hans", "https://example.cn/", None),
    ],
)
def test_the_order_of_day_and_month(language: str, url: str, day_first: bool | None) -> None:
    assert habits_of(language, url, NOW).day_first is day_first


@pytest.mark.parametrize(
    ("claim", "day_first", "day"),
    [
        ("03/04/2026", True, "2026-04-03"),
        ("03/04/2026", False, "2026-03-04"),
        ("03-04-2026", True, "2026-04-03"),
        ("03/04/2026", None, None),
        ("25/03/2026", False, "2026-03-25"),  # one reading only
        ("03/25/2026", True, "2026-03-25"),
        ("04/04/2026", False, "2026-04-04"),
        ("03/05/2026", True, "2026-03-05"),  # 3 May lies after the fetch
        ("05/03/2026", False, "2026-03-05"),  # so does it here
        ("3.4.2026", False, "2026-04-03"),  # dots: day first everywhere
    ],
)
def test_days_in_numbers(claim: str, day_first: bool | None, day: str | None) -> None:
    found = read_moment(claim, Habits(NOW, day_first))
    assert (found.day.isoformat() if found else None) == day
    assert found is None or found.precision == "day"


@pytest.mark.parametrize(
    ("claim", "when", "precision"),
    [
        ("2 hours ago", "2026-04-08T16:30:00Z", "guessed"),
        ("an hour ago", "2026-04-08T17:30:00Z", "guessed"),
        ("15 mins ago", "2026-04-08T18:15:00Z", "guessed"),
        ("3 days ago", "2026-04-05T00:00:00Z", "day"),
        ("2 weeks ago", "2026-03-25T00:00:00Z", "day"),
        ("today", "2026-04-08T00:00:00Z", "day"),
        ("Yesterday", "2026-04-07T00:00:00Z", "day"),
        ("vor 2 Stunden", "2026-04-08T16:30:00Z", "guessed"),
        ("vor einem Tag", "2026-04-07T00:00:00Z", "day"),
        ("gestern", "2026-04-07T00:00:00Z", "day"),
        ("il y a 3 heures", "2026-04-08T15:30:00Z", "guessed"),
        ("hace 5 minutos", "2026-04-08T18:25:00Z", "guessed"),
        ("há 2 dias", "2026-04-06T00:00:00Z", "day"),
        ("4 ore fa", "2026-04-08T14:30:00Z", "guessed"),
        ("2 uur geleden", "2026-04-08T16:30:00Z", "guessed"),
        ("3時間前", "2026-04-08T15:30:00Z", "guessed"),
        ("2 小时前", "2026-04-08T16:30:00Z", "guessed"),
        ("2 hours", None, None),
        ("in 2 hours", None, None),
        ("years ago", None, None),
        ("two of 3 days", None, None),
    ],
)
def test_times_that_count_back_from_the_fetch(
    claim: str, when: str | None, precision: str | None
) -> None:
    found = read_moment(claim, Habits(NOW))
    assert (to_iso(found.when) if found else None) == when
    assert (found.precision if found else None) == precision
    assert is_relative(claim) == bool(when)
    assert read_moment(claim) is None  # without a fetch there is nothing to count from


@pytest.mark.parametrize(
    ("claim", "when", "precision"),
    [
        ("13. März 2026, 15:44 Uhr", "2026-03-13T15:44:00Z", "guessed"),
        ("8 avril 2026 à 14:05", "2026-04-08T14:05:00Z", "guessed"),
        ("8 de abril de 2026", "2026-04-08T00:00:00Z", "day"),
        ("8 aprile 2026", "2026-04-08T00:00:00Z", "day"),
        ("8 kwietnia 2026", "2026-04-08T00:00:00Z", "day"),
        ("8 апреля 2026", "2026-04-08T00:00:00Z", "day"),
        ("2026年4月8日 12:30", "2026-04-08T12:30:00Z", "guessed"),
        ("2026년 4월 8일", "2026-04-08T00:00:00Z", "day"),
        ("April 8, 2026 12:05 am", "2026-04-08T00:05:00Z", "guessed"),
    ],
)
def test_months_in_other_languages(claim: str, when: str, precision: str) -> None:
    found = read_moment(claim)
    assert found is not None
    assert (to_iso(found.when), found.precision) == (when, precision)


def test_every_claim_is_kept_with_what_became_of_it() -> None:
    said = ["soon", "2027-01-01", "0099-01-01", "1970-01-01", "2026-04-08", "2026-04-08T16:02:00Z",
            "2026-04-01"]  # fmt: skip
    claims = [Claim("meta tags", text, read_moment(text, ENGLISH)) for text in said]
    settled, kept = weigh(claims, NOW)
    assert settled is not None
    assert to_iso(settled.when) == "2026-04-08T16:02:00Z"
    assert [claim.verdict for claim in kept] == [
        "unreadable", "too late", "too early", "too early", "refined", "believed", "not needed",
    ]  # fmt: skip
    assert [claim.said for claim in kept] == said


DAYS = st.integers(-17_000, 5_000).map(lambda days: NOW + timedelta(days=days))
DATES = st.one_of(
    DAYS.map(lambda when: when.isoformat()),
    DAYS.map(lambda when: f"{when:%d/%m/%Y}"),
    st.sampled_from(["2 hours ago", "yesterday", "soon", "today", "8 avril 2026", "11/12/2026"]),
)


@settings(deadline=None)
@given(st.lists(DATES, max_size=6), st.sampled_from(["en", "de", "en-GB", "ja"]))
def test_no_time_is_later_than_the_fetch_and_one_claim_is_believed(
    said: list[str], language: str
) -> None:
    habits = habits_of(language, "https://example.com/", NOW)
    claims = [Claim("meta tags", text, read_moment(text, habits)) for text in said]
    settled, kept = weigh(claims, NOW)
    assert len(kept) == len(said)
    believed = [claim for claim in kept if claim.verdict == "believed"]
    if settled is None:
        assert not believed
        return
    assert datetime(1995, 1, 1, tzinfo=UTC) <= settled.when <= NOW + CLOCK_SKEW
    assert believed[0].when == settled.when


TEXT = (
    "<p>The quay was opened on Wednesday by the mayor, who cut a ribbon of optical fibre before a "
    "crowd of some two hundred neighbours, most of whom had come for the soup.</p>"
    "<p>Nine thousand servers will stand in the low brick building once the last racks are wired, "
    "cooled by water from the bay that goes back two degrees warmer than it came.</p>"
)


def article(head: str, byline: str = "", language: str = "en") -> Page:
    html = (
        f'<html lang="{language}"><head><title>Quay opens</title>{head}</head><body><main>'
        f"<h1>Quay opens late</h1>{byline}{TEXT}</main></body></html>"
    )
    return Page(1, "https://example.com/a", html.encode(), NOW)


def json_ld(**dates: str) -> str:
    fields = "".join(f', "{name}": "{said}"' for name, said in dates.items())
    return f'<script type="application/ld+json">{{"@type": "NewsArticle"{fields}}}</script>'


@pytest.mark.parametrize(
    ("head", "byline", "language", "published", "origin"),
    [
        # a machine that builds the page anew says the day of that for both
        (json_ld(datePublished="Apr 2, 2026", dateModified="Apr 1, 2026"),
         "<aside>Published <span>Mar 3, 2026</span></aside>", "en", "2026-03-03",
         "line near the title"),
        # without a day that is shown it is all there is
        (json_ld(datePublished="Apr 2, 2026", dateModified="Apr 1, 2026"), "", "en",
         "2026-04-02", "JSON-LD of the article"),
        # and an honest one goes first
        (json_ld(datePublished="Apr 1, 2026", dateModified="Apr 2, 2026"),
         "<div>Mar 3, 2026</div>", "en", "2026-04-01", "JSON-LD of the article"),
        ("", "<p>3 hours ago</p>", "en", "2026-04-08", "date line"),
        ("", "<span>vor 3 Tagen</span>", "de", "2026-04-05", "date line"),
        ('<meta name="date" content="03/04/2026">', "", "de", "2026-04-03", "meta tags"),
        ('<meta name="date" content="03/04/2026">', "", "en-US", "2026-03-04", "meta tags"),
        ("", "<div>Updated 3 April 2026</div>", "en", None, ""),
    ],
)  # fmt: skip
def test_where_the_date_of_a_page_comes_from(
    head: str, byline: str, language: str, published: str | None, origin: str
) -> None:
    story = read_article(article(head, byline, language), Entry(url="https://example.com/a"))
    if published is None:
        assert story.published is None or story.date_claims[-1].origin == "layout"
        return
    assert story.published is not None
    assert story.published.date().isoformat() == published
    assert [claim.origin for claim in story.date_claims if claim.verdict == "believed"] == [origin]


def test_what_is_kept_of_a_claim_can_be_stored() -> None:
    story = read_article(
        article(json_ld(datePublished=r"\u0000\ud800soon\u202e" + "x" * 1000)),
        Entry(url="https://x.example/a"),
    )
    said = story.date_claims[0].said
    assert said.encode().startswith(b"soonx")
    assert len(said) <= 80


def test_the_feed_is_a_claim_like_others() -> None:
    entry = Entry(
        "https://example.com/a", published=NOW - timedelta(hours=1), published_precision="minute"
    )
    story = read_article(article('<meta name="date" content="2026-04-08">'), entry)
    assert story.published == NOW - timedelta(hours=1)
    verdicts = {claim.origin: claim.verdict for claim in story.date_claims}
    assert verdicts["meta tags"] == "refined"
    assert verdicts["feed"] == "believed"
