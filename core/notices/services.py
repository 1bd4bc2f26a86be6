"""Notices in the console: created for members of staff, read, settled and deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.db.models import Q

from core.base import clock
from core.notices.models import Notice
from core.notices.registry import NOTICES
from core.security.models import User

KEPT = timedelta(days=90)
BACKEND = "django.contrib.auth.backends.ModelBackend"


def notify(*, users: Iterable[int], kind: str, payload: dict[str, Any], subject: str = "") -> int:
    """Notify these members of staff, inside the caller's transaction. Return their number."""
    if kind not in NOTICES:
        raise RuntimeError(f"There is no kind of notice {kind!r}.")
    rows = [Notice(user_id=user, kind=kind, payload=payload, subject=subject) for user in sorted(set(users))]
    Notice.objects.bulk_create(rows)
    return len(rows)


def holders(permission: str) -> set[int]:
    """Return the active members of staff who have a permission."""
    staff = User.objects.with_perm(permission, is_active=True, backend=BACKEND)  # type: ignore[attr-defined]
    return set(staff.values_list("pk", flat=True))


def settle(subject: str) -> int:
    """Mark the unread notices about a subject as read for all staff, because it needs no attention any more."""
    return Notice.objects.filter(subject=subject, read_at=None).update(read_at=clock.now())


def mark_read(*, notice: Notice) -> None:
    """Mark a notice as read. Idempotent."""
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=clock.now())


def mark_all_read(*, user: User) -> int:
    """Mark all unread notices of a user as read. Return their number."""
    return Notice.objects.filter(user=user, read_at=None).update(read_at=clock.now())


def drop_old() -> int:
    """Delete notices older than KEPT, read or unread."""
    deleted, _rows = Notice.objects.filter(Q(created_at__lt=clock.now() - KEPT)).delete()
    return deleted
