"""The desk: a ticket from the first word to the last."""

import re

import pytest
from playwright.sync_api import expect

from core.roles import Role
from crm.models import Ticket

pytestmark = pytest.mark.browser


def test_a_ticket_is_opened_answered_noted_and_resolved(signed_in, customer):
    li = customer("李雷", storefront="desk-1")
    page = signed_in(Role.AGENT)
    page.goto(f"/customers/{li.number}/")
    page.get_by_role("link", name="Open a ticket").first.click()
    page.get_by_label("Subject").fill("包裹没有收到")
    page.get_by_label("Message", exact=True).fill("已经五天了。")
    page.get_by_role("button", name="Open the ticket").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("包裹没有收到")
    ticket = Ticket.objects.get(customer=li)

    # Who opens a ticket has it.
    assert ticket.assignee is not None
    expect(page.locator(".desk-head .tags")).to_contain_text(ticket.assignee.username)
    expect(page.get_by_role("button", name="Take it")).to_have_count(0)
    page.get_by_label("Answer").fill("马上为您查。")
    page.get_by_role("button", name="Reply", exact=True).click()
    expect(page.locator(".talk-staff").last).to_contain_text("马上为您查。")
    page.get_by_label("Answer").fill("carrier lost it")
    page.get_by_role("button", name="Add as internal note").click()
    expect(page.locator(".talk-note")).to_contain_text("carrier lost it")

    page.get_by_role("button", name="Resolve").click()
    expect(page.get_by_role("button", name="Resolve")).to_have_count(0)
    ticket.refresh_from_db()
    assert ticket.status == "resolved"

    page.goto(f"/tickets/{ticket.number}/")
    page.get_by_label("More", exact=True).click()
    page.get_by_role("button", name="Close the ticket").click()
    question = page.get_by_role("dialog")
    expect(question).to_contain_text("takes no more replies")
    page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    ticket.refresh_from_db()
    assert ticket.status == "resolved"
    page.get_by_label("More", exact=True).click()
    page.get_by_role("button", name="Close the ticket").click()
    question.get_by_role("button", name="Close the ticket").click()
    expect(page.get_by_text("so the customer gets no more replies")).to_be_visible()


def test_the_list_is_walked_with_j_and_k_and_opened_with_enter(signed_in, shop):
    page = signed_in(Role.AGENT)
    page.goto("/tickets/?view=open")
    links = page.locator("[data-rows] [data-row] a.person-name")
    expect(links.nth(2)).to_be_visible()
    page.keyboard.press("j")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(links.nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(links.nth(1)).to_be_focused()
    subject = links.nth(1).inner_text()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/tickets/T"))
    expect(page.get_by_role("heading", level=1)).to_have_text(subject)
