"""Limits on requests of strangers and faulty programs: sizes, forms and counts are checked before any work."""

from __future__ import annotations

import io

import pytest
from django.core.cache import cache
from django.core.cache.backends.redis import RedisCache
from django.test import Client, override_settings
from django.urls import reverse

from core.db.cache import KEY_BYTES, VALUE_BYTES
from core.security import api_keys
from core.security.api_keys import create_api_key, identify
from core.security.models import ApiKey
from core.security.roles import Role
from crm.customers.api.authentication import make_member_token
from crm.customers.models import Customer

ORDERS = "/api/v1/orders"


def keys_in_cache() -> list[bytes]:
    return cache._cache.get_client(None).keys("*")


def code_of(answer) -> str:
    return answer.json()["errors"][0]["code"]


@pytest.fixture
def asking(db):
    """Return asking(key, path), which sends a GET with this bearer text."""

    def ask(key: str, path: str = ORDERS, **extra):
        return Client().get(path, headers={"Authorization": f"Bearer {key}"}, **extra)

    return ask


def test_a_wrong_key_of_any_length_leaves_nothing_in_the_cache(asking, store):
    _key, right = create_api_key(name="k", scopes=["orders:read"])
    for wrong in (
        "lk_" + "x" * 6000,
        "lk_" + "x" * 500 + "_abcdefgh",
        "lk_abc",
        "lk_0000000000_" + "y" * 32,
        "lkm_" + "z" * 900,
    ):
        assert asking(wrong).status_code == 401
    assert not [key for key in keys_in_cache() if b"apikey" in key]
    assert asking(right).status_code == 200


def test_random_keys_cost_a_bounded_number_of_queries(django_assert_max_num_queries):
    _key, right = create_api_key(name="k", scopes=[])
    assert identify(right) is not None
    # a first read and five more for unknown prefixes; twice if the clock passes a second
    with django_assert_max_num_queries(2 * api_keys.EXTRA_READS):
        for number in range(200):
            assert identify(f"lk_{number:010x}_{'a' * 32}") is None
        assert identify(right) is not None


test_random_keys_cost_a_bounded_number_of_queries = pytest.mark.django_db(
    test_random_keys_cost_a_bounded_number_of_queries
)


@pytest.mark.django_db
def test_a_key_made_by_another_process_works_at_once(monkeypatch):
    # given a process that has just read the keys
    _key, one = create_api_key(name="one", scopes=[])
    assert identify(one) is not None
    monkeypatch.setattr(api_keys, "forget", lambda: None)
    _key, other = create_api_key(name="other", scopes=[])
    assert identify(other) is not None


@pytest.mark.django_db
def test_the_last_use_is_noted_once_a_minute(django_assert_num_queries):
    key, secret = create_api_key(name="k", scopes=[])
    identify(secret)
    key.refresh_from_db()
    assert key.last_used_at is not None
    with django_assert_num_queries(0):
        assert identify(secret) is not None


@override_settings(AUTH_FAILURE_LIMIT=5)
def test_after_five_wrong_keys_an_address_gets_429_and_a_valid_key_keeps_working(
    asking, store, django_assert_num_queries
):
    _key, right = create_api_key(name="k", scopes=["orders:read"])
    member = make_member_token(Customer.objects.create(name="Ann"), source="storefront", seconds=60)
    assert asking(right).status_code == 200
    wrong = f"{right[:-1]}!"
    assert [asking(wrong).status_code for _turn in range(5)] == [401] * 5
    with django_assert_num_queries(0):
        refused = asking(wrong)
        assert asking(f"lkm_{member[4:]}x").status_code == 429
        assert Client().get(ORDERS).status_code == 429
    assert (refused.status_code, code_of(refused)) == (429, "throttled")
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert asking(right).status_code == 200
    assert asking(member).status_code == 200
    # and another address has its own count
    assert asking(wrong, REMOTE_ADDR="192.0.2.77").status_code == 401


@override_settings(AUTH_FAILURE_LIMIT=5)
def test_wrong_keys_are_counted_without_redis_too(asking, monkeypatch):
    monkeypatch.setattr(type(cache._connections[cache._alias]), "count_up", lambda *_: 0)
    assert [asking("lk_wrong").status_code for _turn in range(7)] == [401] * 5 + [429] * 2


@override_settings(AUTH_FAILURE_LIMIT=5)
def test_many_addresses_have_a_bounded_number_of_counters(asking, monkeypatch):
    monkeypatch.setattr("core.api.throttling.COUNTERS", 8)
    for number in range(30):
        asking("lk_wrong", REMOTE_ADDR=f"192.0.2.{number}")
    assert 1 <= len([key for key in keys_in_cache() if b"auth-failures" in key]) <= 16


def test_a_long_cache_key_is_hashed_and_a_large_value_is_not_stored():
    long, other = "k" * 5000, "k" * 4999 + "x"
    cache.set(long, 1)
    cache.set(other, 2)
    cache.set("k\ud800", 3)
    assert (cache.get(long), cache.get(other), cache.get("k\ud800")) == (1, 2, 3)
    assert max(map(len, keys_in_cache())) <= KEY_BYTES
    cache.set("value", "small")
    cache.set("value", "x" * (VALUE_BYTES + 1))
    assert cache.get("value") is None
    assert cache.add("value", "x" * (VALUE_BYTES + 1)) is True
    assert cache.get("value") is None
    assert issubclass(type(cache._connections[cache._alias]), RedisCache)


