"""An agent serves a customer: search, timeline, filters, unmasking, points."""

import re

import pytest
from playwright.sync_api import expect

from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from core.security.roles import Role
from crm.customers.services.customers import add_note
from crm.desk.services import open_ticket
from crm.orders.models import Order
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program import selectors as program_selectors

pytestmark = pytest.mark.browser


@pytest.fixture
def wang(customer):
    return customer("王小明", phone="13800137788", email="wang@example.com")


def test_by_the_chinese_name_in_the_list(signed_in, wang):
    page = signed_in(Role.AGENT)
    page.goto("/customers/")
    page.get_by_role("main").get_by_role("searchbox", name="Search").fill("王小明")
    page.get_by_role("main").get_by_role("button", name="Search").click()
    row = page.locator("[data-row]")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(wang.number)
    # The last cell holds the menu of the row.
    row.locator("td").nth(-2).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("王小明")


def test_the_list_is_walked_with_j_and_k(signed_in, shop):
    page = signed_in(Role.AGENT)
    page.goto("/customers/")
    links = page.locator("[data-rows] [data-row] a.person-name")
    expect(links.nth(1)).to_be_visible()
    for key, place in (("j", 0), ("j", 1), ("k", 0), ("k", 0), ("j", 1)):
        page.keyboard.press(key)
        expect(links.nth(place)).to_be_focused()
    name = links.nth(1).inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_by_the_last_digits_of_the_phone_after_a_slash(signed_in, wang):
    page = signed_in(Role.AGENT)
    page.goto("/")
    page.keyboard.press("/")
    expect(page.locator("#top-search")).to_be_focused()
    page.keyboard.type("7788")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/customers/{wang.number}/$"))


def test_with_control_k(signed_in, wang):
    page = signed_in(Role.AGENT)
    page.goto("/")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Go to")
    expect(palette).to_be_visible()
    page.keyboard.type("王小明")
    option = palette.get_by_role("option", name="王小明")
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/customers/{wang.number}/$"))
    page.wait_for_load_state()

    page.keyboard.press("Control+k")
    page.keyboard.type("nobody is called this")
    expect(palette).to_contain_text("Nothing found")
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_late_results_leave_the_selected_option_selected(signed_in, wang):
    page = signed_in(Role.AGENT)
    page.goto("/")
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Go to")
    page.keyboard.type("王小明")
    option = palette.get_by_role("option", name="王小明")
    expect(option).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")

    with page.expect_response("**/palette/**"):
        page.evaluate(
            "document.querySelector('#palette input').dispatchEvent(new CustomEvent('palette:open', {bubbles: true}))"
        )
    page.wait_for_timeout(300)

    expect(option).to_have_attribute("aria-selected", "true")


def test_the_timeline_is_filtered_in_place_and_the_back_button_undoes_it(signed_in, shop):
    customer = Order.objects.filter(state="paid", customer__isnull=False).order_by("id").first().customer
    add_note(customer=customer, text="Prefers the morning", actor=SYSTEM)
    open_ticket(customer=customer, subject="Where is my parcel?", text="Three days now.", actor=SYSTEM)
    page = signed_in(Role.AGENT)
    page.goto(f"/customers/{customer.number}/")
    timeline = page.get_by_role("region", name="Timeline")
    expect(timeline).to_contain_text("Where is my parcel?")
    timeline.get_by_role("link", name="Orders", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?show=orders$"))
    expect(timeline.locator(".moment").first).to_be_visible()
    expect(timeline).not_to_contain_text("Where is my parcel?")
    timeline.get_by_role("link", name="Service", exact=True).click()
    expect(timeline).to_contain_text("Where is my parcel?")
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?show=orders$"))
    expect(timeline).not_to_contain_text("Where is my parcel?")


def test_an_agent_unmasks_a_contact_and_the_look_is_recorded(signed_in, wang):
    page = signed_in(Role.AGENT)
    page.goto(f"/customers/{wang.number}/")
    contact = page.locator(".customer-bar .contact").filter(has_text="Phone")
    expect(contact).to_contain_text("7788")
    expect(page.get_by_role("main")).not_to_contain_text("138 0013 7788")
    contact.get_by_role("button", name="Show").click()
    expect(contact).to_contain_text(re.compile(r"138\s?0013\s?7788"))
    expect(contact.get_by_role("button")).to_have_count(0)
    looks = DomainEvent.objects.filter(subject_id=wang.pk, kind="crm.identity_unmasked")
    assert looks.count() == 1
    page.reload()
    expect(contact).not_to_contain_text(re.compile(r"138\s?0013\s?7788"))


def points_of(member) -> int:
    return selectors.balance_of(selectors.spendable_account(member)).available


def test_points_are_given_with_a_reason_once(signed_in, wang):
    member = enrol_member(customer=wang, program=program_selectors.default_program(), actor=SYSTEM)
    page = signed_in(Role.LEAD)
    page.goto(f"/customers/{wang.number}/?tab=points")
    page.get_by_text("Adjust points").first.click()
    page.get_by_label("Points", exact=True).fill("120")
    page.get_by_role("button", name="Adjust points").click()
    # The browser itself asks for the reason.
    assert points_of(member) == 0
    page.locator("#adjust-reason").select_option(index=1)
    page.locator("#adjust-note").fill("parcel came late")
    page.get_by_role("button", name="Adjust points").click()
    expect(page.get_by_text("120 points given.")).to_be_visible()
    expect(page.locator(".point-figures").get_by_text("120")).to_be_visible()
    expect(page.locator("#panel-points")).to_contain_text("parcel came late")
    page.reload()
    assert points_of(member) == 120
