"""TXT records of the domain name system, for checks of a shop's mail domain."""

from __future__ import annotations

from collections.abc import Callable

SECONDS = 3.0
# Returns the TXT records of a name, [] when the name has none. Raises ResolverUnreachable.
Resolve = Callable[[str], list[str]]


class ResolverUnreachable(Exception):
    """No name server answered, which says nothing about the record."""


def txt_records(name: str) -> list[str]:
    """Return the TXT records of a name; [] when it does not exist. Raises ResolverUnreachable."""
    try:
        import dns.exception  # noqa: PLC0415 - used by one page only
        import dns.resolver  # noqa: PLC0415
    except ImportError as error:
        raise ResolverUnreachable(str(error)) from None
    try:
        answers = dns.resolver.resolve(name, "TXT", lifetime=SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise ResolverUnreachable(str(error)) from None
    # A long record is stored in parts of at most 255 bytes.
    return [b"".join(answer.strings).decode("utf-8", "replace") for answer in answers]
