"""Times are shown in the viewer's zone, else in the shop's zone."""

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import OperationalError
from django.test import RequestFactory
from django.utils import timezone

from core.base import zones
from core.http.middleware import StaffLocaleMiddleware
from core.security.roles import Role
from core.text import formatting
from crm.customers.models import Store

pytestmark = pytest.mark.django_db
LATE = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _zone_again():
    yield
    timezone.deactivate()


def shown_to(user) -> str:
    request = RequestFactory().get("/")
    request.user = user
    StaffLocaleMiddleware(lambda request: None).process_request(request)
    return formatting.when(LATE)


def test_staff_without_an_own_zone_see_the_shops(store, staff):
    assert shown_to(staff(Role.AGENT)) == "Nov 23, 2026 04:30"
    assert shown_to(AnonymousUser()) == "Nov 23, 2026 04:30"


def test_their_own_zone_comes_first(store, staff):
    user = staff(Role.AGENT)
    user.time_zone = "America/New_York"
    assert shown_to(user) == "Nov 22, 2026 15:30"


def test_an_empty_shop_has_the_zone_of_the_settings(staff, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    assert shown_to(staff(Role.AGENT)) == "Nov 22, 2026 21:30"


def test_a_zone_that_does_not_exist_is_not_used(store, staff):
    Store.objects.update(time_zone="Mars/Base")
    assert shown_to(staff(Role.AGENT)) == "Nov 22, 2026 20:30"


def test_the_zone_is_read_once_a_minute_and_not_by_every_page(store, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert [zones.shop_zone() for _page in range(3)] == ["Asia/Shanghai"] * 3


def test_while_the_database_is_unavailable_the_last_known_zone_is_used(store, monkeypatch):
    assert zones.shop_zone() == "Asia/Shanghai"

    def away():
        raise OperationalError("connection refused")

    monkeypatch.setitem(zones.ZONES._items, "store", away)
    monkeypatch.setattr(zones, "CACHE_SECONDS", -1)
    zones._kept = (0.0, "Asia/Shanghai")
    assert zones.shop_zone() == "Asia/Shanghai"
    zones.forget()
    assert zones.shop_zone() == "UTC"


def test_the_preferences_name_the_shops_zone(client, store, staff):
    client.force_login(staff(Role.AGENT))
    assert "The shop&#x27;s zone (Asia/Shanghai)" in client.get("/preferences/").content.decode()
