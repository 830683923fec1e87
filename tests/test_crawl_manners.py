"""What a crawl asks of others and what it refuses: robots.txt, pauses, private hosts, deadlines."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from loopback import Reply, Web, article, crawl, keyed, rss, save_feeds, serve

from storage.models import Feed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORBIDDEN = 20
ROBOTS = """User-agent: *
Disallow: /

User-agent: newsfold
Disallow: /private/
Crawl-delay: 0.4
"""

# A name service that knows one answer to everything.
RESOLVE = """
import socket
def found(host, port, *_):
    family = socket.AF_INET6 if ":" in "{address}" else socket.AF_INET
    rest = (0, 0) if family == socket.AF_INET6 else ()
    return [(family, socket.SOCK_STREAM, 6, "", ("{address}", port, *rest))]
socket.getaddrinfo = found
from twisted.internet._resolver import GAIResolver  # it has taken hold of the other one
GAIResolver.__init__.__defaults__ = (None, found)
"""


def fill(web: Web) -> None:
    links = [f"http://shy.test/private/{number}" for number in range(FORBIDDEN)]
    # The links are on another host than the feed, so that all of them wait for one robots.txt.
    web.add(
        "http://open.test/feed",
        rss(
            *((link, link) for link in links),
            ("1", "http://shy.test/1"),
            ("2", "http://shy.test/2"),
            ("3", "http://shy.test/3"),
        ),
    )
    web.pages["http://shy.test/robots.txt"] = Reply(ROBOTS.encode(), wait=0.5)
    for link in links:
        web.add(link, article("Forbidden"))
    for number in (1, 2, 3):
        web.add(f"http://shy.test/{number}", article("Allowed"))
    web.add("http://door.test/feed", rss(("To the forbidden", "/in")))
    web.add("http://door.test/in", status=302, Location="http://shy.test/private/0")
    web.add("http://ill.test/robots.txt", status=500)
    web.add("http://ill.test/feed", rss(("x", "/x")))
    web.add("http://busy.test/feed", rss(*((str(n), f"/{n}") for n in range(5))))
    for number in range(5):
        web.add(f"http://busy.test/{number}", status=503, Retry_After="7200")
    web.add(
        "http://trap.test/feed",
        rss(
            ("metadata", "http://169.254.169.254/latest/meta-data/"),
            ("loopback", f"http://127.1:{web.port}/secret"),
            ("number", f"http://2130706433:{web.port}/secret"),
            ("six", f"http://[::ffff:127.0.0.1]:{web.port}/secret"),
            ("name", "http://localhost/secret"),
            ("proxy", f"{web.address}/secret"),
            ("redirect", "/redirect"),
            ("file", "/file"),
        ),
    )
    web.add("http://trap.test/redirect", status=302, Location="http://10.0.0.1/router")
    web.add("http://trap.test/file", status=302, Location="file:///etc/passwd")
    web.add(
        "http://slow.test/feed", rss(("drip", "http://drip.test/"), ("flood", "http://flood.test/"))
    )
    web.pages["http://drip.test/"] = Reply(b"<p>", drip=0.05)
    web.pages["http://flood.test/"] = Reply(b"<p>" * 20_000, drip=0.001)
    web.pages["http://tar.test/feed"] = Reply(b"<item>", drip=0.05)


class Crawled(NamedTuple):
    report: dict[str, Any]
    asked: list[tuple[float, str, dict[str, str]]]
    feeds: dict[str, dict[str, Any]]
    entries: dict[str, dict[str, Any]]
    seconds: float

    @property
    def urls(self) -> list[str]:
        return [url for _, url, _ in self.asked]


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crawled]:
    database = tmp_path_factory.mktemp("manners") / "news.db"
    with serve() as web:
        fill(web)
        hosts = ("open", "door", "ill", "busy", "trap", "slow", "tar")
        save_feeds(database, *(Feed(f"http://{host}.test/feed", host) for host in hosts))
        settings = {"DOWNLOAD_TIMEOUT": 2, "DOWNLOAD_MAXSIZE": 1_000_000}
        report = crawl(database, web, settings=settings)
        yield Crawled(
            report,
            list(web.asked),
            keyed(database, "SELECT source_id, * FROM feeds"),
            keyed(database, "SELECT title, * FROM entries"),
            report["seconds"],
        )


def test_no_forbidden_page_is_fetched_while_robots_txt_loads(crawled: Crawled) -> None:
    assert [url for url in crawled.urls if "/private/" in url] == []
    forbidden = [e for e in crawled.entries.values() if e["status"] == "forbidden"]
    assert len(forbidden) == FORBIDDEN + 1
    assert {entry["error"] for entry in forbidden} == {"robots.txt forbids it"}
    assert crawled.urls.count("http://shy.test/robots.txt") == 1


def test_a_redirect_into_the_forbidden_is_forbidden(crawled: Crawled) -> None:
    assert crawled.entries["To the forbidden"]["status"] == "forbidden"


def test_our_own_rules_of_robots_txt_count_and_its_crawl_delay_is_kept(crawled: Crawled) -> None:
    times = [moment for moment, url, _ in crawled.asked if url.startswith("http://shy.test/")]
    pauses = [later - earlier for earlier, later in pairwise(times[1:])]
    assert len(times) == 4
    assert min(pauses) >= 0.35


def test_a_site_whose_robots_txt_fails_is_not_asked(crawled: Crawled) -> None:
    assert "http://ill.test/feed" not in crawled.urls
    assert crawled.feeds["ill"]["last_error"] == "its robots.txt was answered with 500"


def test_a_host_that_asks_to_slow_down_is_left_alone(crawled: Crawled) -> None:
    asked = [url for url in crawled.urls if url.startswith("http://busy.test/")]
    assert len(asked) == 3  # robots.txt, the feed, one page
    waiting = [entry for entry in crawled.entries.values() if "busy.test" in entry["url"]]
    # The page that was asked has had its attempt; the others were not asked.
    assert sorted((entry["status"], entry["attempts"]) for entry in waiting)[0] == ("failed", 1)
    assert {(e["status"], e["attempts"]) for e in waiting} == {("failed", 1), ("waiting", 0)}
    assert crawled.feeds["busy"]["next_due"] == "2026-11-20T14:00:00Z"
    assert crawled.feeds["busy"]["failures"] == 0


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("metadata", "169.254.169.254 is a private address"),
        ("loopback", "127.1 is a private address"),
        ("number", "2130706433 is a private address"),
        ("six", "::ffff:127.0.0.1 is a private address"),
        ("name", "localhost is a name inside this network"),
        ("proxy", "127.0.0.1 is our proxy"),
        ("redirect", "10.0.0.1 is a private address"),
    ],
)
def test_private_hosts_are_not_asked(crawled: Crawled, title: str, reason: str) -> None:
    entry = crawled.entries[title]
    assert entry["status"] == "failed"
    assert entry["error"] == f"{reason}; only public hosts are asked"
    assert not any("secret" in url or "router" in url for url in crawled.urls)


def test_a_redirect_to_a_file_is_not_followed(crawled: Crawled) -> None:
    assert crawled.entries["file"]["error"] == "the server answered 302 Found"


def test_a_page_that_never_ends_is_cut_by_time_and_by_size(crawled: Crawled) -> None:
    assert crawled.entries["drip"]["error"] == "no answer in time"
    assert crawled.entries["flood"]["error"] == "the answer is too large"
    assert crawled.feeds["tar"]["last_error"] == "no answer in time"
    assert crawled.seconds < 60  # on a busy machine, too; unbounded it would never end


def test_a_name_that_leads_to_a_private_address_is_refused_where_it_is_resolved(
    tmp_path: Path,
) -> None:
    """Without a proxy: the address that is checked is the one that is connected to."""
    with serve() as web:
        web.add(f"{web.address}/feed", rss())
        feed = f"http://rebound.example:{web.port}/feed"
        save_feeds(tmp_path / "news.db", Feed(feed, "rebound"))
        resolve = RESOLVE.format(address="127.0.0.1")
        report = crawl(tmp_path / "news.db", None, before=resolve)
        asked = list(web.asked)
        allowed = crawl(
            tmp_path / "news.db",
            None,
            before=resolve,
            everything=True,
            settings={"NEWSFOLD_PUBLIC_HOSTS_ONLY": False},
        )
    ((_, _, reason),) = report["feeds_failed"]
    assert reason == (
        "rebound.example leads to the private address 127.0.0.1; only public hosts are asked"
    )
    assert asked == []
    assert allowed["feeds_failed"] == []


def test_a_host_is_asked_by_one_request_at_a_time_even_through_redirects(tmp_path: Path) -> None:
    with serve() as web:
        feeds = []
        for number in range(6):
            url = f"http://r{number}.test/feed"
            web.add(url, status=302, Location=f"http://one.test/{number}")
            web.pages[f"http://one.test/{number}"] = Reply(rss(), wait=0.15)
            feeds.append(Feed(url, f"r{number}"))
        save_feeds(tmp_path / "news.db", *feeds)
        crawl(tmp_path / "news.db", web)
        times = [moment for moment, url, _ in web.asked if url.startswith("http://one.test/")]
    pauses = [later - earlier for earlier, later in pairwise(times[1:])]
    assert len(times) == 7
    assert min(pauses) >= 0.14
