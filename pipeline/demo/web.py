"""The demo's web server: a forward proxy on loopback that answers for all hosts itself.

A request for a URL of the demo's sources in, its ready answer out. Any other host gets a 502.
It never opens a connection to anywhere.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pipeline.demo import DEMO_NOW
from pipeline.demo.sites import Answer, build_sites, error_page
from pipeline.demo.stories import load_stories

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from email.message import Message

LOOPBACK = "127.0.0.1"
DRIP = b"<!-- still loading, please wait -->\n"
DRIP_EVERY = 0.05  # seconds; slow enough that only a limit on time or on size ends it
IDLE_TIMEOUT = 60  # seconds; after this a kept-alive connection is let go
STOP_POLL = 0.02  # seconds; how soon serve_forever sees that it should stop


@dataclass(frozen=True, slots=True)
class DemoWeb:
    """Where the web listens, and how often each URL was asked for."""

    address: str
    port: int
    hits: Counter[str] = field(default_factory=Counter)


def _requested_url(target: str, host: str) -> str:
    """The URL that a request means, whether sent to a proxy or to the host itself."""
    parts = urlsplit(target if "://" in target else f"http://{host}{target}")
    netloc = parts.netloc.lower().removesuffix(":80")
    return parts._replace(netloc=netloc, path=parts.path or "/", fragment="").geturl()


def _unchanged(answer: Answer, asked: Message) -> bool:
    """Whether the client has this answer already (RFC 9110, 13.2.2: ETag goes first)."""
    if (tags := asked["If-None-Match"]) is not None:
        known = {tag.strip().removeprefix("W/") for tag in tags.split(",")}
        return answer.etag is not None and bool(known & {answer.etag, "*"})
    if asked["If-Modified-Since"] is None or answer.last_modified is None:
        return False
    with suppress(ValueError, TypeError):  # a date that cannot be read or compared is no condition
        since = parsedate_to_datetime(asked["If-Modified-Since"])
        return parsedate_to_datetime(answer.last_modified) <= since
    return False


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # a crawler opens many connections at once

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers
        self.hosts = {urlsplit(url).netloc for url in answers}
        self.hits: Counter[str] = Counter()
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.connections: set[socket.socket] = set()
        super().__init__((LOOPBACK, 0), _Handler)

    def server_bind(self) -> None:
        # HTTPServer asks the DNS for our name here; the demo must not ask anyone anything.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def answer(self, url: str) -> Answer:
        """The answer for a URL; unknown queries are ignored, as most sites do."""
        with self.lock:
            self.hits[url] += 1
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.netloc not in self.hosts:
            return error_page(502, "The demo's web has no such host, and asks no other.")
        plain = parts._replace(query="").geturl()
        known = self.answers.get(url) or self.answers.get(plain)
        return known or error_page(404, "This page is not here.")

    def stop(self) -> None:
        """End the endless answers and let go of every connection."""
        self.stopping.set()
        with self.lock:
            for connection in self.connections:
                with suppress(OSError):
                    connection.shutdown(SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error; the demo stays quiet about it."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    server_version = "newsfold-demo"
    sys_version = ""
    timeout = IDLE_TIMEOUT
    wbufsize = -1  # headers and body leave in one packet
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        with self.server.lock:
            self.server.connections.add(self.connection)

    def finish(self) -> None:
        with self.server.lock:
            self.server.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        try:
            url = _requested_url(self.path, self.headers.get("Host", ""))
        except ValueError as error:
            return self._send(error_page(400, f"This is no address: {error}"))
        answer = self.server.answer(url)
        if _unchanged(answer, self.headers):
            answer = Answer(status=304, headers=answer.headers)
        return self._send(answer)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_CONNECT(self) -> None:
        """A tunnel would lead out of the demo; there is none."""
        self._send_head(Answer(status=502))
        self.close_connection = True

    def _send(self, answer: Answer) -> None:
        self._send_head(answer)
        if self.command == "HEAD":
            return
        self.wfile.write(answer.body)  # a 304 has none
        if answer.endless:
            self._drip()

    def _send_head(self, answer: Answer) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        if answer.endless:
            self.send_header("Connection", "close")
        elif answer.status != 304:
            self.send_header("Content-Length", str(len(answer.body)))
        if answer.status != 304:
            self.send_header("Content-Type", answer.content_type)
        self.end_headers()

    def _drip(self) -> None:
        """Go on until the client has enough or the demo ends."""
        while not self.server.stopping.is_set():
            self.wfile.write(DRIP)
            self.wfile.flush()
            self.server.stopping.wait(DRIP_EVERY)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: what was asked for is counted in `hits`."""


@contextmanager
def serve(now: datetime = DEMO_NOW) -> Iterator[DemoWeb]:
    """The demo's web as it stands at `now`, for as long as the block runs."""
    with _Server(build_sites(load_stories(), now)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(STOP_POLL,), daemon=True)
        thread.start()
        try:
            yield DemoWeb(
                f"http://{LOOPBACK}:{server.server_port}", server.server_port, server.hits
            )
        finally:
            server.shutdown()
            thread.join()
            server.stop()
