"""Pages without a link in the navigation: during an import, before sign-in, for customers, and the admin."""

from __future__ import annotations

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.core.files.uploadedfile import SimpleUploadedFile
from playwright.sync_api import Page, expect

from campaigns.coupons.models import Coupon
from core.base.actor import SYSTEM
from core.security.roles import Role
from crm.desk.models import Ticket
from crm.desk.services import open_ticket, rating_token, resolve_ticket
from crm.imports.services.running import configure_import, create_import, keep_upload, queue_import
from crm.imports.tasks import run_import
from crm.orders.models import Product
from tests.browser.conftest import DESKTOP, PASSWORD, PHONE, sign_in_directly, user_of
from tests.browser.looking import Fault, faults_of

pytestmark = pytest.mark.browser

FILE = """Name,Phone,Birthday,E-mail address of the customer as written on the form
赵云,13911120001,1990-02-03,zhao.yun@a-rather-long-domain-name.example.com
钱多,13911120002,30.02.1990,
孙尚,12,1991-05-06,
"""
COLUMNS = {"name": "Name", "phone": "Phone", "birthday": "Birthday"}
LOOKS = pytest.mark.parametrize(
    ("language", "theme", "viewport"),
    [("en", "light", DESKTOP), ("zh-hans", "dark", PHONE)],
    ids=["desktop, light", "phone, dark, Chinese"],
)


def uploaded(state: str):
    path = keep_upload(SimpleUploadedFile("form.csv", FILE.encode()))
    run = create_import(kind="customers", source="till", path=path, file_name="form.csv", actor=SYSTEM)
    if state == "done":
        configure_import(run=run, options={}, mapping=COLUMNS)
        queue_import(run=run, actor=SYSTEM)
        run_import.apply((run.pk,), throw=True)
    return run


@LOOKS
def test_an_import_halfway_and_its_refused_rows(signed_in, language, theme, viewport):
    page = signed_in(Role.ADMINISTRATOR, language=language, theme=theme, viewport=viewport)
    mapping, done = uploaded("uploaded"), uploaded("done")
    look_at(page, [f"/imports/{mapping.pk}/map/", f"/imports/{done.pk}/", f"/imports/{done.pk}/refused/"])


@LOOKS
def test_the_satisfaction_question_and_its_answers(shop, customer, open_context, language, theme, viewport):
    page = open_context(viewport=viewport, color_scheme=theme, locale="zh-CN" if language == "zh-hans" else "en-GB")
    ticket = open_ticket(
        customer=customer("李雷", storefront=f"rating-{theme}"),
        subject="Where is it?",
        text="Three days.",
        actor=SYSTEM,
    )
    link = f"/rate/{rating_token(resolve_ticket(ticket=ticket, actor=SYSTEM))}/"
    visitor = page.new_page()
    look_at(visitor, [link])
    visitor.locator("input[type=radio]").first.check(force=True)
    visitor.locator("main button[type=submit]").click()
    visitor.wait_for_load_state()
    assert not faults_of(visitor, "thanks")
    look_at(visitor, [link])
    assert Ticket.objects.get(pk=ticket.pk).ratings.count() == 1


def test_a_link_that_is_not_valid(open_context, watched):
    watched.expected.append("status of 410")
    page = open_context(viewport=PHONE).new_page()
    page.goto("/rate/nonsense/")
    assert not faults_of(page, "/rate/nonsense/")


@LOOKS
def test_the_pause_after_too_many_wrong_passwords(
    open_context, make_user, settings, watched, language, theme, viewport
):
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 1
    watched.expected.append(r"status of 4(03|29)")
    page = open_context(viewport=viewport, color_scheme=theme).new_page()
    enter(page, make_user(Role.AGENT, language=language).username, "not-the-password")
    page.get_by_role("heading", name="Too many failed attempts").wait_for()
    assert not faults_of(page, "locked")


@LOOKS
def test_the_second_factor_is_asked_for(open_context, make_user, language, theme, viewport):
    user = make_user(Role.AGENT, language=language)
    TOTP.activate(user, generate_totp_secret())
    page = open_context(viewport=viewport, color_scheme=theme).new_page()
    enter(page, user.username, PASSWORD)
    page.locator("[name=code]").wait_for()
    assert not faults_of(page, "second factor")


@pytest.fixture
def admin(open_context, server):
    def start(**options) -> tuple[Page, int]:
        context = open_context(viewport=options.pop("viewport", DESKTOP), color_scheme=options.pop("theme", "light"))
        user = user_of(Role.ADMINISTRATOR, **options)
        user.is_staff = True
        user.save()
        sign_in_directly(context, user, server)
        return context.new_page(), user.pk

    return start


@LOOKS
def test_the_admin(admin, language, theme, viewport):
    page, me = admin(language=language, theme=theme, viewport=viewport)
    paths = ["/admin/", "/admin/core/user/", "/admin/crm/product/", f"/admin/core/user/{me}/change/"]
    paths += ["/admin/loyalty/tier/", "/admin/campaigns/coupon/add/", "/admin/campaigns/journey/add/"]
    look_at(page, paths)


def test_the_admin_works_without_inline_scripts(admin):
    # given the admin, whose policy allows no inline script; `watched` records violations
    page, _me = admin()
    policy = page.goto("/admin/crm/product/add/").headers["content-security-policy"]
    assert "script-src 'self' 'unsafe-eval'" in {part.strip() for part in policy.split(";")}

    # when a product is created, found and changed
    page.get_by_label("SKU").fill("ADM-1")
    page.locator("[name=name]").fill("From the admin")
    page.get_by_role("button", name="Save", exact=True).click()
    page.locator("#searchbar").fill("From the")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="ADM-1").first.click()
    page.locator("[name=name]").fill("Renamed in the admin")
    page.get_by_role("button", name="Save", exact=True).click()

    # then it exists
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    assert Product.objects.get(sku="ADM-1").name == "Renamed in the admin"


def test_a_choice_loads_its_fields_in_the_admin(admin):
    # given the form of a new coupon, with a name
    page, _me = admin()
    page.goto("/admin/campaigns/coupon/add/")
    page.locator("[name=name]").fill("Half price")
    # when another kind is chosen, then its fields are shown, and the name is kept
    page.locator("[name=kind]").select_option("percent")
    expect(page.get_by_label("Percent off")).to_be_visible()
    expect(page.locator("[name=name]")).to_have_value("Half price")
    # and when a large discount is saved, then it asks for a confirmation first
    page.get_by_label("Percent off").fill("60")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_label("Confirm a discount of more than half of the price").check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    assert Coupon.objects.get(name="Half price").value == 60


def enter(page: Page, name: str, password: str) -> None:
    page.goto("/accounts/login/")
    page.locator("[name=login]").fill(name)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")


def look_at(page: Page, paths: list[str]) -> None:
    faults: list[Fault] = []
    for path in paths:
        answer = page.goto(path)
        assert answer is not None, path
        assert answer.status == 200, (path, answer.status)
        faults += faults_of(page, path)
    assert not faults, "\n".join(map(str, faults))
