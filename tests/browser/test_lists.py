"""A marketer works a list by keyboard: rows, choice, the bar of chosen rows, a row's menu; and chooses a customer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from analytics.segments.models import Segment
from analytics.segments.services.lists import create_list
from core.base.actor import SYSTEM
from core.security.roles import Role
from tests.browser.conftest import PHONE
from tests.browser.looking import serious

pytestmark = pytest.mark.browser


@pytest.fixture
def guests(shop) -> list[Segment]:
    names = ("Zeta guests", "Zeta hosts", "Zeta partners")
    return [Segment.objects.filter(name=name).first() or create_list(name=name, actor=SYSTEM) for name in names]


def test_a_list_is_worked_by_keyboard(signed_in, guests):
    page = signed_in(Role.MARKETER)
    page.goto("/segments/")
    # when the search is reached by a key, and two rows are chosen by keys
    page.keyboard.press("/")
    expect(page.locator("[data-list-search]")).to_be_focused()
    page.keyboard.type("zeta")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?q=zeta"))
    expect(page.locator("[data-row]")).to_have_count(3)
    bar = page.locator("[data-selection]")
    expect(bar).to_be_hidden()
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
    # then the bar says how many, and its field is reached by a key
    expect(bar).to_be_visible()
    expect(bar).to_contain_text("2 selected")
    assert serious(page, "segments with chosen rows") == []
    page.keyboard.press("t")
    expect(page.locator("#bulk-add_tag")).to_be_focused()
    page.keyboard.type("Launch")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").or_(page.locator(".toast-item"))).to_contain_text("2 tagged “Launch”.")
    tagged = Segment.objects.filter(tags=["Launch"]).order_by("name").values_list("name", flat=True)
    assert list(tagged) == ["Zeta guests", "Zeta hosts"]
    # Escape gives up the choice
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(bar).to_be_visible()
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    # a row opens by Enter
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Zeta guests")


def test_the_menu_of_a_row_copies_it(signed_in, guests):
    page = signed_in(Role.MARKETER)
    page.goto("/segments/?q=zeta+hosts")
    page.get_by_role("button", name="Actions for Zeta hosts", exact=True).click()
    menu = page.locator(".row-menu:popover-open")
    expect(menu).to_be_visible()
    menu.get_by_role("button", name="Duplicate").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Copy of Zeta hosts")


def test_the_list_fits_a_phone(signed_in, guests):
    page = signed_in(Role.MARKETER, viewport=PHONE)
    page.goto("/segments/?q=zeta")
    page.locator("input[data-select]").first.check()
    expect(page.locator("[data-selection]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_customer_is_chosen_by_name_and_keys(signed_in, customer):
    person = customer("Zoe Picker", email="zoe.picker@example.com")
    page = signed_in(Role.AGENT)
    page.goto("/tickets/new/")
    field = page.get_by_role("combobox", name="Customer")
    field.fill("Zoe Pick")
    options = page.get_by_role("option", name="Zoe Picker")
    expect(options).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(field).to_have_value(person.number)
    expect(page.locator("[data-customer-chosen]")).to_have_text("Zoe Picker")
    assert serious(page, "new ticket") == []
