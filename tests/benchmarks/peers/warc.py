"""Readers of WARC files side by side: what each finds of a file with broken records.

    python -m tests.benchmarks.made_warc FILE.warc.gz --records 20000
    ENV/bin/python tests/benchmarks/peers/warc.py FILE.warc.gz NAME

NAME is newsfold, fastwarc, warcio, or one of the last two with `+`: then it is opened again at the
next gzip member (plain: at the next `WARC/1.`) behind the last record before the place where it
ended. Run each in an environment that has it: pip install fastwarc warcio. Seconds are of the
processor, from after the imports. Only ours unpacks bodies.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.made_warc import BROKEN, Made  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GZIP, PIECE = b"\x1f\x8b\x08", 64 * 1024
MOST = 10 * 1024 * 1024  # bytes of a body
NOT_READ = (*BROKEN, "request", "revisit", "dns")  # no answer of a web server, or broken


def newsfold(file: IO[bytes]) -> Iterator[str]:
    from crawlers.warc import Response, read_warc

    for record in read_warc(file):
        if isinstance(record, Response):
            yield record.url


def fastwarc(file: IO[bytes], last: list[int]) -> Iterator[str]:
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    start = file.tell()
    for record in ArchiveIterator(file, record_types=WarcRecordType.response):
        at = record.stream_pos
        last[0] = at if at >= start else start + at
        if len(record.reader.read(MOST + 1)) <= MOST and record.is_http_parsed:
            yield record.headers.get("WARC-Target-URI")


def warcio(file: IO[bytes], last: list[int]) -> Iterator[str]:
    from warcio.archiveiterator import ArchiveIterator

    records = ArchiveIterator(file)
    for record in records:
        last[0] = max(last[0], records.get_record_offset())
        if record.rec_type != "response" or not record.http_headers:
            continue
        if len(record.content_stream().read(MOST + 1)) <= MOST:
            yield record.rec_headers.get_header("WARC-Target-URI")


def opened_again(
    read: Callable[[IO[bytes], list[int]], Iterator[str]], file: IO[bytes], *, again: bool
) -> Iterator[str]:
    mark = GZIP if file.read(3) == GZIP else b"WARC/1."
    position: int | None = 0
    while position is not None:
        file.seek(position)
        last = [position]
        try:
            yield from read(file, last)
        except Exception as error:  # each library has its own, and there are many
            logging.debug("%s", error)
        position = find(file, max(last[0], position) + 1, mark) if again else None


def find(file: IO[bytes], position: int, mark: bytes) -> int | None:
    while True:
        file.seek(position)
        piece = file.read(PIECE)
        if (at := piece.find(mark)) >= 0:
            return position + at
        if len(piece) < PIECE:
            return None
        position += len(piece) - len(mark) + 1


def main() -> None:
    path, name = Path(sys.argv[1]), sys.argv[2]
    packed = path.name.endswith(".gz")
    kinds = {url: kind for kind, url, _ in Made(1, packed=packed).records(20_000)}
    readers: dict[str, Any] = {"fastwarc": fastwarc, "warcio": warcio}
    with path.open("rb") as file:
        started = time.process_time()
        if name == "newsfold":
            found = set(newsfold(file))
        else:
            reader = readers[name.rstrip("+")]
            found = set(opened_again(reader, file, again=name.endswith("+")))
        seconds = time.process_time() - started
    wrong = Counter(kinds.get(url, "unknown") for url in found)
    readable = {url for url, kind in kinds.items() if kind not in NOT_READ}
    print(
        json.dumps(
            {
                "reader": name,
                "readable": len(readable),
                "found": len(readable & found),
                "broken ones given": sum(wrong[kind] for kind in NOT_READ),
                "CPU s": round(seconds, 2),
                "records/s": round(len(found) / max(seconds, 0.01)),
            }
        )
    )


if __name__ == "__main__":
    main()
