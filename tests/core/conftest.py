"""Fixtures: a receiver of webhooks, and a clock that a test sets."""

from __future__ import annotations

from datetime import datetime

import pytest

from core.base import clock
from core.webhooks import sending as webhook_sending
from tests.core.receiving import Receiver


@pytest.fixture
def receiver():
    server = Receiver()
    yield server
    server.close()


@pytest.fixture
def at(monkeypatch):
    """Return at(moment), which sets the database's clock."""

    def set_clock(moment: datetime) -> datetime:
        monkeypatch.setattr(clock, "now", lambda: moment)
        return moment

    return set_clock


@pytest.fixture
def no_jitter(monkeypatch):
    monkeypatch.setattr(webhook_sending, "JITTER", 0)
