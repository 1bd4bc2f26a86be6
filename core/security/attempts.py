"""Limits on guesses of passwords and second-step codes, counted in the database: parallel requests share one count.

The rows are those of django-axes, so that its commands (axes_reset_username, axes_reset_ip) lift a lock. The key of a
row is (account, address, kind); the address is `EVERYWHERE` for the count over all addresses.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from allauth.account.internal.userkit import filter_users_by_email
from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt, AccessLog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest
from django.http import HttpRequest
from django.utils import timezone

from core.db.locks import lock_rows
from core.http.addresses import address_block
from core.security.models import User

EVERYWHERE = "::"
PASSWORD, CODE = "password", "code"
LOCKED_FOR = timedelta(minutes=15)
# Failures of one account from all addresses together, as a multiple of LOGIN_FAILURE_LIMIT, before it is slowed down.
SLOW_AFTER = 10
SLOW_PAUSE = timedelta(seconds=30)
# An address from which the account signed in recently is not slowed, so that a stranger can't lock out the owner.
KNOWN_FOR = timedelta(days=30)
CODES_PER_ACCOUNT = 5
CODES_PER_ADDRESS = 20
# Several accounts may share an e-mail address; a password is then tried on each of them.
MOST_ACCOUNTS = 20


@dataclass(frozen=True, order=True)
class AttemptSlot:
    """One count.

    It refuses attempts from `most` on, until `pause` has passed since the last attempt that it allowed.
    """

    account: str
    address: str
    kind: str
    most: int
    pause: timedelta = LOCKED_FOR


def address_of(request: HttpRequest) -> str:
    """Return the address that attempts are counted by (AXES_CLIENT_IP_CALLABLE): IPv6 by its /64 network."""
    block = address_block(request)
    return "127.0.0.1" if block == "local" else block


def accounts_of(_request: HttpRequest | None, credentials: Mapping[str, Any] | None) -> list[str]:
    """Return the user names of all accounts on which these credentials would be tried.

    A name in other letters, or the account's e-mail address, reaches the same count. An unknown name is counted too, so
    that the answer does not show which names exist. Only its hash is stored, because people type passwords into the
    wrong field.
    """
    typed = str((credentials or {}).get("username") or (credentials or {}).get("email") or "")
    name = unicodedata.normalize("NFKC", typed).strip()[:255].replace("\0", "")
    if not name:
        return ["unknown:"]
    users = User.objects.filter(Q(username__iexact=name) | Q(email__iexact=name))
    names = set(users.values_list("username", flat=True)[:MOST_ACCOUNTS])
    names |= {user.username for user in filter_users_by_email(name)[:MOST_ACCOUNTS]}
    return sorted(names) or [f"unknown:{sha256(name.casefold().encode()).hexdigest()[:32]}"]


def account_of(request: HttpRequest | None, credentials: Mapping[str, Any] | None) -> str:
    """Return one user name for axes' own records (AXES_USERNAME_CALLABLE)."""
    return accounts_of(request, credentials)[0]


def password_slots(request: HttpRequest, credentials: Mapping[str, Any]) -> list[AttemptSlot]:
    """Return the counts of a password: a lock per account and address, a pause per account over all addresses."""
    address, limit = address_of(request), settings.AXES_FAILURE_LIMIT
    slots = []
    for account in accounts_of(request, credentials):
        slots.append(AttemptSlot(account, address, PASSWORD, limit))
        if not _is_known(account, address):
            slots.append(AttemptSlot(account, EVERYWHERE, PASSWORD, limit * SLOW_AFTER, SLOW_PAUSE))
    return slots


def code_slots(request: HttpRequest, user: User) -> list[AttemptSlot]:
    """Return the counts of a second-step code: one per account and one per address over all accounts."""
    return [
        AttemptSlot("", address_of(request), CODE, CODES_PER_ADDRESS),
        AttemptSlot(user.get_username(), EVERYWHERE, CODE, CODES_PER_ACCOUNT),
    ]


def take(slots: Sequence[AttemptSlot]) -> bool:
    """Count one attempt in all slots before it is made. Return False, and count it in none, when one slot is full.

    Counting first makes the limit hold for parallel requests. Give the attempt back when it succeeds.
    """
    with transaction.atomic():
        # In a fixed order, so that two requests never wait for each other.
        for slot in sorted(slots):
            if not _take(slot):
                transaction.set_rollback(True)
                return False
    return True


