"""The timetable: what beat starts and how often. Each entry names a task of some app's `tasks` module."""

from celery.schedules import crontab

SCHEDULE: dict[str, dict] = {
    "sweep the outbox": {"task": "core.sweep_outbox", "schedule": 30.0, "options": {"expires": 25}},
}
__all__ = ["SCHEDULE", "crontab"]
