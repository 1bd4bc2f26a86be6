"""Django admin of campaigns, collected for Django."""

import campaigns.care.admin  # noqa: F401
import campaigns.channels.admin  # noqa: F401
import campaigns.coupons.admin  # noqa: F401
import campaigns.messages.admin  # noqa: F401
import campaigns.templates.admin  # noqa: F401
