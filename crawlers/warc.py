"""The responses in a WARC file: an open file comes in, records go out, the broken ones as words.

Nothing in a file is believed: sizes and headers are bounded, and a record that cannot be read
costs itself alone; reading goes on at the next one. It knows no HTML and no database.
"""

from __future__ import annotations

import io
import re
import zlib
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import IO, TYPE_CHECKING

import brotli

from storage.times import from_iso

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

MAX_BODY = 10 * 1024 * 1024  # bytes, packed or not; as much as a crawl fetches
MAX_LINE = 32 * 1024  # of a header
MAX_HEADERS = 200  # lines
MAX_RECORD = 1_000_000_000  # bytes; what says to be longer is taken for broken
BEHIND = b"\r\n\r\n"  # every record
BLANK_LINES = 4  # between two records at the most; some programs write others than two
PIECE = 64 * 1024  # bytes read at a time
PACKED = 16 * 1024  # of gzip; members are small, and what is read too far is read again
GZIP = b"\x1f\x8b\x08"
CUT = "the file ends within a record"
_STATUS = re.compile(rb"HTTP/\d(?:\.\d)? +(\d{3})\b")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[^\n]{0,200}\n")


@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered, as an archive keeps it; the body is unpacked."""

    url: str
    date: datetime | None
    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """Where something stands that cannot be read, and why."""

    position: int  # bytes from the start of the file
    reason: str


def read_warc(file: IO[bytes]) -> Iterator[Response | Broken]:
    """The responses of a WARC file, plain or gzip; the file must be seekable."""
    packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    if not packed:
        yield from _records(file, file.tell)
        return
    position: int | None = 0
    while (position := _find_gzip(file, position or 0)) is not None:
        start = position
        member = _Member(file, start)
        last: Response | Broken | None = None
        for read in _records(io.BufferedReader(member, PIECE), partial(int, start)):
            if last:
                yield last
            last = read
        if last and not (member.damage and isinstance(last, Broken)):  # the damage is why
            yield last
        if member.damage:
            yield Broken(start, member.damage)
        position = member.end


# gzip


class _Member(io.RawIOBase):
    """What one gzip member holds. It ends early where it is damaged, and then `damage` says how;
    `end` is where the next one may begin."""

    def __init__(self, file: IO[bytes], start: int) -> None:
        self._file = file
        self._unpacker = zlib.decompressobj(wbits=31)
        self.end = start
        self.damage = ""
        file.seek(start)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = b""
        while not data and not self.damage and not self._unpacker.eof:
            data = self._unpack(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _unpack(self, size: int) -> bytes:
        packed = self._unpacker.unconsumed_tail or self._file.read(PACKED)
        before = self._file.tell() - len(packed)
        if not packed:
            self.damage = CUT
            self.end = before
            return b""
        try:
            data = self._unpacker.decompress(packed, size)
        except zlib.error as error:
            self.damage = f"damaged gzip: {error}"
            self.end = max(self.end + 1, before)  # what it choked on may hold the next member
            return b""
        if self._unpacker.eof:
            self.end = self._file.tell() - len(self._unpacker.unused_data)
        return data


def _find_gzip(file: IO[bytes], position: int) -> int | None:
    """Where the next gzip member begins, from a position on."""
    while True:
        file.seek(position)
        piece = file.read(PIECE)
        found = piece.find(GZIP)
        if found >= 0:
            return position + found
        if len(piece) < PIECE:
            return None
        position += len(piece) - len(GZIP) + 1


# Records


def _records(file: IO[bytes], position: Callable[[], int]) -> Iterator[Response | Broken]:
    lost = False  # in something that is no record; told once
    while True:
        at = position()
        line = file.readline(MAX_LINE)
        if not line:
            return
        if line.startswith(b"WARC/"):
            read = _record(file)
            lost = isinstance(read, str)
            if isinstance(read, str):
                yield Broken(at, read)
            elif read:
                yield read
        elif line.strip() and not lost:
            lost = True
            yield Broken(at, "no record begins here")


def _record(file: IO[bytes]) -> Response | str | None:
    """The response of a record, what is wrong with it, or None for a record of another kind."""
    headers = _headers(iter(lambda: file.readline(MAX_LINE), b""))
    length = _number(headers.get("content-length", "")) if headers is not None else None
    if headers is None or length is None or length > MAX_RECORD:
        return "its header does not end, or does not say how long the record is"
    block = _block(file, length)
    if block is None:
        return "it is not as long as it says"
    if headers.get("warc-type") != "response":
        return None
    if len(block) < length:
        return f"it is larger than {MAX_BODY // 1024 // 1024} MB"
    try:
        return _response(headers, block)
    except (ValueError, zlib.error, brotli.error) as error:
        return str(error)


def _block(file: IO[bytes], length: int) -> bytes | None:
    """What a record holds, as much of it as is read of a page; None when it is not as long as it
    says. A plain file then stands where that began: the records that it would have swallowed are
    looked for in it. (A gzip member is its own bound.)"""
    if file.seekable():
        start = file.tell()
        end = file.seek(start + length)
        is_whole = file.seek(0, io.SEEK_END) >= end
        file.seek(end)
        behind = file.read(len(BEHIND))
        file.seek(end)
        sure = is_whole and _next_begins(file)
        after = file.tell() if sure else end
        file.seek(start)
        if sure or behind == BEHIND:
            block = file.read(min(length, MAX_BODY))
            if sure or b"\nWARC/" not in block:  # rubbish follows it, or it swallowed others
                file.seek(after)
                return block
        file.seek(start)
        return None
    block = file.read(min(length, MAX_BODY))
    left = length - len(block)
    while left and (piece := file.read(min(left, PIECE))):
        left -= len(piece)
    return None if left or file.readline(MAX_LINE).strip() else block


def _next_begins(file: IO[bytes]) -> bool:
    """Whether nothing but blank lines stands before the next record, or the end of the file."""
    for _ in range(BLANK_LINES + 1):
        at = file.tell()
        line = file.readline(MAX_LINE)
        if line.strip() or not line:
            file.seek(at)
            return not line or line.startswith(b"WARC/")
    return False


def _response(headers: dict[str, str], block: bytes) -> Response | None:
    """Raises ValueError, or what a decompressor raises, for an answer that cannot be read."""
    url = headers.get("warc-target-uri", "").strip("<>")  # some versions of Wget write <…>
    if not url.startswith(("http://", "https://")):
        return None  # an answer of a name service, say
    lines = io.BytesIO(block)
    status = _STATUS.match(lines.readline(MAX_LINE))
    told = _headers(iter(lambda: lines.readline(MAX_LINE), b""))
    if status is None or told is None:
        raise ValueError("no answer of a web server")
    body = lines.read()
    if "chunked" in told.get("transfer-encoding", "").lower():
        body = _dechunked(body)
    return Response(
        url=url,
        date=_time(headers.get("warc-date", "")),
        status=int(status[1]),
        content_type=told.get("content-type", ""),
        body=_unpacked(body, told.get("content-encoding", "").strip().lower()),
    )


def _headers(lines: Iterator[bytes]) -> dict[str, str] | None:
    """Header fields by their names in small letters, the first of each; None without an end."""
    found: dict[str, str] = {}
    for line in islice(lines, MAX_HEADERS):
        if not line.strip():
            return found
        name, _, value = line.decode("utf-8", "replace").partition(":")
        found.setdefault(name.strip().lower(), value.strip())
    return None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _time(text: str) -> datetime | None:
    try:
        return from_iso(text)
    except (ValueError, OverflowError):
        return None


# Bodies. Many archives keep them unpacked under headers that still speak of packing.


def _dechunked(body: bytes) -> bytes:
    parts: list[bytes] = []
    end = 0
    while (size := _CHUNK.match(body, end)) and int(size[1], 16):
        end = size.end() + int(size[1], 16)
        parts.append(body[size.end() : end])
        end += 2 if body[end : end + 2] == b"\r\n" else 1
    return b"".join(parts) if parts else body


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding in ("gzip", "x-gzip") and body.startswith(GZIP):
        body = zlib.decompressobj(wbits=31).decompress(body, MAX_BODY + 1)
    elif encoding == "deflate" and body[:1] == b"\x78":
        body = zlib.decompressobj().decompress(body, MAX_BODY + 1)
    elif encoding == "br" and not body.lstrip().startswith(b"<"):
        body = brotli.Decompressor().process(body, output_buffer_limit=MAX_BODY)
    if len(body) > MAX_BODY:
        raise ValueError(f"it is larger than {MAX_BODY // 1024 // 1024} MB unpacked")
    return body
