"""Registrations of analytics: those of its subjects, lowest first."""

# isort: off
import analytics.features.extensions
import analytics.conditions.extensions
import analytics.segments.extensions
import analytics.recommendations.extensions  # noqa: F401
