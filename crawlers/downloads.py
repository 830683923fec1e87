"""One big file from the web: an address comes in, an open file goes out.

For files that a person names and that are too big for a spider, which keeps answers in memory.
The same rules hold as in a crawl: only http and https, only public hosts, on every redirect,
and a bound on size and time. What was fetched is nameless, and gone with this process.
"""

from __future__ import annotations

import errno
import http.client
import socket
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any
from urllib import request
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from crawlers.hosts import is_public, proxy_hosts, refusal, refusal_of_addresses
from crawlers.settings import REDIRECT_MAX_TIMES, USER_AGENT
from storage.errors import NewsfoldError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_BYTES = 5 * 1024**3  # CC-NEWS has files of one
SECONDS = 2 * 60 * 60  # for all of it
STALL = 60  # seconds without a byte
PIECE = 1024 * 1024
NOT_MODIFIED = 304
MAX_ETAG = 200  # characters
EVERY = 100 * PIECE  # bytes between two words of progress


@dataclass(frozen=True, slots=True)
class Fetched:
    """An open file at its start, and how its server called this state of it."""

    file: IO[bytes]
    size: int
    etag: str | None  # or when it was last changed, where there is none


class UnchangedError(Exception):
    """It is still in the state that was named."""


class _RefusedError(OSError):
    """Not a public host, not http(s), too large or too slow."""


@contextmanager
def downloaded(
    url: str,
    *,
    max_bytes: int = MAX_BYTES,
    seconds: float = SECONDS,
    say: Callable[[str], None] = lambda words: None,
    etag: str | None = None,
) -> Iterator[Fetched]:
    """What stands at an address, as an open file at its start. Raises NewsfoldError; and
    UnchangedError where its state still has the `etag` that an earlier answer had."""
    with tempfile.TemporaryFile() as file:
        try:
            told = _fetch(url, file, max_bytes, time.monotonic() + seconds, say, etag)
            size = file.tell()
            file.seek(0)
        except HTTPError as error:
            if error.code == NOT_MODIFIED:
                raise UnchangedError from error
            raise _cannot(url, error) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _cannot(url, error) from error
        yield Fetched(file, size, told)


def _cannot(url: str, error: Exception) -> NewsfoldError:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return NewsfoldError(
            f"{url}: {tempfile.gettempdir()} has no room for it; free some, or name another folder"
            " with TMPDIR"
        )
    return NewsfoldError(
        f"{url}: cannot be fetched ({_words(error)}); fetch it by other means and import the file"
    )


def _fetch(
    url: str,
    file: IO[bytes],
    max_bytes: int,
    deadline: float,
    say: Callable[[str], None],
    etag: str | None,
) -> str | None:
    asked = request.Request(url, headers={"User-Agent": USER_AGENT})
    if etag:
        is_date = not etag.endswith('"')
        asked.add_header("If-Modified-Since" if is_date else "If-None-Match", etag)
    with _opener().open(asked, timeout=STALL) as answer:
        size = 0
        while piece := answer.read1(PIECE):
            size += len(piece)
            if size > max_bytes:
                raise _RefusedError(f"larger than {max_bytes:,} bytes")
            if time.monotonic() > deadline:
                raise _RefusedError("it takes too long")
            file.write(piece)
            if size // EVERY > (size - len(piece)) // EVERY:
                say(f"{url}: {size // 1024**2} MB")
        if answer.length:
            raise _RefusedError(f"the connection broke {answer.length:,} bytes before the end")
        told = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        return str(told)[:MAX_ETAG] if told else None


def _opener() -> request.OpenerDirector:
    """urllib's, for http and https alone: what else a redirect names, nobody answers."""
    opener = request.OpenerDirector()
    for handler in (
        request.ProxyHandler(),
        _PublicHTTP(),
        _PublicHTTPS(),
        _Redirects(),
        request.HTTPErrorProcessor(),
        request.HTTPDefaultErrorHandler(),
        request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


class _Redirects(request.HTTPRedirectHandler):
    max_redirections = REDIRECT_MAX_TIMES


class _PublicHTTP(request.HTTPHandler):
    def http_open(self, req: request.Request) -> http.client.HTTPResponse:
        _check(req)
        return self.do_open(_connection(http.client.HTTPConnection), req)


class _PublicHTTPS(request.HTTPSHandler):
    def https_open(self, req: request.Request) -> http.client.HTTPResponse:
        _check(req)
        return self.do_open(_connection(http.client.HTTPSConnection), req)


def _check(asked: request.Request) -> None:
    """Through a proxy it is the proxy that resolves, so there only names count."""
    reason = refusal(urlsplit(asked.full_url).hostname or "")
    if reason:
        raise _RefusedError(f"{reason}; only public hosts are asked")


def _connection(kind: Any) -> Any:
    """A connection that resolves names itself, and keeps to what it has checked."""

    def connect(*arguments: Any, **more: Any) -> Any:
        connection = kind(*arguments, **more)
        connection._create_connection = _connected
        return connection

    return connect


def _connected(
    address: tuple[str, int], timeout: float = STALL, source_address: None = None
) -> socket.socket:
    """As socket.create_connection, to public addresses only; a proxy's may be private."""
    host, port = address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    if host not in proxy_hosts({}):
        reason = refusal_of_addresses(host, (str(entry[4][0]) for entry in found))
        if reason:
            raise _RefusedError(f"{reason}; only public hosts are asked")
        found = [entry for entry in found if is_public(str(entry[4][0]))]
    failure: OSError = _RefusedError(f"{host} has no address")
    for family, kind, protocol, _, where in found:
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(timeout)
        try:
            connection.connect(where)
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure


def _words(error: Exception) -> str:
    if isinstance(error, URLError) and not isinstance(error, HTTPError):
        return str(error.reason)
    return str(error) or type(error).__name__
