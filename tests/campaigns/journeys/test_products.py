"""Test that the event or order that let a customer enter brings its products into the message, end to end."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns.journeys.models import Journey
from campaigns.messages.models import Message
from campaigns.messages.services.messages import send_due
from campaigns.templates.services.templates import Text, save_template
from core.base.actor import SYSTEM
from core.base.errors import Invalid
from crm.activity.services.activity import ActivityInput, record_activity
from crm.orders.models import Product
from tests.campaigns.journeys.conftest import go
from tests.campaigns.journeys.test_entries import started

pytestmark = pytest.mark.django_db
ITEM = "[{{ item.name }}|{{ item.sku }}|{{ item.quantity }}|{{ item.price }}|{{ item.url }}]"
CART_TEXT = "{% for item in event.items %}" + ITEM + "{% endfor %}"
ORDER_TEXT = "{% for item in order.items %}" + ITEM + "{% endfor %}"


def message_of(journey) -> str:
    go()
    send_due()
    return Message.objects.get(origin=f"journey:{journey.pk}").body


def shown_by(event: str, text: str, make_journey) -> Journey:
    shows = save_template(name="Shows", channel="inbox", texts=[Text("en", text, "Hi")], actor=SYSTEM)
    journey = make_journey(
        [{"id": "s1", "kind": "message", "template": str(shows.pk)}], entry={"kind": "event", "event": event}
    )
    started(journey, timezone.now() - timedelta(hours=1))
    return journey


@pytest.mark.parametrize(
    ("properties", "sku", "body"),
    [
        # The catalogue's name and price; the link is the event's.
        ({"url": "https://shop.example/mug", "price": 1}, "MUG", "[Mug|MUG|1|¥39.00|https://shop.example/mug]"),
        # A whole cart: known products by SKU, others by what the event says; an unsafe link is left out.
        (
            {"items": [
                {"sku": "mug", "quantity": 2, "url": "javascript:alert(1)"},
                {"name": "Gift <wrap>", "price": "4.5", "url": "http://shop.example/wrap"},
                {"quantity": 3}, "nonsense",
            ]},
            "",
            "[Mug|MUG|2|¥39.00|][Gift <wrap>||1|¥4.50|http://shop.example/wrap]",
        ),
        ({"price": "NaN"}, "", ""),
    ],
)  # fmt: skip
def test_the_cart_that_let_a_customer_enter_is_in_the_message(
    open_policy, make_journey, make_customer, settle, properties, sku, body
):
    Product.objects.create(sku="MUG", name="Mug", price=39_00)
    journey = shown_by("activity:cart", CART_TEXT, make_journey)
    customer = make_customer("Ada", language="en")
    item = ActivityInput("c1", "cart", timezone.now(), customer_number=customer.number, sku=sku, properties=properties)
    record_activity(items=[item], source="web", actor=SYSTEM)
    settle()
    assert message_of(journey) == body


def test_the_order_that_let_a_customer_enter_is_in_the_message(
    open_policy, make_journey, make_customer, make_order, settle
):
    Product.objects.create(sku="MUG", name="Mug", price=39_00)
    journey = shown_by("crm.order_paid", ORDER_TEXT, make_journey)
    customer = make_customer("Ada", language="en")
    seen = ActivityInput(
        "v1", "view", timezone.now(), customer_number=customer.number, sku="MUG",
        properties={"url": "https://shop.example/mug"},
    )  # fmt: skip
    record_activity(items=[seen], source="web", actor=SYSTEM)
    make_order(customer, 35_00, sku="MUG")
    settle()
    assert message_of(journey) == "[MUG|MUG|1|35.00 CNY|https://shop.example/mug]"


def test_products_of_an_event_are_refused_where_no_event_brings_them(make_journey):
    shows = save_template(name="Shows", channel="inbox", texts=[Text("en", CART_TEXT, "Hi")], actor=SYSTEM)
    steps = [{"id": "s1", "kind": "message", "template": str(shows.pk)}]
    with pytest.raises(Invalid) as refusal:
        make_journey(steps, entry={"kind": "api"})
    assert (refusal.value.code, refusal.value.field) == ("journey_invalid", "s1.template")
    assert "event.items" in str(refusal.value.message)
