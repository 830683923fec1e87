"""A quick web of made news sites on loopback, in a process of its own, for benchmarks of crawls.

    python -m tests.benchmarks.web --pages 100 [--kind real|small]   prints its port

Comes in: a request, as to a proxy (any host is a site) or straight (to any 127.x.y.z). Goes out: of
each site /robots.txt, /feed with all its stories, and the pages /story-1 to /story-N. It opens no
connection. A page is a template with the story's own headline, and with a sentence of its own at
the end of a dozen paragraphs, all drawn from its address: every page is another story, and the same
address is the same page in every run.

The templates: `real` are pages of extraction/* (NEWSFOLD_DATA, default ../shared/data) of 60 to
200 KB; without the data, and for `small` (about 7 KB), they are written here.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from tests.benchmarks.extraction import SETS, data_folder, read_set

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
SIZES = range(60_000, 200_001)  # bytes of a real page
MIN_BODY = 500  # characters of gold text: pages with an article in them
OWN_SENTENCES = 12
PARAGRAPH_END = re.compile(rb"(?<=[.!?\"])\s*</p>", re.IGNORECASE)
TITLE = re.compile(rb"(<title[^>]*>)[^<]*", re.IGNORECASE)
WORDS = (  # noqa: SIM905
    "maker cloud chip model phone update court price data launch team report market rival network"
    " device study firm plan breach patch service engine battery screen user fund vote delay test"
    " satellite robot tool server code driver sensor factory deal share signal lawsuit camera"
).split()
NAMES = "Alder Brask Corvane Delmar Estrin Fenwick Garrow Halden Ister Jorvik Kassaro Lumen".split()  # noqa: SIM905

Kind = Literal["real", "small"]
Parts = list[bytes]  # of a page; the story's own words go between them, its headline first


def templates(kind: Kind) -> list[Parts]:
    """Pages to make stories of."""
    if kind == "real" and (data_folder() / "extraction").is_dir():
        pages = [
            html for name in SETS for gold, html in read_set(name) if _fits(gold["body"], html)
        ]
    else:
        size = 6_000 if kind == "small" else 120_000
        pages = [_written(random.Random(seed), size) for seed in range(40)]
    return [parts for parts in map(_apart, pages) if len(parts) > 2]


def _fits(body: str, html: bytes) -> bool:
    return len(html) in SIZES and len(body) >= MIN_BODY


def _apart(html: bytes) -> Parts:
    title = TITLE.search(html)
    if title is None:
        return []
    after = title.end()
    ends = [end.start() for end in PARAGRAPH_END.finditer(html, after)]
    cuts = [after, *islice(ends, 0, None, max(1, len(ends) // OWN_SENTENCES)), len(html)]
    rest = [html[start:end] for start, end in pairwise(cuts)]
    return [html[: title.end(1)], *rest]


def _written(draw: random.Random, size: int) -> bytes:
    """A page in the common shape: a long head, navigation, the article, what else is read."""
    name = " ".join(draw.sample(NAMES, 2))
    links = "".join(f'<li><a href="/{word}">{word}</a></li>' for word in WORDS)
    text = "".join(
        f"<p>{' '.join(_sentence(draw) for _ in range(4))}</p>" for _ in range(size // 1000)
    )
    more = "".join(f'<li><a href="/story-{n}">{_headline(draw)}</a></li>' for n in range(20))
    filler = "".join(f".c{n}{{margin:{n}px}}" for n in range((size - len(text) - 4500) // 18))
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>A story</title>"
        f"<meta name='author' content='{name}'><style>{filler}</style></head>"
        f"<body><nav><ul>{links}</ul></nav><main><article><h1>A story</h1>{text}</article></main>"
        f"<aside><ul>{more}</ul></aside><footer><p>All rights reserved.</p></footer></body></html>"
    ).encode()


def _sentence(draw: random.Random) -> str:
    return f"{draw.choice(NAMES)} said the {' '.join(draw.choices(WORDS, k=12))} came first."


def _headline(draw: random.Random) -> str:
    name, *words = draw.choice(NAMES), *draw.choices(WORDS, k=6)
    return f"{name} {' '.join(words)}"


@dataclass
class Sites:
    """What the web answers: a path and the host it is asked of in, the body out."""

    templates: list[Parts]
    pages: int

    def answer(self, host: str, path: str) -> tuple[bytes, bytes] | None:
        """The type and the body; None when there is no such page."""
        if path == "/robots.txt":
            return b"text/plain", b"User-agent: *\nDisallow: /private/\n"
        if path == "/feed":
            return b"application/rss+xml", self._feed(host)
        kind, _, number = path.partition("-")
        if kind == "/story" and number.isdecimal() and 0 < int(number) <= self.pages:
            return b"text/html; charset=utf-8", self._page(host, number)
        return None

    def _feed(self, host: str) -> bytes:
        items = "".join(
            f"<item><title>{_headline(_drawer(host, str(n)))}</title>"
            f"<link>http://{host}/story-{n}</link>"
            "<pubDate>Fri, 20 Nov 2026 10:00:00 GMT</pubDate></item>"
            for n in range(1, self.pages + 1)
        )
        return f'<rss version="2.0"><channel><title>{host}</title>{items}</channel></rss>'.encode()

    def _page(self, host: str, number: str) -> bytes:
        draw = _drawer(host, number)
        headline = _headline(draw).encode()
        first, *rest = draw.choice(self.templates)
        told = b"".join(part + b" " + _sentence(draw).encode() for part in rest[:-1])
        return b"".join((first, headline, told, rest[-1]))


def _drawer(host: str, number: str) -> random.Random:
    return random.Random(f"{host} {number}")


class _Connection(asyncio.Protocol):
    """Just enough of HTTP/1.1: requests without a body, on connections that stay open."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            self._transport.write(self._reply(head.decode("latin-1")))

    def _reply(self, head: str) -> bytes:
        method, target, _ = head.partition("\r\n")[0].split(" ")
        asked = urlsplit(target if "://" in target else f"http://{_host(head)}{target}")
        found = self._sites.answer(asked.netloc, asked.path) if method == "GET" else None
        status = b"200 OK" if found else b"404 Not Found"
        kind, body = found or (b"text/plain", b"not here")
        return b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (
            status,
            kind,
            len(body),
            body,
        )


