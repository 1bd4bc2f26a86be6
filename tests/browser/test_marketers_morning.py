"""A marketer's morning: from the home page to a draft, the last broadcast, a comparison, and an old campaign."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, expect

from campaigns.broadcasts.models import Broadcast
from core.console import kept
from core.security.roles import Role

pytestmark = pytest.mark.browser
MOST_CLICKS, MOST_SECONDS = 12, 90


class Hand:
    """Count the clicks and key strokes that a job needs; typed text counts once."""

    def __init__(self) -> None:
        self.count = 0

    def click(self, target: Locator) -> None:
        self.count += 1
        target.click()

    def choose(self, target: Locator) -> None:
        self.count += 1
        target.check()

    def type(self, page: Page, text: str) -> None:
        self.count += 1
        page.keyboard.type(text)

    def press(self, page: Page, key: str) -> None:
        self.count += 1
        page.keyboard.press(key)


@contextmanager
def job() -> Iterator[Hand]:
    """Fail when the job takes more than 12 clicks or 90 seconds."""
    hand, started = Hand(), time.monotonic()
    yield hand
    assert hand.count <= MOST_CLICKS
    assert time.monotonic() - started <= MOST_SECONDS


@pytest.fixture
def marketer(signed_in, shop) -> Page:
    assert kept.keep() == []
    page = signed_in(Role.MARKETER)
    page.goto("/")
    return page


def test_an_opportunity_becomes_a_draft(marketer):
    with job() as hand:
        panel = marketer.locator("#panel-opportunities")
        hand.click(panel.get_by_role("link", name=re.compile("^Draft by")).first)
        expect(marketer.get_by_role("heading", level=1)).to_have_text("New broadcast")
        name = marketer.get_by_label("Name", exact=True).input_value()
        assert name
        hand.click(marketer.get_by_role("button", name="Save"))
        expect(marketer.get_by_role("heading", level=1)).to_contain_text(name)
    broadcast = Broadcast.objects.get(name=name)
    assert (broadcast.state, broadcast.holdout_percent) == ("draft", 10)


def test_the_chart_of_the_last_broadcast(marketer):
    newest = Broadcast.objects.filter(state="done").order_by("-created_at")[0]
    with job() as hand:
        hand.click(marketer.locator(".sidebar-section", has_text="Marketing"))
        hand.click(marketer.locator(".sidebar").get_by_role("link", name="Broadcasts"))
        hand.click(marketer.get_by_role("link", name=newest.name))
        expect(marketer.locator("figure[data-chart] canvas").first).to_be_visible()


def test_two_campaigns_are_compared(marketer):
    with job() as hand:
        hand.click(marketer.locator("#panel-running").get_by_role("link", name="Compare campaigns"))
        for broadcast in Broadcast.objects.filter(state="done").order_by("-created_at")[:2]:
            hand.choose(marketer.locator(f"input[type=checkbox][value='{broadcast.origin}']"))
        hand.click(marketer.locator("main button[type=submit]").last)
        expect(marketer.locator("main thead th.number a")).to_have_count(2)
        expect(marketer.locator("figure[data-chart] canvas").first).to_be_visible()


def test_an_old_campaign_is_found_by_its_name(marketer):
    oldest = Broadcast.objects.filter(state="done").order_by("created_at")[0]
    with job() as hand:
        hand.press(marketer, "/")
        hand.type(marketer, oldest.name)
        hand.press(marketer, "Enter")
        expect(marketer.get_by_role("heading", level=1)).to_contain_text(oldest.name)


def test_the_palette_starts_a_broadcast(marketer):
    with job() as hand:
        hand.press(marketer, "Control+k")
        with marketer.expect_response("**/palette/**q=new**"):
            hand.type(marketer, "new broadcast")
        expect(marketer.get_by_role("option", name="New broadcast")).to_be_visible()
        hand.press(marketer, "Enter")
        expect(marketer.get_by_role("heading", level=1)).to_have_text("New broadcast")


def test_the_home_page_refreshes_only_what_changed(marketer):
    marketer.evaluate("document.getElementById('home').dataset.mark = 'same'")
    with marketer.expect_response(lambda answer: "version=" in answer.url) as answer:
        marketer.evaluate("document.getElementById('home').dispatchEvent(new CustomEvent('look:again'))")
    assert answer.value.status == 204
    expect(marketer.locator("#home[data-mark=same]")).to_have_count(1)


def test_sections_of_the_navigation_stay_as_the_user_left_them_and_fit_the_window(marketer):
    section = marketer.locator(".sidebar-group[data-group=marketing]")
    expect(section).not_to_have_attribute("open", "")
    section.locator("summary").click()
    marketer.goto("/broadcasts/")
    expect(section).to_have_attribute("open", "")
    marketer.context.clear_cookies(name="navigation")
    marketer.goto("/broadcasts/")
    overflow = (
        "(() => { const bar = document.querySelector('.sidebar'); return bar.scrollHeight - bar.clientHeight })()"
    )
    assert marketer.evaluate(overflow) <= 0


def test_without_scripts_all_sections_are_open(signed_in, shop):
    page = signed_in(Role.MARKETER, java_script_enabled=False)
    page.goto("/")
    expect(page.get_by_role("link", name="Broadcasts", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Customers", exact=True)).to_be_visible()


def test_the_header_is_one_row_on_a_phone(signed_in, shop):
    page = signed_in(Role.MARKETER, viewport={"width": 390, "height": 844})
    page.goto("/")
    tops = page.evaluate(
        "[...document.querySelectorAll('.topbar > *, .topbar-tools > *')].filter((one) => one.offsetParent)"
        ".map((one) => { const box = one.getBoundingClientRect(); return Math.round(box.top + box.height / 2) })"
    )
    assert max(tops) - min(tops) <= 4
    assert page.evaluate("document.querySelector('main').getBoundingClientRect().top") <= 64
    page.get_by_role("button", name="Menu").click()
    page.locator(".sidebar-section", has_text="Marketing").click()
    expect(page.get_by_role("link", name="Broadcasts", exact=True)).to_be_visible()
