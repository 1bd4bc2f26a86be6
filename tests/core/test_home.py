"""The home page: one for each role, with kept figures, a poll that redraws only changes, and permissions."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from core.console import home, kept, navigation, palette
from core.console.models import KeptFigure
from core.events.bus import HANDLERS
from core.health.checks import CHECKS
from core.health.labels import TEXTS
from core.jobs.labels import NAMES, work_label
from core.jobs.services import WORK, create_job, fail_job
from core.security import home as security
from core.security.api_keys import create_api_key
from core.security.models import ApiKey, User
from core.security.roles import Role, synchronise_groups
from core.text.pinyin import initials

pytestmark = pytest.mark.django_db
PART = {"HX-Request": "true"}
OWN = {
    Role.AGENT: "panel-queue",
    Role.LEAD: "panel-queue",
    Role.MARKETER: "panel-opportunities",
    Role.ANALYST: "panel-overview",
    Role.ADMINISTRATOR: "panel-health",
}


@pytest.fixture
def page_of(client, staff):
    def load(role: Role, query: str = "", **headers) -> str:
        client.force_login(staff(role))
        return client.get(f"/{query}", **headers).content.decode()

    return load


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_its_own_home(page_of, program, role):
    page = page_of(role)
    assert f'id="{OWN[role]}"' in page
    others = {panel for other, panel in OWN.items() if panel != OWN[role]}
    assert [panel for panel in others if f'id="{panel}"' in page] == []


def test_another_roles_home_is_not_shown(page_of, program):
    page = page_of(Role.AGENT, "?home=marketer")
    assert 'id="panel-queue"' in page
    assert 'id="panel-opportunities"' not in page
    assert 'id="panel-caused"' not in page


def test_an_agent_sees_no_money_of_the_shop(page_of, program, make_customer, make_order):
    make_order(make_customer("Ada"), 123_400)
    kept.keep()
    page = page_of(Role.AGENT)
    assert "1,234" not in page
    assert "Recent changes" not in page
    assert "Revenue" not in page
    assert "1,234" in page_of(Role.ANALYST)


def test_a_person_with_several_roles_has_tabs(client, staff, program):
    user = staff(Role.MARKETER)
    user.groups.add(*[staff(Role.LEAD).groups.get()])
    client.force_login(user)
    page = client.get("/").content.decode()
    assert re.findall(r'<a href="\?home=(\w+)"', page) == ["marketer", "service"]
    assert 'id="panel-opportunities"' in page
    assert 'id="panel-queue"' in client.get("/?home=service").content.decode()


def test_staff_without_a_role_get_an_empty_page(client, db):
    synchronise_groups()
    client.force_login(User.objects.create_user("new"))
    assert "Nothing needs attention now" in client.get("/").content.decode()


def test_the_poll_gets_nothing_when_nothing_has_changed(client, staff, program):
    kept.keep()
    client.force_login(staff(Role.LEAD))
    page = client.get("/").content.decode()
    address = re.search(r'hx-get="([^"]+)"', page[page.index('id="home"') :])[1].replace("&amp;", "&")
    assert "version=VERSION" not in address
    same = client.get(address, headers=PART)
    assert (same.status_code, same.content) == (204, b"")

    KeptFigure.objects.filter(name="crm.ratings").update(
        value=[{"agent": 1, "name": "Mei", "count": 2, "total": 9, "low": 0}]
    )
    changed = client.get(address, headers=PART)
    assert changed.status_code == 200
    assert "Mei" in changed.content.decode()
    assert "<html" not in changed.content.decode()


def test_a_figure_that_was_never_counted_is_queued_and_says_so(client, staff, program, monkeypatch):
    queued: list = []
    monkeypatch.setattr(kept, "enqueue_after_commit", lambda task, name: queued.append((task, name)))
    client.force_login(staff(Role.LEAD))
    page = client.get("/").content.decode()
    assert "These figures are being counted." in page
    assert 'data-look-again="5"' in page
    assert ("core.keep_figures", "crm.ratings") in queued

    kept.keep()
    page = client.get("/").content.decode()
    assert "These figures are being counted." not in page
    assert 'data-look-again="60"' in page


def test_a_figure_that_fails_keeps_its_value_and_stops_no_other(monkeypatch, program):
    kept.keep()
    before = KeptFigure.objects.get(name="crm.ratings").counted_at
    monkeypatch.setitem(kept.FIGURES._items, "core.health", lambda: 1 / 0)
    value = KeptFigure.objects.get(name="core.health").value
    assert kept.keep() == ["core.health"]
    assert KeptFigure.objects.get(name="core.health").value == value
    assert KeptFigure.objects.get(name="crm.ratings").counted_at > before
    assert kept.keep(["crm.ratings"]) == []


@pytest.mark.parametrize("role", list(Role))
def test_the_number_of_queries_does_not_depend_on_the_rows(client, staff, program, make_customer, make_order, role):
    client.force_login(staff(role))
    kept.keep()
    client.get("/")
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get("/")
    for number in range(5):
        make_order(make_customer(f"C{number}"), 10_000)
    kept.keep()
    with CaptureQueriesContext(connection) as more:
        client.get("/")
    assert len(more) == len(few)
    tables = " ".join(query["sql"] for query in more)
    assert 'FROM "crm_order"' not in tables
    assert 'FROM "campaigns_message"' not in tables


def test_the_security_panel_names_who_to_ask(page_of, staff, program):
    """Given one person with a second factor, one long away, one key never used and one in use, and three failures."""
    now = timezone.now()
    safe, away = staff(Role.LEAD, "safe"), staff(Role.AGENT, "away")
    Authenticator.objects.create(user=safe, type=Authenticator.Type.TOTP, data={})
    User.objects.filter(pk=away.pk).update(last_login=now - timedelta(days=91))
    old, _secret = create_api_key(name="Old shop", scopes=["customers:read"])
    used, _secret = create_api_key(name="Shop", scopes=["customers:read"])
    ApiKey.objects.update(created_at=now - timedelta(days=200))
    ApiKey.objects.filter(pk=used.pk).update(last_used_at=now)
    AccessAttempt.objects.create(username="x", ip_address="10.0.0.1", user_agent="password", failures_since_start=3)
    AccessAttempt.objects.create(username="x", ip_address="::", user_agent="password", failures_since_start=3)

    assert {user.username for user in security.without_second_factor()} == {"away"}
    assert [user.username for user in security.long_away()] == ["away"]
    assert [key.pk for key in security.unused_keys()] == [old.pk]
    assert security.failed_logins() == 3
    page = page_of(Role.ADMINISTRATOR)
    assert "Old shop (never used)" in page
    assert "away" in page


def test_the_jobs_panel_counts_what_a_person_must_look_at(page_of, program):
    fail_job(create_job(kind="crm.import", label="orders.csv"), "the file is not text")
    create_job(kind="crm.import", label="more.csv")
    page = " ".join(page_of(Role.ADMINISTRATOR).split())
    assert re.search(r'Failed in 7 days</p> <p class="stat-value"><a href="/jobs/\?state=failed#jobs">1</a>', page)
    assert re.search(r'Waiting for a worker</p> <p class="stat-value"><a href="/jobs/\?state=queued#jobs">1</a>', page)


def test_a_failing_check_is_shown_in_a_readers_words(page_of, program):
    kept.keep()
    KeptFigure.objects.filter(name="core.health").update(
        value=[{"name": "worker", "ok": False, "essential": False}, {"name": "database", "ok": True, "essential": True}]
    )
    page = page_of(Role.ADMINISTRATOR)
    assert "Workers send messages, compute segments and run imports." in page
    assert "Holds all data." not in page


def test_all_background_work_and_all_checks_have_names():
    assert set(HANDLERS.names()) - set(NAMES.names()) == set()
    assert set(WORK.names()) - set(NAMES.names()) == set()
    assert set(CHECKS.names()) - set(TEXTS) == set()
    assert work_label("loyalty.award_points") == "Award points for orders"
    assert work_label("gone.old_handler") == "Old handler"


def test_panels_belong_to_a_home_and_name_a_permission():
    assert {panel.home for panel in home.PANELS} == set(home.HOMES)
    assert [name for name, panel in home.PANELS.items() if panel.permission is None] == []


def test_the_open_section_is_unfolded_and_the_users_choice_is_kept(client, staff, program):
    client.force_login(staff(Role.ADMINISTRATOR))

    def unfolded(path: str) -> list[str]:
        page = client.get(path).content.decode()
        return re.findall(r'data-group="(\w+)"\s+open>', page)

    assert unfolded("/") == []
    assert unfolded("/customers/") == ["service"]
    client.cookies["navigation"] = "loyalty.data.nonsense"
    assert unfolded("/customers/") == ["service", "loyalty", "data"]


def test_pending_rows_are_counted_on_a_folded_section(staff):
    entry = navigation.NavigationEntry("x", "X", "home", "home")
    links = [navigation.NavigationLink(entry, current=False, count=count) for count in (2, 0, 3)]
    assert navigation.NavigationGroup("loyalty", "Loyalty", links, shown=False).count == 5


@pytest.mark.parametrize("query", ["New broadcast", "broadc", "新建群发", "xjqf"])
def test_the_palette_finds_an_action_in_both_languages_and_by_initials(client, staff, query):
    client.force_login(staff(Role.MARKETER))
    page = client.get(reverse("palette"), {"q": query}).content.decode()
    assert f'href="{reverse("broadcast_new")}"' in page


def test_the_palette_offers_only_what_the_role_may_do(client, staff):
    client.force_login(staff(Role.AGENT))
    page = client.get(reverse("palette")).content.decode()
    assert f'href="{reverse("ticket_new")}"' in page
    for name in ("broadcast_new", "coupon_new", "import_new", "key_new"):
        assert f'href="{reverse(name)}"' not in page
        assert f'href="{reverse(name)}"' not in client.get(reverse("palette"), {"q": "new"}).content.decode()


def test_actions_come_before_pages(client, staff):
    client.force_login(staff(Role.MARKETER))
    page = client.get(reverse("palette"), {"q": "journey"}).content.decode()
    assert page.index(reverse("journey_new")) < page.index(f'href="{reverse("journeys")}"')


def test_actions_open_pages_that_exist():
    for action in palette.ACTIONS:
        assert reverse(action.url)


def test_pinyin_initials():
    assert initials("新建群发") == "xjqf"
    assert initials("优惠券 A-1") == "yhqa1"
    assert initials("ぁ") == ""


def test_a_pages_chinese_name_is_found_in_the_english_console(client, staff):
    client.force_login(staff(Role.MARKETER))
    with override("en"):
        page = client.get(reverse("palette"), {"q": "优惠券"}).content.decode()
    assert f'href="{reverse("coupons")}"' in page
