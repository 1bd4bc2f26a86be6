"""Headers from strangers, and their traces in caches and logs."""

from __future__ import annotations

import re

import pytest

from core.security.roles import Role
from tests.test_roles import PAGES, fill, table

pytestmark = pytest.mark.django_db


@pytest.fixture
def https(settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT = True


@pytest.mark.parametrize(
    ("proxies", "remote", "status"),
    [([], "127.0.0.1", 301), (["127.0.0.1"], "127.0.0.1", 200), (["10.0.0.0/8"], "127.0.0.1", 301),
     (["127.0.0.1"], "203.0.113.9", 301)],
)  # fmt: skip
def test_only_a_trusted_proxy_says_that_the_connection_is_secure(client, settings, https, proxies, remote, status):
    settings.TRUSTED_PROXIES = proxies
    answer = client.get("/accounts/login/", headers={"X-Forwarded-Proto": "https"}, REMOTE_ADDR=remote)
    assert answer.status_code == status


@pytest.mark.parametrize("path", ["/accounts/login/", "/api/v1/customers", "/healthz"])
@pytest.mark.parametrize(
    "request_id", ["", "a" * 65, "two words", "line\nbreak", "<script>", "é", "id\r\nSet-Cookie: a=b", "\x00", "١٢"]
)
def test_a_request_id_of_other_characters_is_replaced(client, path, request_id):
    answer = client.get(path, HTTP_X_REQUEST_ID=request_id)
    assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"])


@pytest.mark.parametrize("path", ["/accounts/login/", "/api/v1/customers"])
def test_a_plain_request_id_is_kept(client, path):
    assert (
        client.get(path, HTTP_X_REQUEST_ID="order-17_a.b:C" + "9" * 50)["X-Request-ID"] == "order-17_a.b:C" + "9" * 50
    )


def test_the_log_holds_no_search_text_and_no_id_of_a_strangers_making(client, staff, caplog):
    client.force_login(staff(Role.AGENT))
    with caplog.at_level("INFO", logger="django_structlog"):
        client.get("/customers/?q=13800138000", HTTP_X_CORRELATION_ID="x" * 500, HTTP_X_REQUEST_ID="y z")
    logged = [str(record.msg) for record in caplog.records]
    assert any("GET /customers/" in line for line in logged)
    assert not any("13800138000" in line or "x" * 500 in line or "y z" in line for line in logged)


@pytest.mark.parametrize("role", [Role.AGENT, Role.ADMINISTRATOR])
def test_pages_for_staff_are_in_no_cache(client, staff, make_customer, make_order, program, role):
    customer = make_customer("Ann", phone="13800138000")
    make_order(customer, 5_000, number="A1")
    client.force_login(staff(role))

    class Nothing:
        number = "T-1"

    wrong = []
    for route, *who in table(PAGES):
        if "public" in who:
            continue
        answer = client.get(fill(route, customer, Nothing()))
        if "no-store" not in answer.get("Cache-Control", "") or "public" in answer.get("Cache-Control", ""):
            wrong.append((route, answer.status_code, answer.get("Cache-Control")))
    assert wrong == []
    for path in ("/admin/", "/accounts/2fa/", "/accounts/password/change/", "/nothing/"):
        assert "no-store" in client.get(path).get("Cache-Control", ""), path


def test_caching_of_static_files_and_the_api_is_unchanged(client):
    static = client.get("/static/img/icon.svg")
    assert (static.status_code, static["Cache-Control"]) == (200, "max-age=3600, public")
    assert "Cache-Control" not in client.get("/api/v1/customers").headers
