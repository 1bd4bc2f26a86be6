"""CORS: only the named sites, only with a member's token."""

from __future__ import annotations

import pytest
from django.test import Client

from crm.customers.api.authentication import make_member_token

pytestmark = pytest.mark.django_db
SHOP = "https://shop.example.com"


@pytest.fixture
def ann(program, make_customer, settle):
    customer = make_customer("Ann")
    settle()
    return customer


@pytest.fixture
def path(ann) -> str:
    return f"/api/v1/customers/{ann.number}"


@pytest.fixture
def token(ann) -> str:
    return "Bearer " + make_member_token(ann, source="storefront", seconds=60)


def preflight(client: Client, path: str, origin: str = SHOP):
    return client.options(
        path,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
        },
    )


def allowed(response) -> str:
    return response.headers.get("Access-Control-Allow-Origin", "")


def test_by_default_no_other_site_gets_anything(path, token):
    client = Client()
    assert allowed(client.get(path, headers={"Origin": SHOP, "Authorization": token})) == ""
    assert allowed(preflight(client, path)) == ""


def test_a_named_site_gets_answers_for_a_members_token(settings, path, token):
    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    client = Client()
    asked = preflight(client, path)
    assert (asked.status_code, allowed(asked)) == (200, SHOP)
    assert {"authorization", "content-type", "idempotency-key"} <= set(
        asked.headers["Access-Control-Allow-Headers"].split(", ")
    )
    answer = client.get(path, headers={"Origin": SHOP, "Authorization": token})
    assert (answer.status_code, allowed(answer)) == (200, SHOP)
    assert "origin" in answer.headers["Vary"].lower()
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_its_errors_can_be_read_too(settings, path):
    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    answer = Client().get(path, headers={"Origin": SHOP, "Authorization": "Bearer lkm_expired"})
    assert (answer.status_code, allowed(answer)) == (401, SHOP)


@pytest.mark.parametrize("origin", ["https://evil.example", "http://shop.example.com",
                                    "https://shop.example.com.evil.example", "null"])  # fmt: skip
def test_other_sites_get_nothing(settings, path, token, origin):
    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    client = Client()
    assert allowed(client.get(path, headers={"Origin": origin, "Authorization": token})) == ""
    assert allowed(preflight(client, path, origin)) == ""


def test_a_server_key_and_the_console_are_not_for_pages(settings, path, server_key):
    settings.CORS_ALLOWED_ORIGINS = [SHOP]
    client = Client()
    key = "Bearer " + server_key()
    answer = client.get(path, headers={"Origin": SHOP, "Authorization": key})
    assert (answer.status_code, allowed(answer)) == (200, "")
    for other in ("/", "/accounts/login/", "/customers/"):
        assert allowed(preflight(client, other)) == ""
