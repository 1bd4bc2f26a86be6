"""Scheduled task of the console: keep the figures of the home page."""

from __future__ import annotations

from celery import shared_task

from core.console import kept


@shared_task(name=kept.TASK)
def keep_figures(*names: str) -> list[str]:
    return kept.keep(names)
