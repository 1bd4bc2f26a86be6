"""Registrations of templates."""

from __future__ import annotations

import campaigns.templates.console.listing  # noqa: F401
from core.audit.log import OBJECTS, by_route
from core.security.roles import Role, grant

grant("campaigns.view_template", to=[Role.MARKETER, Role.ANALYST])
grant("campaigns.add_template", "campaigns.change_template", "campaigns.view_templatetext", to=[Role.MARKETER])
OBJECTS.register("campaigns.template", by_route("template"))
