"""Django admin of crm, collected for Django."""

import crm.activity.admin  # noqa: F401
import crm.customers.admin  # noqa: F401
import crm.orders.admin  # noqa: F401
