"""Registrations of crm: those of its subjects, lowest first."""

# isort: off
import crm.customers.extensions  # noqa: F401
import crm.orders.extensions  # noqa: F401
import crm.activity.extensions  # noqa: F401
import crm.timeline.extensions  # noqa: F401
import crm.desk.extensions  # noqa: F401
import crm.imports.extensions  # noqa: F401
import crm.import_kinds.extensions  # noqa: F401
import crm.profiles.extensions  # noqa: F401
