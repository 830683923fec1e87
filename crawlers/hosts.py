"""Which hosts may be asked: a name or an address comes in, a refusal in words or None goes out.

Feeds and pages name hosts that nobody checked. Without this, a feed could make us ask the router,
a database on this machine, or a cloud's metadata service. It never asks anything itself; the
resolver answers with the very address that is then connected to, so a name that changes its
address between check and connection (rebinding) gains nothing.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING
from unicodedata import normalize
from urllib.parse import urlsplit
from urllib.request import getproxies

from scrapy.resolver import CachingThreadedResolver, dnscache
from twisted.internet.error import DNSLookupError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from twisted.internet.base import ReactorBase
    from twisted.internet.defer import Deferred

# Names that mean this machine or this network, by RFC 6761, RFC 6762 and common use.
_LOCAL_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "localdomain")
_NAT64 = IPv6Network("64:ff9b::/96")  # IPv4 addresses in IPv6 clothes


def refusal(host: str) -> str | None:
    """Why a host is not asked, as far as its name alone tells; None when it may be."""
    name = normalize("NFKC", host).strip("[]").rstrip(".").lower()
    address = _literal(name)
    if address is not None:
        return None if is_public(address) else f"{host} is a private address"
    if any(name == local or name.endswith(f".{local}") for local in _LOCAL_NAMES):
        return f"{host} is a name inside this network"
    return None


def resolved_refusal(host: str) -> str | None:
    """The same by the address that the resolver found for the name, if it found one."""
    found = dnscache.get(host)
    if found and not is_public(ip_address(found)):
        return f"{host} leads to the private address {found}"
    return None


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address belongs to a host of the public internet."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if address.teredo is not None:
            return False
        if inner is not None:
            return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def proxy_hosts(settings: BaseSettings) -> frozenset[str]:
    """Hosts of the proxies that whoever runs this named; they may be private."""
    named = getproxies()  # it also holds "no", which names hosts that are not proxies
    proxies = (settings.get("NEWSFOLD_PROXY"), named.get("http"), named.get("https"))
    addresses = (proxy if "//" in proxy else f"//{proxy}" for proxy in proxies if proxy)
    hosts = (urlsplit(address).hostname for address in addresses)
    return frozenset(host for host in hosts if host)


class PublicResolver(CachingThreadedResolver):
    """Scrapy's resolver (IPv4), which does not know private addresses."""

    trusted: frozenset[str] = frozenset()
    public_only = True

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: ReactorBase) -> PublicResolver:
        resolver = super().from_crawler(crawler, reactor)
        resolver.trusted = proxy_hosts(crawler.settings)
        resolver.public_only = crawler.settings.getbool("NEWSFOLD_PUBLIC_HOSTS_ONLY")
        return resolver

    def getHostByName(self, name: str, timeout: Sequence[int] = ()) -> Deferred[str]:  # noqa: N802
        found = super().getHostByName(name, timeout)
        if self.public_only and name not in self.trusted:
            found.addCallback(self._only_public, name)
        return found

    def _only_public(self, address: str, name: str) -> str:
        if not is_public(ip_address(address)):
            raise DNSLookupError(f"{name} leads to the private address {address}")
        return address


def _literal(name: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, in every spelling that the system would take: 127.1, 0x7f.1."""
    try:
        return ip_address(name.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name)) if name[:1].isdigit() else None
    except OSError:
        return None
