"""Fast implementations give the same results as the slow standard ones."""

from __future__ import annotations

import uuid

import pytest
from django.core import signing
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from core.db.columns import column_values, columns
from core.security.signing import Signer

ROWS = [
    (uuid.UUID(int=1), "plain", ""),
    (uuid.UUID(int=2), "quote ' double \" back \\ brace {},", "null"),
    (uuid.UUID(int=3), "两行\n第二行 😀 \\u0000", "%s %(x)s %"),
]


@given(st.text(max_size=60))
def test_the_signer_makes_and_takes_what_djangos_makes(value):
    quick, slow = Signer(salt="test.salt"), signing.Signer(salt="test.salt", algorithm="sha256")
    assert quick.sign(value) == slow.sign(value)
    assert quick.unsign(slow.sign(value)) == value
    with pytest.raises(signing.BadSignature):
        quick.unsign(signing.Signer(salt="another").sign(value))


def test_a_signature_of_an_older_key_is_accepted(settings):
    signed = Signer(salt="test.salt").sign("17")
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "a new one"
    assert Signer(salt="test.salt").sign("17") != signed
    assert Signer(salt="test.salt").unsign(signed) == "17"


@pytest.mark.django_db
def test_columns_arrive_as_they_were_written():
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {columns(3)} AS g(id, a, b)", column_values(ROWS, 3))
        assert cursor.fetchall() == ROWS
        cursor.execute(f"SELECT * FROM {columns(3)} AS g(id, a, b)", column_values([], 3))
        assert cursor.fetchall() == []
        cursor.execute(f"SELECT a FROM {columns(2)} AS g(id, a)", column_values([(ROWS[0][0], "a\x00b")], 2))
        assert cursor.fetchall() == [("ab",)], "the character that PostgreSQL can't store is left out"
