"""Language and theme belong to the user: they stay across pages and sign-ins."""

import pytest
from playwright.sync_api import expect

from core.security.roles import Role

pytestmark = pytest.mark.browser


def test_the_language_is_switched_and_stays(signed_in):
    page = signed_in(Role.AGENT)
    page.goto("/customers/")
    page.get_by_role("banner").get_by_label("Language").click()
    page.get_by_role("button", name="简体中文").click()
    expect(page).to_have_title("客户 · Liuke")
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
    page.goto("/tickets/")
    expect(page.get_by_role("navigation", name="主导航")).to_be_visible()
    # The user's setting, not only the cookie's.
    page.context.clear_cookies(name="django_language")
    page.goto("/customers/")
    expect(page).to_have_title("客户 · Liuke")
    page.get_by_role("banner").get_by_label("语言").click()
    page.get_by_role("button", name="English").click()
    expect(page).to_have_title("Customers · Liuke")


def test_the_theme_is_switched_and_stays(signed_in):
    page = signed_in(Role.AGENT)
    page.goto("/")
    bright = background(page)
    page.get_by_label("Theme").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    dark = background(page)
    assert dark < 0.25
    assert bright > 0.75
    page.goto("/customers/")
    assert background(page) == dark
    page.get_by_label("Theme").click()
    page.get_by_role("button", name="As the device").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def background(page) -> float:
    """Return the brightness of the page, 0 to 1."""
    return page.evaluate(
        """() => {
          const pixel = document.createElement("canvas").getContext("2d");
          pixel.fillStyle = getComputedStyle(document.body).backgroundColor;
          pixel.fillRect(0, 0, 1, 1);
          return pixel.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((sum, part) => sum + part) / 765;
        }"""
    )


def test_escape_closes_what_is_open(signed_in):
    page = signed_in(Role.AGENT)
    page.goto("/")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    account = page.get_by_label("Your account")
    account.click()
    expect(page.get_by_role("link", name="Preferences")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Preferences")).to_be_hidden()
    expect(account).to_be_focused()
