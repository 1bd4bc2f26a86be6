"""Registrations of the customer list and the customer page."""

import crm.profiles.console.audit  # noqa: F401
import crm.profiles.console.listing  # noqa: F401
import crm.profiles.console.shell  # noqa: F401
