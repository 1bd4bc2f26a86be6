"""Imports of refunds, tickets and reviews of another system, by the example files of the documentation."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from core.security.roles import Role
from crm.activity.models import ActivityEvent
from crm.desk.models import Ticket
from crm.imports.labels import labelled_fields
from crm.imports.models import ImportRun
from crm.imports.registry import IMPORT_KINDS
from crm.imports.services import running as imports
from crm.orders.models import Order, OrderLine, Product, Refund

pytestmark = pytest.mark.django_db
EXAMPLES = Path(settings.BASE_DIR) / "docs" / "examples" / "imports"
SALES = """number,placed_at,phone,sku,quantity,unit_price
S-1001,2024-03-01 10:00,13800000001,TEA-G,2,45
S-1001,2024-03-01 10:00,13800000001,CUP-W,2,30
S-1002,2024-03-02 10:00,13800000002,CUP-W,1,30
"""


@pytest.fixture
def example(bring):
    return lambda kind: bring(kind, (EXAMPLES / f"{kind}.csv").read_text())


@pytest.fixture
def sales(bring):
    bring("orders", SALES)
    DomainEvent.objects.all().delete()


def test_refunds_by_amount_by_line_and_whole(sales, example, counts):
    run = example("refunds")
    assert counts(run) == (3, 3, 0, 0)
    assert list(Order.objects.order_by("number").values_list("number", "total", "refunded")) == [
        ("S-1001", 15000, 4500),
        ("S-1002", 3000, 3000),
    ]
    assert list(Refund.objects.order_by("id").values_list("number", "amount", "reason", "import_run_id")) == [
        ("R-1", 1500, "Late delivery", run.pk),
        ("R-2/CUP-W", 3000, "Broken", run.pk),
        ("R-3", 3000, "Whole order", run.pk),
    ]
    assert OrderLine.objects.get(order__number="S-1001", position=2).refunded_quantity == 1
    # One event covers the whole run.
    assert list(DomainEvent.objects.values_list("kind", "payload")) == [
        ("crm.orders_imported", {"run": run.pk, "effects": []})
    ]
    assert counts(example("refunds")) == (3, 0, 3, 0)
    assert Refund.objects.count() == 3
    assert DomainEvent.objects.count() == 1


def test_impossible_refunds_are_refused(sales, example, bring, counts, refusals):
    example("refunds")
    run = bring(
        "refunds",
        "order,reference,refunded_at,amount,sku,quantity\n"
        "S-9,R-8,,5.00,,\nS-1001,R-1,,16.00,,\nS-1001,R-9,,500.00,,\nS-1001,R-9,,,CUP-W,9\nS-1001,R-9,,,NOPE,1\nS-1001,,,1.00,,\n",
    )
    assert counts(run) == (6, 0, 0, 6)
    assert refusals(run) == [
        (2, "order", "unknown_order"),
        (3, "number", "refund_differs"),
        (4, "amount", "refund_exceeds_order"),
        (5, "quantity", "refund_exceeds_line"),
        (6, "sku", "unknown_line"),
        (7, "reference", "required"),
    ]
    assert run.refusals.get(row_number=2).reason == "There is no such order."
    assert Refund.objects.count() == 3


def test_a_refund_without_a_number_is_known_by_its_moment(sales, bring, counts):
    text = "order,refunded_at,amount\nS-1001,2024-03-10 09:00,15.00\n"
    assert counts(bring("refunds", text)) == (1, 1, 0, 0)
    assert counts(bring("refunds", text)) == (1, 0, 1, 0)
    assert Order.objects.get(number="S-1001").refunded == 1500


def test_tickets_with_their_messages_and_states(sales, example, counts):
    run = example("tickets")
    assert counts(run) == (4, 4, 0, 0)
    first, second = Ticket.objects.order_by("origin_ref")
    assert (first.origin, first.origin_ref, first.subject, first.status) == (
        "import", "shop:4711", "Cup arrived broken", "closed",
    )  # fmt: skip
    assert first.created_at == datetime(2024, 3, 11, 1, tzinfo=UTC)
    assert first.resolved_at == datetime(2024, 3, 12, 1, 5, tzinfo=UTC)
    assert list(first.messages.order_by("created_at").values_list("author_kind", "internal", "text")) == [
        ("customer", False, "The white cup has a crack."),
        ("staff", True, "Check the packing."),
        ("staff", False, "We refund it today."),
    ]
    assert (second.status, second.messages.count(), second.resolved_at) == ("open", 1, None)
    # Imported tickets are history: they emit no event that a journey or a survey could react to.
    assert set(DomainEvent.objects.values_list("kind", flat=True)) == {"crm.customers_changed"}
    assert counts(example("tickets")) == (4, 0, 4, 0)


def test_a_later_file_goes_on_with_a_ticket(sales, example, bring, counts, refusals):
    example("tickets")
    header = "number,phone,subject,state,opened_at,text,author,sent_at\n"
    run = bring(
        "tickets", f"{header}4712,13800000002,Where?,solved,2024-03-20 18:00,Delivered today.,agent,2024-03-21 10:00\n"
    )
    assert counts(run) == (1, 1, 0, 0)
    ticket = Ticket.objects.get(origin_ref="shop:4712")
    assert (ticket.status, ticket.messages.count()) == ("resolved", 2)
    run = bring(
        "tickets",
        f"{header}4712,13800000001,Where?,open,2024-03-20 18:00,Mine?,customer,\n"
        "4713,13999999999,X,open,2024-03-20 18:00,Y,customer,\n"
        "4714,13800000001,X,odd,2024-03-20 18:00,Y,customer,\n",
    )
    assert refusals(run) == [
        (2, "number", "wrong_customer"),
        (3, "customer_number", "unknown_customer"),
        (4, "state", "not_a_choice"),
    ]
    assert Ticket.objects.count() == 2


def test_reviews_are_activity_with_their_rating_and_text(sales, example, bring, counts, refusals):
    assert counts(example("reviews")) == (2, 2, 0, 0)
    skus = dict(Product.objects.values_list("pk", "sku"))
    assert [
        (event.kind, event.sender_id, skus[event.product_id], event.properties)
        for event in ActivityEvent.objects.order_by("sender_id")
    ] == [
        ("review", "501", "TEA-G", {"rating": 5, "title": "Lovely", "text": "Fresh and green."}),
        ("review", "502", "CUP-W", {"rating": 2, "text": "Too small for me."}),
    ]
    assert counts(example("reviews")) == (2, 0, 2, 0)
    run = bring(
        "reviews", "id,phone,sku,stars,date\n9,13800000001,TEA-G,6,2024-03-08\n10,13800000001,NO,5,2024-03-08\n"
    )
    assert refusals(run) == [(2, "rating", "not_a_rating"), (3, "sku", "unknown_sku")]
    assert ActivityEvent.objects.count() == 2


@pytest.mark.parametrize("kind", ["refunds", "tickets", "reviews"])
def test_a_dry_run_reports_the_result_and_imports_nothing(sales, tmp_path, kind):
    said, out = StringIO(), tmp_path / "refused.csv"
    arguments = ["import_csv", str(EXAMPLES / f"{kind}.csv"), "--kind", kind, "--source", "shop", "--no-deliver"]
    rows = len((EXAMPLES / f"{kind}.csv").read_text().splitlines()) - 1
    call_command(*arguments, "--dry-run", "--refused", str(out), stdout=said)
    assert f"{rows} would be taken, 0 already there, 0 would be refused" in said.getvalue()
    assert len(out.read_text("utf-8-sig").splitlines()) == 1
    assert not any(model.objects.exists() for model in (Refund, Ticket, ActivityEvent))
    assert not ImportRun.objects.filter(kind=kind).exists()
    call_command(*arguments, stdout=said)
    assert f"{rows} taken, 0 already there, 0 refused" in said.getvalue()


def test_every_field_of_every_kind_has_a_label(store):
    for name in IMPORT_KINDS.names():
        for field, (_field, label) in labelled_fields(name).items():
            assert label != field, (name, field)


@pytest.mark.urls("tests.crm.imports.urls")
def test_the_page_of_a_new_kind_shows_its_columns_and_rows(client, staff, sales, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")
    client.force_login(staff(Role.MARKETER))
    content = (EXAMPLES / "refunds.csv").read_bytes() + b"S-9,R-4,2024-03-16,1.00,,,\n"
    response = client.post(
        reverse("import_new"), {"kind": "refunds", "source": "shop", "file": SimpleUploadedFile("r.csv", content)}
    )
    body = client.get(response.url).content.decode()
    assert "Number of the refund" in body
    address = reverse("import_preview", args=[ImportRun.objects.latest("pk").pk])
    part = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "3 to import, 0 unchanged, 1 refused" in part
    assert "There is no such order." in part
    assert not Refund.objects.exists()


@pytest.mark.urls("tests.crm.imports.urls")
def test_opening_points_are_for_administrators_alone(client, staff, store, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")
    content = (EXAMPLES / "opening.csv").read_bytes()
    form = {"kind": "opening", "source": "shop"}
    client.force_login(staff(Role.MARKETER))
    assert "Opening points and tiers" not in client.get(reverse("import_new")).content.decode()
    response = client.post(reverse("import_new"), {**form, "file": SimpleUploadedFile("o.csv", content)})
    assert response.status_code == 200
    assert not ImportRun.objects.exists()
    run = imports.create_import(kind="opening", source="shop", path=str(EXAMPLES / "opening.csv"), actor=SYSTEM)
    assert client.get(reverse("import_map", args=[run.pk])).status_code == 403
    assert client.post(reverse("import_start", args=[run.pk])).status_code == 403
    run.refresh_from_db()
    assert run.state == "uploaded"
    client.force_login(staff(Role.ADMINISTRATOR))
    assert "Opening points and tiers" in client.get(reverse("import_new")).content.decode()
    response = client.post(reverse("import_new"), {**form, "file": SimpleUploadedFile("o.csv", content)})
    assert response.status_code == 302
