"""Registrations of the service desk."""

from __future__ import annotations

from django.db import connection
from django.utils.translation import gettext_lazy as _

import crm.desk.console.home
import crm.desk.console.listing
import crm.desk.console.panels
import crm.desk.console.shell
import crm.desk.events
import crm.desk.webhooks  # noqa: F401
from core.base.facts import FACTS
from core.security.roles import Role, grant
from core.security.scopes import SCOPES


def _tickets() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT status, count(*) FROM crm_ticket GROUP BY 1 ORDER BY 1")
        return dict(cursor.fetchall())


FACTS.register("tickets", _tickets)
SCOPES.register("tickets:read", _("Read tickets"))
SCOPES.register("tickets:write", _("Open and answer tickets"))
grant("crm.view_ticket", to=[Role.AGENT, Role.LEAD, Role.ANALYST])
grant("crm.add_ticket", "crm.change_ticket", to=[Role.AGENT, Role.LEAD])
