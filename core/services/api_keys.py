"""Server keys: shown once, kept as a digest.

Each process holds the active keys in memory and reads them again every two seconds while it is asked. So a wrong key
costs neither a query nor a cache entry, whoever sends it and how many of them.
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
from django.db.models import Q
from django.db.models.functions import Now

from core.errors import Invalid
from core.models import ApiKey
from core.scopes import SCOPES

PREFIX = "lk_"
# A key that was made here or brought along; anything else is refused before it is looked for.
FORM = re.compile(r"lk_[A-Za-z0-9]{1,12}_[A-Za-z0-9_-]{8,96}", re.ASCII)
# A revoked key may go on working so long in other processes, and a new one is known at once (see `identify`).
REMEMBERED_SECONDS = 2.0
# Reads for keys that the last reading did not have, in each second and process: strangers can't cause more.
EXTRA_READS = 5
USED_SECONDS = 60


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
    """The active keys by prefix, as they were at most REMEMBERED_SECONDS ago."""

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
        found = self._known.get(prefix)
        if found is None and self._may_read_again():
            # Another process may have made it since.
            with self._lock:
                self._read()
            found = self._known.get(prefix)
        return found

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
    """Drop what this process holds in memory of keys."""
    _active.forget()


def identify(presented: str) -> KeyIdentity | None:
    """Return what the key may do, or None for one that is malformed, unknown, wrong or revoked.

    A wrong key costs no query of its own. Only a prefix that is unknown here is looked for once more, because another
    process may have made it, and that at most EXTRA_READS times a second.
    """
    if len(presented) > 160 or not FORM.fullmatch(presented):
        return None
    found = _active.find(presented.removeprefix(PREFIX).partition("_")[0])
    if found is None or not hmac.compare_digest(found[0], _digest(presented)):
        return None
    _active.note_use(found[1].id)
    return found[1]


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()
