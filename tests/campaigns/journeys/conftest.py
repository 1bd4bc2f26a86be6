"""Provide fixtures of journeys: a journey of given steps, customers in a segment, a template."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection

from analytics.segments.models import Segment
from campaigns.journeys.models import JourneyRun, JourneyStepRecord
from campaigns.journeys.services import entries as journey_entries
from campaigns.journeys.services.engine import advance_due
from campaigns.journeys.services.journeys import create_journey, publish_journey
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from tests.segments import put_in


@pytest.fixture
def make_journey(store):
    """Make a published journey of these steps; `draft=True` leaves it unpublished."""
    made = 0

    def make(steps, *, entry=None, draft=False, name="", **rest):
        nonlocal made
        made += 1
        definition = {"entry": entry or {"kind": "api"}, "steps": steps, **rest}
        journey = create_journey(name=name or f"Journey {made}", draft=definition, actor=SYSTEM)
        if not draft:
            publish_journey(journey=journey, actor=SYSTEM)
            journey.refresh_from_db()
            journey_entries.wanted_kinds.forget()
        return journey

    return make


@pytest.fixture
def template(store):
    return save_template(
        name="Hello", channel="inbox", actor=SYSTEM,
        texts=[Text("en", "Hello {{ customer.first_name }}", "Hi"), Text("zh-hans", "您好", "您好")],
    )  # fmt: skip


@pytest.fixture
def gift_template(store):
    code = "{{ coupon.code }}"
    return save_template(
        name="Gift", channel="inbox", actor=SYSTEM,
        texts=[Text("en", f"Hello {{{{ customer.first_name }}}} {code}", "Hi"), Text("zh-hans", f"您好{code}", "您好")],
    )  # fmt: skip


@pytest.fixture
def make_segment(store):
    def make(*customers, name="People"):
        segment = Segment.objects.create(name=name, rule={"op": "and", "children": []}, computed_version=1)
        put_in(segment, *customers)
        return segment

    return make


def pass_time(**span) -> None:
    """Shift the times of all active runs, as if this much time had passed."""
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE campaigns_journeyrun SET due_at = due_at - %(s)s, waits_until = waits_until - %(s)s,
                      step_at = step_at - %(s)s, entered_at = entered_at - %(s)s, ended_at = ended_at - %(s)s""",
            {"s": timedelta(**span)},
        )


def go(**span) -> int:
    """Let time pass and advance due runs."""
    if span:
        pass_time(**span)
    return advance_due(seconds=30)


def way(run: JourneyRun) -> list[tuple[str, str]]:
    return list(JourneyStepRecord.objects.filter(run=run).order_by("at", "id").values_list("step", "outcome"))


def ends() -> dict[str, int]:
    return dict(Counter(JourneyRun.objects.filter(state="ended").values_list("end_reason", flat=True)))
