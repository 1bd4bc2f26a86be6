"""P3: encrypted at rest, found exactly, keys can be rotated."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection

from core import crypto
from core.actor import SYSTEM
from crm.models import Customer, Identity
from crm.services.customers import update_customer
from crm.services.identities import find

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
    assert find("phone", "+8613800138000").customer_id == customer.pk, "found while keys are being rotated"
    call_command("rotate_pii_keys", verbosity=0)
    settings.PII_KEYS = {2: NEW}
    assert find("phone", "+8613800138000").customer_id == customer.pk
    assert Customer.objects.get(pk=customer.pk).birthday == "1992-05-06"
    assert {bytes(row)[0] for row in Identity.objects.values_list("value_index", flat=True)} == {2}
    history = apps.get_model("crm", "CustomerEvent").objects.order_by("pgh_id")
    past = [row.birthday for row in history.exclude(birthday=None)]
    assert past[:2] == ["1990-02-03", "1991-03-04"], "the audit history can still be read, each row its own"
    with connection.cursor() as cursor:
        cursor.execute("SELECT get_byte(value, 0), get_byte(coalesce(tail_index, value), 0) FROM crm_identity")
        assert set(cursor.fetchall()) == {(2, 2)}
