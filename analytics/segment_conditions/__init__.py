"""Built-in segment conditions, one module per subject.

A new condition goes into the module of its subject, whose `register` registers it; see docs/how-to/add-a-condition.md.
"""

from analytics.segment_conditions import activity, customers, groups, loyalty, orders, scores, standing


def register_all() -> None:
    for module in (customers, orders, activity, loyalty, standing, scores, groups):
        module.register()
