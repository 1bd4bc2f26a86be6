"""Encryption of personal data (P3): encrypted at rest, exact look-up, rotation of keys."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from campaigns.messages.models import Suppression
from core.base.actor import SYSTEM
from core.security import crypto
from core.security.rotation import rotate_keys
from crm.customers.models import Customer, Identity
from crm.customers.services.customers import update_customer
from crm.customers.services.identities import find
from crm.imports.models import ImportRefusal, ImportRun
from crm.imports.services.refusals import open_row, seal_row

OLD, NEW = b"o" * 32, b"n" * 32


def test_a_value_decrypts_only_under_its_own_field(settings):
    settings.PII_KEYS = {1: OLD}
    sealed = crypto.encrypt("13800138000", "crm.identity.value")
    assert crypto.decrypt(sealed, "crm.identity.value") == "13800138000"
    assert b"138" not in sealed
    with pytest.raises(crypto.Undecryptable):
        crypto.decrypt(sealed, "crm.customer.birthday")
    with pytest.raises(crypto.Undecryptable):
        crypto.decrypt(sealed[:-1] + bytes([sealed[-1] ^ 1]), "crm.identity.value")


def test_encrypting_twice_differs_and_the_index_does_not(settings):
    settings.PII_KEYS = {1: OLD}
    assert crypto.encrypt("x", "f") != crypto.encrypt("x", "f")
    assert crypto.blind_index("x", "a") == crypto.blind_index("x", "a")
    assert crypto.blind_index("x", "a") != crypto.blind_index("x", "b")


def test_a_missing_key_is_named(settings):
    settings.PII_KEYS = {7: OLD}
    sealed = crypto.encrypt("x", "f")
    settings.PII_KEYS = {1: NEW}
    with pytest.raises(crypto.Undecryptable, match="id 7"):
        crypto.decrypt(sealed, "f")


@pytest.mark.django_db
def test_rotation_reads_the_old_key_and_writes_everything_under_the_new_one(settings, make_customer):
    settings.PII_KEYS = {1: OLD}
    customer = make_customer("Ann", phone="13800138000", birthday="1990-02-03")
    update_customer(customer=customer, changes={"birthday": "1991-03-04"}, actor=SYSTEM)
    update_customer(customer=customer, changes={"birthday": "1992-05-06"}, actor=SYSTEM)
    settings.PII_KEYS = {2: NEW, 1: OLD}
    assert find("phone", "+8613800138000").customer_id == customer.pk, "found during a rotation"
    call_command("rotate_pii_keys", verbosity=0)
    settings.PII_KEYS = {2: NEW}
    assert find("phone", "+8613800138000").customer_id == customer.pk
    assert Customer.objects.get(pk=customer.pk).birthday == "1992-05-06"
    assert {bytes(row)[0] for row in Identity.objects.values_list("value_index", flat=True)} == {2}
    history = apps.get_model("crm", "CustomerEvent").objects.order_by("pgh_id")
    past = [row.birthday for row in history.exclude(birthday=None)]
    assert past[:2] == ["1990-02-03", "1991-03-04"], "each row of the audit history can still be decrypted"
    with connection.cursor() as cursor:
        cursor.execute("SELECT get_byte(value, 0), get_byte(coalesce(tail_index, value), 0) FROM crm_identity")
        assert set(cursor.fetchall()) == {(2, 2)}


@pytest.mark.django_db
def test_rotation_includes_blocked_addresses_and_refused_rows(settings, make_customer):
    # given a bounced address, an address without a customer, and a refused row, all under the old key
    settings.PII_KEYS = {1: OLD}
    customer = make_customer("Ann", email="ann@example.com")
    address = customer.identities.get(kind="email").value_index
    Suppression.objects.create(channel="email", address_index=address, reason="bounce")
    orphan = crypto.blind_index("gone@example.com", "identity:email")
    Suppression.objects.create(channel="email", address_index=orphan, reason="bounce")
    run = ImportRun.objects.create(kind="customers", source="till", file_name="a.csv")
    row = ["Ann", "ann(at)example.com"]
    refusal = ImportRefusal.objects.create(run=run, row_number=2, code="not_an_email", reason="x", raw=seal_row(row))
    empty = ImportRefusal.objects.create(run=run, row_number=3, code="ragged_row", reason="x", raw="")

    # when the keys are rotated, twice
    settings.PII_KEYS = {2: NEW, 1: OLD}
    output: list[str] = []
    assert rotate_keys(output.append) == 5, "two identities, their audit rows, and the refused row"
    assert rotate_keys(output.append) == 0

    # then the new key alone reads the row and still blocks the address, and the remaining address is reported
    settings.PII_KEYS = {2: NEW}
    refusal.refresh_from_db()
    empty.refresh_from_db()
    assert (open_row(refusal), empty.raw) == (row, "")
    own = customer.identities.get(kind="email").value_index
    assert bytes(own)[0] == 2
    assert {bytes(index) for index in Suppression.objects.values_list("address_index", flat=True)} == {
        bytes(own),
        orphan,
    }
    assert "campaigns.suppression: 1 left under an old key, because the original values were deleted" in output
