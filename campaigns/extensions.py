"""Registrations of campaigns: those of its subjects, lowest first."""

# isort: off
import campaigns.calendar.extensions
import campaigns.channels.extensions
import campaigns.coupons.extensions
import campaigns.designs.extensions
import campaigns.templates.extensions
import campaigns.messages.extensions
import campaigns.experiments.extensions
import campaigns.transactional.extensions
import campaigns.care.extensions
import campaigns.broadcasts.extensions
import campaigns.journeys.extensions
import campaigns.reports.extensions  # noqa: F401
