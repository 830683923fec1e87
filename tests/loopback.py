"""A small web on loopback for tests: URLs and their answers come in, a log of requests goes out.

Spiders reach it as an HTTP proxy, so tests use invented hosts such as http://alpha.test/feed.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from storage.database import create_or_open
from storage.models import Feed, Source
from storage.sources import save_sources
from tests.processes import Started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = "2026-11-20T12:00:00Z"


@dataclass
class Reply:
    """What the web answers at an address; `drip` seconds between the bytes, for ever.

    A body that is shorter than the `length` it claims ends with the connection; a reply that is
    a `reset` ends in the middle of its head.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drip: float = 0.0
    wait: float = 0.0
    length: int | None = None
    reset: bool = False


class Web:
    """The server. `pages` maps URLs to replies, or to functions of the request's headers."""

    def __init__(self) -> None:
        self.pages: dict[str, Reply | Callable[[dict[str, str]], Reply]] = {}
        self.asked: list[tuple[float, str, dict[str, str]]] = []
        self.spans: list[tuple[float, float, str]] = []  # from request to answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def urls(self) -> list[str]:
        return [url for _, url, _ in self.asked]

    def add(self, url: str, body: str | bytes = b"", status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages[url] = Reply(body.encode() if isinstance(body, str) else body, status, named)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = self.path if "://" in self.path else web.address + self.path
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = time.monotonic()
                web.asked.append((asked, url, headers))
                reply = web.pages.get(url, Reply(b"not here", 404))
                with suppress(ConnectionError):  # whoever asked has gone
                    self.answer(reply(headers) if callable(reply) else reply)
                web.spans.append((asked, time.monotonic(), url))

            def answer(self, reply: Reply) -> None:
                time.sleep(reply.wait)
                if reply.reset:
                    self.close_connection = True
                    with suppress(OSError):
                        self.wfile.write(b"HTTP/1.1 200 O")
                    return
                self.send_response(reply.status)
                for name, value in {"Content-Type": "text/html", **reply.headers}.items():
                    self.send_header(name, value)
                if reply.drip:
                    self.end_headers()
                    self.drip(reply)
                    return
                if reply.length is not None:
                    self.close_connection = True
                if reply.status != 304:
                    self.send_header("Content-Length", str(reply.length or len(reply.body)))
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(reply.body)

            def drip(self, reply: Reply) -> None:
                self.close_connection = True
                with suppress(OSError):
                    while True:
                        self.wfile.write(reply.body)
                        self.wfile.flush()
                        time.sleep(reply.drip)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


@contextmanager
def serve() -> Iterator[Web]:
    served = Web()
    try:
        yield served
    finally:
        served.close()


_CRAWL = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from crawlers.crawl import crawl
arguments = json.loads(sys.argv[1])
report = crawl(Path(arguments.pop("database")), **arguments)
print(json.dumps(asdict(report)))
"""


def start_crawl(
    database: Path,
    web: Web | None,
    *,
    settings: dict[str, Any] | None = None,
    before: str = "",
    **more: Any,
) -> Started:
    """Start crawlers.crawl.crawl in a process of its own; `before` is code to run there first."""
    # Not 0: without any delay Scrapy 2.19 sends all requests to a host at once.
    chosen: dict[str, Any] = {"DOWNLOAD_DELAY": 0.01, "NEWSFOLD_NOW": NOW}
    if web is not None:
        chosen["NEWSFOLD_PROXY"] = web.address
    arguments = {"database": str(database), "settings": chosen | (settings or {}), **more}
    return Started(before + _CRAWL, json.dumps(arguments))


def crawl(database: Path, web: Web | None, **more: Any) -> dict[str, Any]:
    """The report of a whole crawl as a dict, with what it wrote to standard error."""
    return report_of(start_crawl(database, web, **more))


def report_of(process: Started) -> dict[str, Any]:
    output, errors = process.communicate()
    if process.returncode:
        raise AssertionError(errors)
    return {**json.loads(output), "stderr": errors}


def save_feeds(database: Path, *feeds: Feed) -> None:
    """Each feed with the source that it names."""
    db = create_or_open(database)
    for feed in feeds:
        name = feed.source_id
        save_sources(db, [Source(name, name, "http://home.test/", "en", name, (feed,))])
    db.close()


def rows(database: Path, sql: str) -> list[dict[str, Any]]:
    db = create_or_open(database)
    try:
        return list(db.query(sql))
    finally:
        db.close()


def keyed(database: Path, sql: str) -> dict[str, dict[str, Any]]:
    """Rows by their first column."""
    return {str(next(iter(row.values()))): row for row in rows(database, sql)}


def rss(*items: tuple[str, str], channel: str = "") -> bytes:
    """An RSS feed of (title, link)."""
    listed = "".join(
        f"<item><title>{title}</title><link>{link}</link>"
        f"<pubDate>Fri, 20 Nov 2026 10:00:00 GMT</pubDate></item>"
        for title, link in items
    )
    return f'<rss version="2.0"><channel><title>T</title>{channel}{listed}</channel></rss>'.encode()


def article(title: str, text: str = "Some words of a story. " * 20) -> bytes:
    head = f"<!doctype html><html><head><title>{title}</title></head>"
    return f"{head}<body><p>{text}</p></body></html>".encode()
