"""Registrations of the reports on campaigns."""

import campaigns.reports.console.panels  # noqa: F401
import campaigns.reports.console.shell  # noqa: F401
