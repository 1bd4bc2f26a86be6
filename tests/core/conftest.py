"""A receiver of webhooks, and a clock that stands where a test says."""

from __future__ import annotations

from datetime import datetime

import pytest

from core import clock
from core.services import webhook_sending
from tests.core.receiving import Receiver


@pytest.fixture
def receiver():
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def at(monkeypatch):
    """at(moment): the database's clock stands there."""

    def stand(moment: datetime) -> datetime:
        monkeypatch.setattr(clock, "now", lambda: moment)
        return moment

    return stand


@pytest.fixture
def no_jitter(monkeypatch):
    monkeypatch.setattr(webhook_sending, "JITTER", 0)
