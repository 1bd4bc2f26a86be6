"""The page to stop and start sending, and the banner on every page: both languages, themes and widths."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import expect

from campaigns.messages.models import Message
from core.base.actor import SYSTEM
from core.security.roles import Role
from core.sending import services as sending_hold
from core.sending.models import SendingHold
from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.looking import faults_of

pytestmark = pytest.mark.browser


@pytest.fixture
def restored(shop):
    """Put the shop into the state after a restore, with due messages. Undo it for the other tests."""
    before = {
        row["id"]: row for row in Message.objects.order_by("created_at").values("id", "state", "reason", "due_at")[:3]
    }
    Message.objects.filter(pk__in=before).update(state="uncertain", reason="restored")
    sending_hold.state()
    with connection.cursor() as cursor:
        cursor.execute(sending_hold.RESTORED_SQL)
        cursor.execute("UPDATE core_sendinghold SET doubted_at = clock_timestamp()")
    sending_hold.shown.forget()
    yield len(before)
    SendingHold.objects.all().delete()
    sending_hold.shown.forget()
    for pk, row in before.items():
        Message.objects.filter(pk=pk).update(state=row["state"], reason=row["reason"])


def picture(page, name: str) -> None:
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["wide", "narrow"])
@pytest.mark.parametrize(
    ("language", "theme"), [("en", "light"), ("en", "dark"), ("zh-hans", "light"), ("zh-hans", "dark")]
)
def test_the_page_and_the_banner_fit(restored, signed_in, language, theme, viewport):
    mark = f"{language}-{theme}-{viewport['width']}"
    page = signed_in(Role.MARKETER, language=language, theme=theme, viewport=viewport)
    page.goto("/sending/hold/")
    expect(page.locator(".notice-bad")).to_be_visible()
    picture(page, f"hold-{mark}")
    assert faults_of(page, "/sending/hold/") == []
    page.goto("/")
    picture(page, f"home-{mark}")
    assert faults_of(page, "/") == []


def test_deciding_and_starting(restored, signed_in):
    assert restored > 0
    page = signed_in(Role.MARKETER)
    page.goto("/sending/hold/")
    start = page.get_by_role("button", name="Start sending")
    expect(start).to_be_disabled()
    forms = page.locator("form.hold-choice")
    while waiting := forms.count():
        forms.first.locator("select").select_option("sent")
        forms.first.get_by_role("button", name="Apply").click()
        # A script sends the form and then reloads the page.
        expect(forms).to_have_count(waiting - 1)
    picture(page, "decided")
    start.click()
    expect(page.get_by_role("button", name="Stop sending")).to_be_visible()
    picture(page, "going-on")
    assert not SendingHold.objects.get().held
    page.get_by_label("Why").fill("wrong price")
    page.get_by_role("button", name="Stop sending").click()
    expect(page.get_by_text("wrong price")).to_be_visible()
    picture(page, "stopped-by-hand")
    sending_hold.start(actor=SYSTEM)
