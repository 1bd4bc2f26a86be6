"""Registrations of the customer list and the customer page."""

import crm.profiles.console.audit
import crm.profiles.console.customer_list
import crm.profiles.console.listing
import crm.profiles.console.shell  # noqa: F401
