"""Django admin of campaigns, collected for Django."""

import campaigns.care.admin
import campaigns.coupons.admin
import campaigns.messages.admin
import campaigns.templates.admin  # noqa: F401
