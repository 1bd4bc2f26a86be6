"""Server keys: shown once, kept as a digest, looked up through the cache."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256

from django.core.cache import cache
from django.db import transaction
from django.db.models.functions import Now

from core.errors import Invalid
from core.models import ApiKey
from core.scopes import SCOPES

PREFIX = "lk_"
CACHE_SECONDS = 60
# In this process's own memory, so that a busy key costs no round trip: a revoked key may be heard so long elsewhere.
REMEMBERED_SECONDS = 2.0
REMEMBERED_KEYS = 1000


@dataclass(frozen=True)
class KeyIdentity:
    """What a request may do, as far as its key goes."""

    id: int
    name: str
    source: str
    scopes: frozenset[str]


def create_api_key(
    *, name: str, scopes: list[str], source: str = "storefront", created_by=None, secret: str | None = None
) -> tuple[ApiKey, str]:
    """Create a key. Returns it with the whole secret, which can't be shown again.

    Raises Invalid when a scope does not exist.
    """
    unknown = sorted(set(scopes) - set(SCOPES.names()))
    if unknown:
        raise Invalid(f"Unknown scopes: {', '.join(unknown)}", field="scopes")
    prefix = secrets.token_hex(5)
    whole = secret or f"{PREFIX}{prefix}_{secrets.token_urlsafe(24)}"
    if secret:
        prefix = secret.removeprefix(PREFIX).split("_")[0]
    key = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        digest=_digest(whole),
        scopes=sorted(set(scopes)),
        source=source,
        created_by=created_by,
    )
    return key, whole


def revoke_api_key(key: ApiKey) -> None:
    with transaction.atomic():
        ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now())
    cache.delete(_cache_key(key.prefix))
    forget()


_remembered: dict[str, tuple[float, KeyIdentity]] = {}


def forget() -> None:
    """What this process remembers of keys."""
    _remembered.clear()


def identify(presented: str) -> KeyIdentity | None:
    """The key behind a presented secret, or None. One cache read when warm, none within two seconds of the last."""
    if not presented.startswith(PREFIX):
        return None
    now = time.monotonic()
    known = _remembered.get(presented)
    if known and known[0] > now:
        return known[1]
    identity = _look_up(presented)
    if identity:
        if len(_remembered) >= REMEMBERED_KEYS:
            _remembered.clear()
        _remembered[presented] = (now + REMEMBERED_SECONDS, identity)
    return identity


def _look_up(presented: str) -> KeyIdentity | None:
    prefix = presented.removeprefix(PREFIX).partition("_")[0]
    found = cache.get(_cache_key(prefix))
    if found is None:
        row = ApiKey.objects.active().filter(prefix=prefix).first()
        found = (bytes(row.digest), KeyIdentity(row.pk, row.name, row.source, frozenset(row.scopes))) if row else ()
        cache.set(_cache_key(prefix), found, CACHE_SECONDS)
        if row:
            ApiKey.objects.filter(pk=row.pk).update(last_used_at=Now())
    if not found or not hmac.compare_digest(found[0], _digest(presented)):
        return None
    return found[1]


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _cache_key(prefix: str) -> str:
    return f"apikey:{prefix}"
