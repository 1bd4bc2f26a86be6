"""Registrations of loyalty with the other apps: facts, scopes, roles, health checks, kinds and triggers."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

import loyalty.program.events  # noqa: F401
from core.audit.log import LOGGED, Logged
from core.security.roles import EVERYONE, Role, grant
from core.security.scopes import SCOPES
from crm.customers.registry import CURRENCY_USES, CurrencyUse
from loyalty.program.services import settings as program_settings

SCOPES.register("members:read", _("Read members, points and tiers"))
SCOPES.register("members:write", _("Enrol members, join tasks, set leaderboard names, record bought tiers"))
grant("loyalty.view_loyalty", "loyalty.view_member", to=EVERYONE)
grant("loyalty.add_member", to=[Role.AGENT, Role.LEAD])
grant("loyalty.suspend_member", to=[Role.LEAD])
grant(
    "loyalty.view_program", "loyalty.change_program",
    "loyalty.view_pointtype", "loyalty.add_pointtype", "loyalty.change_pointtype",
    to=[Role.MARKETER],
)  # fmt: skip
CURRENCY_USES.register("program", CurrencyUse(program_settings.currency_refusal, program_settings.follow_currency))
LOGGED.register("loyalty.member_suspended", Logged())
LOGGED.register("loyalty.member_resumed", Logged())
