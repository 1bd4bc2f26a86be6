"""The network address of a caller, also behind proxies that the shop has named (TRUSTED_PROXIES)."""

from __future__ import annotations

import ipaddress
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Each proxy adds one address to the header; a longer chain is forged.
LONGEST_CHAIN = 20
# No header can become a key of META that contains a dot.
FORWARDED = "liuke.forwarded"


def client_address(request: HttpRequest) -> str:
    """Return the caller's IP address in its shortest form, or "" when there is none (a unix socket).

    X-Forwarded-For counts only when the connection comes from a trusted proxy. It is read from the right: the first
    address that is not a trusted proxy is the caller, because the caller can write everything left of it.
    """
    address = parse_address(request.META.get("REMOTE_ADDR", ""))
    if address is None:
        return ""
    if is_trusted_proxy(address):
        chain = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")[-LONGEST_CHAIN:]
        for part in reversed(chain):
            forwarded = parse_address(part)
            if forwarded is None:
                break
            address = forwarded
            if not is_trusted_proxy(address):
                break
    return str(address)


def address_block(request: HttpRequest) -> str:
    """Return the key of limits per caller: the IPv4 address, or the /64 network that one IPv6 subscriber owns."""
    address = parse_address(client_address(request))
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address) if address else "local"


def comes_from_trusted_proxy(request: HttpRequest) -> bool:
    """Return whether the connection itself comes from a trusted proxy, so that its X-Forwarded headers count."""
    address = parse_address(request.META.get("REMOTE_ADDR", ""))
    return address is not None and is_trusted_proxy(address)


def mark_as_forwarded(request: HttpRequest) -> None:
    """Record that a proxy forwarded this request, also when its forwarded headers are dropped."""
    request.META[FORWARDED] = True


def is_local(request: HttpRequest) -> bool:
    """Return whether a program on this machine made the request itself.

    A request that a local proxy forwarded is not local: it may come from a stranger.
    """
    address = parse_address(request.META.get("REMOTE_ADDR", ""))
    return address is not None and address.is_loopback and FORWARDED not in request.META


def parse_address(text: str) -> Address | None:
    """Return the address in `text`, without port, brackets, zone or IPv4 mapping; None when it is not one."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_trusted_proxy(address: Address) -> bool:
    """Return whether TRUSTED_PROXIES names this address or a network that holds it."""
    return any(address in network for network in _networks(tuple(settings.TRUSTED_PROXIES)))


@lru_cache(maxsize=8)
def _networks(names: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(name, strict=False) for name in names)
