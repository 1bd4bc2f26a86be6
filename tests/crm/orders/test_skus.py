"""SKUs are case-insensitive in every source; a rule with an unknown SKU shows a warning."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from analytics.segments.models import SegmentMembership
from analytics.segments.services import runs as segment_runs
from analytics.segments.services import segments
from core.base.actor import SYSTEM
from core.base.errors import Invalid, NotFound
from core.security.roles import Role
from crm.activity.models import ActivityEvent
from crm.activity.services.activity import ActivityInput, record_activity
from crm.imports.services import running as imports
from crm.orders.models import OrderLine, Product
from crm.orders.selectors.skus import unknown_skus
from crm.orders.services.orders import LineInput, OrderInput, record_order
from crm.orders.services.product_merging import merge_products
from crm.orders.services.products import ProductInput, update_catalogue
from loyalty.earning.services.rules import create_rule
from loyalty.ledger.models import Account
from loyalty.ledger.services.enrolment import enrol_member

pytestmark = pytest.mark.django_db


def skus() -> list[str]:
    return list(Product.objects.order_by("pk").values_list("sku", flat=True))


def order_of(customer, *spellings: str, number: str = "A"):
    return record_order(
        data=OrderInput(
            number=number, placed_at=timezone.now(), customer_number=customer.number,
            lines=[LineInput(Decimal(1), Decimal(10), sku=sku, name=sku) for sku in spellings],
        ),
        source="storefront", actor=SYSTEM,
    ).order  # fmt: skip


def test_orders_catalogue_and_activity_find_products_case_insensitively(make_customer):
    customer = make_customer()
    order_of(customer, "Tea-1", "TEA-1", "tea-1")
    update_catalogue(items=[ProductInput("TEA-1", name="Tea", price=500), ProductInput("teA-1", category="Drinks")])
    record_activity(
        items=[ActivityInput("e1", "view", timezone.now(), customer_number=customer.number, sku="TeA-1")],
        source="web", actor=SYSTEM,
    )  # fmt: skip
    # the first spelling is shown
    assert skus() == ["Tea-1"]
    product = Product.objects.get()
    assert set(OrderLine.objects.values_list("product_id", flat=True)) == {product.pk}
    assert ActivityEvent.objects.get().product_id == product.pk


def test_the_database_refuses_a_second_spelling(store):
    Product.objects.create(sku="Tea-1")
    with pytest.raises(IntegrityError, match="crm_product_sku_once"), transaction.atomic():
        Product.objects.create(sku="TEA-1")
    assert skus() == ["Tea-1"]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("orders", "number,placed_at,sku,quantity,unit_price\nA,2024-01-01,mug,1,5\n"
                   "B,2024-01-01,MUG,1,5\nC,2024-01-01,tea-1,1,5\n"),
        ("products", "sku,name\nmug,Mug\nTEA-1,Tea\n"),
        ("activity", "sender_id,occurred_at,kind,sku,anonymous_id\n1,2024-01-01,view,TEA-1,v\n"
                     "2,2024-01-01,view,tea-1,v\n"),
    ],
)  # fmt: skip
def test_files_of_every_kind_use_the_known_spelling(kind, content, store, tmp_path):
    Product.objects.create(sku="Tea-1")
    path = tmp_path / "file.csv"
    path.write_text(content)
    run = imports.run_import(run=imports.create_import(kind=kind, source="shop", path=str(path), actor=SYSTEM))
    assert run.refused_count == 0
    assert skus() == (["Tea-1"] if kind == "activity" else ["Tea-1", "mug"])
    if kind == "activity":
        assert set(ActivityEvent.objects.values_list("product_id", flat=True)) == {Product.objects.get().pk}


def test_segments_earning_rules_and_the_api_compare_case_insensitively(program, make_customer, settle, api):
    customer = make_customer()
    enrol_member(customer=customer, program=program, actor=SYSTEM)
    points = Account.objects.select_related("point_type").get(member__customer=customer, point_type__spendable=True)
    create_rule(
        program=program, point_type=points.point_type, name="Tea", actor=SYSTEM, trigger="order",
        terms={"points": 50, "per_amount": None, "conditions": [{"kind": "product", "skus": ["TEA-1"]}]},
    )  # fmt: skip
    order_of(customer, "tea-1")
    settle()
    segment_runs.refresh_changed()
    points.refresh_from_db()
    assert points.balance == 60
    made = segments.create_segment(
        name="Tea", actor=SYSTEM,
        rule={"op": "and", "children": [
            {"condition": "bought_product", "operator": "has", "sku": "TEA-1", "days": 30, "times": 1}
        ]},
    )  # fmt: skip
    segment_runs.compute_segments([made.pk])
    assert SegmentMembership.objects.filter(segment=made, left_at=None).count() == 1
    assert [row["sku"] for row in api.get("/api/v1/products?sku=TEA-1").json()["results"]] == ["tea-1"]


def test_a_rule_on_an_unknown_sku_is_saved_with_a_warning(program, staff, client, api):
    Product.objects.create(sku="Tea-1")
    assert unknown_skus(["TEA-1", "NONE", "none", ""]) == ["NONE", "none"]
    leaf = {"condition": "bought_product", "operator": "has_not", "days": 30, "times": 1}
    rule = {"op": "and", "children": [{**leaf, "sku": "NOPE"}, {**leaf, "sku": "tea-1"}]}
    answer = api.post("/api/v1/segments", {"name": "No", "rule": rule}, format="json")
    assert (answer.status_code, answer.json()["unknown_skus"]) == (201, ["NOPE"])
    client.force_login(staff(Role.MARKETER))
    page = client.get(reverse("segment", args=[answer.json()["id"]])).content.decode()
    assert "No product has SKU NOPE." in page


def test_the_command_merges_two_products(make_customer, capsys):
    customer = make_customer()
    order_of(customer, "TEA-1", "TEE-1")
    Product.objects.filter(sku="TEE-1").update(category="Drinks")
    call_command("merge_products", "tea-1", "tee-1")
    assert "1 rows moved" in capsys.readouterr().out
    product = Product.objects.get()
    assert (product.sku, product.category) == ("TEA-1", "Drinks")
    assert list(OrderLine.objects.values_list("product_id", flat=True)) == [product.pk] * 2


def test_merging_refuses_an_invalid_pair(make_customer):
    order_of(make_customer(), "TEA-1")
    with pytest.raises(Invalid) as same:
        merge_products(keep="TEA-1", other="tea-1")
    with pytest.raises(NotFound) as unknown:
        merge_products(keep="TEA-1", other="MUG")
    assert (same.value.code, unknown.value.code, unknown.value.field) == ("same_product", "unknown_product", "other")
    with pytest.raises(CommandError, match="No product has SKU MUG"):
        call_command("merge_products", "TEA-1", "MUG")
    assert skus() == ["TEA-1"]
