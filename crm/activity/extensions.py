"""Registrations of activity."""

from __future__ import annotations

import crm.activity.events  # noqa: F401
from core.base.facts import FACTS
from core.health import checks as health
from crm.activity.services import partitions as activity_partitions
from crm.activity.services.activity import join_anonymous_activity
from crm.customers.extensions import _count
from crm.customers.registry import VISITOR_JOINS

FACTS.register("activity_events", _count("SELECT count(*) FROM crm_activityevent"))
health.register("partitions", activity_partitions.check, fix=activity_partitions.fix)
VISITOR_JOINS.register("activity", join_anonymous_activity)
