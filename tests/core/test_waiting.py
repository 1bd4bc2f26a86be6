"""Finishing pending work that several workers share."""

from __future__ import annotations

import pytest

from core.jobs import waiting
from core.jobs.waiting import finish_pending


def test_work_is_repeated_until_nothing_is_pending():
    # Given
    rows, done = [1, 2, 3], []

    def take(left: list[int]) -> int:
        done.append(left.pop())
        return 1

    # When
    finish_pending(lambda: rows, take, subject="the rows")
    # Then
    assert (rows, done) == ([], [3, 2, 1])


def test_work_of_another_worker_is_waited_for(monkeypatch):
    # Given: another worker has the only row, and finishes while this one sleeps
    rows, slept = ["theirs"], []
    monkeypatch.setattr(waiting.time, "sleep", lambda seconds: (slept.append(seconds), rows.clear()))
    # When
    finish_pending(lambda: rows, lambda _left: 0, subject="the rows")
    # Then
    assert slept == [0.5]


def test_work_that_another_worker_does_not_finish_is_an_error_after_an_hour(monkeypatch):
    # Given
    now = [0.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(waiting.time, "sleep", lambda _seconds: now.__setitem__(0, now[0] + 1800))
    # When, then
    with pytest.raises(TimeoutError, match=r"^Another worker does not finish the rows\.$"):
        finish_pending(lambda: ["theirs"], lambda _left: 0, subject="the rows")
    assert now == [5400]
