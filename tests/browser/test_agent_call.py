"""An agent's call: every job on the customer page within twelve clicks, and the whole call within 90 seconds."""

import re
import time

import pytest
from playwright.sync_api import Locator, Page, expect

from core.base.actor import SYSTEM
from core.events.models import DomainEvent
from core.security.roles import Role
from crm.customers.models import Consent, Note
from crm.orders.models import Order, Refund
from loyalty.ledger.selectors import balances
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program import selectors as program_selectors

pytestmark = pytest.mark.browser
MOST_CLICKS = 12
MOST_SECONDS = 90


class Clicks:
    """Count the clicks of each job of the call."""

    def __init__(self) -> None:
        self.jobs: dict[str, int] = {}
        self.job = ""

    def begin(self, job: str) -> None:
        self.job = job
        self.jobs[job] = 0

    def __call__(self, target: Locator) -> None:
        self.jobs[self.job] += 1
        target.click()

    def choose(self, target: Locator, value: str) -> None:
        """Choose in a list: one click opens it, one takes the value."""
        self.jobs[self.job] += 2
        target.select_option(value)

    def write(self, target: Locator, text: str) -> None:
        self.jobs[self.job] += 1
        target.fill(text)


@pytest.fixture
def caller(shop):
    """A member with a paid order and no consent for calls."""
    order = Order.objects.filter(state="paid", refunded=0, total__gt=0, customer__identities__kind="phone").order_by(
        "-paid_at"
    )[0]
    member = enrol_member(customer=order.customer, program=program_selectors.default_program(), actor=SYSTEM)
    return order, member


def points(member) -> int:
    return balances.balance_of(balances.spendable_account(member)).available


def test_an_agents_call(signed_in, caller):
    order, member = caller
    customer = order.customer
    phone = customer.identities.get(kind="phone").value
    before = points(member)
    page: Page = signed_in(Role.AGENT)
    page.goto("/")
    click, started = Clicks(), time.monotonic()

    click.begin("find")
    click(page.locator("#top-search"))
    page.keyboard.type(phone)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"/customers/{customer.number}/$"))

    click.begin("unmask")
    contact = page.locator(".customer-bar .contact").filter(has_text="Phone")
    click(contact.get_by_role("button", name="Show"))
    expect(contact).to_contain_text(phone)

    click.begin("consent")
    click(page.get_by_role("link", name="Record a consent"))
    click.choose(page.get_by_label("Channel"), "call")
    click(page.get_by_label("Granted"))
    click(page.get_by_role("button", name="Show the effect"))
    expect(page.get_by_role("heading", name="What this changes")).to_be_visible()
    click(page.get_by_role("button", name="Record the consent"))
    expect(page.get_by_text("The consent is recorded.")).to_be_visible()

    click.begin("goodwill")
    click(page.get_by_role("navigation", name="Details").get_by_role("link", name="Points", exact=True))
    expect(page).to_have_url(re.compile(r"\?tab=points$"))
    click(page.get_by_text("Adjust points").first)
    click.write(page.get_by_label("Points", exact=True), "50")
    click.choose(page.locator("#adjust-reason"), "goodwill")
    click.write(page.locator("#adjust-note"), "Parcel came late")
    click(page.get_by_role("button", name="Adjust points"))
    expect(page.get_by_text("50 points given.")).to_be_visible()

    click.begin("refund")
    click(page.get_by_role("navigation", name="Details").get_by_role("link", name="Orders", exact=True))
    item = page.locator("#panel-orders .order-item").filter(has=page.get_by_role("link", name=order.number))
    click(item.get_by_role("link", name="Refund"))
    click.write(page.get_by_label("Amount (CNY)"), "1")
    click.write(page.get_by_label("Reason"), "Broken cup")
    click(page.get_by_role("button", name="Show the effect"))
    expect(page.get_by_role("cell", name="Refunded of this order")).to_be_visible()
    click(page.get_by_role("button", name="Record the refund"))
    expect(page.get_by_text("is recorded as refunded.")).to_be_visible()

    click.begin("note")
    click(page.get_by_role("navigation", name="Breadcrumb").get_by_role("link"))
    click.write(page.get_by_label("New note"), "Promised a call on Friday")
    click(page.get_by_text("Pin to the top"))
    click(page.get_by_role("button", name="Add note"))
    expect(page.locator(".customer-pinned")).to_contain_text("Promised a call on Friday")

    assert time.monotonic() - started < MOST_SECONDS
    assert {job: count for job, count in click.jobs.items() if count > MOST_CLICKS} == {}
    assert points(member) >= before
    assert DomainEvent.objects.filter(subject_id=customer.pk, kind="crm.identity_unmasked").count() == 1
    assert Consent.objects.filter(customer=customer, channel="call", decision="granted").count() == 1
    assert Refund.objects.get(order=order).amount == 100
    assert Note.objects.filter(customer=customer, pinned=True).count() == 1