def is_full(slots: Sequence[AttemptSlot]) -> bool:
    """Return whether one of these slots refuses the next attempt."""
    return any(
        _rows(slot)
        .filter(failures_since_start__gte=slot.most, attempt_time__gt=timezone.now() - min(slot.pause, LOCKED_FOR))
        .exists()
        for slot in slots
    )


def give_back(slots: Sequence[AttemptSlot]) -> None:
    """Remove a successful attempt from the counts. Earlier failures stay."""
    for slot in sorted(slots):
        _rows(slot).update(failures_since_start=Greatest(F("failures_since_start") - 1, 0))


def forget(slots: Sequence[AttemptSlot]) -> None:
    """Delete these counts, after the user proved to own the account."""
    for slot in sorted(slots):
        _rows(slot).delete()


def drop_expired() -> None:
    """Delete expired counts. Locked rows are left for the next run."""
    expired = AccessAttempt.objects.filter(attempt_time__lte=timezone.now() - LOCKED_FOR)
    with transaction.atomic():
        free = lock_rows(expired, skip_locked=True, most=1000)
        AccessAttempt.objects.filter(pk__in=[row.pk for row in free]).delete()


def _rows(slot: AttemptSlot) -> QuerySet[AccessAttempt]:
    return AccessAttempt.objects.filter(username=slot.account, ip_address=slot.address, user_agent=slot.kind)


def _take(slot: AttemptSlot) -> bool:
    now = timezone.now()
    expired, paused = now - LOCKED_FOR, now - slot.pause
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO axes_accessattempt AS a (username, ip_address, user_agent, http_accept, path_info, get_data,
                                                    post_data, failures_since_start, attempt_time)
               VALUES (%s, %s, %s, '', '', '', '', 1, %s)
               ON CONFLICT (username, ip_address, user_agent) DO UPDATE
               SET failures_since_start = CASE WHEN a.attempt_time <= %s THEN 1 ELSE a.failures_since_start + 1 END,
                   attempt_time = EXCLUDED.attempt_time
               WHERE a.failures_since_start < %s OR a.attempt_time <= %s OR a.attempt_time <= %s
               RETURNING failures_since_start""",
            [slot.account, slot.address, slot.kind, now, expired, slot.most, expired, paused],
        )
        return cursor.fetchone() is not None


def _is_known(account: str, address: str) -> bool:
    return AccessLog.objects.filter(
        username=account, ip_address=address, attempt_time__gt=timezone.now() - KNOWN_FOR
    ).exists()


class PasswordAttempts(AxesDatabaseHandler):
    """The count of passwords per account (AXES_HANDLER).

    axes itself checks first and counts afterwards, so parallel requests would pass.
    """

    def is_allowed(self, request: HttpRequest, credentials: dict | None = None) -> bool:
        slots = password_slots(request, credentials or {})
        request.password_slots = slots if take(slots) else []  # type: ignore[attr-defined]
        return bool(request.password_slots)  # type: ignore[attr-defined]

    def user_login_failed(
        self, sender: Any, credentials: dict, request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        if request is None:
            return
        drop_expired()
        slots = getattr(request, "password_slots", None)
        # Show the locked page to the attempt that reached the limit, not to the next one.
        if not slots or is_full(slots):
            request.axes_locked_out = True  # type: ignore[attr-defined]
            request.axes_credentials = credentials  # type: ignore[attr-defined]

    def clean_expired_user_attempts(
        self, request: HttpRequest | None = None, credentials: dict[str, Any] | None = None
    ) -> int:
        """Do nothing when axes calls this: `drop_expired` deletes them without waiting for locked rows."""
        return 0

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Delete this account's failures from this address.

        Failures from other addresses may be a stranger's and stay.
        """
        account = str((credentials or {}).get("username") or "")
        forget([AttemptSlot(account, address_of(request), PASSWORD, settings.AXES_FAILURE_LIMIT)])
        return 1


def password_was_right(request: HttpRequest) -> None:
    """Remove the password attempt of this request from the counts. A second step or a confirmation may still follow."""
    slots = getattr(request, "password_slots", None)
    if slots:
        give_back(slots)
        request.password_slots = []  # type: ignore[attr-defined]
