"""Registrations of activity."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

import crm.activity.events  # noqa: F401
from core.base.facts import FACTS, count_of
from core.health import checks as health
from core.security.roles import grant
from core.security.scopes import SCOPES
from crm.activity.services import partitions as activity_partitions
from crm.activity.services.activity import join_anonymous_activity
from crm.customers.registry import VISITOR_JOINS

FACTS.register("activity_events", count_of("SELECT count(*) FROM crm_activityevent"))
health.register("partitions", activity_partitions.check, fix=activity_partitions.fix)
VISITOR_JOINS.register("activity", join_anonymous_activity)
SCOPES.register("activity:write", _("Send activity events"))
grant("crm.view_activitykind", to=[])
