"""One shop, one server and one Chromium for all browser tests; every test signs in as its own user.

The rows stay until the last test: emptying the shop after each test would take longer than the tests. So a test creates
the customers that it changes, and does not count rows of other tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.cached_db import SessionStore
from django.db import connection
from django.test import override_settings
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from config.demo.logins import ensure_logins
from config.demo.shop import load_demo_shop
from core.base.actor import SYSTEM
from core.embedded.places import locations
from core.security.models import User
from core.security.roles import Role
from crm.customers.models import Customer, Store
from crm.customers.services.identities import GivenIdentity, resolve_customer
from tests.browser.chromium import chromium

PASSWORD = "a-long-password"
DESKTOP = {"width": 1440, "height": 900}
PICTURES = locations().directory / "failures"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="package")
def database(django_test_environment, django_db_blocker, monkeypatch_package) -> Iterator[None]:
    """Create a database that the server's threads and all browser tests share."""
    # Playwright's synchronous API runs an event loop in this thread, which Django takes for async code.
    monkeypatch_package.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    name = connection.settings_dict["NAME"]
    monkeypatch_package.setitem(connection.settings_dict["TEST"], "NAME", "test_liuke_browser")
    with django_db_blocker.unblock():
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        yield
        with connection.cursor() as cursor:
            # A thread of the server may still be closing its connection.
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid()"
            )
        connection.creation.destroy_test_db(name, verbosity=0)


@pytest.fixture(scope="package")
def monkeypatch_package() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="package")
def shop(database, tmp_path_factory) -> Iterator[Store]:
    """Load a small demo shop."""
    with override_settings(MEDIA_ROOT=str(tmp_path_factory.mktemp("media"))):
        # The staff who answer the tickets of the demo.
        ensure_logins()
        load_demo_shop(customers=150, seed=7)
        yield Store.objects.get(is_default=True)


@pytest.fixture(scope="package")
def server(shop) -> Iterator[str]:
    running = LiveServer("localhost")
    yield running.url
    running.stop()


@pytest.fixture(scope="package")
def browser(server) -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def customer(shop) -> Callable[..., Customer]:
    """Return customer("王小明", phone=..., email=..., storefront=...), which creates a new customer."""

    def make(name: str, **given: str) -> Customer:
        identities = [GivenIdentity(kind, value, True) for kind, value in given.items()]
        return resolve_customer(
            identities, actor=SYSTEM, source="test", country=shop.country, defaults={"name": name}
        ).customer

    return make


# A refusal by the content policy is written to the console, whether Chromium reports it there itself or not.
POLICY = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`content policy: ${event.violatedDirective} ${event.blockedURI}`, event.sourceFile, event.lineNumber));
"""
# Chromium's words for a request that is cancelled before, or while, its answer arrives.
CANCELLED = ("AbortError: signal is aborted without reason", "AbortError: The user aborted a request.")


@dataclass
class Watched:
    """The complaints of the browser. `expected` are patterns of complaints that belong to the test."""

    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on(
            "console", lambda message: self._hear(message.type, f"{message.text} {message.location.get('url', '')}")
        )
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))

    def _hear(self, kind: str, text: str) -> None:
        # A preview request that a newer one replaced, or that a navigation cancelled (hx-sync), is not a fault.
        if kind in {"error", "warning"} and not any(words in text for words in CANCELLED):
            self.complaints.append(text)

    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(re.search(pattern, text) for pattern in self.expected)]


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Fail the test if the console shows an error, a script throws, or the content policy refuses something."""
    seen = Watched()
    yield seen
    assert seen.unexpected() == []


@pytest.fixture
def open_context(browser, server, watched, request) -> Iterator[Callable[..., BrowserContext]]:
    """Return open_context(viewport=..., java_script_enabled=...), which opens a browser context without any state."""
    opened: list[BrowserContext] = []

    def start(**options) -> BrowserContext:
        context = browser.new_context(
            base_url=server, **({"viewport": DESKTOP, "reduced_motion": "reduce", "locale": "en-GB"} | options)
        )
        context.set_default_timeout(10_000)
        context.add_init_script(POLICY)
        context.on("page", watched.follow)
        opened.append(context)
        return context

    yield start
    for place, context in enumerate(opened):
        if getattr(request.node, "failed", False):
            for number, page in enumerate(context.pages):
                page.screenshot(path=PICTURES / f"{request.node.name}-{place}{number}.png")
        context.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Take a screenshot when a test fails."""
    outcome = yield
    if call.when == "call" and outcome.get_result().failed:
        item.failed = True


@pytest.fixture
def anyone(open_context) -> Page:
    """Return a page without a signed-in user."""
    return open_context().new_page()


def user_of(role: Role, **preferences: str) -> User:
    user = User.objects.create_user(f"{role.value}-{User.objects.count()}", password=PASSWORD, **preferences)
    user.groups.add(Group.objects.get(name=role.value))
    return user


def sign_in_directly(context: BrowserContext, user: User, server: str) -> None:
    """Create a session without the form, which has separate tests."""
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.save()
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": server}])


@pytest.fixture
def make_user(shop) -> Callable[..., User]:
    """Return make_user(Role.AGENT, language="zh-hans", theme="dark"); the user signs in with PASSWORD."""
    return user_of


@pytest.fixture
def signed_in(make_user, open_context, server) -> Callable[..., Page]:
    """Return signed_in(Role.AGENT, language="en", theme="light", viewport=...), which gives an empty page of a user."""

    def start(role: Role, *, language: str = "en", theme: str = "light", **options) -> Page:
        context = open_context(**options)
        sign_in_directly(context, make_user(role, language=language, theme=theme), server)
        return context.new_page()

    return start
