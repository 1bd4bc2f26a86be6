"""Limits on number and length of log lines when everything fails at once."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog

from core.processes import logs


@pytest.fixture
def lines(monkeypatch):
    """Return lines(), which returns the new log lines as dicts. The time is fixed unless a test moves `clock`."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logs.formatter())
    handler.addFilter(logs.StormFilter())
    root = logging.getLogger("liuke.storm")
    root.addHandler(handler)
    root.propagate = False
    root.setLevel(logging.INFO)
    clock = [1000.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: clock[0])

    def read():
        entries = [json.loads(line) for line in out.getvalue().splitlines()]
        out.truncate(0)
        out.seek(0)
        return entries

    read.clock = clock
    yield read
    root.removeHandler(handler)


def test_a_storm_of_one_event_is_ten_lines_a_second_and_a_count(lines):
    log = structlog.get_logger("liuke.storm")
    for number in range(5000):
        log.error("database_unavailable", error=f"away {number}")
    assert [line["error"] for line in lines()] == [f"away {number}" for number in range(10)]
    log.error("another")
    assert [line["event"] for line in lines()] == ["another"]
    lines.clock[0] += 1
    log.error("database_unavailable", error="still")
    assert [(line["error"], line["suppressed"]) for line in lines()] == [("still", 4990)]


def test_a_storm_of_the_standard_library_is_bounded_too(lines):
    log = logging.getLogger("liuke.storm")
    for number in range(300):
        log.error("%s: %s", "Service Unavailable", f"/page/{number}")
    assert len(lines()) == 10
    lines.clock[0] += 1
    log.error("%s: %s", "Service Unavailable", "/last")
    assert [(line["event"], line["suppressed"]) for line in lines()] == [("Service Unavailable: /last", 290)]


def test_each_request_is_logged(lines):
    log = structlog.get_logger("liuke.storm")
    for number in range(300):
        log.info("request_finished", number=number)
    assert len(lines()) == 300


def test_long_values_are_cut(lines):
    log = structlog.get_logger("liuke.storm")
    log.warning("x" * 50_000, text="y" * 50_000, items=["z" * 50_000], number=3)
    line = lines()[0]
    assert line["number"] == 3
    assert line["text"] == "y" * 2000 + "… (50000 characters)"
    assert max(len(str(value)) for value in line.values()) < 2100


def test_many_different_events_do_not_fill_the_memory(lines):
    watch = logs.StormFilter()
    for number in range(5000):
        watch.filter(logging.LogRecord("x", logging.ERROR, "", 0, f"event {number}", (), None))
    assert len(watch._seen) <= logs.MOST_EVENTS
