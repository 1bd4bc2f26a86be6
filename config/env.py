"""Readers of environment variables, one function per kind of value. An error names the invalid variable."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from core.embedded.places import ConfigurationError, locations

ROOT = Path(__file__).resolve().parent.parent
__all__ = [
    "ConfigurationError",
    "boolean",
    "cache_url",
    "database_url",
    "generated_secret",
    "integer",
    "items",
    "redis_url",
    "text",
]


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def integer(name: str, default: int) -> int:
    raw = text(name)
    if not raw:
        return default
    try:
        return int(raw)
    except ValueError:
        raise ConfigurationError(f"{name} must be a whole number, not {raw!r}.") from None


def boolean(name: str, default: bool) -> bool:
    raw = text(name).lower()
    if not raw:
        return default
    if raw in {"1", "true", "yes", "on"}:
        return True
    if raw in {"0", "false", "no", "off"}:
        return False
    raise ConfigurationError(f"{name} must be true or false, not {raw!r}.")


def items(name: str, default: list[str]) -> list[str]:
    raw = text(name)
    return [item.strip() for item in raw.split(",") if item.strip()] if raw else default


def networks(name: str) -> list[str]:
    """Return addresses and networks such as 10.0.0.0/8. Each is checked here, so that a typo stops the start."""
    names = items(name, [])
    for part in names:
        try:
            ipaddress.ip_network(part, strict=False)
        except ValueError:
            raise ConfigurationError(f"{name} must list addresses or networks, and {part!r} is neither.") from None
    return names


def database_url() -> str:
    url = text("DATABASE_URL") or locations().database_url
    if urlsplit(url).scheme not in {"postgres", "postgresql"}:
        raise ConfigurationError(
            "DATABASE_URL must look like postgresql://user:password@host:5432/name; "
            f"{urlsplit(url).scheme or 'no scheme'!r} is not PostgreSQL."
        )
    return url


def redis_url() -> str:
    return _redis("REDIS_URL", locations().redis_url)


def cache_url() -> str:
    """Return the URL of the cache's own server.

    It evicts entries at its memory limit, which would lose queued tasks.
    """
    return _redis("CACHE_URL", locations().cache_url)


def _redis(name: str, default: str) -> str:
    url = text(name) or default
    if urlsplit(url).scheme not in {"redis", "rediss", "unix"}:
        raise ConfigurationError(
            f"{name} must look like redis://host:6379 or unix:///path/to/socket; "
            f"{urlsplit(url).scheme or 'no scheme'!r} is not Redis."
        )
    return url.rstrip("/")


def redis_database(url: str, number: int) -> str:
    """Return the URL of database `number` on the same server."""
    if url.startswith("unix://"):
        return f"{url.split('?', maxsplit=1)[0]}?db={number}"
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{number}" + (f"?{parts.query}" if parts.query else "")


def broker_url(url: str) -> str:
    """Return the URL in Celery's form (kombu has its own scheme for a socket)."""
    if url.startswith("unix://"):
        return "redis+socket://" + url.removeprefix("unix://").split("?")[0] + "?virtual_host=0"
    return redis_database(url, 0)


def _secrets_file() -> Path:
    return locations().directory / "secrets.json"


def generated_secret(name: str, length: int = 48) -> str:
    """Return a secret that is generated on the first run and stored under var/, for machines that configure none.

    Production settings refuse to start without configured secrets, so no real shop depends on this file.
    """
    path = _secrets_file()
    stored: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    if name not in stored:
        stored[name] = secrets.token_urlsafe(length)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"This user can't write {path} ({error.strerror}); set {name} instead.") from None
        with os.fdopen(descriptor, "w") as handle:
            json.dump(stored, handle)
    return stored[name]


def pii_keys(raw: str) -> dict[int, bytes]:
    """Parse `1:base64,2:base64` into {id: 32 bytes}. The first key encrypts, the others still decrypt."""
    keys: dict[int, bytes] = {}
    for part in raw.split(","):
        number, _, value = part.strip().partition(":")
        try:
            key = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
            keys[int(number)] = key
        except (ValueError, binascii.Error):
            raise ConfigurationError("PII_KEYS must look like 2:BASE64,1:BASE64 with 32-byte keys.") from None
        if len(key) != 32 or not 0 < int(number) < 256:
            raise ConfigurationError("PII_KEYS: each key needs an id from 1 to 255 and exactly 32 bytes.")
    return keys


def generated_pii_keys() -> str:
    seed = generated_secret("PII_KEYS", 32)
    return f"1:{seed}"
