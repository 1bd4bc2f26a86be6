"""Test that queries of a campaign newer than the last ANALYZE read messages by customer, not the whole table."""

from __future__ import annotations

import pytest
from django.db import connection

from campaigns.experiments.services.queueing import Intended, queue_messages
from campaigns.messages.models import Message
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from crm.customers.models import Customer

pytestmark = pytest.mark.django_db
OF_THE_CAMPAIGN = "campaigns_message_outcomes"
OF_THE_CUSTOMER = ("campaigns_message_of", "campaigns_message_once_per_occurrence")


@pytest.fixture
def plans():
    """Return the plans of statements that contain this text, with sequential scans disabled."""

    def of(text: str, work) -> str:
        found = []

        def explain(execute, sql, params, many, context):
            if text in sql:
                execute(f"EXPLAIN {sql}", params, many, context)
                found.extend(row[0] for row in context["cursor"].fetchall())
            return execute(sql, params, many, context)

        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        with connection.execute_wrapper(explain):
            work()
        return "\n".join(found)

    return of


@pytest.fixture
def template(store):
    return save_template(name="Hello", channel="inbox", actor=SYSTEM, texts=[Text("en", "Hello", "Hi")])


@pytest.fixture
def people(template, make_customer) -> list[Customer]:
    """Create customers with messages of older campaigns."""
    made = [make_customer() for _ in range(30)]
    for known in range(10, 20):
        queue(made, template, f"broadcast:{known}")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE campaigns_message")
    return made


def queue(customers, template, origin: str) -> list[int]:
    return queue_messages(rows=[Intended(one.pk, "once") for one in customers], origin=origin, template=template)


def test_messages_of_a_new_campaign_are_made_customer_by_customer(people, template, plans):
    plan = plans("INSERT INTO campaigns_message", lambda: queue(people, template, "broadcast:2"))
    assert OF_THE_CAMPAIGN not in plan
    assert any(index in plan for index in OF_THE_CUSTOMER)
    assert Message.objects.filter(origin="broadcast:2").count() == 30
    assert queue(people, template, "broadcast:2") == []
