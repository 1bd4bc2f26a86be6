"""Tests of opening points and tiers: imported once per key, in the ledger, with their own end."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from crm.imports.services import running as imports
from loyalty.earning.services.setup import ensure_default_program
from loyalty.ledger.models import Account, Entry, Lot
from loyalty.ledger.services.reconciliation import find_differences
from loyalty.program.models import Member, PointType
from loyalty.tiers.models import GivenTier, Tier, TierPeriod

pytestmark = pytest.mark.django_db
EXAMPLE = Path(settings.BASE_DIR) / "docs" / "examples" / "imports" / "opening.csv"


@pytest.fixture
def bring(store, make_customer, tmp_path):
    make_customer("Anna", phone="13800000001")
    make_customer("Ben", phone="13800000002")
    program = ensure_default_program()
    Tier.objects.get_or_create(program=program, name="Gold", defaults={"rank": 90, "threshold": 10**9})
    DomainEvent.objects.all().delete()

    def run(text: str = ""):
        path = tmp_path / "opening.csv"
        path.write_text(text or EXAMPLE.read_text())
        return imports.run_import(run=imports.create_import(kind="opening", source="old", path=str(path), actor=SYSTEM))

    return run


def test_points_and_tiers_are_imported_once(bring):
    run = bring()
    assert (run.read_count, run.accepted_count, run.unchanged_count, run.refused_count) == (3, 3, 0, 0)
    assert list(Entry.objects.order_by("-available").values_list("kind", "reason", "note", "available", "pending")) == [
        ("adjust", "migration", "opening:old:2099-12-30T16:00:00", 1200, 0),
        ("adjust", "migration", "opening:old:never", 300, 0),
        ("adjust", "migration", "opening:old:2099-06-29T16:00:00", 80, 0),
    ]
    assert list(Lot.objects.order_by("-points").values_list("remaining", "expires_at")) == [
        (1200, datetime(2099, 12, 30, 16, tzinfo=UTC)),
        (300, None),
        (80, datetime(2099, 6, 29, 16, tzinfo=UTC)),
    ]
    anna = Member.objects.get(customer__name="Anna")
    assert anna.enrolled_at == datetime(2021, 4, 30, 16, tzinfo=UTC)
    assert anna.tier.name == "Gold"
    given_tier = GivenTier.objects.get()
    assert (given_tier.member, given_tier.ends_at, given_tier.reason) == (
        anna,
        datetime(2030, 12, 30, 16, tzinfo=UTC),
        "migration",
    )
    assert TierPeriod.objects.get(member=anna, ended_at=None).tier.name == "Gold"
    assert Account.objects.get(member=anna, point_type__spendable=True).available == 1500
    before = (Entry.objects.count(), GivenTier.objects.count(), DomainEvent.objects.count())
    again = bring()
    assert (again.accepted_count, again.unchanged_count, again.refused_count) == (0, 3, 0)
    assert (Entry.objects.count(), GivenTier.objects.count(), DomainEvent.objects.count()) == before
    assert find_differences()[2] == []


def test_wrong_rows_are_refused_with_a_reason(bring):
    bring()
    run = bring(
        "phone,points,expires_at,tier,tier_until\n"
        "13800000001,1300,2099-12-31,,\n13800000001,5,2020-01-01,,\n13800000001,0.5,,,\n13800000001,-5,,,\n"
        "13800000001,,,,\n13800000001,,,Nope,2030-01-01\n13800000001,,,Gold,\n13999999999,5,,,\n13800000001,,,Gold,2020-01-01\n"
    )
    assert list(run.refusals.order_by("row_number").values_list("row_number", "field", "code")) == [
        (2, "points", "opening_differs"),
        (3, "expires_at", "expired"),
        (4, "points", "invalid"),
        (5, "points", "invalid"),
        (6, "points", "required"),
        (7, "tier", "unknown_tier"),
        (8, "tier_until", "required"),
        (9, "customer_number", "unknown_customer"),
        (10, "tier_until", "invalid"),
    ]
    assert Entry.objects.count() == 3
    assert GivenTier.objects.count() == 1


def test_a_program_without_spendable_points_refuses_points(bring):
    PointType.objects.update(spendable=False)
    run = bring("phone,points\n13800000001,100\n")
    assert list(run.refusals.values_list("row_number", "field", "code")) == [(2, "points", "no_points")]
    assert Entry.objects.count() == 0
