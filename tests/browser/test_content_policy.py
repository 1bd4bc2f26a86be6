"""No page, and no replaced part of a page, violates the content policy, also after styling by users and scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from core.security.roles import Role

pytestmark = pytest.mark.browser
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.sourceFile}:${event.lineNumber} ${event.sample}`);
});
"""
# Set styles as a dragged field corner or a measuring script does: not by an attribute.
STYLE_EVERYTHING = "() => document.querySelectorAll('main [id]').forEach((one) => { one.style.minHeight = '1px' })"


@pytest.fixture
def page(signed_in) -> Page:
    page = signed_in(Role.ADMINISTRATOR)
    page.add_init_script(WATCH)
    return page


def swapped(page: Page, act) -> None:
    """Style everything on the page, then run an action that replaces a part of it."""
    page.evaluate(STYLE_EVERYTHING)
    page.evaluate("() => { window.swaps = 0; document.addEventListener('htmx:after:swap', () => window.swaps++) }")
    act()
    # `wait_for_function` needs eval, which the policy refuses.
    for _attempt in range(50):
        page.wait_for_timeout(100)
        if page.evaluate("window.swaps") > 0:
            break
    assert page.evaluate("window.swaps") > 0
    page.wait_for_timeout(200)
    assert page.evaluate("window.violations") == []


def test_forms_that_are_looked_at_again(page, watched):
    page.goto("/coupons/new/")
    swapped(page, lambda: page.locator("#id_kind").select_option("percent"))
    swapped(page, lambda: page.locator("#id_mode").select_option("public"))
    page.goto("/care/new/")
    swapped(page, lambda: page.locator("#id_trigger").select_option("no_order"))
    assert watched.complaints == []


def test_the_segment_builder_and_its_preview(page, watched):
    page.goto("/segments/new/")
    swapped(page, lambda: page.locator("select[name$='condition']").first.select_option(index=2))
    assert watched.complaints == []


def test_the_preview_of_a_template(page, watched):
    page.goto("/templates/new/")
    page.locator("#id_subject_en").fill("Hello")

    def write() -> None:
        page.locator("#id_body_en").fill("<p style='color:#333'>Hello</p>")
        page.keyboard.press("Tab")
        preview = page.get_by_role("button", name="Preview")
        if preview.count():
            preview.first.click()

    swapped(page, write)
    assert watched.complaints == []


@pytest.mark.parametrize(
    "address", ["/", "/customers/", "/segments/", "/journeys/", "/coupons/", "/loyalty/", "/jobs/"]
)
def test_pages_as_they_open(page, watched, address):
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
    assert page.evaluate("window.violations") == []
    assert watched.complaints == []
