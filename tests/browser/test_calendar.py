"""The marketing calendar: entries are dragged to another day, or moved by a date; the phone shows a list."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest
from playwright.sync_api import Page, expect

from analytics.segments.models import Segment
from campaigns.broadcasts.models import Broadcast
from campaigns.broadcasts.services.broadcasts import create_broadcast, schedule_broadcast
from campaigns.templates.models import MessageClass, Template
from core.base import clock
from core.base.actor import SYSTEM
from core.base.zones import shop_day
from core.security.roles import Role
from tests.browser.conftest import PHONE
from tests.browser.looking import faults_of

pytestmark = pytest.mark.browser


def planned(name: str, on: date) -> Broadcast:
    broadcast = create_broadcast(
        name=name, segment=Segment.objects.active().order_by("pk").first(), send_on=on, send_time=time(10),
        template=Template.objects.filter(message_class=MessageClass.MARKETING, broadcasts__isnull=False)
        .exclude(texts__body__contains="coupon").order_by("pk").first(), actor=SYSTEM,
    )  # fmt: skip
    return schedule_broadcast(broadcast=broadcast, actor=SYSTEM)


def middle_of_next_month() -> date:
    return (shop_day(clock.now()).replace(day=1) + timedelta(days=40)).replace(day=15)


def drag(page: Page, name: str, to: date) -> None:
    page.locator(".calendar-grid .chip", has_text=name).drag_to(page.locator(f'td[data-day="{to.isoformat()}"]'))


def test_a_broadcast_is_dragged_to_another_day_and_a_refusal_puts_it_back(signed_in, shop, watched):
    # The browser reports the refusal as an error too.
    watched.expected.append(r"422 .*calendar/broadcasts/")
    # given a scheduled broadcast in the middle of next month
    on = middle_of_next_month()
    to = on + timedelta(days=2)
    broadcast = planned("Dragged", on)
    page = signed_in(Role.MARKETER)
    page.goto(f"/calendar/?month={on:%Y-%m}")
    # when it is dragged two days on
    drag(page, "Dragged", to)
    # then the page comes again with it there, and it is still scheduled
    expect(page.get_by_text("“Dragged” was moved to")).to_be_visible()
    expect(page.locator(f'td[data-day="{to.isoformat()}"]').locator(".chip-name", has_text="Dragged")).to_be_visible()
    broadcast.refresh_from_db()
    assert (broadcast.send_on, broadcast.state) == (to, "scheduled")
    # when it has started since
    Broadcast.objects.filter(pk=broadcast.pk).update(state="sending")
    drag(page, "Dragged", on)
    # then it goes back and the page says why
    expect(page.locator("#calendar-notice")).to_have_text("This is not possible in the broadcast's current state.")
    expect(page.locator(f'td[data-day="{to.isoformat()}"]').locator(".chip-name", has_text="Dragged")).to_be_visible()
    broadcast.refresh_from_db()
    assert broadcast.send_on == to


def test_the_date_in_the_menu_moves_it_without_a_script(signed_in, shop):
    on = middle_of_next_month()
    broadcast = planned("By keyboard", on)
    page = signed_in(Role.MARKETER, java_script_enabled=False)
    page.goto(f"/calendar/?month={on:%Y-%m}")
    chip = page.locator(".calendar-grid .chip", has_text="By keyboard")
    chip.locator("summary").press("Enter")
    chip.get_by_label("Move to").fill((on + timedelta(days=3)).isoformat())
    chip.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_text("“By keyboard” was moved to")).to_be_visible()
    broadcast.refresh_from_db()
    assert broadcast.send_on == on + timedelta(days=3)


def test_a_click_on_a_day_opens_its_menu(signed_in, shop):
    on = middle_of_next_month()
    page = signed_in(Role.MARKETER)
    page.goto(f"/calendar/?month={on:%Y-%m}")
    cell = page.locator(f'td[data-day="{on.isoformat()}"]')
    box = cell.bounding_box()
    assert box
    cell.click(position={"x": box["width"] / 2, "y": box["height"] - 8})
    cell.get_by_role("link", name="Plan a broadcast").click()
    expect(page.locator("[name=send_on]")).to_have_value(on.isoformat())


def test_the_page_has_no_faults(signed_in, shop):
    on = middle_of_next_month()
    planned("Without faults", on)
    page = signed_in(Role.MARKETER)
    page.goto(f"/calendar/?month={on:%Y-%m}")
    assert faults_of(page, "calendar") == []


def test_a_phone_lists_the_days(signed_in, shop):
    on = middle_of_next_month()
    planned("On the phone", on)
    page = signed_in(Role.MARKETER, viewport=PHONE)
    page.goto(f"/calendar/?month={on:%Y-%m}")
    expect(page.locator(".calendar-grid")).to_be_hidden()
    expect(page.locator(".calendar-strip").locator(".chip-name", has_text="On the phone")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert faults_of(page, "calendar on a phone") == []
