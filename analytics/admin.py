"""Django admin of analytics, collected for Django."""

import analytics.segments.admin  # noqa: F401
