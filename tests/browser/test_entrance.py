"""Sign-in: the form, a wrong password, the pause after too many, the second factor."""

import base64
import hmac
import re
import time

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect

from core.security.roles import LABELS, Role
from tests.browser.conftest import PASSWORD

pytestmark = pytest.mark.browser

# Pages that each role sees in the navigation, and one page that it does not see.
PLACES = {
    Role.AGENT: ("Desk", "API keys"),
    Role.LEAD: ("Desk", "API keys"),
    Role.MARKETER: ("Segments", "API keys"),
    Role.ANALYST: ("Segments", "API keys"),
    Role.ADMINISTRATOR: ("API keys", None),
}


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("User name or e-mail").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


@pytest.mark.parametrize("role", list(Role))
def test_each_role_comes_in_and_sees_its_own_places(anyone, make_user, role):
    user = make_user(role)
    sign_in(anyone, user.username)
    expect(anyone).to_have_title("Home · Liuke")
    navigation = anyone.get_by_role("navigation", name="Main navigation")
    seen, hidden = PLACES[role]
    navigation.locator("details").evaluate_all("sections => sections.forEach((section) => { section.open = true; })")
    expect(navigation.get_by_role("link", name=seen, exact=True)).to_be_visible()
    if hidden:
        expect(navigation.get_by_role("link", name=hidden, exact=True)).to_have_count(0)
    anyone.goto("/preferences/")
    expect(anyone.locator("dl.facts")).to_contain_text(str(LABELS[role]))
    anyone.get_by_label("Your account").click()
    anyone.get_by_role("button", name="Sign out").click()
    anyone.goto("/")
    expect(anyone).to_have_url(re.compile("/accounts/login/"))


def test_a_wrong_password_says_so_and_keeps_the_name(anyone, make_user):
    user = make_user(Role.AGENT)
    sign_in(anyone, user.username, "not-the-password")
    expect(anyone.get_by_role("alert")).to_contain_text("not correct")
    expect(anyone.get_by_label("User name or e-mail")).to_have_value(user.username)


def test_too_many_wrong_passwords_pause_the_name_for_a_while(anyone, make_user, settings, watched):
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = 3
    watched.expected.append(r"status of 4(03|29)")
    user = make_user(Role.AGENT)
    for _attempt in range(3):
        sign_in(anyone, user.username, "not-the-password")
    expect(anyone.get_by_role("heading", name="Too many failed attempts")).to_be_visible()
    sign_in(anyone, user.username)
    expect(anyone.get_by_role("heading", name="Too many failed attempts")).to_be_visible()


def test_a_second_factor_is_set_up_and_asked_for(anyone, make_user):
    user = make_user(Role.AGENT)
    sign_in(anyone, user.username)
    anyone.goto("/preferences/")
    anyone.get_by_role("link", name="Two-step verification").click()
    anyone.get_by_role("link", name="Set up").click()
    # A setting that protects the account asks for the password again.
    anyone.get_by_label("Password").fill(PASSWORD)
    anyone.get_by_role("button", name="Confirm").click()
    secret = anyone.locator("code").inner_text()
    expect(anyone.get_by_alt_text("QR code")).to_be_visible()
    anyone.get_by_label("Verification code").fill("000000")
    anyone.get_by_role("button", name="Turn on").click()
    expect(anyone.locator(".field-error")).to_be_visible()

    anyone.get_by_label("Verification code").fill(code_of(secret))
    anyone.get_by_role("button", name="Turn on").click()
    expect(anyone.get_by_role("heading", name="Recovery codes").first).to_be_visible()

    # Pretend that half a minute has passed, because the code of the set-up is used up.
    app = Authenticator.objects.get(user=user, type="totp")
    app.data.pop("last_counter")
    app.save()
    anyone.context.clear_cookies()
    sign_in(anyone, user.username)
    expect(anyone.get_by_role("heading", name="Two-step verification")).to_be_visible()
    anyone.goto("/customers/")
    expect(anyone).not_to_have_title("Customers · Liuke")
    anyone.goto("/accounts/login/")
    anyone.get_by_label("Verification code").fill(code_of(secret))
    anyone.get_by_role("button", name="Sign in", exact=True).click()
    expect(anyone).to_have_title("Home · Liuke")


def code_of(secret: str) -> str:
    """Return the current code of an authenticator app (RFC 6238); wait if it is about to change."""
    left = 30 - time.time() % 30
    if left < 3:
        time.sleep(left)
    digest = hmac.digest(base64.b32decode(secret), (int(time.time()) // 30).to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"
