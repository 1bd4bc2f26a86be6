"""Server keys: shown once, stored as a digest.

Each process holds the active keys in memory and, while requests come, reads them again every two seconds. So a wrong
key costs neither a query nor a cache entry, however many are sent.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from core.base import clock
from core.base.actor import RequestUser
from core.base.errors import Invalid
from core.security.models import ApiKey
from core.security.scopes import SCOPES

PREFIX = "lk_"
# The form of keys, created here or imported; any other text is refused before a look-up.
FORM = re.compile(r"lk_[A-Za-z0-9]{1,12}_[A-Za-z0-9_-]{8,96}", re.ASCII)
# A revoked key may work this long in other processes; a new key works at once (see `identify`).
REMEMBERED_SECONDS = 2.0
# Extra reads for unknown keys, in each second and process: strangers can't cause more.
EXTRA_READS = 5
USED_SECONDS = 60
# A key that no system has used for so long deserves a look.
QUIET_DAYS = 90


@dataclass(frozen=True)
class KeyIdentity:
    """The key of a request, with its permissions."""

    id: int
    name: str
    source: str
    scopes: frozenset[str]


def create_api_key(
    *,
    name: str,
    scopes: list[str],
    source: str = "storefront",
    created_by: RequestUser | None = None,
    secret: str | None = None,
) -> tuple[ApiKey, str]:
    """Create a key. Return it with the full secret, which can't be shown again.

    Raises Invalid when a scope does not exist.
    """
    unknown = sorted(set(scopes) - set(SCOPES.names()))
    if unknown:
        raise Invalid(f"Unknown scopes: {', '.join(unknown)}", field="scopes")
    prefix = secrets.token_hex(5)
    whole = secret or f"{PREFIX}{prefix}_{secrets.token_urlsafe(24)}"
    if not FORM.fullmatch(whole):
        raise Invalid("Use lk_, 1 to 12 letters or digits, _ and 8 to 96 letters, digits, - or _.", field="secret")
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
    forget()
    return key, whole


def revoke_api_key(key: ApiKey) -> None:
    with transaction.atomic():
        ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=Now())
    forget()


Known = dict[str, tuple[bytes, KeyIdentity]]


class _ActiveKeys:
    """The active keys by prefix, at most REMEMBERED_SECONDS old."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        self._known: Known = {}
        self._read_at = -REMEMBERED_SECONDS
        self._second = 0
        self._extra = 0
        self._used: dict[int, float] = {}

    def find(self, prefix: str) -> tuple[bytes, KeyIdentity] | None:
        if time.monotonic() - self._read_at >= REMEMBERED_SECONDS:
            with self._lock:
                if time.monotonic() - self._read_at >= REMEMBERED_SECONDS:
                    self._read()
        entry = self._known.get(prefix)
        if entry is None and self._may_read_again():
            # Another process may have created the key since.
            with self._lock:
                self._read()
            entry = self._known.get(prefix)
        return entry

    def _may_read_again(self) -> bool:
        with self._lock:
            second = int(time.monotonic())
            if second != self._second:
                self._second, self._extra = second, 0
            self._extra += 1
            return self._extra <= EXTRA_READS

    def _read(self) -> None:
        started = time.monotonic()
        rows = ApiKey.objects.active().only("id", "prefix", "digest", "name", "source", "scopes")
        self._known = {
            row.prefix: (bytes(row.digest), KeyIdentity(row.pk, row.name, row.source, frozenset(row.scopes)))
            for row in rows
        }
        self._read_at = started

    def note_use(self, key_id: int) -> None:
        """Write the time of the last use, at most once a minute."""
        now = time.monotonic()
        if now - self._used.get(key_id, -USED_SECONDS) < USED_SECONDS:
            return
        self._used[key_id] = now
        lately = Q(last_used_at__gt=Now() - timedelta(seconds=USED_SECONDS))
        ApiKey.objects.filter(pk=key_id).exclude(lately).update(last_used_at=Now())


_active = _ActiveKeys()


def forget() -> None:
    """Drop the keys that this process holds in memory."""
    _active.forget()


def identify(presented: str) -> KeyIdentity | None:
    """Return the identity of a key, or None if the key is malformed, unknown, wrong or revoked.

    A wrong key costs no query of its own. Only an unknown prefix causes another read, because another process may have
    created the key; that happens at most EXTRA_READS times a second.
    """
    if len(presented) > 160 or not FORM.fullmatch(presented):
        return None
    entry = _active.find(presented.removeprefix(PREFIX).partition("_")[0])
    if entry is None or not hmac.compare_digest(entry[0], _digest(presented)):
        return None
    _active.note_use(entry[1].id)
    return entry[1]


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def unused(keys: QuerySet[ApiKey], days: int = QUIET_DAYS) -> QuerySet[ApiKey]:
    """Return the active ones of these keys that no system has used for so long."""
    since = clock.now() - timedelta(days=days)
    active = keys.filter(pk__in=ApiKey.objects.active().values("pk"))
    return active.filter(Q(last_used_at=None, created_at__lt=since) | Q(last_used_at__lt=since))
