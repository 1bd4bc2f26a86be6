"""HTTP to addresses that users entered: signed, no redirects, one deadline, and never into our own network.

The address is checked again when the connection is made, because its owner can change where a name points after the
first check.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpcore
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.base.errors import Invalid

PREFIX = "whsec_"
SECRET_BYTES = 32
ANSWER_BYTES = 2000
NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Obsolete IPv6 forms of IPv4 addresses, and their relays: operating systems still support them. 192.0.0.0/24 is
# reserved for protocols; Python counts some of it as public.
COMPATIBLE = ipaddress.ip_network("::/96")
ISATAP = 0x00005EFE
RELAYS = (ipaddress.ip_network("192.88.99.0/24"), ipaddress.ip_network("192.0.0.0/24"))


@dataclass(frozen=True)
class HttpAnswer:
    status: int
    text: str
    retry_after: str = ""


class NoAnswer(Exception):
    """No answer came back. `code` is one of timeout, unknown_host, private_address, tls, connection.

    `reached`: the connection was established, so the receiver may have accepted the request.
    """

    def __init__(self, code: str, detail: str = "", *, reached: bool = False) -> None:
        self.code = code
        self.reached = reached
        super().__init__(detail)


def make_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature(keys: Iterable[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Return the `webhook-signature` of Standard Webhooks: one `v1,` entry per secret, separated by spaces."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(base64.b64decode(key.removeprefix(PREFIX)), signed, sha256) for key in keys)
    return " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)


def check_url(url: str) -> None:
    """Raise Invalid when an address is not allowed: not HTTPS, an unknown host, or inside our own network."""
    private = settings.WEBHOOKS_ALLOW_PRIVATE
    try:
        # Both raise ValueError: for an unbalanced bracket, and for a port above 65,535.
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Invalid(_("This address is not valid."), field="url") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.fragment:
        raise Invalid(_("This address is not valid."), field="url")
    if parts.scheme != "https" and not private:
        raise Invalid(_("The address must begin with https://."), code="https_required", field="url")
    if private:
        return
    try:
        _public_addresses(parts.hostname, port or 443)
    except NoAnswer as error:
        if error.code == "private_address":
            message = _("This address is inside a private network, where webhooks are not sent.")
            raise Invalid(message, code="private_address", field="url") from None
        raise Invalid(_("The host name can't be resolved."), code="unknown_host", field="url") from None


def is_public(address: str) -> bool:
    """Return whether an address is public, in whatever notation it is written."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = _embedded(ip)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:
            return False
    elif any(ip in network for network in RELAYS):
        return False
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_loopback or ip.is_link_local)


def _embedded(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that a gateway or the system itself would connect to instead, or None."""
    inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
    if inner is None and (ip in NAT64 or ip in COMPATIBLE or (int(ip) >> 32) & 0xFDFFFFFF == ISATAP):
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return inner


def _public_addresses(host: str, port: int) -> list[str]:
    """Return all addresses of a name. Refuse all of them if one is not public: the choice among them is not ours."""
    try:
        entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NoAnswer("unknown_host", str(error)) from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    if not settings.WEBHOOKS_ALLOW_PRIVATE:
        for address in addresses:
            if not is_public(address):
                raise NoAnswer("private_address", address)
    return addresses


_call = threading.local()


def _left(timeout: float | None) -> float:
    """Return the seconds left for the current call, so that a receiver of one byte a second can't hold us for ever."""
    left = getattr(_call, "deadline", time.monotonic() + (timeout or 0)) - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("deadline")
    return left


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self.stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self.stream.read(max_bytes, _left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.stream.write(buffer, _left(timeout))

    def close(self) -> None:
        self.stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self.stream.start_tls(ssl_context, server_hostname, _left(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self.stream.get_extra_info(info)


class _Network(httpcore.NetworkBackend):
    """A network backend that connects to the checked address, not to the name."""

    def __init__(self) -> None:
        self.plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = _public_addresses(host, port)
        for number, address in enumerate(addresses, 1):
            try:
                return _Stream(self.plain.connect_tcp(address, port, _left(timeout), local_address, socket_options))
            except httpcore.ConnectError:
                if number == len(addresses):
                    raise
        raise NoAnswer("unknown_host", host)


class Sender:
    """An HTTP client with a connection pool for several threads. Use it as a context manager."""

    def __init__(self, *, seconds: float, connections: int, tls: ssl.SSLContext | None = None) -> None:
        self.seconds = seconds
        self.pool = httpcore.ConnectionPool(
            ssl_context=tls, max_connections=connections, network_backend=_Network(), keepalive_expiry=seconds
        )

    def __enter__(self) -> Sender:
        return self

    def __exit__(self, *_error: object) -> None:
        self.pool.close()

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """Return the answer, whatever its status, with the beginning of its text. Raises NoAnswer within `seconds`."""
        return self.ask("POST", url, headers, body)

    def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> HttpAnswer:
        """Send a request with any method, as `post` does."""
        _call.deadline = time.monotonic() + self.seconds
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self.seconds)
        sent: Sequence[tuple[bytes, bytes]] = [(name.encode(), value.encode()) for name, value in headers.items()]
        try:
            with self.pool.stream(
                method, url, headers=sent, content=body or None, extensions={"timeout": timeouts}
            ) as response:
                answered = {name.lower(): value for name, value in response.headers}
                text = _beginning(response)
                return HttpAnswer(response.status, text, answered.get(b"retry-after", b"").decode("latin-1"))
        except httpcore.TimeoutException as error:
            reached = not isinstance(error, httpcore.ConnectTimeout | httpcore.PoolTimeout)
            raise NoAnswer("timeout", str(error), reached=reached) from None
        except httpcore.NetworkError as error:
            code = "tls" if isinstance(error.__context__, ssl.SSLError) else "connection"
            raise NoAnswer(code, str(error), reached=not isinstance(error, httpcore.ConnectError)) from None
        except (httpcore.ProtocolError, ssl.SSLError, OSError) as error:
            raise NoAnswer("connection", str(error), reached=True) from None
        except (httpcore.UnsupportedProtocol, ValueError) as error:
            raise NoAnswer("connection", str(error)) from None


def _beginning(response: httpcore.Response) -> str:
    """Return the beginning of a body; the rest is not read. If the body breaks off, the status still counts."""
    body = b""
    try:
        for part in response.iter_stream():
            body += part
            if len(body) >= ANSWER_BYTES:
                break
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError):
        pass
    return body[:ANSWER_BYTES].decode("utf-8", "replace").replace("\0", "")
