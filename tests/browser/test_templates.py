"""A template is written, previewed as a customer in each language, sent as a test, changed and restored."""

from __future__ import annotations

import re
import uuid
from urllib.parse import urljoin

import pytest
from django.core import mail
from playwright.sync_api import Page, expect

from campaigns.templates.models import Template
from core.base.actor import SYSTEM
from core.security.roles import Role
from loyalty.ledger.selectors import balances as selectors
from loyalty.ledger.services.adjustments import adjust_points
from loyalty.ledger.services.enrolment import enrol_member
from loyalty.program.models import Program
from tests.browser.conftest import sign_in_directly, user_of
from tests.browser.looking import faults_of

pytestmark = pytest.mark.browser


@pytest.fixture
def page(open_context, server) -> Page:
    context = open_context()
    sign_in_directly(context, user_of(Role.MARKETER, email="marketer@example.com"), server)
    return context.new_page()


@pytest.fixture
def member(customer):
    someone = customer("Ada Template", storefront="ada-template")
    enrolled = enrol_member(customer=someone, program=Program.objects.get(), actor=SYSTEM)
    account = selectors.spendable_account(enrolled)
    adjust_points(account=account, points=257, reason="goodwill", key=uuid.uuid4().hex, actor=SYSTEM)
    return someone


def text_of(page: Page, frame: str) -> str:
    """Return the text of a sandboxed frame, fetched like the browser does."""
    source = page.locator(frame).get_attribute("src")
    assert source
    answer = page.request.get(urljoin(page.url, source))
    assert answer.status == 200
    return answer.text()


def pick(page: Page, field: str, text: str) -> None:
    page.locator(f"[name={field}]").focus()
    page.locator(".variable", has_text=text).first.click()


def save(page: Page) -> None:
    page.locator("#template-form").get_by_role("button", name=re.compile("^Save")).click()


def test_a_template_is_written_read_as_a_customer_tested_and_brought_back(page, member):
    # Write it by hand, with variables and a block from the picker.
    page.goto("/templates/new/")
    page.get_by_label("Name", exact=True).fill("A walk")
    page.get_by_label("Channel").select_option("email")
    page.locator("summary", has_text="Variables").click()
    page.locator("[name=subject_en]").fill("Good news, ")
    pick(page, "subject_en", "customer.first_name")
    page.locator("[name=body_en]").fill("<p>You have:</p>")
    pick(page, "body_en", "Points balance")
    page.locator("[name=subject_zh-hans]").fill("好消息，")
    pick(page, "subject_zh-hans", "customer.name")
    page.locator("[name=body_zh-hans]").fill("<p>您的积分：</p>")
    pick(page, "body_zh-hans", "member.points")
    expect(page.locator("[name=subject_en]")).to_have_value("Good news, {{ customer.first_name }}")
    expect(page.locator("[name='body_zh-hans']")).to_have_value("<p>您的积分：</p>{{ member.points }}")

    # Preview it while writing: with the example, then as a customer.
    expect(page.locator("#live .frame-subject").first).to_have_text("Good news, Ada")
    page.locator("#preview-as").fill(member.number)
    expect(page.locator("#live")).to_contain_text(f"Shown as Ada Template ({member.number}) would read it.")
    expect(page.locator("#live .frame-subject").last).to_have_text("好消息，Ada Template")
    assert "<strong>257</strong>" in text_of(page, "#live iframe >> nth=0")
    assert "您的积分：" in text_of(page, "#live iframe >> nth=1")

    save(page)
    expect(page.get_by_text("“A walk” is saved as version 1.")).to_be_visible()
    template = Template.objects.get(name="A walk")

    # Preview it on its page as the same customer, and send a test, which the own address is offered for.
    page.locator("#preview-as").fill(member.number)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".frame-subject")).to_have_text(["Good news, Ada", "好消息，Ada Template"])
    assert "257" in text_of(page, "iframe >> nth=1")
    assert faults_of(page, "template", axe=False) == []
    before = len(mail.outbox)
    page.locator("#test-language").select_option("zh-hans")
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("1 test was sent to marketer@example.com.")).to_be_visible()
    (sent,) = mail.outbox[before:]
    assert sent.to == ["marketer@example.com"]
    assert "好消息，Ada Template" in sent.subject
    assert "257" in sent.body

    # A syntax error is refused at its field and creates no version.
    page.goto(f"/templates/{template.pk}/edit/")
    page.locator("[name=body_en]").fill("<p>{% if %}</p>")
    save(page)
    expect(page.locator("fieldset").first.locator(".field-error")).to_be_visible()
    template.refresh_from_db()
    assert template.version == 1

    # Change it, and restore the first version as the third.
    page.locator("[name=body_en]").fill("<p>Only this.</p>")
    save(page)
    expect(page.get_by_text("“A walk” is saved as version 2.")).to_be_visible()
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_text("This is an older version.")).to_be_visible()
    assert "You have:" in text_of(page, "iframe >> nth=0")
    page.get_by_role("button", name="Restore this version").click()
    expect(page.get_by_text("Version 1 is restored as version 3.")).to_be_visible()
    assert "You have:" in text_of(page, "iframe >> nth=0")
