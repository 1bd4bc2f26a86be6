"""Fuzz tests of every operation of the OpenAPI schema, signed in (F16): no server error, no undocumented answer."""

from __future__ import annotations

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.base.actor import SYSTEM
from crm.desk.services import open_ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop(program, make_customer, make_order, settle, server_key):
    """Create a shop in which generated numbers sometimes match a real row."""
    customer = make_customer("Ann", phone="13800138000", email="ann@example.com")
    make_order(customer, 50_000, number="0")
    open_ticket(customer=customer, subject="Hi", text="Hello", actor=SYSTEM)
    settle()
    return server_key()


@pytest.fixture(autouse=True)
def _one_connection():
    """Keep the connection open: a real WSGI request closes it at its end, and with it the test's transaction."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


SCHEMA = schemathesis.openapi.from_wsgi("/api/schema/", get_wsgi_application())
OPERATIONS = {found.ok().label: found.ok() for found in SCHEMA.get_all_operations()}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_every_operation_answers_as_documented(label, shop):
    @given(case=OPERATIONS[label].as_strategy())
    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    def check(case):
        with transaction.atomic():
            response = case.call(headers={"Authorization": f"Bearer {shop}"})
            transaction.set_rollback(True)
        case.validate_response(response, checks=CHECKS)

    check()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("offset", ["+23:17", "-16:00"])
def test_a_time_that_no_zone_has_is_refused(api, store, offset):
    """Python accepts such an offset; PostgreSQL accepts offsets up to fifteen hours."""
    answer = api.get("/api/v1/orders", {"placed_before": f"2026-06-17T09:04:40{offset}"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid")
