"""Registrations of loyalty with the other apps: facts, scopes, roles, health checks, kinds and triggers."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

import loyalty.program.events  # noqa: F401
from core.audit.log import LOGGED, Logged
from core.security.roles import Role, grant
from core.security.scopes import SCOPES

SCOPES.register("members:read", _("Read members, points and tiers"))
grant("loyalty.view_loyalty", "loyalty.view_member", to=[Role.AGENT, Role.LEAD, Role.MARKETER, Role.ANALYST])
grant(
    "loyalty.view_program", "loyalty.view_tier", "loyalty.view_earningrule", "loyalty.view_earningruleversion",
    "loyalty.change_program", "loyalty.change_tier", "loyalty.change_earningrule", "loyalty.add_tier",
    "loyalty.add_earningrule", "loyalty.add_earningruleversion",
    "loyalty.view_pointtype", "loyalty.add_pointtype", "loyalty.change_pointtype",
    to=[Role.MARKETER],
)  # fmt: skip
LOGGED.register("loyalty.member_suspended", Logged())
LOGGED.register("loyalty.member_resumed", Logged())
EVERYONE = [Role.AGENT, Role.LEAD, Role.MARKETER, Role.ANALYST]
# Imported points have no limit, so only administrators may import them (L13).
grant("loyalty.import_opening", to=[])
