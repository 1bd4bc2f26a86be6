"""Django admin of campaigns, collected for Django."""

import campaigns.broadcasts.admin
import campaigns.care.admin
import campaigns.channels.admin
import campaigns.coupons.admin
import campaigns.experiments.admin
import campaigns.journeys.admin
import campaigns.messages.admin
import campaigns.reports.admin
import campaigns.templates.admin  # noqa: F401
