"""Django admin of crm, collected for Django."""

import crm.activity.admin
import crm.customers.admin
import crm.orders.admin  # noqa: F401
