"""Verification of a webhook's signature by the client."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.http import outgoing
from core.webhooks.services import make_body
from liuke import WebhookInvalid, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def signed(body: bytes, *, secret: str = SECRET, at: int = 1_700_000_000) -> dict[str, str]:
    return {
        "Webhook-Id": "m-1",
        "WEBHOOK-TIMESTAMP": str(at),
        "webhook-signature": outgoing.signature([secret], "m-1", at, body),
    }


def test_verify_takes_what_the_product_signs():
    body = make_body("points.earned", datetime(2026, 3, 1, tzinfo=UTC), {"customer": "10000001", "points": 5}).encode()
    event = verify(signed(body), body, SECRET, now=1_700_000_100)
    assert event == ("m-1", "points.earned", "2026-03-01T00:00:00.000Z", {"customer": "10000001", "points": 5})
    other = outgoing.make_secret()
    assert verify(signed(body, secret=other), body.decode(), [SECRET, other], now=1_700_000_000).id == "m-1"


def test_verify_refuses_what_was_changed_or_is_old():
    body = b'{"type":"a.b","timestamp":"","data":{}}'
    good = signed(body)
    assert verify(good, body, SECRET, now=1_700_000_300).type == "a.b"
    wrong = [
        (good, body + b" ", SECRET, 1_700_000_000),
        (good, body, outgoing.make_secret(), 1_700_000_000),
        (good, body, SECRET, 1_700_000_301),
        (good, body, SECRET, 1_699_999_699),
        ({**good, "Webhook-Id": "m-2"}, body, SECRET, 1_700_000_000),
        ({**good, "WEBHOOK-TIMESTAMP": "soon"}, body, SECRET, 1_700_000_000),
        ({}, body, SECRET, 1_700_000_000),
        (signed(b"[]"), b"[]", SECRET, 1_700_000_000),
    ]
    for headers, given, secret, now in wrong:
        with pytest.raises(WebhookInvalid):
            verify(headers, given, secret, now=now)


def test_verify_agrees_with_the_worked_example_of_the_specification():
    """Its body is no event of ours, which is found only after the signature has matched."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    with pytest.raises(WebhookInvalid, match="not an event"):
        verify(headers, b'{"test": 2432232314}', SECRET, now=1614265330)
