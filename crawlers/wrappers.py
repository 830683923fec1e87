"""Addresses that only lead on to a story: a wrapper comes in, the address inside it goes out.

Which wrappers there are is data: wrappers.toml. The network is never asked: what hides its address
behind a number stays as it is, and is known when it was fetched.
"""

from __future__ import annotations

import binascii
import tomllib
from base64 import urlsafe_b64decode
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import SplitResult

LONGEST = 8_000  # characters; a longer address is no link of a service
ADDRESS_FIELD = 0x22  # protocol buffers: field 4, with a length
HEAD = 2  # bytes before it: the kind of the article


def unwrapped(url: str) -> str:
    """The address that a wrapper carries; any other address as it is."""
    if len(url) > LONGEST:
        return url
    parts = urlsplit(url)
    for found in _inside(parts):
        if _is_address(found):
            return found
    return url


def is_behind_number(url: str) -> bool:
    """Whether an address is one of a service that hides another one behind a number, and whose
    feeds tell both."""
    host = urlsplit(url).hostname
    return any(host == wrapper["host"] for wrapper in _wrappers()["behind_number"])


def _inside(parts: SplitResult) -> Iterator[str]:
    known, host = _wrappers(), (parts.hostname or "").rstrip(".")
    if not host.endswith(_ends()):
        return
    for wrapper in known["query"]:
        if _is_from(host, parts.path, wrapper):
            values = parse_qs(parts.query)
            yield from (value for name in wrapper["names"] for value in values.get(name, ())[:1])
    for wrapper in known["path"]:
        if _is_from(host, parts.path, wrapper):
            yield _rest(parts, wrapper["path"])
    for wrapper in known["base64"]:
        if _is_from(host, parts.path, wrapper):
            yield _decoded(parts.path.rpartition("/")[2])


def _is_from(host: str, path: str, wrapper: dict[str, Any]) -> bool:
    wanted = wrapper["host"]
    same = host.endswith(wanted) if wanted.startswith(".") else host == wanted
    return same and (path or "/").startswith(wrapper["path"])


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "." in (parts.hostname or "")


def _rest(parts: SplitResult, start: str) -> str:
    rest = parts.path.removeprefix(start)
    is_secure = rest.startswith("s/")
    query = f"?{parts.query}" if parts.query else ""
    return f"http{'s' * is_secure}://{rest.removeprefix('s/')}{query}"


def _decoded(text: str) -> str:
    """The address in a link of Google News; empty where there is none."""
    text = unquote(text)
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        return ""
    if len(data) < HEAD + 3 or data[HEAD] != ADDRESS_FIELD:
        return ""
    length, start = data[HEAD + 1], HEAD + 2
    if length >= 0x80:  # a length of two bytes, seven bits in each
        length, start = (length & 0x7F) | data[start] << 7, start + 1
    found = data[start : start + length]
    return found.decode("ascii", "replace") if len(found) == length else ""


@lru_cache(maxsize=1)
def _ends() -> tuple[str, ...]:
    """What the host of a wrapper ends with: nearly every other address is told by that alone."""
    return tuple({wrapper["host"] for kind in _wrappers().values() for wrapper in kind})


@lru_cache(maxsize=1)
def _wrappers() -> dict[str, Any]:
    return tomllib.loads((resources.files("crawlers") / "wrappers.toml").read_text("utf-8"))
