"""Registrations of features."""

import analytics.features.events  # noqa: F401
import analytics.features.handlers  # noqa: F401
import analytics.features.webhooks  # noqa: F401
