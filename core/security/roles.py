"""The five roles (P4). A role is a group; each app declares its permissions in `extensions` with `grant`."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum

from django.contrib.auth.models import Group, Permission
from django.utils.translation import gettext_lazy as _

from core.security.models import User


class Role(StrEnum):
    AGENT = "service_agent"
    LEAD = "service_lead"
    MARKETER = "marketer"
    ANALYST = "analyst"
    ADMINISTRATOR = "administrator"


# Every role of staff below the administrator.
EVERYONE = [Role.AGENT, Role.LEAD, Role.MARKETER, Role.ANALYST]


LABELS = {
    Role.AGENT: _("Service agent"),
    Role.LEAD: _("Service lead"),
    Role.MARKETER: _("Marketer"),
    Role.ANALYST: _("Analyst"),
    Role.ADMINISTRATOR: _("Administrator"),
}
_granted: dict[Role, set[str]] = defaultdict(set)


def grant(*permissions: str, to: list[Role]) -> None:
    """Grant permissions (`app_label.codename`) to roles. Administrators get every permission that any role has."""
    for role in {*to, Role.ADMINISTRATOR}:
        _granted[role].update(permissions)


def granted(role: Role) -> set[str]:
    return set(_granted[role])


def synchronise_groups(**_kwargs: object) -> None:
    """Set the groups' permissions to the declared ones. Runs after every migrate; staff keep their groups."""
    known = {
        f"{label}.{codename}": pk
        for pk, codename, label in Permission.objects.values_list("pk", "codename", "content_type__app_label")
    }
    for role in Role:
        group, _created = Group.objects.get_or_create(name=role.value)
        permission_ids = {known[name] for name in _granted[role] if name in known}
        if set(group.permissions.values_list("pk", flat=True)) != permission_ids:
            group.permissions.set(permission_ids)


def role_of(user: User) -> Role | None:
    """Return the highest role of a member of staff: the last one in the order of the enum."""
    return next(iter(roles_of(user)), None)


def roles_of(user: User) -> list[Role]:
    """Return all roles of a member of staff, the highest first."""
    if user.is_superuser:
        return [Role.ADMINISTRATOR]
    names = set(user.groups.values_list("name", flat=True))
    return [role for role in reversed(Role) if role.value in names]