@pytest.mark.parametrize(
    ("headers", "path", "status", "code"),
    [
        ({"X-Any": "x" * 9000}, ORDERS, 431, "header_too_large"),
        ({f"X-{number}": "x" * 8000 for number in range(5)}, ORDERS, 431, "headers_too_large"),
        ({}, f"{ORDERS}?customer={'x' * 17_000}", 414, "address_too_long"),
        ({}, f"{ORDERS}?customer=a%00", 400, "nul_character"),
        ({}, "/api/v1/orders/a%00b", 400, "nul_character"),
    ],
)
def test_headers_and_addresses_have_a_limit(headers, path, status, code):
    # no database: the request is refused before any look-up
    answer = Client().get(path, headers=headers)
    assert (answer.status_code, code_of(answer)) == (status, code)


def test_a_page_explains_that_a_header_is_too_large():
    answer = Client().get("/", headers={"X-Any": "x" * 9000})
    assert (answer.status_code, answer.content) == (431, b"A header has at most 8 KB.")


@override_settings(MEMBER_BODY_LIMIT=1000, API_BODY_LIMIT=5000, BATCH_BODY_LIMIT=20_000)
@pytest.mark.parametrize("chunked", [False, True])
def test_bodies_have_a_limit_of_their_kind(server_key, chunked, store):
    key = server_key()

    def status(path: str, size: int, bearer: str) -> int:
        extra = {"headers": {"Authorization": f"Bearer {bearer}"}} if bearer else {"headers": {}}
        if chunked:
            extra |= {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(b" " * size)}
            extra["headers"] |= {"Transfer-Encoding": "chunked"}
            answer = Client().generic("POST", path, b"", CONTENT_TYPE="application/json", **extra)
        else:
            answer = Client().post(path, b" " * size, content_type="application/json", **extra)
        assert answer.status_code != 413 or code_of(answer) == "body_too_large"
        return answer.status_code

    assert [status("/api/v1/tickets", size, "") for size in (1000, 1001)] == [401, 413]
    assert [status("/api/v1/tickets", size, "lkm_abc") for size in (1000, 1001)] == [401, 413]
    assert [status("/api/v1/orders", size, key) for size in (5000, 5001)] == [400, 413]
    assert [status("/api/v1/orders/batch", size, key) for size in (20_000, 20_001)] == [400, 413]
    assert [status("/api/v1/activity", size, key) for size in (20_000, 20_001)] == [400, 413]


def test_a_chunked_body_is_read(server_key, store):
    body = b'{"attributes": {}}'
    answer = Client().generic(
        "POST", "/api/v1/customers", b"", CONTENT_TYPE="application/json", CONTENT_LENGTH="",
        headers={"Authorization": f"Bearer {server_key()}", "Transfer-Encoding": "chunked"},
        **{"wsgi.input": io.BytesIO(body)},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "identities")


@pytest.mark.django_db
@override_settings(UPLOAD_LIMIT=2000, IMPORT_UPLOAD_LIMIT=9000, DATA_UPLOAD_MAX_MEMORY_SIZE=2000)
def test_a_page_names_the_limit_of_forms_and_uploads(client, staff, program):
    client.force_login(staff(Role.ADMINISTRATOR))

    def status(name: str, size: int) -> int:
        answer = client.post(reverse(name), {"file": io.BytesIO(b"x" * size)})
        assert answer.status_code != 413 or "KB" in answer.content.decode()
        return answer.status_code

    assert [status("reward_new", size) for size in (1000, 3000)] == [200, 413]
    assert [status("import_new", size) for size in (3000, 10_000)] == [200, 413]
    form = client.post(reverse("key_new"), "name=" + "x" * 3000, content_type="application/x-www-form-urlencoded")
    assert form.status_code == 413
    assert ApiKey.objects.count() == 0


@pytest.mark.django_db
def test_uploads_before_sign_in_are_refused():
    answer = Client().post("/accounts/login/", {"file": io.BytesIO(b"x" * 1_100_000)})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("key", "status"),
    [("\xe9", 400), ("x" * 201, 400), ("a\tb", 400), ("a\x7fb", 400), ("x" * 200, 201), ("two words", 201)],
)
def test_an_invalid_idempotency_key_is_refused_before_any_work(key, status, server_key, store):
    answer = Client().post(
        "/api/v1/customers",
        {"identities": [{"kind": "storefront", "value": "1"}]},
        content_type="application/json",
        headers={"Authorization": f"Bearer {server_key()}", "Idempotency-Key": key},
    )
    assert answer.status_code == status
    assert Customer.objects.count() == (status == 201)
    if status == 400:
        assert (code_of(answer), answer.json()["errors"][0]["attr"]) == ("idempotency_key_invalid", "Idempotency-Key")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, "nested deeper"),
        (b'{"a":[' * 40 + b"]}" * 40, "nested deeper"),
        (b'{"name": 1e999}', "out of range"),
        (b'{"name": ' + b"9" * 5000 + b"}", "out of range"),
        (b'{"name": NaN}', "not valid JSON"),
        (b'{"name": "\\ud800"}', "not valid JSON"),
        (b'{"name": "\xff"}', "not valid JSON"),
        (b'{"name": "\\u0000"}', "U+0000"),
    ],
)
@pytest.mark.parametrize("path", ["customers", "activity", "points/redemptions", "orders/batch"])
def test_hostile_json_is_refused_with_a_clear_error(path, body, message, server_key, store):
    answer = Client().post(
        f"/api/v1/{path}", body, content_type="application/json", headers={"Authorization": f"Bearer {server_key()}"}
    )
    assert answer.status_code == 400
    error = answer.json()["errors"][0]
    assert message in error["detail"] or error["attr"]
