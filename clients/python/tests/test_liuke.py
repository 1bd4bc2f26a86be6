"""Tests of the client alone: the package, the standard library, and a server with prepared answers.

python -m unittest discover -s clients/python/tests
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from liuke import (
    Conflict,
    CouponRefused,
    Forbidden,
    HoldEnded,
    IdempotencyKeyReused,
    InsufficientPoints,
    Invalid,
    Liuke,
    NotFound,
    NotReached,
    TooManyRequests,
    Unauthorized,
    WebhookInvalid,
    verify,
)

SECRET = "whsec_" + base64.b64encode(b"a secret of the tests").decode()
Answer = tuple[int, Any, dict[str, str]]


def refusal(status: int, code: str, detail: str = "No.", attr: str | None = None, **details: Any) -> Answer:
    body = {"type": "client_error", "errors": [{"code": code, "detail": detail, "attr": attr}]}
    return status, {**body, "details": details} if details else body, {}


class FakeShop:
    """A server that gives the prepared answers in order and records the requests: (method, path, headers, body)."""

    def __init__(self) -> None:
        self.answers: list[Answer | None] = []
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                shop.asked.append((self.command, self.path, dict(self.headers.items()), body))
                prepared = shop.answers.pop(0)
                if prepared is None:
                    # The connection breaks before an answer.
                    self.close_connection = True
                    self.connection.close()
                    return
                status, content, headers = prepared
                text = b"" if content is None else json.dumps(content).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = do_PATCH = answer

            def log_message(self, *_arguments: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class ClientTest(unittest.TestCase):
    def setUp(self) -> None:
        self.shop = FakeShop()
        self.addCleanup(self.shop.stop)
        self.waits: list[float] = []
        self.liuke = Liuke(self.shop.url + "/", "lk_test", language="zh-hans", timeout=5)
        self.liuke.transport.sleep = self.waits.append
        self.addCleanup(self.liuke.close)

    def tell(self, *answers: Answer | None) -> None:
        self.shop.answers.extend(answers)

    def headers(self, index: int) -> dict[str, str]:
        return {name.lower(): value for name, value in self.shop.asked[index][2].items()}

    def test_a_command_carries_key_language_and_body(self) -> None:
        self.tell((201, {"hold": "h-1", "points": 50}, {}))
        hold = self.liuke.points.hold("10000001", 50, reference="A-1", key="hold:A-1")
        method, path, _headers, body = self.shop.asked[0]
        headers = self.headers(0)
        self.assertEqual(hold["hold"], "h-1")
        self.assertEqual((method, path), ("POST", "/api/v1/members/10000001/points/holds"))
        self.assertEqual(body, {"points": 50, "reference": "A-1"})
        self.assertEqual(headers["authorization"], "Bearer lk_test")
        self.assertEqual(headers["idempotency-key"], "hold:A-1")
        self.assertEqual(headers["accept-language"], "zh-hans")

    def test_money_is_sent_in_minor_units(self) -> None:
        self.tell((201, {"outcome": "created"}, {}))
        line = {"sku": "TEA-1", "quantity": "1", "unit_amount": 25_900}
        self.liuke.orders.record({"number": "A-1", "placed_at": "2026-03-01T12:00:00Z", "lines": [line]})
        self.assertEqual(self.shop.asked[0][3]["lines"][0]["unit_amount"], 25_900)

    def test_parts_of_a_path_are_quoted(self) -> None:
        self.tell((200, {"number": "A/1?"}, {}))
        self.liuke.orders.get("A/1?")
        self.assertEqual(self.shop.asked[0][1], "/api/v1/orders/A%2F1%3F")

    def test_a_lost_answer_is_retried_under_the_same_key(self) -> None:
        self.tell(None, (503, None, {"Retry-After": "2"}), (200, {"hold": "h-1"}, {}))
        self.assertEqual(self.liuke.points.redeem("10000001", 50)["hold"], "h-1")
        keys = {self.headers(index)["idempotency-key"] for index in range(3)}
        self.assertEqual((len(self.shop.asked), len(keys)), (3, 1))
        self.assertTrue(0.2 <= self.waits[0] <= 0.3)
        self.assertEqual(self.waits[1], 2.0)

    def test_after_the_last_attempt_the_error_is_raised(self) -> None:
        self.tell(*[refusal(429, "throttled")] * 4)
        with self.assertRaises(TooManyRequests):
            self.liuke.members.get("1")
        self.assertEqual(len(self.shop.asked), 4)

    def test_a_stopped_server_raises_not_reached(self) -> None:
        stopped = FakeShop()
        stopped.stop()
        with Liuke(stopped.url, "lk_test", attempts=2) as liuke:
            liuke.transport.sleep = self.waits.append
            with self.assertRaises(NotReached):
                liuke.points.balance("1")
        self.assertEqual(len(self.waits), 1)

    def test_errors_are_typed_by_their_code(self) -> None:
        cases = [
            (refusal(422, "insufficient_points", available=3), InsufficientPoints),
            (refusal(422, "campaign_limit"), CouponRefused),
            (refusal(409, "hold_expired"), HoldEnded),
            (refusal(409, "idempotency_key_reused"), IdempotencyKeyReused),
            (refusal(409, "order_differs"), Conflict),
            (refusal(400, "unknown_field", attr="lines.0.unit_price"), Invalid),
            (refusal(401, "invalid_key"), Unauthorized),
            (refusal(403, "missing_scope", scope="points:redeem"), Forbidden),
            (refusal(404, "not_a_member"), NotFound),
        ]
        for answer, expected in cases:
            with self.subTest(code=answer[1]["errors"][0]["code"]):
                self.tell(answer)
                with self.assertRaises(expected) as raised:
                    self.liuke.points.redeem("1", 50)
                error = answer[1]["errors"][0]
                self.assertEqual((raised.exception.code, raised.exception.field), (error["code"], error["attr"]))
                self.assertEqual(raised.exception.details, answer[1].get("details", {}))

    def test_a_list_follows_the_cursor_to_its_end(self) -> None:
        self.tell(
            (200, {"next": "http://elsewhere/api/v1/orders?cursor=c2&limit=2", "results": [{"number": "1"}]}, {}),
            (200, {"next": None, "results": [{"number": "2"}]}, {}),
        )
        numbers = [order["number"] for order in self.liuke.orders.list(number="0025", page_size=2)]
        self.assertEqual(numbers, ["1", "2"])
        self.assertEqual(self.shop.asked[0][1], "/api/v1/orders?number=0025&limit=2")
        self.assertEqual(self.shop.asked[1][1], "/api/v1/orders?number=0025&limit=2&cursor=c2")

    def test_tiers_for_sale_are_listed(self) -> None:
        self.tell((200, [{"code": "gold", "price": 19_900, "currency": "CNY"}], {}))
        self.assertEqual(self.liuke.members.tiers_for_sale()[0]["price"], 19_900)
        self.assertEqual(self.shop.asked[0][:2], ("GET", "/api/v1/tiers-for-sale"))


class WebhookTest(unittest.TestCase):
    def signed(self, body: bytes, at: int) -> dict[str, str]:
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        digest = hmac.new(key, f"m-1.{at}.".encode() + body, hashlib.sha256).digest()
        return {
            "webhook-id": "m-1",
            "webhook-timestamp": str(at),
            "webhook-signature": "v1," + base64.b64encode(digest).decode(),
        }

    def test_a_signed_event_is_read_and_a_changed_one_refused(self) -> None:
        body = json.dumps(
            {"type": "tier.changed", "timestamp": "2026-03-01T00:00:00Z", "data": {"to": "Gold"}}
        ).encode()
        event = verify(self.signed(body, 1_000), body, SECRET, now=1_100)
        self.assertEqual((event.id, event.type, event.data), ("m-1", "tier.changed", {"to": "Gold"}))
        for headers, content, now in (
            (self.signed(body, 1_000), body + b" ", 1_100),
            (self.signed(body, 1_000), body, 2_000),
            ({}, body, 1_100),
        ):
            with self.assertRaises(WebhookInvalid):
                verify(headers, content, SECRET, now=now)


if __name__ == "__main__":
    unittest.main()
