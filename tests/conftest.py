"""Fixtures of all tests. Builders create valid rows through the services, as the product does."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling, LoadScopeScheduling

from core.base.actor import SYSTEM
from core.events.outbox import deliver_all
from core.security.api_keys import create_api_key
from core.security.models import User
from core.security.roles import Role, synchronise_groups
from crm.customers.models import Store
from crm.customers.services.identities import GivenIdentity, resolve_customer
from crm.orders.services.orders import LineInput, OrderInput, record_order
from loyalty.earning.services.setup import ensure_default_program
from tests import caches, emptying

# The tests that take longest come first: at the end one worker would run them while the other waits.
FIRST = ("e2e/test_supervisor.py", "browser/", "core/test_backup.py", "e2e/test_production.py")
# The tests of each of these files share a database that their first test makes.
OWN_DATABASE = {"tests/config/test_demo.py", "tests/config/test_demo_effects.py"}


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if all(item.get_closest_marker("processes") or item.get_closest_marker("browser") for item in items):
        items.sort(key=lambda item: next((n for n, part in enumerate(FIRST) if part in str(item.path)), len(FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    schedulers = {"loadfile": ByServers, "loadgroup": ByDatabase}
    scheduler = schedulers.get(config.getvalue("dist"))
    return scheduler(config, log) if scheduler else None


class ByServers(LoadFileScheduling):
    """Give a file to one worker, as its tests share servers, and all the browser tests, which share a shop."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/browser" if nodeid.startswith("tests/browser/") else super()._split_scope(nodeid)


class ByDatabase(LoadScopeScheduling):
    """Give each test to whichever worker is free, but the files with a database of their own to one worker each.

    The group marks of pytest-xdist 3.8 have no effect with pytest 9.2, which keeps another name of a test.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return file if file in OWN_DATABASE else nodeid


@pytest.fixture(autouse=True)
def _fresh_cache():
    caches.forget()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        synchronise_groups()
    emptying.install()


@pytest.fixture
def store(db) -> Store:
    return Store.objects.create(
        code="main", name="Test Shop", currency="CNY", time_zone="Asia/Shanghai", country="CN", is_default=True
    )


@pytest.fixture
def program(store):
    return ensure_default_program()


@pytest.fixture
def make_customer(store):
    made = 0

    def make(name: str = "", *, storefront: str = "", phone: str = "", email: str = "", **changes):
        nonlocal made
        made += 1
        given = [GivenIdentity("storefront", storefront or f"sf-{made}")]
        if phone:
            given.append(GivenIdentity("phone", phone, True))
        if email:
            given.append(GivenIdentity("email", email, True))
        customer = resolve_customer(
            given, actor=SYSTEM, source="test", country=store.country, defaults={"name": name or f"Customer {made}"}
        ).customer
        if changes:
            from crm.customers.services.customers import update_customer

            customer = update_customer(customer=customer, changes=changes, actor=SYSTEM)
        return customer

    return make


@pytest.fixture
def make_order(store):
    made = 0

    def make(
        customer=None,
        amount: int = 10_000,
        *,
        number: str = "",
        paid_at: datetime | None = None,
        days_ago: float = 0,
        sku: str = "SKU-1",
        category: str = "",
        state: str = "paid",
        **fields,
    ):
        nonlocal made
        made += 1
        at = paid_at or timezone.now() - timedelta(days=days_ago, seconds=1)
        return record_order(
            data=OrderInput(
                number=number or f"O-{made}",
                placed_at=at,
                lines=[LineInput(Decimal(1), Decimal(amount) / 100, sku=sku, name=sku, category=category)],
                customer_number=customer.number if customer else "",
                state=state,
                **fields,
            ),
            source="storefront",
            actor=SYSTEM,
        ).order

    return make


@pytest.fixture
def settle():
    """Return a function that delivers every pending event, as the workers would."""
    return deliver_all


@pytest.fixture
def staff(db):
    """Return staff(Role.AGENT), which creates a user with that role."""

    def make(role: Role, username: str = "") -> User:
        user = User.objects.create_user(username or f"{role.value}-{User.objects.count()}", password="a-long-password")
        if not Group.objects.filter(name=role.value).exists():
            synchronise_groups()
        group, _ = Group.objects.get_or_create(name=role.value)
        if not group.permissions.exists():
            synchronise_groups()
        user.groups.add(group)
        return user

    return make


@pytest.fixture
def server_key(db):
    """Return server_key("points:redeem"), which creates a key with these scopes (all by default), and its secret."""
    from core.security.scopes import SCOPES

    def make(*scopes: str, source: str = "storefront") -> str:
        return create_api_key(name="test", scopes=list(scopes) or SCOPES.names(), source=source)[1]

    return make


@pytest.fixture
def api(server_key):
    """Return a DRF client with a server key that has every scope."""
    from rest_framework.test import APIClient

    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {server_key()}")
    return client
