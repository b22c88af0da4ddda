"""Where a channel may connect to: https, a host that means one public address, and nothing inside our own network. Pure.

Somebody who may write a channel could otherwise make the server read its own metadata service or the neighbours' admin pages (SSRF,
OWASP A10:2021). Names are resolved once, every address is judged here, and the connection goes to a judged address: a name that answers
differently a moment later (DNS rebinding) changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from kizashi.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LONGEST_URL = 2_048
HTTPS_PORT, HTTP_PORT = 443, 80

METADATA = frozenset(
    ipaddress.ip_address(a) for a in ("169.254.169.254", "169.254.170.2", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
"""Clouds' metadata services: refused whatever is allowed."""
PRIVATE = tuple(ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
"""Networks that the house's operator may open for a host."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
NEVER = tuple(
    ipaddress.ip_network(n)
    for n in ("0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
              "224.0.0.0/3", "::/128", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "5f00::/16", "fe80::/10",
              "fec0::/10", "ff00::/8")
)  # fmt: skip
"""IANA's special-purpose registries (RFC 6890 and later), written out: Python's ``is_global`` differs between patch releases."""
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_NUMBER_LIKE = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+))*\.?")
_UNSAFE = re.compile(r"[^\x21-\x7e]|[\\<>\"^`{|}]")


@dataclass(frozen=True)
class Reach:
    """What the operator of the house opened, in its settings and never in a channel: hosts, as ``name`` or ``name:port``.

    A host named here may have a private address. Loopback and plain http are possible for it in development only; metadata services
    and link-local addresses never are.
    """

    development: bool = False
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, development: bool, hosts: str) -> Reach:
        """From the settings: hosts with commas or spaces between."""
        return cls(development, frozenset(hosts.replace(",", " ").split()))

    def opened(self, host: str, port: int) -> bool:
        """Whether the operator named this host."""
        return host in self.hosts or f"{host}:{port}" in self.hosts


@dataclass(frozen=True)
class Target:
    """A checked address: what to say in ``Host``, where to connect, what to ask for."""

    secure: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Value of the ``Host`` header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (HTTPS_PORT if self.secure else HTTP_PORT) else f"{name}:{self.port}"


def parse_target(url: str, reach: Reach) -> Target:
    """The target of a URL. Raises Refused, in words that never repeat the URL: it may hold a token."""
    if not 0 < len(url) <= LONGEST_URL or _UNSAFE.search(url):
        raise Refused(f"the address is not a URL of at most {LONGEST_URL} printable ASCII characters")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as x:
        raise Refused("the address is not a URL: look at its host and port") from x
    if "@" in parts.netloc:
        raise Refused("the address holds a user name or password: put credentials in the channel's secret file")
    secure = parts.scheme == "https"
    port = port if port is not None else HTTPS_PORT if secure else HTTP_PORT
    host = host_name(parts.hostname or "")
    if not secure and not (parts.scheme == "http" and reach.development and reach.opened(host, port)):
        raise Refused("the address must begin with https://")
    if not 0 < port < 65_536:
        raise Refused("the address's port is not one")
    path = parts.path or "/"
    return Target(secure, host, port, f"{path}?{parts.query}" if parts.query else path)


def host_name(text: str) -> str:
    """The host in lower case without a final dot. Raises Refused for a number in disguise (``2130706433``, ``0x7f.1``, ``0177.0.0.1``)."""
    host = text.lower()
    if ":" in host or "%" in host:
        try:
            return str(ipaddress.IPv6Address(host)) if "%" not in host else _refuse_zone()
        except ValueError as x:
            raise Refused("the address's host is not an IPv6 address") from x
    host = host.removesuffix(".")
    if _NUMBER_LIKE.fullmatch(host):
        try:
            return str(ipaddress.IPv4Address(host))
        except ValueError as x:
            raise Refused("an IPv4 address is written as four decimal numbers") from x
    if not _NAME.fullmatch(host) or len(host) > 253:
        raise Refused("the address's host is not a DNS name (write a non-ASCII name as xn--…)")
    if _NUMBER_LIKE.fullmatch(host.rpartition(".")[2]):
        raise Refused("the address's host ends in a number but is not an IPv4 address")
    return host


def _refuse_zone() -> str:
    raise Refused("an IPv6 address with a zone is link-local")


def admit(host: str, port: int, addresses: Sequence[str], reach: Reach) -> tuple[str, ...]:
    """The addresses to connect to, in the resolver's order. Raises Refused when any of them is not to be reached: one bad answer
    among good ones is how rebinding begins."""
    if not addresses:
        raise Refused("the host has no address")
    opened = reach.opened(host, port)
    for text in addresses:
        why = why_not(text, opened, reach.development)
        if why:
            raise Refused(f"the host's address is {why}: channels reach public addresses, and hosts that the operator opened")
    return tuple(addresses)


def why_not(text: str, opened: bool, development: bool) -> str:
    """Why an address is refused; empty when it may be reached.

    >>> why_not("93.184.216.34", False, False)
    ''
    >>> why_not("::ffff:10.0.0.1", False, False)
    'private'
    """
    try:
        address = inner(ipaddress.ip_address(text))
    except ValueError:
        return "not an address"
    if address in METADATA:
        return "a metadata service"
    if address.is_loopback:
        return "" if opened and development else "this machine itself"
    if address.is_link_local or any(address in n for n in NEVER if n.version == address.version):
        return "reserved"
    if any(address in n for n in PRIVATE if n.version == address.version):
        return "" if opened else "private"
    return "" if address.is_global else "not public"


def inner(address: Address) -> Address:
    """The IPv4 address inside a mapped, NAT64 or 6to4 one; Teredo and IPv4-compatible addresses give their IPv4 address too."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address.scope_id:
        return ipaddress.IPv6Address("fe80::")
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    if address.sixtofour is not None:
        return address.sixtofour
    return address.teredo[1] if address.teredo is not None else address
