"""Registrations of growth."""

from __future__ import annotations

import loyalty.growth.console.listing
import loyalty.growth.console.shell
import loyalty.growth.events
import loyalty.growth.handlers
import loyalty.growth.webhooks  # noqa: F401
from core.security.roles import EVERYONE, Role, grant
from loyalty.growth.models import Task
from loyalty.ledger.registry import REFERENCE_NAMES

grant("loyalty.view_task", "loyalty.view_badge", to=EVERYONE)
grant("loyalty.add_task", "loyalty.change_task", "loyalty.add_badge", "loyalty.change_badge", to=[Role.MARKETER])
REFERENCE_NAMES.register("task", lambda: {row.code: row.label for row in Task.objects.all()})
