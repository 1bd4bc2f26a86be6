"""The example storefront, as in its README: the page from a plain file server, the API with a member's token."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from django.test import override_settings
from pytest_django.live_server_helper import LiveServer

from core.base.actor import SYSTEM
from crm.customers.api.authentication import make_member_token
from loyalty.ledger.models import Account
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program import selectors as program_selectors
from loyalty.program.models import Program

pytestmark = [pytest.mark.browser]
PAGE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "storefront"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("localhost", 0), partial(Quiet, directory=str(PAGE)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def open_api(shop, site) -> Iterator[str]:
    """Start the API with the page's address configured; without it the CORS middleware is disabled."""
    with override_settings(CORS_ALLOWED_ORIGINS=[site]):
        running = LiveServer("localhost")
        yield running.url
        running.stop()


def test_a_member_sees_points_history_and_rewards_and_nothing_of_the_staff(open_api, browser, site, customer):
    # given a member with points that staff gave with a reference and a note
    ann = customer("Ann", storefront="storefront-ann")
    program = Program.objects.get(is_default=True)
    enrol_member(customer=ann, program=program, actor=SYSTEM)
    account: Account = selectors.spendable_account(program_selectors.member_of(ann))
    adjust_points(
        account=account, points=1_234, reason="goodwill", key="storefront", actor=SYSTEM,
        reference="For the long wait", note="very angry",
    )  # fmt: skip
    token = make_member_token(ann, source="storefront", seconds=600)
    # when the page is opened as the README says
    page = browser.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{site}/#api={open_api}&number={ann.number}&token={token}&lang=en")
    page.locator("#history li").first.wait_for()
    text = page.locator("main").inner_text()
    page.close()
    # then
    assert problems == []
    assert "1,234 points" in text
    assert "worth" in text
    assert "Adjustment" in text
    assert "For the long wait" in text
    assert "very angry" not in text
    assert "goodwill" not in text.lower()
