"""The identity of a story: many spellings of an address come in, one canonical URL goes out.

It never asks the network: neither for redirects nor for the list of public suffixes.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import SplitResult, unquote_plus, urljoin, urlsplit

import tldextract
from w3lib.url import canonicalize_url

from crawlers.wrappers import unwrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LAYERS = 10  # of junk at the end of an address; only a hostile one has more
MAX_LENGTH = 2083  # characters; Scrapy drops what is longer, and so do old browsers
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Browsers drop these wherever they stand in an address; feeds wrap lines inside links.
_IGNORED = re.compile("[\x00-\x1f\x7f\u200b-\u200f\u2028\u2029\ufeff]")
_TRAILING_JUNK = re.compile(r"(?:%20|%09|%0a|%0d|%c2%a0|%e2%80%8b|\s)+$", re.IGNORECASE)
_AMP_PATH = re.compile(r"/amp/?$|[.-]amp(?=(?:\.html?)?$)")
_PATH_SESSION = re.compile(r";(?:jsessionid|phpsessid)=[^/;?]*", re.IGNORECASE)


def canonical_url(url: str, base: str | None = None) -> str:
    """The one spelling that stands for all spellings of this address.

    http and https are one identity: where the port is the default one, the scheme is written
    https. Another port belongs to one protocol only, so there the scheme stays.
    Raises ValueError for what is not an http(s) address.
    """
    if base is not None:
        url = urljoin(base, _IGNORED.sub("", url).strip())
    for _ in range(MOST_LAYERS):  # what stood before junk that is taken off can be junk, too
        spelled, url = url, _canonical(unwrapped(_IGNORED.sub("", url).strip()))
        if spelled == url:
            return url
    raise ValueError(f"an address within an address, more than {MOST_LAYERS} times: {url[:80]}…")


def without_amp(url: str) -> str:
    """The canonical URL of the page whose AMP twin stands at `url`, by the mark that publishing
    systems add to the path. Only for a page that says itself that it is an AMP page: "amp" is a
    word of other addresses, too.
    """
    parts = urlsplit(canonical_url(url))
    path = _AMP_PATH.sub("", parts.path.replace("/amp/", "/", 1)) or "/"
    return canonical_url(parts._replace(path=path).geturl())


def _canonical(url: str) -> str:
    parts = urlsplit(_IGNORED.sub("", url).strip())
    scheme, host = _scheme_and_host(parts)
    path = _TRAILING_JUNK.sub("", _PATH_SESSION.sub("", parts.path))
    query = "&".join(part for part in parts.query.split("&") if part and not _is_tracking(part))
    safe = canonicalize_url(f"{scheme}://{host}{path}" + (f"?{query}" if query else ""))
    if len(safe) > MAX_LENGTH:
        raise ValueError(f"longer than {MAX_LENGTH} characters: {safe[:80]}…")
    return safe


def is_front_page(url: str) -> bool:
    parts = urlsplit(url)
    return parts.path in ("", "/") and not parts.query


def same_site(left: str, right: str) -> bool:
    """Whether two addresses belong to one registrable domain (news.example.co.uk, example.co.uk).

    Hosts below a shared platform, such as two blogs on one blog host, are different sites.
    """
    return site(left) == site(right)


def site(url: str) -> str:
    """The registrable domain of an address; the host itself where there is none."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    found = _suffixes()(host)
    if found.suffix:
        return f"{found.domain}.{found.suffix}" if found.domain else found.suffix
    if found.ipv4 or found.ipv6 or ":" in host:
        return host
    # A top level that is on no list is a suffix of its own, as the public suffix list says.
    return ".".join(host.split(".")[-2:])


def _scheme_and_host(parts: SplitResult) -> tuple[str, str]:
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS:
        raise ValueError(f"not an http or https address: {parts.geturl()[:80]!r}")
    host = (parts.hostname or "").rstrip(".")
    if not host.isprintable() or not host or any(mark in host for mark in " %<>\"'\\^`{|}"):
        raise ValueError(f"no usable host in the address: {parts.geturl()[:80]!r}")
    if ":" in host:
        host = f"[{host}]"
    port = parts.port  # raises ValueError when it is no number
    if port in (None, _DEFAULT_PORTS[scheme]):
        return "https", host
    return scheme, f"{host}:{port}"


class _Tracking(NamedTuple):
    names: frozenset[str]
    prefixes: tuple[str, ...]
    values: Mapping[str, frozenset[str]]


@lru_cache(maxsize=1)
def _tracking() -> _Tracking:
    text = (resources.files("crawlers") / "tracking_parameters.toml").read_text("utf-8")
    data = tomllib.loads(text)
    return _Tracking(
        names=frozenset(data["names"]),
        prefixes=tuple(data["prefixes"]),
        values={name: frozenset(values) for name, values in data["values"].items()},
    )


def _is_tracking(parameter: str) -> bool:
    raw_name, _, raw_value = parameter.partition("=")
    name = unquote_plus(raw_name).strip().lower()
    known = _tracking()
    if name in known.names or name.startswith(known.prefixes):
        return True
    return unquote_plus(raw_value).strip().lower() in known.values.get(name, ())


@lru_cache(maxsize=1)
def _suffixes() -> tldextract.TLDExtract:
    # No addresses and no cache: only the snapshot that comes with the package is read.
    return tldextract.TLDExtract(
        suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True
    )
