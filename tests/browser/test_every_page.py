"""Rules for every page of the console, also new ones: it fits a phone, nothing shifts, axe finds no serious fault.

The test finds the pages like a user: the navigation, then the first row of each list and the first action of each page,
one step further.
"""

from __future__ import annotations

import pytest
from django.urls import reverse

from core.console import navigation
from core.security.roles import Role
from crm.customers.models import Customer
from crm.desk.models import Ticket
from tests.browser.conftest import DESKTOP, PHONE, sign_in_directly, user_of
from tests.browser.looking import Fault, faults_of

pytestmark = pytest.mark.browser

MORE = ("preferences", "mfa_index", "mfa_activate_totp", "account_change_password", "components", "search")
OPEN_TO_ALL = ("/accounts/login/",)
LINKS = """() => [
  ...[...document.querySelectorAll("[data-rows] [data-row]")].slice(0, 1),
  document.querySelector("main .content-actions"),
].flatMap((place) => place ? [...place.querySelectorAll("a[href]")].slice(0, 4) : [])
 .filter((link) => !link.hasAttribute("download") && link.origin === location.origin)
 .map((link) => link.pathname + link.search)"""
# Files, and the admin, whose pages have another layout.
NOT_PAGES = ("export", ".csv", "/admin/", "/api/")


@pytest.fixture(scope="package")
def paths(shop, browser, server) -> list[str]:
    """Return every page that an administrator reaches, one address for each kind of page."""
    context = browser.new_context(base_url=server, viewport=DESKTOP)
    sign_in_directly(context, user_of(Role.ADMINISTRATOR), server)
    page = context.new_page()
    # A customer with all kinds of data: also a refunded order with reversed points.
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
    """Return the kind of a page, independent of its row: /tickets/T1001/?view=open -> /tickets/*/."""
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


@pytest.mark.parametrize(
    ("language", "theme", "viewport", "axe"),
    [("en", "light", DESKTOP, True), ("zh-hans", "dark", PHONE, True), ("en", "light", PHONE, False)],
    ids=["desktop, light", "phone, dark, Chinese", "phone, English"],
)
def test_every_page_fits_stays_still_and_is_readable_by_all(
    signed_in, open_context, watched, paths, language, theme, viewport, axe
):
    # axe waits for the sandboxed frame of an e-mail, which never answers.
    watched.expected.append("postMessage")
    page = signed_in(Role.ADMINISTRATOR, language=language, theme=theme, viewport=viewport)
    stranger = open_context(viewport=viewport, color_scheme=theme).new_page()
    faults: list[Fault] = []
    for visitor, path in [*((page, path) for path in paths), *((stranger, path) for path in OPEN_TO_ALL)]:
        visitor.goto(path)
        faults += faults_of(visitor, path, axe=axe)
    assert not faults, "\n".join(map(str, faults))
