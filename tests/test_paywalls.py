"""Whether a story must be paid for, by what its page says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crawlers.articles import read_article
from storage.models import Entry, Page

NOW = datetime(2026, 4, 8, 18, tzinfo=UTC)
TEXT = (
    "<p>The quay was opened on Wednesday by the mayor, who cut a ribbon of optical fibre before a "
    "crowd of some two hundred neighbours, most of whom had come for the soup.</p>"
    "<p>Nine thousand servers will stand in the low brick building once the last racks are wired, "
    "cooled by water from the bay that goes back two degrees warmer than it came.</p>"
)


def ld(value: str) -> str:
    return f'<script type="application/ld+json">{{"@type": "NewsArticle", {value}}}</script>'


@pytest.mark.parametrize(
    ("head", "last", "paywalled"),
    [
        ("", "", None),
        (ld('"isAccessibleForFree": false'), "", True),
        (ld('"isAccessibleForFree": true'), "", False),
        (ld('"isAccessibleForFree": "False"'), "", True),
        (ld('"isAccessibleForFree": "https://schema.org/True"'), "", False),
        (ld('"hasPart": {"@type": "WebPageElement", "isAccessibleForFree": false}'), "", True),
        (ld('"isAccessibleForFree": "perhaps"'), "", None),
        ('<meta property="article:content_tier" content="locked">', "", True),
        ('<meta property="article:content_tier" content="metered">', "", True),
        ('<meta property="article:content_tier" content="free">', "", False),
        (
            ld('"isAccessibleForFree": true')
            + '<meta property="article:content_tier" content="locked">',
            "",
            False,
        ),
        ("", "<p>Subscribe now to continue reading this story.</p>", True),
        ("", "<p>Dieser Artikel ist nur für Abonnenten.</p>", True),
        ("", "<p>Cet article est réservé aux abonnés.</p>", True),
        (
            "",
            "<p>The ferry company sold its subscribers a story about reading the tides.</p>",
            None,
        ),
    ],
)
def test_paywall(head: str, last: str, paywalled: bool | None) -> None:
    html = f"<html><head><title>Quay</title>{head}</head><article><h1>Quay opens</h1>"
    page = Page(1, "https://example.com/a", (html + TEXT + last).encode(), NOW)
    assert read_article(page, Entry(url=page.url)).paywalled is paywalled
