"""What holds on every page of the console, whoever adds one: it fits a phone, nothing jumps, axe has nothing serious to say.

The pages are found as a person finds them: the navigation, then the first row of each list and the first action of each
page, one step further.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect

from core.console import navigation
from core.roles import Role
from crm.models import Customer, Ticket
from tests.browser.conftest import DESKTOP, PHONE, sign_in_directly, user_of

pytestmark = pytest.mark.browser

MORE = ("preferences", "mfa_index", "mfa_activate_totp", "account_change_password", "components", "search")
OPEN_TO_ALL = ("/accounts/login/",)
LINKS = """() => [
  ...[...document.querySelectorAll("[data-rows] [data-row]")].slice(0, 1),
  document.querySelector("main .content-actions"),
].flatMap((place) => place ? [...place.querySelectorAll("a[href]")].slice(0, 3) : [])
 .filter((link) => !link.hasAttribute("download") && link.origin === location.origin)
 .map((link) => link.pathname + link.search)"""
# Half of what Cumulative Layout Shift calls good.
STILL = 0.05
# Files, and the admin, which has pages of its own kind.
NOT_PAGES = ("export", ".csv", "/admin/", "/api/")
JUMPS = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 60);
})"""


@pytest.fixture(scope="package")
def paths(shop, browser, server) -> list[str]:
    """Every page that an administrator reaches, one address for each kind of page."""
    context = browser.new_context(base_url=server, viewport=DESKTOP)
    sign_in_directly(context, user_of(Role.ADMINISTRATOR), server)
    page = context.new_page()
    # Someone with a bit of everything: a refunded order, and so points taken back.
    customer = Customer.objects.filter(orders__refunds__isnull=False).order_by("id")[0]
    waiting = [entry.href for entry in navigation.ENTRIES] + [reverse(name) for name in MORE]
    waiting += [f"/customers/{customer.number}/", f"/tickets/{Ticket.objects.order_by('id')[0].number}/"]
    found: dict[str, str] = {}
    for depth in range(3):
        following: list[str] = []
        for path in waiting:
            kind = kind_of(path)
            if kind in found or any(part in path for part in NOT_PAGES):
                continue
            answer = page.goto(path)
            assert answer is not None, path
            assert answer.status == 200, (path, answer.status)
            found[kind] = path
            if depth < 2:
                following += page.evaluate(LINKS)
        waiting = following
    context.close()
    return sorted(found.values())


def kind_of(path: str) -> str:
    """/tickets/T1001/?view=open -> /tickets/*/: the page, whichever row it shows."""
    steps = path.split("?", maxsplit=1)[0].split("/")
    return "/".join("*" if any(letter.isdigit() for letter in step) else step for step in steps)


def test_the_pages_are_found(paths):
    kinds = {kind_of(path) for path in paths}
    assert {
        "/",
        "/customers/",
        "/customers/*/",
        "/tickets/*/",
        "/segments/*/edit/",
        "/orders/*/",
        "/imports/new/",
    } <= kinds
    assert len(kinds) >= 30


@dataclass(frozen=True)
class Fault:
    path: str
    what: str
    where: str = ""


@pytest.mark.parametrize(
    ("language", "theme", "viewport", "axe"),
    [("en", "light", DESKTOP, True), ("zh-hans", "dark", PHONE, True), ("en", "light", PHONE, False)],
    ids=["desktop, light", "phone, dark, Chinese", "phone, English"],
)
def test_every_page_fits_stays_still_and_is_readable_by_all(
    signed_in, open_context, watched, paths, language, theme, viewport, axe
):
    # axe asks into the frame that shows an e-mail, which is sandboxed and does not answer.
    watched.expected.append("postMessage")
    page = signed_in(Role.ADMINISTRATOR, language=language, theme=theme, viewport=viewport)
    stranger = open_context(viewport=viewport, color_scheme=theme).new_page()
    faults: list[Fault] = []
    for visitor, path in [*((page, path) for path in paths), *((stranger, path) for path in OPEN_TO_ALL)]:
        visitor.goto(path)
        shift = visitor.evaluate(JUMPS)
        if shift > STILL:
            faults.append(Fault(path, f"jumps by {shift:.2f}"))
        wider = visitor.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wider > 0:
            faults.append(Fault(path, f"{wider} px wider than the window"))
        if axe:
            faults += serious(visitor, path)
    assert not faults, "\n".join(map(str, faults))


def serious(page: Page, path: str) -> list[Fault]:
    expect(page.locator(".htmx-request")).to_have_count(0)
    # The rows of a list are alike, and axe weighs each of their colours.
    page.evaluate("for (const row of document.querySelectorAll('[data-row]:nth-child(n+6)')) row.remove()")
    # What is folded away is read as well.
    page.evaluate("for (const fold of document.querySelectorAll('main details')) fold.open = true")
    found = Axe().run(
        page, options={"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
    )
    return [
        Fault(path, violation["id"], violation["nodes"][0]["html"][:160])
        for violation in found.response["violations"]
        if violation["impact"] in {"serious", "critical"}
    ]
