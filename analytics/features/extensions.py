"""Registrations of features."""

import analytics.features.events
import analytics.features.handlers
import analytics.features.webhooks  # noqa: F401
