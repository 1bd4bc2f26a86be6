"""Reads of channels."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.base import clock

PERIODS = ("1", "7", "30", "all")


def since(days: int) -> datetime:
    return clock.now() - timedelta(days=days)