def _host(head: str) -> str:
    lines = (line.partition(":") for line in head.split("\r\n")[1:])
    return next((value.strip() for name, _, value in lines if name.lower() == "host"), "")


async def _serve(sites: Sites, addresses: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(sites), "127.0.0.1", 0, backlog=256)
    port = server.sockets[0].getsockname()[1]
    more = [address(number) for number in range(addresses)]
    if more:  # sites for those who know no proxy
        await loop.create_server(lambda: _Connection(sites), more, port, backlog=256)
    print(port, flush=True)
    with contextlib.suppress(asyncio.CancelledError):
        await loop.run_in_executor(None, sys.stdin.read)


def address(number: int) -> str:
    """The loopback address of a site that is asked straight."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


@dataclass(frozen=True, slots=True)
class Web:
    """A running web."""

    process: int
    port: int

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serve(pages: int, kind: Kind, addresses: int = 0) -> Iterator[Web]:
    """The web, in a process of its own, for as long as the block runs."""
    command = [sys.executable, "-m", "tests.benchmarks.web", "--pages", str(pages), "--kind", kind]
    process = subprocess.Popen(
        [*command, "--addresses", str(addresses)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin and process.stdout
    try:
        yield Web(process.pid, int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pages", type=int, default=100, help="of each site")
    parser.add_argument("--kind", choices=("real", "small"), default="real")
    parser.add_argument("--addresses", type=int, default=0, help="sites at addresses of their own")
    given = parser.parse_args()
    asyncio.run(_serve(Sites(templates(given.kind), given.pages), given.addresses))


if __name__ == "__main__":
    main()
