"""Pages behind the links of a message, without sign-in: the preference centre and the unsubscribe page."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import expect

from campaigns.templates.services.contexts import link_signer, preferences_signer
from core.base.actor import SYSTEM
from crm.customers.models import Consent, Customer
from crm.customers.services.consents import record_consent
from tests.browser.conftest import PHONE
from tests.browser.looking import serious

pytestmark = pytest.mark.browser


def said(customer: Customer) -> list[tuple[str, str, str]]:
    rows = Consent.objects.filter(customer=customer).order_by("pk")
    return [(row.channel, row.purpose, row.decision) for row in rows]


def agreed(customer: Customer) -> Customer:
    record_consent(
        customer=customer, channel="email", purpose="marketing", decision="granted", source="checkout", actor=SYSTEM
    )
    return customer


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_customer_chooses_by_channel_and_purpose_in_their_language(open_context, customer, scripts):
    # given a customer who agreed to marketing by e-mail
    person = agreed(customer("Ada", email=f"ada-{scripts}@example.com"))
    page = open_context(viewport=PHONE, java_script_enabled=scripts).new_page()
    page.goto(f"/p/{preferences_signer().sign(str(person.pk))}/")
    switch = page.locator("input[value='email.marketing']")
    expect(switch).to_be_checked()
    if scripts:
        assert serious(page, "preferences") == []
    # when the customer withdraws it
    switch.uncheck()
    page.get_by_role("button", name="Save").click()
    # then it counts, is kept beside what was said before, and is shown in the other language too
    expect(page.get_by_role("status")).to_have_text("Your choice is saved and applies from now on.")
    expect(page.locator("input[value='email.marketing']")).not_to_be_checked()
    assert said(person) == [("email", "marketing", "granted"), ("email", "marketing", "withdrawn")]
    page.get_by_role("link", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    expect(page.locator("input[value='email.marketing']")).not_to_be_checked()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_forged_link_shows_and_changes_nothing(open_context, customer, watched):
    person = agreed(customer("Bea", email="bea@example.com"))
    watched.expected.append("404")
    page = open_context().new_page()
    answer = page.goto(f"/p/{person.pk}:forged/")
    assert answer
    assert answer.status == 404
    expect(page.locator("form")).to_have_count(0)
    assert said(person) == [("email", "marketing", "granted")]


def test_unsubscribing_asks_first_and_is_done_once(open_context, customer):
    person = agreed(customer("Cleo", email="cleo@example.com"))
    page = open_context().new_page()
    link = f"/u/{link_signer().sign(f'{uuid.uuid4()}.{person.pk}.email')}/"
    page.goto(link)
    assert said(person) == [("email", "marketing", "granted")]
    page.get_by_role("button", name="Unsubscribe").click()
    expect(page.get_by_role("status")).to_contain_text("You no longer get marketing messages by E-mail.")
    page.goto(link)
    expect(page.get_by_role("status")).to_contain_text("You no longer get marketing messages")
    assert said(person) == [("email", "marketing", "granted"), ("email", "marketing", "withdrawn")]
