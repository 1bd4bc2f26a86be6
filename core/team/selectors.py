"""Reads of the staff: role, last sign-in, second factor, state of the invitation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from allauth.mfa.models import Authenticator
from django.utils.functional import Promise

from core.base import clock
from core.security.models import User
from core.security.roles import LABELS, Role
from core.team.services import expires_at, is_pending, sessions_of

State = Literal["active", "invited", "expired", "off"]


@dataclass(frozen=True)
class StaffRow:
    """A staff member as the list shows them. `until`: end of a pending invitation. `sessions`: running ones."""

    user: User
    role: Role | None
    role_label: str | Promise
    state: State
    second_factor: bool
    sessions: int
    until: datetime | None = None


def staff_rows(users: Sequence[User]) -> list[StaffRow]:
    """Return the rows of accounts, in the given order. The groups should be prefetched."""
    pks = {user.pk for user in users}
    protected = set(
        Authenticator.objects.filter(user__in=pks, type=Authenticator.Type.TOTP).values_list("user", flat=True)
    )
    sessions = sessions_of(pks)
    return [_row(user, user.pk in protected, len(sessions[user.pk])) for user in users]


def all_staff() -> list[User]:
    """Return all accounts, active ones first."""
    return list(User.objects.prefetch_related("groups").order_by("-is_active", "first_name", "last_name", "username"))


def _row(user: User, second_factor: bool, sessions: int) -> StaffRow:
    names = {group.name for group in user.groups.all()}
    role = Role.ADMINISTRATOR if user.is_superuser else next((one for one in reversed(Role) if one in names), None)
    until = expires_at(user) if is_pending(user) else None
    state: State = "active" if user.is_active else "off"
    if until is not None:
        state = "invited" if until > clock.now() else "expired"
    return StaffRow(user, role, LABELS[role] if role else "", state, second_factor, sessions, until)
