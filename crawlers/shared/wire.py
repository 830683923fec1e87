"""A request as a task, an answer as what comes back: Scrapy's objects in, bytes out, and back.

Pure, and JSON with a body beside it: nothing that comes out of Redis is run.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scrapy import Request
from scrapy.exceptions import (
    CannotResolveHostError,
    DownloadCancelledError,
    DownloadConnectionRefusedError,
    DownloadFailedError,
    DownloadTimeoutError,
    IgnoreRequest,
    ResponseDataLossError,
    UnsupportedURLSchemeError,
)
from scrapy.http import Headers, Response
from scrapy.http.request import NO_CALLBACK
from scrapy.responsetypes import responsetypes

from crawlers.middlewares import HostRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a fetch may fail with, by name: middlewares and spiders tell these apart.
FAILURES: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        CannotResolveHostError,
        DownloadCancelledError,
        DownloadConnectionRefusedError,
        DownloadFailedError,
        DownloadTimeoutError,
        HostRefusedError,
        IgnoreRequest,
        ResponseDataLossError,
        UnsupportedURLSchemeError,
    )
}
# What JSON of whatever shape may raise while it is taken to pieces.
_STRANGE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
MOST_SECONDS = 600.0  # of a fetch or a pause; nobody waits longer
MOST_SAID = 500  # characters
_OWN = {b"Proxy-Authorization", b"Host", b"Connection"}  # a crawler's, not the task's


class StrangeError(DownloadFailedError):
    """What came out of Redis is no task, or no answer to what was asked."""


@dataclass(frozen=True, slots=True)
class Task:
    """One request. `gap` is how long its host is left alone after it began, at least."""

    url: str
    headers: tuple[tuple[str, str], ...]
    timeout: float  # seconds from connecting to the last byte
    gap: float  # seconds

    @property
    def id(self) -> str:
        """The same for the same request, whichever pass asks it."""
        asked = {"if-none-match", "if-modified-since"}
        validators = [pair for pair in self.headers if pair[0].lower() in asked]
        return hashlib.sha256(json.dumps([self.url, validators]).encode()).hexdigest()[:32]

    def packed(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def unpacked(packed: bytes) -> Task:
    """Raises StrangeError for what is no task."""
    try:
        told = json.loads(packed)
        url, timeout, gap = str(told["url"]), float(told["timeout"]), float(told["gap"])
        headers = tuple((str(name), str(value)) for name, value in told["headers"])
        urlsplit(url)  # raises ValueError for what is no address
    except _STRANGE as error:
        raise StrangeError(f"no task ({_words(error)})") from error
    if not (timeout >= 0 and gap >= 0):  # nor is it NaN
        raise StrangeError("no task (times that cannot be)")
    return Task(url, headers, min(timeout, MOST_SECONDS), min(gap, MOST_SECONDS))


def task_of(request: Request, *, timeout: float, gap: float) -> Task:
    """What a crawler needs to know of a request; proxies are its own matter."""
    if request.method != "GET" or request.body:
        raise ValueError(f"only GET is asked of crawlers, not {request.method} {request.url}")
    headers = _listed({name: told for name, told in request.headers.items() if name not in _OWN})
    return Task(request.url, headers, float(request.meta.get("download_timeout", timeout)), gap)


def request_of(task: Task) -> Request:
    """The request that a crawler sends; whatever comes back goes to who asked. Its connection ends
    with it: kept open, a host would have one of each crawler."""
    headers = _headers(task.headers)
    headers["Connection"] = "close"
    return Request(
        task.url,
        callback=NO_CALLBACK,
        headers=headers,
        meta={"download_timeout": task.timeout},
        dont_filter=True,
    )


def answered(response: Response) -> tuple[bytes, bytes]:
    """An answer as its head and its body, which stays packed as it was sent."""
    head = {
        "url": response.url,
        "status": response.status,
        "headers": _listed(response.headers),
        "flags": response.flags,
        "protocol": response.protocol,
    }
    return json.dumps(head).encode(), response.body


def failed(error: Exception) -> tuple[bytes, bytes]:
    """A fetch that brought no answer, as a head; one of FAILURES if it is of such a kind."""
    kinds = [kind.__name__ for kind in type(error).__mro__ if kind.__name__ in FAILURES]
    head = {"error": (kinds or ["DownloadFailedError"])[0], "said": str(error)[:MOST_SAID]}
    return json.dumps(head).encode(), b""


def response_of(head: bytes, body: bytes, request: Request) -> Response:
    """The answer to a request. Raises what the crawler's fetch has failed with, and StrangeError
    for what is no answer to it."""
    try:
        told = json.loads(head)
        if "error" in told:
            failure = FAILURES.get(str(told["error"]), DownloadFailedError)(_said(told["said"]))
        else:
            return _response(told, body, request)
    except _STRANGE as error:
        raise StrangeError(f"a crawler's answer cannot be read ({_words(error)})") from error
    raise failure


def _response(told: Any, body: bytes, request: Request) -> Response:
    """Raises one of _STRANGE for what is no answer to this request. A redirect is followed where
    the database is, so that an answer has the address that was asked."""
    url, status, protocol = told["url"], told["status"], told["protocol"]
    if url != Request(request.url).url:
        raise ValueError("it is one to another address")
    if type(status) is not int or not 100 <= status <= 999:
        raise ValueError("its status is none")
    if "\n" in "".join(chain.from_iterable(told["headers"])):
        raise ValueError("a header of several lines")
    headers = _headers(told["headers"])
    kind = responsetypes.from_args(headers=headers, url=url, body=body)
    return kind(
        url=url,
        status=status,
        headers=headers,
        body=body,
        flags=[_said(flag) for flag in told["flags"]],
        protocol=None if protocol is None else _said(protocol),
        request=request,
    )


def _said(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError("no text where one belongs")
    return text[:MOST_SAID]


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:100]


def _listed(headers: Mapping[bytes, list[bytes]]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, values in headers.items()
        for value in values
    )


def _headers(listed: Any) -> Headers:
    headers = Headers()
    for name, value in listed:
        headers.appendlist(str(name).encode("latin-1"), str(value).encode("latin-1"))
    return headers
