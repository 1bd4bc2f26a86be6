"""Registrations of crm: those of its subjects, lowest first."""

# isort: off
import crm.customers.extensions
import crm.orders.extensions
import crm.activity.extensions
import crm.timeline.extensions
import crm.desk.extensions
import crm.imports.extensions
import crm.import_kinds.extensions
import crm.profiles.extensions  # noqa: F401
