"""Optimisations of API requests never change the answers."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.serializers import ListSerializer

from core.api.throttling import Leases
from core.api.unknown import unknown_fields
from core.api.views import ApiMixin
from core.security import api_keys
from core.security.api_keys import create_api_key, identify, revoke_api_key
from crm.orders.api.serializers import LineIn
from loyalty.ledger.api.serializers import RedeemIn

VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 2**54)
    | st.text(max_size=4)
    | st.just(" A ")
    | st.just("a\x00b")
    | st.floats(allow_nan=False)
)


class Body:
    def __init__(self, data):
        self.data = data


@given(st.dictionaries(st.sampled_from(["points", "reference", "other"]), VALUES) | st.lists(VALUES, max_size=2))
def test_the_quick_way_takes_what_the_serializer_takes_and_nothing_else(data):
    slow = RedeemIn(data=data)
    right = slow.is_valid()
    unknown = unknown_fields(RedeemIn, data)
    if right and not unknown:
        assert ApiMixin.valid(RedeemIn, Body(data)) == dict(slow.validated_data)
        return
    with pytest.raises(Exception) as refused:
        ApiMixin.valid(RedeemIn, Body(data))
    assert refused.value.detail == (unknown or slow.errors)


LINE = st.fixed_dictionaries(
    {},
    optional={
        "kind": st.sampled_from(["product", "shipping", "other", None]),
        "sku": st.sampled_from(["A", " A ", "", "x" * 65, None, 1, "a\x00"]),
        "name": st.sampled_from(["Tea", "x" * 301, " "]),
        "category": st.sampled_from(["a/b", True]),
        "quantity": st.sampled_from([1, 1.5, "2", "2.125", "2.1255", "１", -1, True, None, 1e-7, 10**9, "1e3", " 1"]),
        "unit_amount": st.sampled_from([0, 1, 10**12 - 1, 10**12, 19.9, 1.0, "1", -1, "1_0", "", False, None]),
        "discount": st.sampled_from([0, 1, -1, "1", 2**53, 2**53 + 1, None, 1.0]),
        "amount": st.sampled_from([0, 1, -1, "1", None]),
        "unknown": st.just(1),
    },
)


@given(st.lists(LINE | st.none() | st.just([]), max_size=4))
def test_the_quick_way_reads_order_lines_as_the_serializer_does(lines):
    quick = LineIn(data=lines, many=True, min_length=1, max_length=3)
    slow = ListSerializer(data=lines, child=LineIn(), min_length=1, max_length=3)
    assert quick.is_valid() == slow.is_valid()
    assert quick.errors == slow.errors
    if quick.is_valid():
        assert quick.validated_data == slow.validated_data


def test_two_processes_lease_a_limit_of_1000_and_never_pass_it():
    one, other = Leases(), Leases()
    taken = [(one if turn % 3 else other).take("key:1", 1000) for turn in range(1_200)]
    assert 990 <= sum(taken) <= 1000
    assert all(taken[:980])
    assert not any(taken[-100:])


def test_a_small_limit_is_counted_one_by_one():
    one, other = Leases(), Leases()
    assert [one.take("k", 3), other.take("k", 3), one.take("k", 3), other.take("k", 3)] == [True, True, True, False]


def test_members_do_not_share_their_minute():
    lease = Leases()
    assert [lease.take("member:1", 1), lease.take("member:2", 1), lease.take("member:1", 1)] == [True, True, False]


def test_without_redis_no_key_is_throttled(monkeypatch):
    monkeypatch.setattr(type(cache._connections[cache._alias]), "count_up", lambda *_: 0)
    lease = Leases()
    assert all(lease.take("k", 2) for _ in range(50))


@pytest.mark.django_db
def test_a_key_revoked_elsewhere_is_refused_two_seconds_later(monkeypatch):
    key, secret = create_api_key(name="k", scopes=[])
    assert identify(secret).id == key.pk
    # given that another process revokes the key: the memory of this process is not updated
    monkeypatch.setattr(api_keys, "forget", lambda: None)
    revoke_api_key(key)
    start = api_keys.time.monotonic()
    monkeypatch.setattr(api_keys.time, "monotonic", lambda: start + 1.9)
    assert identify(secret) is not None
    monkeypatch.setattr(api_keys.time, "monotonic", lambda: start + 2.1)
    assert identify(secret) is None


@pytest.mark.django_db
def test_a_key_revoked_here_is_refused_at_once_and_a_wrong_secret_is_never_remembered():
    key, secret = create_api_key(name="k", scopes=[])
    assert identify(secret) is not None
    assert identify(secret[:-1] + "!") is None
    revoke_api_key(key)
    assert identify(secret) is None
