"""A made WARC file, by a seed: pages of invented sites, and all that goes wrong in real archives.

    python -m tests.benchmarks.made_warc OUT.warc.gz --records 20000 --seed 1

Every record has an address of its own, which says what kind it is: what a reader found can be held
against what is there. The words mean nothing. A file with a name that ends on .gz has a gzip member
a record, as those of CC-NEWS have.
"""

from __future__ import annotations

import argparse
import gzip
import random
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Shares of the records. Those of STORIES give a story each, those of BROKEN cannot be read; of bad
# chunks the first ones can, which is enough for most pages.
KINDS = {
    "page": 70.0,
    "gzip-body": 6.0,
    "chunked": 5.0,
    "wrong-charset": 3.0,
    "not-html": 2.0,
    "not-found": 2.0,
    "request": 3.0,
    "revisit": 2.0,
    "dns": 1.0,
    "empty": 1.0,
    "binary": 1.0,
    "bad-chunks": 1.0,
    "cut": 0.7,
    "damaged": 0.7,
    "too-long": 0.7,
    "too-short": 0.7,
    "no-http": 0.6,
    "no-length": 0.6,
    "huge": 0.02,
}
STORIES = ("page", "gzip-body", "chunked", "wrong-charset")
BROKEN = ("cut", "damaged", "too-long", "too-short", "no-http", "no-length", "huge")
HUGE = 12 * 1024 * 1024  # bytes; more than is read of a page
SITES = 40
_SYLLABLES = [a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o", "u", "an", "er", "on")]
_HTML = b"Content-Type: text/html; charset=utf-8\r\n"


class Made:
    """Records by a seed."""

    def __init__(self, seed: int, *, packed: bool) -> None:
        self._random = random.Random(seed)
        self._packed = packed
        self._words = ["".join(self._random.choices(_SYLLABLES, k=3)) for _ in range(4000)]

    def records(self, count: int) -> Iterator[tuple[str, str, bytes]]:
        """Kind, address and bytes of each."""
        kinds = self._random.choices(list(KINDS), list(KINDS.values()), k=count)
        for number, kind in enumerate(kinds):
            if kind in ("cut", "damaged") and not self._packed:
                kind = "too-long"
            url = f"https://site{number % SITES}.example/{kind}/{number}"
            yield kind, url, self._bytes(kind, url, number)

    def _sentence(self) -> str:
        words = self._random.choices(self._words, k=self._random.randint(8, 22))
        return " ".join(words).capitalize() + "."

    def page(self, number: int) -> bytes:
        """A page that says what it is in the usual ways."""
        title = self._sentence()[:70].rstrip(".")
        paragraphs = "".join(
            f"<p>{' '.join(self._sentence() for _ in range(4))}</p>"
            for _ in range(self._random.randint(4, 14))
        )
        moment = f"2026-10-{1 + number % 28:02}T{number % 24:02}:{number % 60:02}:00Z"
        return (
            "<!DOCTYPE html><html lang=en><head><meta charset=utf-8>"
            f"<title>{title}</title><meta property=og:type content=article>"
            f'<meta property="article:published_time" content="{moment}"></head>'
            f"<body><nav><a href=/>Home</a> <a href=/about>About</a></nav><article><h1>{title}</h1>"
            f"{paragraphs}</article><footer>All rights of café reserved</footer></body></html>"
        ).encode()

    def _bytes(self, kind: str, url: str, number: int) -> bytes:
        page, status, headers = self.page(number), "200 OK", _HTML
        record_type, length = "response", None
        if kind == "gzip-body":
            page, headers = gzip.compress(page, 6, mtime=0), _HTML + b"Content-Encoding: gzip\r\n"
        elif kind in ("chunked", "bad-chunks"):
            half = len(page) // 2
            second = b"zz" if kind == "bad-chunks" else b"%x" % (len(page) - half)
            page = b"%x\r\n%b\r\n%b\r\n%b\r\n0\r\n\r\n" % (half, page[:half], second, page[half:])
            headers = _HTML + b"Transfer-Encoding: chunked\r\n"
        elif kind == "wrong-charset":
            page = page.replace(b"caf\xc3\xa9", b"caf\xe9")
        elif kind == "not-html":
            headers = b"Content-Type: image/png\r\n"
        elif kind == "not-found":
            status = "404 Not Found"
        elif kind in ("request", "revisit"):
            record_type = kind
        elif kind == "dns":
            url = f"dns:site{number}.example"
        elif kind == "empty":
            page = b""
        elif kind == "binary":
            page = self._random.randbytes(3000)
        elif kind == "huge":
            page = page + b" " * HUGE
        elif kind == "too-long":
            length = 10**6 + number
        elif kind == "too-short":
            length = 150
        answer = f"HTTP/1.1 {status}\r\n".encode() + headers + b"\r\n" + page
        if kind == "no-http":
            answer = b"\x16\x03\x01" + page
        said = "-1" if kind == "no-length" else str(len(answer) if length is None else length)
        whole = (
            (
                f"WARC/1.0\r\nWARC-Type: {record_type}\r\nWARC-Target-URI: {url}\r\n"
                f"WARC-Record-ID: <urn:uuid:00000000-0000-4000-8000-{number:012}>\r\n"
                "WARC-Date: 2026-11-20T10:00:00Z\r\n"
                f"Content-Type: application/http; msgtype={record_type}\r\n"
                f"Content-Length: {said}\r\n\r\n"
            ).encode()
            + answer
            + b"\r\n\r\n"
        )
        return self._member(kind, whole) if self._packed else whole

    def _member(self, kind: str, whole: bytes) -> bytes:
        member = gzip.compress(whole, 6, mtime=0)
        middle = len(member) // 2
        if kind == "cut":
            return member[:middle]
        if kind == "damaged":
            wrong = bytes(byte ^ 0x5A for byte in member[middle : middle + 8])
            return member[:middle] + wrong + member[middle + 8 :]
        return member


def make(path: Path, count: int, seed: int = 1) -> dict[str, str]:
    """Write a file; the kind of each address in it."""
    made = Made(seed, packed=path.name.endswith(".gz"))
    told: dict[str, str] = {}
    with path.open("wb") as file:
        for kind, url, record in made.records(count):
            told[url] = kind
            file.write(record)
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("out", type=Path)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    kinds = Counter(make(asked.out, asked.records, asked.seed).values())
    print(f"{asked.out.stat().st_size / 1e6:.1f} MB: {dict(kinds)}")


if __name__ == "__main__":
    main()
