"""Tests of points for an order in repeated files: earned once when paid, taken back once for returns."""

from __future__ import annotations

import pytest

from core.base.actor import SYSTEM
from core.events import outbox
from crm.imports.services import running as imports
from crm.orders.models import Order
from loyalty.earning.services.setup import ensure_default_program
from loyalty.ledger.models import Account, Entry
from loyalty.program.models import Program

pytestmark = pytest.mark.django_db
HEADER = "number,placed_at,phone,state,sku,quantity,unit_price,refunded_amount"


def test_imported_orders_earn_points_once_and_returns_take_them_back_once(store, tmp_path):
    ensure_default_program()
    Program.objects.update(return_window_days=0)

    def bring(state: str, refunded: str = "") -> int:
        path = tmp_path / "o.csv"
        path.write_text(f"{HEADER}\nA,2024-01-01T10:00Z,13800000001,{state},T,2,50,{refunded}\n")
        imports.run_import(
            run=imports.create_import(kind="orders", source="s", path=str(path), actor=SYSTEM, mode="silent")
        )
        outbox.deliver_all()
        account = Account.objects.filter(point_type__spendable=True).first()
        return (account.available + account.pending - account.debt) if account else 0

    assert bring("pending") == 0
    earned = bring("paid")
    assert earned > 0
    assert bring("fulfilled") == earned
    assert bring("partially_refunded", "50") == earned // 2
    entries = Entry.objects.count()
    assert bring("partially_refunded", "50") == earned // 2
    assert Entry.objects.count() == entries
    assert bring("refunded") == 0
    assert Order.objects.get().refunded == 10000
