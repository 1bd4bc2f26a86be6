"""One bad line of an order: the rows that it refuses, skipped rows, and questions before an import."""

from __future__ import annotations

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from core.base.actor import SYSTEM
from core.base.errors import Invalid
from core.security.roles import Role
from crm.imports.models import ImportRun
from crm.imports.services import running as imports
from crm.orders.models import Order, OrderLine

pytestmark = pytest.mark.django_db

HEADER = "number,placed_at,sku,quantity,unit_price"
DIRTY = f"""{HEADER}
A,2024-01-01,T,1,5
A,2024-01-01,U,0,5
A,2024-01-01,V,1.8e-15,5
B,2024-01-01,T,1.0000000001,5
B,2024-01-01,U,1,-5
C,2024-01-01,T,0,5
D,2024-01-01,T,x,5
"""


def test_lines_with_zero_quantity_are_skipped_and_listed(bring, refusals):
    run = bring("orders", DIRTY)
    assert (run.read_count, run.accepted_count, run.unchanged_count, run.refused_count, run.skipped_count) == (
        7,
        1,
        0,
        3,
        3,
    )
    assert run.result["skipped"] == {"zero_quantity": 3}
    assert refusals(run) == [
        (3, "quantity", "zero_quantity"),
        (4, "quantity", "zero_quantity"),
        (5, "number", "order_has_refused_rows"),
        (6, "unit_price", "negative"),
        (7, "quantity", "zero_quantity"),
        (8, "quantity", "not_a_number"),
    ]
    assert list(Order.objects.values_list("number", "total")) == [("A", 500)]
    again = bring("orders", DIRTY)
    assert (again.read_count, again.accepted_count, again.unchanged_count, again.refused_count,
            again.skipped_count) == (
        7, 0, 1, 3, 3,
    )  # fmt: skip


def test_a_preview_and_a_dry_run_report_skipped_rows(store, tmp_path):
    path = tmp_path / "o.csv"
    path.write_text(DIRTY)
    run = imports.create_import(kind="orders", source="shop", path=str(path), actor=SYSTEM)
    shown = imports.preview_import(run)
    assert (shown.accepted, shown.unchanged, shown.refused, shown.skipped) == (1, 0, 3, 3)
    assert shown.rows[1].skipped == ("quantity", "zero_quantity", "")
    whole = imports.dry_run(run)
    assert (whole.accepted, whole.unchanged, whole.refused, whole.skipped) == (1, 0, 3, 3)
    assert whole.reasons == {"negative": 1, "not_a_number": 1, "order_has_refused_rows": 1}


def test_the_sound_lines_of_an_order_are_imported_on_request(bring, refusals):
    run = bring("orders", DIRTY, take_sound="1")
    assert (run.read_count, run.accepted_count, run.unchanged_count, run.refused_count, run.skipped_count) == (
        7,
        2,
        0,
        2,
        3,
    )
    assert [row for row in refusals(run) if row[2] != "zero_quantity"] == [
        (6, "unit_price", "negative"),
        (8, "quantity", "not_a_number"),
    ]
    assert list(Order.objects.order_by("number").values_list("number", "total")) == [("A", 500), ("B", 500)]
    assert OrderLine.objects.get(order__number="B").quantity == Decimal(1)
    again = bring("orders", DIRTY, take_sound="1")
    assert (again.accepted_count, again.unchanged_count, again.refused_count, again.skipped_count) == (0, 2, 2, 3)
    assert Order.objects.count() == 2


def test_sound_lines_keep_the_shared_values_of_the_refused_line(bring, refusals):
    # The first row of a Shopify order has the values of the whole order; its total includes the refused line.
    text = (
        "number,placed_at,phone,sku,quantity,unit_price,shipping,total\n"
        "A,2024-01-01,13800000001,T,1,-5,3,13\nA,,,U,1,10,,\n"
        "B,2024-01-01,,T,1,-5,3,13\nC,2024-01-01,,T,1,5,1,7\n"
    )
    run = bring("orders", text, take_sound="1")
    assert refusals(run) == [
        (2, "unit_price", "negative"),
        (4, "unit_price", "negative"),
        (5, "total", "total_mismatch"),
    ]
    order = Order.objects.get()
    assert (order.number, order.subtotal, order.shipping, order.total) == ("A", 1000, 300, 1300)
    assert order.customer is not None


def test_a_wrong_customer_still_refuses_the_whole_order(bring, refusals):
    text = "number,placed_at,customer_number,sku,quantity,unit_price\nA,2024-01-01,99,T,1,5\nA,2024-01-01,,U,1,5\n"
    run = bring("orders", text, take_sound="1")
    assert refusals(run) == [
        (2, "customer_number", "unknown_customer"),
        (3, "number", "order_has_refused_rows"),
    ]
    assert not Order.objects.exists()


UNCLEAR = 'number,placed_at,sku,quantity,unit_price\nA,2024-01-01,T,1,"1,234"\n'


