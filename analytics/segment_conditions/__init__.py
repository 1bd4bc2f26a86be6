"""The conditions that come with the product, one module per subject. A new one goes beside its likes and is registered
by its module's `register`; see docs/how-to/add-a-condition.md."""

from analytics.segment_conditions import activity, customers, groups, loyalty, orders, scores, standing


def register_all() -> None:
    for module in (customers, orders, activity, loyalty, standing, scores, groups):
        module.register()
