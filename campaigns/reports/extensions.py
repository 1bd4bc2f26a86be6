"""Registrations of the reports on campaigns."""

import campaigns.reports.console.columns
import campaigns.reports.console.moments
import campaigns.reports.console.panels
import campaigns.reports.console.shell  # noqa: F401
