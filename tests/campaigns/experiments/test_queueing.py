"""Test the single way into the message table (J2): once per customer, origin, step, occurrence and channel."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from campaigns.experiments.services.queueing import Intended, queue_messages
from campaigns.messages.models import Message
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import LockedOutsideTransaction
from tests.threads import storm


@pytest.fixture
def template(store):
    return save_template(name="Hello", channel="inbox", texts=[Text("en", "Hi", "Hi")], actor=SYSTEM)


def queue(template, *rows, **fields):
    with transaction.atomic():
        return queue_messages(rows=rows, template=template, **{"origin": "journey:1", **fields})


@pytest.mark.django_db
def test_each_occurrence_is_queued_once_for_any_version(template, make_customer):
    ada, wang = make_customer(), make_customer()
    due = timezone.now() + timedelta(days=1)
    rows = [Intended(ada.pk, "run:1", due, {"order_id": 7}), Intended(wang.pk, "run:2")]
    assert sorted(queue(template, *rows, step="hello", template_version=3)) == [ada.pk, wang.pk]
    assert queue(template, *rows, step="hello", origin_version=2) == []
    assert queue(template, rows[0], step="again") == [ada.pk]
    first = Message.objects.get(customer=ada, step="hello")
    assert (first.state, first.due_at, first.context, first.template_version) == ("queued", due, {"order_id": 7}, 3)
    assert (first.channel, first.message_class, first.origin_version) == ("inbox", "marketing", 1)
    assert Message.objects.get(customer=wang).due_at <= timezone.now()


@pytest.mark.django_db
def test_held_out_customers_are_stored_with_their_reason(template, make_customer):
    people = [make_customer() for _ in range(30)]
    queue(template, *(Intended(person.pk, "1") for person in people), holdout_percent=50)
    held = Message.objects.filter(state="suppressed", reason="holdout")
    assert 0 < held.count() < 30
    assert Message.objects.count() == 30


@pytest.mark.django_db(transaction=True)
def test_it_is_part_of_the_callers_transaction(template, make_customer):
    with pytest.raises(LockedOutsideTransaction):
        queue_messages(rows=[Intended(make_customer().pk, "1")], origin="journey:1", template=template)
    assert not Message.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_ten_concurrent_calls_make_one_message(template, make_customer):
    ada = make_customer()
    made = storm(10, lambda _n: queue(template, Intended(ada.pk, "run:1")))
    assert sorted(len(rows) for rows in made) == [0] * 9 + [1]
    assert Message.objects.count() == 1
