"""News sitemaps as sites really serve them: an index, packed in one way or another, over HTTP."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from storage.models import Feed
from tests.loopback import article, crawl, rows, save_feeds, serve

if TYPE_CHECKING:
    from pathlib import Path

INDEX = b"""<?xml version="1.0" encoding="UTF-8"?><?xml-stylesheet type="text/xsl" href="main.xsl"?>
<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<sitemap><loc>http://site.test/post-sitemap1.xml</loc><lastmod>2024-02-01T10:00:00+00:00</lastmod>
</sitemap><sitemap><loc>http://site.test/page-sitemap.xml</loc>
<lastmod>2026-11-20T08:00:00+00:00</lastmod></sitemap>
<sitemap><loc>http://site.test/news-1.xml.gz</loc><lastmod>2026-11-20T11:00:00Z</lastmod></sitemap>
<sitemap><loc>http://site.test/news-2.xml</loc></sitemap></sitemapindex>"""
PAGES = b"""<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url>
<loc>http://site.test/about</loc><lastmod>2026-11-20</lastmod></url></urlset>"""


def news(number: int, date: str = "2026-11-20T10:00:00+01:00") -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"
    xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"
    xmlns:image="http://www.google.com/schemas/sitemap-image/1.1"><url>
    <loc>http://site.test/story-{number}</loc><lastmod>{date}</lastmod><news:news>
    <news:publication><news:name>Site</news:name><news:language>de</news:language>
    </news:publication><news:publication_date>{date}</news:publication_date>
    <news:title><![CDATA[Story {number}: "Model 7" & more]]></news:title>
    <news:keywords>a, b</news:keywords></news:news><image:image><image:loc>http://site.test/1.jpg
    </image:loc></image:image></url></urlset>""".encode()


def test_an_index_of_packed_and_plain_news(tmp_path: Path) -> None:
    database = tmp_path / "news.db"
    with serve() as web:
        # The index travels packed, a news sitemap is a packed file, and both at once.
        web.add("http://site.test/map.xml", gzip.compress(INDEX), Content_Encoding="gzip")
        packed = gzip.compress(news(1))
        web.add("http://site.test/news-1.xml.gz", packed, Content_Type="application/x-gzip")
        web.add("http://site.test/news-2.xml", news(2), Content_Type="application/xml")
        web.add("http://site.test/page-sitemap.xml", PAGES, Content_Type="text/xml")
        web.add("http://both.test/map.xml.gz", gzip.compress(gzip.compress(news(3))))
        web.pages["http://both.test/map.xml.gz"].headers["Content-Encoding"] = "gzip"  # type: ignore[union-attr]
        for number in (1, 2, 3):
            web.add(f"http://site.test/story-{number}", article(f"Story {number}"))
        save_feeds(
            database,
            Feed("http://site.test/map.xml", "site", kind="sitemap"),
            Feed("http://both.test/map.xml.gz", "both", kind="sitemap"),
        )
        report = crawl(database, web)
        asked = web.urls()
    assert report["feeds_failed"] == []
    found = rows(database, "SELECT url, title, published, language FROM entries ORDER BY url")
    assert [row["url"] for row in found] == [f"http://site.test/story-{n}" for n in (1, 2, 3)]
    assert {row["title"] for row in found} >= {'Story 1: "Model 7" & more'}
    assert {(row["published"], row["language"]) for row in found} == {
        ("2026-11-20T09:00:00Z", "de")
    }
    assert "http://site.test/post-sitemap1.xml" not in asked  # unchanged for years
    assert "http://site.test/about" not in asked  # a page of the site is no news