def test_an_ambiguous_number_asks_for_the_decimal_mark(store, tmp_path):
    path = tmp_path / "o.csv"
    path.write_text(UNCLEAR)
    run = imports.create_import(kind="orders", source="shop", path=str(path), actor=SYSTEM)
    for act in (imports.preview_import, imports.dry_run, lambda run: imports.queue_import(run=run, actor=SYSTEM)):
        with pytest.raises(Invalid) as refused:
            act(run)
        assert (refused.value.code, refused.value.field) == ("decimal_ambiguous", "decimal")
    run = imports.configure_import(run=run, options={"decimal": ","}, mapping=run.mapping)
    imports.run_import(run=run)
    assert Order.objects.get().total == 123
    # The answer for this source is remembered.
    path.write_text(UNCLEAR.replace("A,", "B,"))
    assert imports.create_import(kind="orders", source="shop", path=str(path), actor=SYSTEM).options["decimal"] == ","


def test_an_ambiguity_found_late_fails_the_run_and_asks(store, tmp_path):
    path = tmp_path / "o.csv"
    plain = "".join(f'P{n},2024-01-01,T,1,"1,200.50"\n' for n in range(600))
    path.write_text(f'{HEADER}\n{plain}A,2024-01-01,T,1,"1.234,50"\n')
    run = imports.create_import(kind="orders", source="shop", path=str(path), actor=SYSTEM)
    assert run.options["decimal"] == "."
    with pytest.raises(Invalid) as refused:
        imports.run_import(run=run)
    assert refused.value.code == "decimal_ambiguous"
    run.refresh_from_db()
    assert (run.state, run.options.get("decimal"), run.options["decimal_asked"]) == ("failed", None, "unit_price")
    assert not Order.objects.exists()
    run = imports.configure_import(run=run, options={"decimal": "."}, mapping=run.mapping)
    assert imports.run_import(run=run).accepted_count == 600


def test_the_command_demands_the_decimal_mark_and_gives_reasons_of_a_dry_run(store, tmp_path):
    path, out = tmp_path / "o.csv", tmp_path / "refused.csv"
    path.write_text(UNCLEAR)
    said = StringIO()
    arguments = ["import_csv", str(path), "--kind", "orders", "--source", "shop", "--no-deliver"]
    with pytest.raises(CommandError, match="unit_price can be read in two ways"):
        call_command(*arguments, stdout=said)
    assert not Order.objects.exists()
    assert not ImportRun.objects.exists()
    call_command(*arguments, "--decimal", "dot", stdout=said)
    assert Order.objects.get().total == 123400
    path.write_text(DIRTY)
    said = StringIO()
    arguments[arguments.index("shop")] = "other"
    call_command(*arguments, "--dry-run", "--refused", str(out), "--take-sound-lines", stdout=said)
    assert "2 would be taken, 0 already there, 2 would be refused, 3 would be skipped" in said.getvalue()
    assert "not_a_number (This is not a number in the chosen decimal notation): 1" in said.getvalue()
    assert [line.split(",")[:3] for line in out.read_text("utf-8-sig").splitlines()[1:]] == [
        ["3", "quantity", "zero_quantity"],
        ["4", "quantity", "zero_quantity"],
        ["6", "unit_price", "negative"],
        ["7", "quantity", "zero_quantity"],
        ["8", "quantity", "not_a_number"],
    ]
    assert Order.objects.count() == 1
    path.write_text(f"{HEADER}\nD,2024-01-01,T,x,5\n")
    with pytest.raises(SystemExit) as left:
        call_command(*arguments, stdout=said)
    assert left.value.code == 3


@pytest.mark.urls("tests.crm.imports.urls")
def test_the_page_asks_for_the_decimal_mark_and_offers_to_take_sound_lines(client, staff, store, tmp_path):
    path = tmp_path / "o.csv"
    path.write_text(UNCLEAR)
    run = imports.create_import(kind="orders", source="shop", path=str(path), actor=SYSTEM)
    client.force_login(staff(Role.MARKETER))
    page = reverse("import_map", args=[run.pk])
    body = client.get(page, {"preview": "yes"}).content.decode()
    assert "unit_price can be read in two ways" in body
    mapping = {f"map-{name}": column for name, column in run.mapping.items()}
    response = client.post(page, {**mapping, "decimal": "", "take_sound": ["", "1"], "action": "run"}, follow=True)
    assert "unit_price can be read in two ways" in response.content.decode()
    run.refresh_from_db()
    assert (run.state, run.options["take_sound"]) == ("uploaded", "1")
    client.post(page, {**mapping, "decimal": ".", "take_sound": "", "action": "run"})
    run.refresh_from_db()
    assert (run.state, run.options["decimal"], "take_sound" in run.options) == ("queued", ".", False)
    imports.run_import(run=run)
    body = client.get(reverse("import_run", args=[run.pk])).content.decode()
    assert "Skipped" in body
    assert "add up to the rows read" in body
