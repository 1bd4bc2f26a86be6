"""Registrations of campaigns: those of its subjects, lowest first."""

# isort: off
import campaigns.channels.extensions  # noqa: F401
import campaigns.coupons.extensions  # noqa: F401
import campaigns.messages.extensions  # noqa: F401
import campaigns.experiments.extensions  # noqa: F401
import campaigns.transactional.extensions  # noqa: F401
import campaigns.care.extensions  # noqa: F401
import campaigns.broadcasts.extensions  # noqa: F401
import campaigns.journeys.extensions  # noqa: F401
import campaigns.reports.extensions  # noqa: F401
