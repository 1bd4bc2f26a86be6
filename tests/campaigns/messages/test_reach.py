"""Test the reach per channel beside a rule's count: the gate's answer by consent, suppression and address (J1, P1)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, time

import pytest
from django.db import connection
from django.urls import reverse

from analytics.features.models import CustomerFeature
from analytics.features.services import features
from analytics.segments.services import figures as segment_figures
from analytics.segments.services import figures as segments_figures
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from campaigns.channels.registry import CHANNELS
from campaigns.messages.models import Suppression
from campaigns.messages.services import gate
from campaigns.messages.services.suppressions import lift_suppression, suppress_customer
from core.base.actor import SYSTEM
from core.security.roles import Role
from crm.customers.models import Identity
from crm.customers.services.consents import record_consent
from tests.campaigns.conftest import policy

pytestmark = pytest.mark.django_db
CANDIDATES = """SELECT NULL::uuid AS id, %(customer)s::bigint AS customer_id, %(channel)s::text AS channel,
    'marketing' AS message_class, 'x' AS origin, 'x' AS step, 'x' AS occurrence, %(now)s::timestamptz AS waiting_since,
    %(now)s::timestamptz AS due_at, NULL::text AS unmatched, false AS holdout"""


def agree(customer, channel: str, decision: str = "granted") -> None:
    record_consent(
        customer=customer, channel=channel, purpose="marketing", decision=decision, source="test", actor=SYSTEM
    )


def reachable() -> dict[int, list[str]]:
    return dict(CustomerFeature.objects.values_list("customer_id", "reachable"))


def test_reach_is_what_the_gate_says(program, make_customer, settle):
    policy(quiet_from=time(0), quiet_until=time(0), cap_per_day=0, cap_per_week=0)
    draw = random.Random(7)
    people = [
        make_customer(email=f"p{place}@example.com" if draw.random() < 0.7 else "", phone=f"1380000{place:04}")
        for place in range(40)
    ]
    for person in people:
        for channel in CHANNELS.names():
            if draw.random() < 0.7:
                agree(person, channel, draw.choice(["granted", "granted", "withdrawn"]))
            if draw.random() < 0.2:
                suppress_customer(customer=person, channel=channel, reason="manual", actor=SYSTEM)
        address = Identity.objects.filter(customer=person, kind="email").first()
        if address and draw.random() < 0.3:
            Suppression.objects.create(
                customer=person, channel="email", address_index=address.value_index, reason="bounce"
            )
    settle()
    segment_runs.refresh_changed()
    features.refresh_everything()
    now = datetime(2026, 5, 4, 12, tzinfo=UTC)
    wanted = {
        person.pk: sorted(
            channel
            for channel in CHANNELS.names()
            if gate.count_reasons(CANDIDATES, {"customer": person.pk, "channel": channel}, now) == {"": 1}
        )
        for person in people
    }
    assert reachable() == wanted
    assert len({tuple(ways) for ways in wanted.values()}) >= 3
    figures = segments_figures.figures_of({"op": "and", "children": []})
    assert figures.count == 40
    assert dict(zip(CHANNELS.names(), (count for _label, count in figures.reach), strict=True)) == {
        channel: sum(channel in ways for ways in wanted.values()) for channel in CHANNELS.names()
    }


def test_changes_of_the_reach_are_applied_immediately(program, make_customer, settle):
    customer = make_customer(email="a@example.com")

    def now_reachable() -> bool:
        settle()
        segment_runs.refresh_changed()
        return "email" in reachable()[customer.pk]

    assert not now_reachable()
    agree(customer, "email")
    assert now_reachable()
    suppression = suppress_customer(customer=customer, channel="email", reason="manual", actor=SYSTEM)
    assert not now_reachable()
    lift_suppression(suppression=suppression, actor=SYSTEM)
    assert now_reachable()
    agree(customer, "email", "withdrawn")
    assert not now_reachable()


def test_the_builder_shows_reach_and_overlap(client, staff, program, make_customer, make_order, settle):
    client.force_login(staff(Role.MARKETER))
    for place in range(3):
        customer = make_customer(email=f"a{place}@example.com")
        if place:
            agree(customer, "email")
            make_order(customer, 10_000 * place)
    settle()
    segment_runs.refresh_changed()
    buyers = segments.create_segment(
        name="Buyers", rule={"condition": "order_count", "operator": "gte", "value": 1}, actor=SYSTEM
    )
    segment_runs.compute_segments([buyers.pk])
    page = client.post(
        reverse("segment_preview"), {"mode": "text", "query": "net_spend >= 150", "overlap": buyers.pk}
    ).content.decode()
    assert "1 of them is also in “Buyers”." in page
    page = client.post(
        reverse("segment_preview"), {"mode": "text", "query": "everyone", "overlap": buyers.pk}
    ).content.decode()
    assert "3 customers" in page
    assert "2 of them are also in “Buyers”." in page
    assert "<dt>E-mail</dt><dd>2</dd>" in "".join(page.split())


def test_one_pass_for_any_number_of_channels(program, make_customer, settle, django_assert_num_queries):
    make_customer()
    settle()
    segment_runs.refresh_changed()
    with django_assert_num_queries(4), connection.cursor():  # the savepoint, the limits, the one pass
        segments_figures.figures_of({"op": "and", "children": []})


def test_a_segments_page_counts_its_members_reached_by_each_channel(
    client, staff, program, make_customer, make_order, settle
):
    client.force_login(staff(Role.AGENT))
    agreed, silent, outside = (make_customer(email=f"r{place}@example.com") for place in range(3))
    for customer in (agreed, silent):
        make_order(customer, 10_000)
    for customer in (agreed, outside):
        agree(customer, "email")
    settle()
    segment_runs.refresh_changed()
    buyers = segments.create_segment(
        name="Buyers", rule={"condition": "order_count", "operator": "gte", "value": 1}, actor=SYSTEM
    )
    segment_runs.compute_segments([buyers.pk])
    url = reverse("segment_reach", args=[buyers.pk])
    # The page loads the figures later, in a placeholder of the same height.
    page = client.get(reverse("segment", args=[buyers.pk])).content.decode()
    assert f'hx-get="{url}"' in page
    assert "".join(page.split()).count('<ddclass="muted">…</dd>') == len(CHANNELS.names())
    part = "".join(client.get(url, headers={"HX-Request": "true"}).content.decode().split())
    assert "<dt>E-mail</dt><dd>1</dd>" in part
    assert "<html" not in part
    # Without JavaScript the same address is the whole page.
    page = "".join(client.get(url).content.decode().split())
    assert "<dt>E-mail</dt><dd>1</dd>" in page
    assert "<html" in page


def test_a_reach_that_takes_too_long_says_so(client, staff, program, make_customer, make_order, settle, monkeypatch):
    client.force_login(staff(Role.AGENT))
    make_order(make_customer(), 10_000)
    settle()
    segment_runs.refresh_changed()
    buyers = segments.create_segment(
        name="Buyers", rule={"condition": "order_count", "operator": "gte", "value": 1}, actor=SYSTEM
    )
    segment_runs.compute_segments([buyers.pk])
    monkeypatch.setattr(segment_figures, "_QUICKLY", "SET LOCAL statement_timeout = 1")
    monkeypatch.setattr(segment_figures, "_REACHED", "count(pg_sleep(0.1)) FILTER (WHERE %s <> '')")
    part = client.get(reverse("segment_reach", args=[buyers.pk]), headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert "Counting these customers takes too long." in part.content.decode()
