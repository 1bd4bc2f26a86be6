"""The audit log: changes with old and new values and their actor, views and exports, ordered pages, permissions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from analytics.segments.services import segments
from campaigns.messages.models import SendingPolicy
from core.audit import log as audit_log
from core.audit.log import AuditFilter
from core.audit.tracking import acting
from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from core.security.roles import Role
from crm.customers.models import Customer, Identity
from crm.customers.services.customers import add_tag, unmask_identity, update_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead(client, staff):
    user = staff(Role.LEAD, "lena")
    client.force_login(user)
    return user


def change(actor: str, customer: Customer, **changes) -> None:
    with acting(actor):
        update_customer(customer=customer, changes=changes, actor=SYSTEM)


def changes_of(entries) -> list[tuple]:
    return [
        (entry.what, [(change.label, change.before, change.after) for change in audit_log.changes(entry)])
        for entry in entries
    ]


def test_a_change_says_from_what_to_what_by_whom(lead, make_customer):
    # given a customer whose name changed twice, and whose birthday is encrypted
    customer = make_customer("Ann")
    change("user:1", customer, name="Anna", birthday="1990-02-03")
    change(f"user:{lead.pk}", customer, name="Anne")

    # then the newest comes first, each with its new value, and the secret stays hidden
    entries, following = audit_log.page(AuditFilter(source="crm.customer"))
    assert (changes_of(entries)[0], entries[0].actor) == (("update", [("Name", "Anna", "Anne")]), f"user:{lead.pk}")
    first = {change.label: change for change in audit_log.changes(entries[1])}
    assert (first["Name"].before, first["Name"].after) == ("Ann", "Anna")
    assert first["Birthday"].secret
    assert following == ""


def test_a_deleted_row_keeps_its_old_values(make_customer):
    add_tag(customer=make_customer(), name="vip", actor=SYSTEM)
    customer = make_customer("Ann", phone="13800138000")
    with acting("system"):
        Identity.objects.filter(customer=customer, kind="phone").delete()
    entries, _following = audit_log.page(AuditFilter(source="crm.identity"))
    assert entries[0].what == "delete"
    assert {change.label: change.after for change in audit_log.changes(entries[0])}["Kind"] is None


def test_pages_follow_each_other_across_sources_without_gap_or_repeat(make_customer, store):
    # given changes of several kinds in one transaction, which share one time, and views
    customers = [make_customer(f"C{number}", phone=f"1380013800{number}") for number in range(4)]
    for customer in customers:
        change("user:1", customer, name="New")
        unmask_identity(identity=customer.identities.get(kind="phone"), actor=SYSTEM)
    with acting("user:1"):
        type(store).objects.update(name="Renamed")
        SendingPolicy.objects.get_or_create(pk=1)
        SendingPolicy.objects.update(cap_per_day=9)

    whole = [(entry.source, entry.id) for entry in audit_log.page(AuditFilter(), size=1000)[0]]
    for size in (1, 2, 3, 7):
        walked, cursor = [], ""
        while True:
            entries, cursor = audit_log.page(AuditFilter(), cursor, size)
            walked += [(entry.source, entry.id) for entry in entries]
            if not cursor:
                break
        assert walked == whole
    assert len(set(whole)) == len(whole) >= 10


def test_it_is_filtered_by_actor_kind_and_days(make_customer):
    customer = make_customer("Ann")
    change("user:1", customer, name="By one")
    change("user:2", customer, name="By two")
    now = timezone.now()

    def count(**filters) -> int:
        return len(audit_log.page(AuditFilter(source="crm.customer", **filters))[0])

    assert count() == 2
    assert count(actor="user:2") == 1
    assert count(since=now - timedelta(hours=1)) == 2
    assert count(until=now - timedelta(hours=1)) == 0
    assert len(audit_log.page(AuditFilter(source="crm.note"))[0]) == 0


def test_the_page_shows_readable_changes_and_links_to_the_rows(client, lead, make_customer, program):
    customer = make_customer("Ann", email="ann@example.com")
    change(f"user:{lead.pk}", customer, gender="female", birthday="1990-02-03")
    with acting("system"):
        segments.create_segment(name="All", rule={"op": "and", "children": []}, actor=SYSTEM)
    page = client.get(reverse("audit")).content.decode()
    assert f'href="{reverse("customer", args=[customer.number])}"' in page
    assert "<del>Unknown</del> → <ins>Female</ins>" in page or "<del>—</del> → <ins>Female</ins>" in page
    assert "1990-02-03" not in page
    assert ">lena</td>" in page
    assert client.get(reverse("audit"), {"cursor": "nonsense", "since": "2026-13-45", "actor": "x"}).status_code == 200


def test_an_export_is_accounted_for_before_it_is_sent(client, staff, lead, make_customer):
    # given two customers, one with a tag
    tagged, other = make_customer("Ann", phone="13800138000"), make_customer("Bob")
    add_tag(customer=tagged, name="vip", actor=SYSTEM)

    # when an analyst exports by filter, by selection, and by a phone number
    analyst = staff(Role.ANALYST, "ana")
    client.force_login(analyst)
    pk = tagged.customer_tags.get().tag_id
    client.get(reverse("customers_export"), {"tag": pk})
    client.get(reverse("customers_export"), {"customer": [tagged.number, other.number]})
    client.get(reverse("customers_export"), {"q": "13800138000"})

    # then the log has the actor, the number of rows and the filter, and no full phone number
    exports = DomainEvent.objects.filter(kind="crm.customers_exported").order_by("pk")
    assert [row.payload["rows"] for row in exports] == [1, 2, 1]
    assert {row.actor for row in exports} == {f"user:{analyst.pk}"}
    client.force_login(lead)
    page = client.get(reverse("audit"), {"what": "events"}).content.decode()
    assert "1 customer · Tag: vip" in page
    assert "2 customers · picked by hand" in page
    assert "search “138****8000”" in page
    assert "13800138000" not in page
