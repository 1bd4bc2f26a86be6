"""What `doctor` finds of the database itself."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection

from core import health


@pytest.mark.django_db(transaction=True)
def test_an_index_whose_building_broke_off_is_named(make_customer):
    make_customer("Ann"), make_customer("Bob")
    assert health.indexes() == (True, "all valid")
    with connection.cursor() as cursor:
        try:
            # Both have a name in the same language, so it can't become unique and is left as it was half-built.
            with pytest.raises(IntegrityError):
                cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY half_built ON crm_customer (language)")
            assert health.indexes() == (False, "not valid: half_built")
        finally:
            cursor.execute("DROP INDEX half_built")
    assert health.indexes() == (True, "all valid")
