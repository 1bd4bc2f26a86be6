"""One shop, one server and one Chromium for all browser tests; every test signs in as someone of its own.

The shop's rows stay until the last of these tests: emptying it after each would take longer than the tests. So a test
makes the customers that it changes, and counts nothing that others make.
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

from config.demo import load_demo_shop
from config.env import locations
from core.actor import SYSTEM
from core.models import User
from core.roles import Role
from crm.models import Customer, Store
from crm.services.identities import GivenIdentity, resolve_customer
from tests.browser.chromium import chromium

PASSWORD = "a-long-password"
DESKTOP = {"width": 1440, "height": 900}
PICTURES = locations().directory / "failures"
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="package")
def database(django_test_environment, django_db_blocker, monkeypatch_package) -> Iterator[None]:
    """A database of their own, open to the server's threads and to the tests until the last of them."""
    # Playwright's synchronous API runs a loop in this thread, which Django takes for a coroutine.
    monkeypatch_package.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    name = connection.settings_dict["NAME"]
    monkeypatch_package.setitem(connection.settings_dict["TEST"], "NAME", "test_liuke_browser")
    with django_db_blocker.unblock():
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        yield
        with connection.cursor() as cursor:
            # A thread of the server may still be closing its own.
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
    """A small demo shop."""
    with override_settings(MEDIA_ROOT=str(tmp_path_factory.mktemp("media"))):
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
    """customer("王小明", phone=..., email=..., storefront=...) -> someone new."""

    def make(name: str, **given: str) -> Customer:
        identities = [GivenIdentity(kind, value, True) for kind, value in given.items()]
        return resolve_customer(
            identities, actor=SYSTEM, source="test", country=shop.country, defaults={"name": name}
        ).customer

    return make


@dataclass
class Watched:
    """What the browser complained about. `expected` are patterns of complaints that belong to the case."""

    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def follow(self, page: Page) -> None:
        page.on(
            "console", lambda message: self._hear(message.type, f"{message.text} {message.location.get('url', '')}")
        )
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))

    def _hear(self, kind: str, text: str) -> None:
        # A preview that a newer one replaced, or that was left behind by going on (hx-sync), is no fault.
        if kind in {"error", "warning"} and "AbortError: signal is aborted without reason" not in text:
            self.complaints.append(text)

    def unexpected(self) -> list[str]:
        return [text for text in self.complaints if not any(re.search(pattern, text) for pattern in self.expected)]


@pytest.fixture
def watched() -> Iterator[Watched]:
    """Fails the test when the console showed an error, a script threw, or the content policy refused something."""
    seen = Watched()
    yield seen
    assert seen.unexpected() == []


@pytest.fixture
def open_context(browser, server, watched, request) -> Iterator[Callable[..., BrowserContext]]:
    """open_context(viewport=..., java_script_enabled=...) -> a browser with nothing remembered."""
    opened: list[BrowserContext] = []

    def start(**options) -> BrowserContext:
        context = browser.new_context(
            base_url=server, **({"viewport": DESKTOP, "reduced_motion": "reduce", "locale": "en-GB"} | options)
        )
        context.set_default_timeout(10_000)
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
    """A picture is taken of what a failing test saw."""
    outcome = yield
    if call.when == "call" and outcome.get_result().failed:
        item.failed = True


@pytest.fixture
def anyone(open_context) -> Page:
    """A page of someone who has not signed in."""
    return open_context().new_page()


def user_of(role: Role, **preferences: str) -> User:
    user = User.objects.create_user(f"{role.value}-{User.objects.count()}", password=PASSWORD, **preferences)
    user.groups.add(Group.objects.get(name=role.value))
    return user


def sign_in_directly(context: BrowserContext, user: User, server: str) -> None:
    """A session without the form, which has tests of its own."""
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session["_auth_user_hash"] = user.get_session_auth_hash()
    session.save()
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session.session_key, "url": server}])


@pytest.fixture
def make_user(shop) -> Callable[..., User]:
    """make_user(Role.AGENT, language="zh-hans", theme="dark") -> someone who signs in with PASSWORD."""
    return user_of


@pytest.fixture
def signed_in(make_user, open_context, server) -> Callable[..., Page]:
    """signed_in(Role.AGENT, language="en", theme="light", viewport=...) -> a page of such a person, not yet anywhere."""

    def start(role: Role, *, language: str = "en", theme: str = "light", **options) -> Page:
        context = open_context(**options)
        sign_in_directly(context, make_user(role, language=language, theme=theme), server)
        return context.new_page()

    return start
