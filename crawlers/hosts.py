"""Which hosts may be asked: a name or an address comes in, a refusal in words or None goes out.

Feeds and pages name hosts that nobody checked. Without this, a feed could make us ask the router,
a database on this machine, or a cloud's metadata service. It never asks anything itself; the
resolver answers with the very address that is then connected to, so a name that changes its
address between check and connection (rebinding) gains nothing.
"""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING, Any
from unicodedata import normalize
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from scrapy.resolver import CachingHostnameResolver, dnscache

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from scrapy.crawler import Crawler
    from scrapy.settings import BaseSettings
    from twisted.internet.base import ReactorBase
    from twisted.internet.interfaces import IAddress, IHostResolution

# Names that mean this machine or this network, by RFC 6761, RFC 6762 and common use.
_LOCAL_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "localdomain")
_NAT64 = IPv6Network("64:ff9b::/96")  # IPv4 addresses in IPv6 clothes
# Routable by their registration, or so Python says, and answered inside a network all the same.
_INSIDE = (
    IPv4Network("168.63.129.16/32"),  # Azure: what runs a virtual machine
    IPv4Network(
        "192.0.0.0/24"
    ),  # IETF protocol assignments; Oracle's cloud keeps its metadata there
    IPv6Network("fec0::/10"),  # site-local, as private addresses were called before fc00::/7
)


def refusal(host: str) -> str | None:
    """Why a host is not asked, as far as its name alone tells; None when it may be."""
    # A proxy may undo what stands for other characters, among them the full stops of other scripts.
    plain = normalize("NFKC", unquote(host)).replace("\u3002", ".")
    name = plain.strip("[]").rstrip(".").lower()
    address = _literal(name)
    if address is not None:
        return None if is_public(address) else f"{host} is a private address"
    if any(name == local or name.endswith(f".{local}") for local in _LOCAL_NAMES):
        return f"{host} is a name inside this network"
    return None


def resolved_refusal(host: str) -> str | None:
    """The same by the addresses that the resolver found for the name, if it found any."""
    return refusal_of_addresses(host, [address.host for address in dnscache.get(host) or ()])


def refusal_of_addresses(host: str, found: Iterable[str]) -> str | None:
    """Why a name is not asked that leads to these addresses; one public address is enough."""
    private = None
    for address in found:
        if is_public(address):
            return None
        private = address
    return f"{host} leads to the private address {private}" if private else None


def is_public(address: IPv4Address | IPv6Address | str) -> bool:
    """Whether an address belongs to a host of the public internet."""
    if isinstance(address, str):
        address = ip_address(address.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFF_FFFF)
        if address.teredo is not None:
            return False
        if inner is not None:
            return is_public(inner)
    if any(address in network for network in _INSIDE):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def proxy_hosts(settings: Mapping[str, Any] | BaseSettings) -> frozenset[str]:
    """Hosts of the proxies that whoever runs this named; they may be private."""
    named = getproxies()  # it also holds "no", which names hosts that are not proxies
    proxies = (settings.get("NEWSFOLD_PROXY"), named.get("http"), named.get("https"))
    addresses = (proxy if "//" in proxy else f"//{proxy}" for proxy in proxies if proxy)
    hosts = (urlsplit(address).hostname for address in addresses)
    return frozenset(host for host in hosts if host)


class PublicResolver(CachingHostnameResolver):
    """Scrapy's resolver for IPv4 and IPv6, without private addresses, and with a time limit."""

    trusted: frozenset[str] = frozenset()
    public_only = True
    timeout = 5.0

    @classmethod
    def from_crawler(cls, crawler: Crawler, reactor: ReactorBase) -> PublicResolver:
        resolver = super().from_crawler(crawler, reactor)
        resolver.trusted = proxy_hosts(crawler.settings)
        resolver.public_only = crawler.settings.getbool("NEWSFOLD_PUBLIC_HOSTS_ONLY")
        resolver.timeout = crawler.settings.getfloat("DNS_TIMEOUT")
        return resolver

    def resolveHostName(  # noqa: N802
        self,
        resolutionReceiver: Any,  # noqa: N803 - mypy cannot read zope's interfaces
        hostName: str,  # noqa: N803
        portNumber: int = 0,  # noqa: N803
        addressTypes: Sequence[type[IAddress]] | None = None,  # noqa: N803
        transportSemantics: str = "TCP",  # noqa: N803
    ) -> IHostResolution:
        public_only = self.public_only and hostName not in self.trusted
        guard: Any = _Guard(resolutionReceiver, public_only=public_only)
        late = self.reactor.callLater(self.timeout, guard.resolutionComplete)
        guard.on_complete = lambda: late.cancel() if late.active() else None
        return super().resolveHostName(
            guard, hostName, portNumber, addressTypes, transportSemantics
        )


class _Guard:
    """Hands on the addresses that may be connected to; what comes after the end is ignored."""

    def __init__(self, receiver: Any, *, public_only: bool) -> None:
        self._receiver = receiver
        self._public_only = public_only
        self._done = False
        self.on_complete: Callable[[], None] = lambda: None

    def resolutionBegan(self, resolution: IHostResolution) -> None:  # noqa: N802
        self._receiver.resolutionBegan(resolution)

    def addressResolved(self, address: Any) -> None:  # noqa: N802
        if not self._done and (not self._public_only or is_public(address.host)):
            self._receiver.addressResolved(address)

    def resolutionComplete(self) -> None:  # noqa: N802
        if not self._done:
            self._done = True
            self.on_complete()
            self._receiver.resolutionComplete()


def _literal(name: str) -> IPv4Address | IPv6Address | None:
    """The address that a host is, in every spelling that the system would take: 127.1, 0x7f.1."""
    try:
        return ip_address(name.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(name)) if name[:1].isdigit() else None
    except (OSError, ValueError):  # no address, or no characters of a name at all
        return None
