"""Registrations of the timeline."""

import crm.timeline.selectors.moments  # noqa: F401
