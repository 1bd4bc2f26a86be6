"""Registrations of segment conditions."""

from analytics.conditions.kinds import activity, customers, loyalty, orders, scores, standing

for _module in (customers, orders, activity, loyalty, standing, scores):
    _module.register()
