"""The shell around every page: permissions, language, theme and search."""

import re

import pytest
from django.conf import settings
from django.urls import reverse

from core.security.models import User
from core.security.roles import Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(client, staff):
    user = staff(Role.AGENT, "mei")
    client.force_login(user)
    return user


def test_pages_ask_for_signing_in(client):
    for name in ("home", "search", "palette", "preferences", "components", "customers", "orders"):
        response = client.get(reverse(name))
        assert response.status_code == 302
        assert response.url.startswith(reverse("account_login"))


def test_there_is_no_signing_up(client):
    response = client.post(reverse("account_signup"), {"username": "eve", "password1": "a-long-password"})
    assert not User.objects.filter(username="eve").exists()
    assert "An administrator creates accounts" in client.get(reverse("account_signup")).content.decode()
    assert response.status_code == 200


def test_a_forgotten_password_is_the_administrators_to_change(client, agent, mailoutbox):
    agent.email = "mei@example.com"
    agent.save()
    page = client.get(reverse("account_change_password")).content.decode()
    assert "Forgot" not in page
    assert "password/reset" not in page

    client.logout()
    answer = client.post("/accounts/password/reset/", {"email": "mei@example.com"})
    assert "Ask your administrator for a new password." in answer.content.decode()
    assert mailoutbox == []


def test_the_navigation_shows_what_the_role_may_open(client, agent):
    page = client.get("/").content.decode()
    assert f'href="{reverse("customers")}"' in page

    User.objects.get(pk=agent.pk).groups.clear()
    assert f'href="{reverse("customers")}"' not in client.get("/").content.decode()
    assert client.get(reverse("customers")).status_code == 403


def test_the_language_switch_is_kept_with_the_person_and_in_the_cookie(client, agent):
    response = client.post(reverse("set_language"), {"language": "zh-hans", "next": "/preferences/"})
    assert (response.status_code, response.url) == (302, "/preferences/")
    assert response.cookies[settings.LANGUAGE_COOKIE_NAME].value == "zh-hans"
    agent.refresh_from_db()
    assert agent.language == "zh-hans"
    page = client.get("/preferences/")
    assert page.headers["Content-Language"] == "zh-hans"
    assert "偏好设置" in page.content.decode()


def test_the_language_switch_works_before_signing_in(client):
    client.post(reverse("set_language"), {"language": "zh-hans", "next": "/accounts/login/"})
    assert "登录" in client.get("/accounts/login/").content.decode()


def test_an_unknown_language_changes_nothing(client, agent):
    response = client.post(reverse("set_language"), {"language": "xx", "next": "/"})
    agent.refresh_from_db()
    assert agent.language == ""
    assert settings.LANGUAGE_COOKIE_NAME not in response.cookies


def test_switches_lead_back_never_away(client, agent):
    response = client.post(reverse("set_theme"), {"theme": "dark", "next": "https://evil.example/"})
    assert response.url == "/"
    agent.refresh_from_db()
    assert agent.theme == "dark"
    assert 'data-bs-theme="dark"' in client.get("/").content.decode()


def test_preferences(client, agent):
    choices = {"language": "en", "time_zone": "Asia/Shanghai", "theme": "light"}
    assert client.post(reverse("preferences"), choices).status_code == 302
    agent.refresh_from_db()
    assert (agent.language, agent.time_zone, agent.theme) == ("en", "Asia/Shanghai", "light")
    assert client.post(reverse("preferences"), {**choices, "time_zone": "Mars/Base"}).status_code == 200


def test_the_palette_finds_pages_by_name(client, agent):
    page = client.get(reverse("palette"), {"q": "prefer"}).content.decode()
    assert f'href="{reverse("preferences")}"' in page
    assert "Nothing found" in client.get(reverse("palette"), {"q": "qqqq"}).content.decode()


def test_the_search_goes_straight_to_the_only_match(client, agent, make_customer):
    customer = make_customer("王小明", phone="13800138000")
    assert client.get(reverse("search"), {"q": "13800138000"}).url == reverse("customer", args=[customer.number])
    make_customer("王小红")
    page = client.get(reverse("search"), {"q": "王小"}).content.decode()
    assert "王小明" in page
    assert "王小红" in page


def test_the_palette_masks_phone_numbers(client, agent, make_customer):
    make_customer("王小明", phone="13800138000")
    page = client.get(reverse("palette"), {"q": "王小"}).content.decode()
    assert "+86138****8000" in page
    assert "13800138000" not in page


def test_a_missing_page_says_so(client, agent):
    response = client.get("/nowhere/")
    assert response.status_code == 404
    assert "Page not found" in response.content.decode()


@pytest.mark.parametrize(
    "name", ["home", "components", "preferences", "customers", "orders", "account_change_password"]
)
def test_pages_need_nothing_that_the_content_policy_forbids(client, agent, name):
    response = client.get(reverse(name))
    policy = response.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    page = response.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_a_page_is_not_mistaken_for_its_part_by_the_browser(client, agent):
    assert "HX-Request" in client.get(reverse("customers")).headers["Vary"]


def test_the_home_page_needs_few_queries(client, agent, django_assert_max_num_queries):
    client.get("/")
    with django_assert_max_num_queries(12):
        client.get("/")
