"""Test home figures, blocked addresses and the shop's sending limits."""

from __future__ import annotations

from datetime import time

import pytest
from django.urls import reverse

from campaigns.messages.models import SendingPolicy, Suppression
from core.console import home, kept
from core.security.roles import Role
from tests.campaigns.conftest import policy
from tests.campaigns.pages import settled

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("open_policy")]


def test_home_figures(as_role, rf, staff, message):
    settled(message, "failed", reason="refused")
    kept.keep()
    request = rf.get("/")
    request.user = staff(Role.LEAD)
    labels = {
        str(card.label): (card.value, card.url) for _place, _label, cards in home.cards(request) for card in cards
    }
    assert labels["Failed or uncertain messages"] == ("1", "/messages/?state=trouble&days=30")
    rows = as_role(Role.LEAD).get(labels["Failed or uncertain messages"][1]).context["rows"]
    assert len(rows) == 1


def test_blocking_and_lifting(marketer, make_customer):
    customer = make_customer("Ada", email="ada@example.com")
    marketer.post(reverse("suppress", args=[customer.number]), {"channel": "email"})
    row = Suppression.objects.get()
    page = marketer.get(reverse("customer", args=[customer.number]), {"tab": "messages"}).content.decode()
    assert "By hand" in page
    marketer.post(reverse("suppression_lift", args=[row.pk]))
    row.refresh_from_db()
    assert row.lifted_at is not None
    response = marketer.post(reverse("suppress", args=[customer.number]), {"channel": "pigeon"}, follow=True)
    assert "This channel does not exist." in response.content.decode()
    assert Suppression.objects.filter(lifted_at=None).count() == 0


def test_a_bounced_address_shows_on_each_customer_who_has_it(marketer, make_customer):
    customer = make_customer("Ada", email="ada@example.com")
    address = customer.identities.get(kind="email")
    Suppression.objects.create(channel="email", address_index=address.value_index, reason="bounce")
    page = marketer.get(reverse("customer", args=[customer.number]), {"tab": "messages"}).content.decode()
    assert "Bounced" in page


def test_the_limits_in_words(as_role):
    policy(cap_per_day=2, cap_per_week=0, quiet_from="21:00", quiet_until="09:00", stale_hours=48)
    page = as_role(Role.ANALYST).get(reverse("sending")).content.decode()
    for shown in ("2 messages per customer", "no limit", "From 21:00 to 09:00", "Messages held for 48 hours"):
        assert shown in page


LIMITS = {
    "cap_per_day": "3",
    "cap_per_week": "",
    "quiet_from": "22:30",
    "quiet_until": "08:00",
    "spread_minutes": "45",
    "stale_hours": "0",
    "leap_birthday": "03-01",
}


@pytest.mark.parametrize("role", [Role.MARKETER, Role.LEAD, Role.ADMINISTRATOR])
def test_the_limits_are_changed_without_the_admin_and_the_audit_knows_by_whom(as_role, role):
    # given limits, and a user without access to the admin
    policy(cap_per_day=2, cap_per_week=4, quiet_from="21:00", quiet_until="09:00")
    client = as_role(role)
    page = client.get(reverse("sending"))
    assert reverse("sending_edit") in page.content.decode()
    assert not page.wsgi_request.user.is_staff

    # when they change the limits
    assert client.post(reverse("sending_edit"), LIMITS).url == reverse("sending")

    # then the limits apply, and the trigger stored the previous values
    found = SendingPolicy.objects.get()
    assert (found.cap_per_day, found.cap_per_week, found.quiet_from, found.quiet_until) == (
        3,
        None,
        time(22, 30),
        time(8),
    )
    assert (found.spread_minutes, found.stale_hours, found.leap_birthday) == (45, 0, "03-01")
    kept = found.events.order_by("-pgh_id").first()
    assert (kept.cap_per_day, kept.cap_per_week, kept.quiet_from) == (2, 4, time(21))
    assert kept.pgh_context.metadata["actor"] == f"user:{page.wsgi_request.user.pk}"


def test_an_analyst_reads_the_limits_and_changes_none(as_role):
    client = as_role(Role.ANALYST)
    assert reverse("sending_edit") not in client.get(reverse("sending")).content.decode()
    assert client.post(reverse("sending_edit"), LIMITS).status_code == 403
    assert SendingPolicy.objects.get().cap_per_day == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cap_per_day", "1001"),
        ("cap_per_week", "-1"),
        ("spread_minutes", "1441"),
        ("stale_hours", "8761"),
        ("quiet_from", "25:00"),
        ("leap_birthday", "02-29"),
    ],
)
def test_limits_out_of_range_are_refused_at_their_field(marketer, field, value):
    page = marketer.post(reverse("sending_edit"), {**LIMITS, field: value})
    assert list(page.context["form"].errors) == [field]
    found = SendingPolicy.objects.get()
    assert (found.cap_per_day, found.stale_hours, found.quiet_from) == (0, 48, time(0))


def test_the_admin_changes_only_what_the_services_allow(admin_client, rule, template, make_coupon):
    coupon = make_coupon()
    assert admin_client.get("/admin/campaigns/sendingpolicy/add/").status_code == 403
    page = admin_client.get("/admin/campaigns/sendingpolicy/1/change/").content.decode()
    assert reverse("sending") in page
    changed = {
        "cap_per_day": "9",
        "quiet_from": "00:00",
        "quiet_until": "00:00",
        "stale_hours": "1",
        "spread_minutes": "1",
    }
    # a form without the choice of the leap birthday is refused
    answer = admin_client.post("/admin/campaigns/sendingpolicy/1/change/", changed)
    assert list(answer.context["adminform"].form.errors) == ["leap_birthday"]
    assert SendingPolicy.objects.get().cap_per_day == 0
    for path in ("sendingpolicy", "coupon", "template", "carerule", "suppression"):
        assert admin_client.get(f"/admin/campaigns/{path}/").status_code == 200
    page = admin_client.get(f"/admin/campaigns/carerule/{rule.pk}/change/").content.decode()
    assert reverse("care_rule", args=[rule.pk]) in page
    admin_client.post(
        f"/admin/campaigns/coupon/{coupon.pk}/change/", {"name": "Renamed", "active": "on", "value": "99999"}
    )
    coupon.refresh_from_db()
    assert (coupon.name, coupon.value) == ("Renamed", 2_000)
    for path, pk in (("template", template.pk), ("carerule", rule.pk)):
        answer = admin_client.post(f"/admin/campaigns/{path}/{pk}/change/", {"name": "X"})
        assert (answer.status_code, bool(answer.context["adminform"].form.errors)) == (200, True)
    template.refresh_from_db()
    rule.refresh_from_db()
    assert "X" not in {template.name, rule.name}
