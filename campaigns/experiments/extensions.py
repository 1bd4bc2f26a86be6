"""Registrations of experiments."""

import campaigns.experiments.events  # noqa: F401
