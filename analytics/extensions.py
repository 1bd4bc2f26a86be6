"""Registrations of analytics: those of its subjects, lowest first."""

# isort: off
import analytics.features.extensions  # noqa: F401
import analytics.conditions.extensions  # noqa: F401
import analytics.segments.extensions  # noqa: F401
import analytics.recommendations.extensions  # noqa: F401
