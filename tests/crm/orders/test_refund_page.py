"""Staff record a refund: the effect on money and points is shown first and nothing is stored by showing it."""

import pytest
from django.urls import reverse

from core.base.actor import SYSTEM
from core.base.errors import Refused
from core.events.models import DomainEvent
from core.security.roles import Role
from crm.orders.models import Order, Refund, RefundLine
from crm.orders.services.trials import try_refund
from loyalty.ledger.models import Entry
from loyalty.ledger.selectors import balances
from loyalty.program.selectors import member_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(program, make_customer, make_order, settle):
    """An order of 100.00 that earned 100 points at once."""
    customer = make_customer("Ann")
    make_order(customer, 10_000, number="A-1")
    settle()
    return Order.objects.get(number="A-1")


def points(order):
    return balances.balance_of(balances.spendable_account(member_of(order.customer)))


def words(effects):
    return [(str(effect.label), effect.before, effect.after) for effect in effects]


def test_the_effect_is_exact_and_leaves_no_trace(order, settle):
    balance, entries, events = points(order), Entry.objects.count(), DomainEvent.objects.count()
    effects = try_refund(order=order, number="C-1", amount=2_500, lines=(), actor=SYSTEM)
    shown = {label: (before, after) for label, before, after in words(effects)}
    assert shown["Refunded of this order"] == ("¥0.00", "¥25.00")
    assert shown["Left of this order"] == ("¥100.00", "¥75.00")
    assert shown["Spent by the customer"] == ("¥100.00", "¥75.00")
    assert (points(order), Entry.objects.count(), DomainEvent.objects.count()) == (balance, entries, events)
    assert Refund.objects.count() == RefundLine.objects.count() == 0
    assert Order.objects.get(pk=order.pk).refunded == 0


def test_a_refund_that_is_too_large_is_refused_already_when_it_is_tried(order):
    with pytest.raises(Refused) as refused:
        try_refund(order=order, number="C-1", amount=10_001, lines=(), actor=SYSTEM)
    assert refused.value.code == "refund_exceeds_order"
    assert Refund.objects.count() == 0


def test_an_agent_sees_the_effect_and_records_the_refund_once(client, staff, order, settle):
    client.force_login(staff(Role.AGENT))
    url = reverse("order_refund", args=[order.pk])
    form = client.get(url).context["form"]
    values = {"line_1": "1", "reason": "Broken", "number": form["number"].value()}
    seen = client.post(url, values)
    assert "What this changes" in seen.content.decode()
    assert Refund.objects.count() == 0
    for _twice in range(2):
        assert client.post(url, {**values, "do": "save"}).url == reverse("order", args=[order.pk])
    refund = Refund.objects.get()
    assert (refund.amount, refund.reason, refund.lines.get().quantity) == (10_000, "Broken", 1)
    settle()
    assert points(order).available == 0


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"reason": "x"}, "__all__"),
        ({"reason": "", "amount": "1"}, "reason"),
        ({"reason": "x", "amount": "100.01"}, "amount"),
        ({"reason": "x", "line_1": "2"}, "line_1"),
        ({"reason": "x", "amount": "1.234"}, "amount"),
    ],
)
def test_a_wrong_refund_is_refused_beside_its_field(client, staff, order, values, field):
    client.force_login(staff(Role.AGENT))
    response = client.post(reverse("order_refund", args=[order.pk]), {"number": "C-1", "do": "save", **values})
    assert list(response.context["form"].errors) == [field]
    assert Refund.objects.count() == 0


def test_only_the_service_desk_records_refunds(client, staff, order):
    for role in (Role.MARKETER, Role.ANALYST):
        client.force_login(staff(role))
        assert client.post(reverse("order_refund", args=[order.pk]), {"do": "save"}).status_code == 403
        assert "Record a refund" not in client.get(reverse("order", args=[order.pk])).content.decode()
    assert Refund.objects.count() == 0
