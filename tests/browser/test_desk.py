"""The desk: a ticket from its opening to its resolution."""

import re

import pytest
from playwright.sync_api import expect

from core.base.actor import SYSTEM
from core.security.roles import Role
from crm.desk.models import Ticket
from crm.desk.services import open_ticket, reply_to_ticket
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program.models import Program

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

    # The agent who opens a ticket is its assignee.
    assert ticket.assignee is not None
    expect(page.locator(".desk-head .tags")).to_contain_text(ticket.assignee.username)
    expect(page.get_by_role("button", name="Assign to me")).to_have_count(0)
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
    expect(question).to_contain_text("accepts no more replies")
    page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    ticket.refresh_from_db()
    assert ticket.status == "resolved"
    page.get_by_label("More", exact=True).click()
    page.get_by_role("button", name="Close the ticket").click()
    question.get_by_role("button", name="Close the ticket").click()
    expect(page.get_by_text("so the customer gets no more replies")).to_be_visible()


def test_the_list_is_walked_with_j_and_k_and_opened_with_enter(signed_in, customer):
    waiting = customer("Mei Mei", phone="13800137755")
    for number in range(3):
        open_ticket(customer=waiting, subject=f"Parcel {number}", text="Where is it?", actor=SYSTEM)
    page = signed_in(Role.AGENT)
    page.goto("/tickets/?state=open")
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


def opened(page, li, text: str = "Where is it?") -> Ticket:
    """Create a ticket of this customer and open its page."""
    ticket = open_ticket(customer=li, subject="Parcel", text=text, actor=SYSTEM)
    page.goto(f"/tickets/{ticket.number}/")
    return ticket


def test_a_reply_is_kept_while_it_is_written_and_sent_by_keys(signed_in, customer):
    # given a half-written reply
    page = signed_in(Role.AGENT)
    ticket = opened(page, customer("韩梅梅", storefront="desk-2"))
    page.get_by_label("Answer").fill("Dear customer, your par")
    expect(page.locator(".draft-state")).to_contain_text("Draft saved")

    # when the ticket is resolved and opened again, then it is still there
    page.get_by_role("button", name="Resolve").click()
    page.get_by_role("button", name="Open again").click()
    expect(page.get_by_label("Answer")).to_have_value("Dear customer, your par")

    # and the last input is saved when the user leaves the page at once
    page.get_by_label("Answer").fill("Dear customer, your parcel")
    page.goto("/tickets/")
    page.goto(f"/tickets/{ticket.number}/")
    expect(page.get_by_label("Answer")).to_have_value("Dear customer, your parcel")

    # when Ctrl and Enter are pressed, then it is sent, and the state is under it
    page.get_by_label("Answer").press("Control+Enter")
    expect(page.locator(".talk-staff").last).to_contain_text("Dear customer, your parcel")
    expect(page.locator(".talk-staff .talk-delivery").last).to_contain_text("Queued")
    expect(page.get_by_label("Answer")).to_have_value("")
    assert ticket.messages.count() == 2


def test_a_newer_message_is_shown_before_the_reply_goes_out(signed_in, customer, watched):
    watched.expected.append("status of 409")
    page = signed_in(Role.AGENT)
    ticket = opened(page, customer("韩梅", storefront="desk-3"))
    reply_to_ticket(ticket=ticket, text="It is here!", actor=SYSTEM, from_customer=True)
    page.get_by_label("Answer").fill("We are looking for it.")
    page.get_by_role("button", name="Reply", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Someone else has written")).to_be_visible()
    expect(page.locator(".talk-customer").last).to_contain_text("It is here!")
    expect(page.get_by_label("Answer")).to_have_value("We are looking for it.")
    page.get_by_role("button", name="Send anyway").click()
    expect(page.locator(".talk-staff").last).to_contain_text("We are looking for it.")


def test_a_refused_adjustment_stays_open_with_what_was_typed(signed_in, customer, watched):
    # given the form beside a ticket, with the ticket chosen
    watched.expected.append("status of 422")
    li = customer("李明", storefront="desk-4")
    enrol_member(customer=li, program=Program.objects.default(), actor=SYSTEM)
    page = signed_in(Role.AGENT)
    ticket = opened(page, li)
    page.locator("#adjust > summary").click()
    expect(page.locator("#adjust-ticket")).to_have_value(ticket.number)

    # when more points are taken than there are
    page.locator("#adjust-points").fill("-50")
    page.locator("#adjust-reason").select_option("correction")
    page.locator("#adjust-note").fill("A long story about two orders")
    page.locator("#adjust").get_by_role("button", name="Adjust points").click()

    # then the form is open, with the error and the values
    expect(page.locator("#adjust [role=alert]")).to_be_visible()
    expect(page.locator("#adjust-note")).to_have_value("A long story about two orders")
    expect(page.locator("#adjust-points")).to_have_value("-50")

    # when the input is corrected, then it is done and the page shows the ticket again
    page.locator("#adjust-points").fill("50")
    page.locator("#adjust").get_by_role("button", name="Adjust points").click()
    expect(page.locator(".toast-item", has_text="50 points given.")).to_be_visible()
    expect(page).to_have_url(re.compile(ticket.number))

    # and can be reversed from there
    page.get_by_role("button", name="Reverse").click()
    page.get_by_role("dialog").get_by_role("button", name="Reverse").click()
    expect(page.locator(".toast-item", has_text="Reversed: 50 points taken.")).to_be_visible()
