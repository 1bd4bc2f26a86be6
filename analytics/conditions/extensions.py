"""Registrations of segment conditions."""

from analytics.conditions.kinds import activity, customers, loyalty, orders, scores, standing
from analytics.conditions.kinds.where import WhereKind
from core.fields import FIELD_KINDS

FIELD_KINDS.register("where", WhereKind())
for _module in (customers, orders, activity, loyalty, standing, scores):
    _module.register()
