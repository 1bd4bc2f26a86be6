"""A required second factor is checked in each session: at sign-in, at a confirmation, or at set-up."""

from __future__ import annotations

import base64

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth import SESSION_KEY
from django.core.management import call_command
from django.test import Client

from core.security import crypto
from core.security.accounts import SECRETS_CONTEXT
from core.security.models import User
from core.security.roles import Role
from tests.entering import PASSWORD, App, give_code, give_password, sign_in

pytestmark = pytest.mark.django_db

CODE_PAGE = "/accounts/2fa/reauthenticate/"
SET_UP_PAGE = "/accounts/2fa/totp/activate/"


@pytest.fixture(autouse=True)
def required(settings):
    settings.SECOND_FACTOR_REQUIRED = True


@pytest.fixture
def agent(staff) -> User:
    return staff(Role.AGENT)


@pytest.fixture
def administrator(staff) -> User:
    user = staff(Role.ADMINISTRATOR)
    user.is_staff = True
    user.save()
    return user


def test_the_admin_sends_to_the_login_that_asks_for_the_second_factor(client, administrator):
    # given an administrator with an app
    app = App(administrator)
    # when the admin's own login page is opened, and its old form is posted
    shown = client.get("/admin/login/?next=/admin/core/user/")
    posted = client.post("/admin/login/", {"username": administrator.username, "password": PASSWORD})
    # then allauth's login answers, and the password alone signs no user in
    assert (shown.status_code, shown["Location"]) == (302, "/accounts/login/?next=%2Fadmin%2Fcore%2Fuser%2F")
    assert posted.status_code == 302
    assert posted["Location"].startswith("/accounts/login/")
    assert SESSION_KEY not in client.session
    # and a sign-in through allauth opens the admin
    sign_in(client, administrator, app)
    assert client.get("/admin/core/user/").status_code == 200


def test_someone_signed_in_can_not_become_another_by_password_in_the_admin(client, administrator, staff, settings):
    # given an administrator who is signed in, another with an app, and no requirement
    settings.SECOND_FACTOR_REQUIRED = False
    other = staff(Role.ADMINISTRATOR)
    User.objects.filter(pk=other.pk).update(is_staff=True)
    App(other)
    client.force_login(administrator)
    # when the other's password is posted to the admin's login
    answer = client.post("/admin/login/", {"username": other.username, "password": PASSWORD})
    # then nothing changes
    assert (answer.status_code, answer["Location"]) == (302, "/admin/")
    assert client.session[SESSION_KEY] == str(administrator.pk)


def test_a_session_by_password_alone_gives_the_code_first(client, agent):
    # given a session from before the app was set up elsewhere
    client.force_login(agent)
    app = App(agent)
    # when a page is opened
    refused = client.get("/customers/?stage=new")
    # then it asks for the code, and opens after it
    assert (refused.status_code, refused["Location"]) == (302, CODE_PAGE + "?next=%2Fcustomers%2F%3Fstage%3Dnew")
    assert client.get("/").status_code == 302
    assert give_code(client, app.wrong_code(), CODE_PAGE).status_code == 200
    assert client.get("/").status_code == 302
    assert give_code(client, app.code(), CODE_PAGE).status_code == 302
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/2fa/totp/deactivate/",
        "/accounts/2fa/recovery-codes/",
        "/accounts/2fa/recovery-codes/generate/",
        "/accounts/2fa/recovery-codes/download/",
        "/accounts/2fa/",
        "/accounts/password/change/",
        "/accounts/email/",
        "/accounts/reauthenticate/",
        "/accounts/login/",
        "/admin/",
        "/admin/login/",
        "/preferences/theme/",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_session_by_password_alone_changes_nothing_that_protects_the_account(client, administrator, path, method):
    client.force_login(administrator)
    App(administrator)
    before = User.objects.values_list("password", flat=True).get(pk=administrator.pk)
    data = {"oldpassword": PASSWORD, "password1": "another-long-one", "password2": "another-long-one"}
    answer = getattr(client, method)(path, data if method == "post" else {})
    assert answer.status_code == 302
    assert answer["Location"].startswith(CODE_PAGE)
    assert Authenticator.objects.filter(user=administrator).count() == 2
    assert User.objects.values_list("password", flat=True).get(pk=administrator.pk) == before


def test_a_request_for_a_part_redirects_the_whole_page_to_the_code(client, agent):
    client.force_login(agent)
    App(agent)
    answer = client.get("/palette/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (204, CODE_PAGE)


@pytest.mark.django_db(transaction=True)
def test_a_user_without_a_factor_can_set_one_up_and_it_counts_at_once(client, agent):
    # given a user who signed in by password and has no factor
    give_password(client, agent.username)
    assert client.get("/customers/")["Location"] == SET_UP_PAGE
    assert client.get("/accounts/password/change/")["Location"] == SET_UP_PAGE
    # when the app is set up, after another password check
    assert client.get(SET_UP_PAGE)["Location"].startswith("/accounts/reauthenticate/")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    secret = client.get(SET_UP_PAGE).context["form"].secret
    app = App.__new__(App)
    app.secret, app.user = secret, agent
    done = client.post(SET_UP_PAGE, {"code": app.code()})
    # then this session is open, and the code of the set-up opens no other
    assert done["Location"] == "/accounts/2fa/recovery-codes/"
    assert client.get("/customers/").status_code == 200
    second = Client()
    give_password(second, agent.username)
    give_code(second, app.code())
    assert SESSION_KEY not in second.session


def test_a_factor_that_was_taken_away_is_set_up_again(client, agent):
    app = App(agent)
    sign_in(client, agent, app)
    assert client.get("/").status_code == 200
    Authenticator.objects.filter(user=agent).delete()
    assert client.get("/")["Location"] == SET_UP_PAGE


def test_recovery_codes_left_over_are_no_factor(client, agent):
    App(agent)
    Authenticator.objects.filter(user=agent, type="totp").delete()
    client.force_login(agent)
    assert client.get("/")["Location"] == SET_UP_PAGE


def test_a_recovery_code_counts_and_works_once(client, agent):
    app = App(agent)
    give_password(client, agent.username)
    give_code(client, app.recovery_codes[0])
    assert client.get("/").status_code == 200
    second = Client()
    give_password(second, agent.username)
    give_code(second, app.recovery_codes[0])
    assert SESSION_KEY not in second.session


def test_changing_the_password_keeps_the_session_and_its_factor(client, agent):
    app = App(agent)
    sign_in(client, agent, app)
    data = {"oldpassword": PASSWORD, "password1": "another-long-one", "password2": "another-long-one"}
    assert client.post("/accounts/password/change/", data).status_code == 302
    agent.refresh_from_db()
    assert agent.check_password("another-long-one")
    assert client.get("/").status_code == 200


def test_signing_out_is_always_possible(client, agent):
    for prepare in (lambda: None, lambda: App(agent)):
        prepare()
        client.force_login(agent)
        assert client.post("/accounts/logout/").status_code == 302
        assert SESSION_KEY not in client.session


def test_the_language_can_be_chosen_before_the_factor(client, agent):
    client.force_login(agent)
    client.post("/preferences/language/", {"language": "zh-hans"})
    agent.refresh_from_db()
    assert agent.language == "zh-hans"


def test_the_key_of_an_app_is_encrypted_and_old_ones_still_work(client, agent):
    # given an app whose key and seed an older release stored unencrypted
    app = App(agent)
    row = Authenticator.objects.get(user=agent, type="totp")
    assert row.data["secret"].startswith("sealed:")
    assert app.secret not in str(row.data)
    row.data["secret"] = app.secret
    row.save()
    # when its code is entered, then it is accepted
    sign_in(client, agent, app)
    assert client.get("/").status_code == 200


def stored(user: User) -> dict[str, str]:
    rows = Authenticator.objects.filter(user=user)
    return {row.type: row.data.get("secret") or row.data["seed"] for row in rows}


def test_unencrypted_keys_are_encrypted_by_rotation(client, agent, settings):
    # given an app and recovery codes stored unencrypted
    app = App(agent)
    for row in Authenticator.objects.filter(user=agent):
        name = "secret" if row.type == "totp" else "seed"
        row.data[name] = crypto.open_text(row.data[name], SECRETS_CONTEXT)
        row.save()
    assert stored(agent)["totp"] == app.secret
    # when they are encrypted
    call_command("rotate_pii_keys", verbosity=0)
    # then everything is encrypted and both still open the account
    assert all(text.startswith("sealed:") for text in stored(agent).values())
    for code in (app.code(), app.recovery_codes[0]):
        entering = Client()
        give_password(entering, agent.username)
        give_code(entering, code)
        assert SESSION_KEY in entering.session


def test_rotation_brings_second_factors_under_the_new_key(client, agent, settings):
    settings.PII_KEYS = {1: b"o" * 32}
    app = App(agent)
    settings.PII_KEYS = {2: b"n" * 32, 1: b"o" * 32}
    call_command("rotate_pii_keys", verbosity=0)
    settings.PII_KEYS = {2: b"n" * 32}
    assert {base64.b64decode(text.removeprefix("sealed:"))[0] for text in stored(agent).values()} == {2}
    sign_in(client, agent, app)
    assert client.get("/").status_code == 200


def test_the_admin_shows_no_key_and_only_takes_factors_away(client, administrator, agent):
    App(agent)
    User.objects.filter(pk=administrator.pk).update(is_superuser=True)
    sign_in(client, administrator, App(administrator))
    row = Authenticator.objects.get(user=agent, type="totp")
    shown = client.get(f"/admin/mfa/authenticator/{row.pk}/change/")
    assert shown.status_code == 200
    assert "sealed:" not in shown.content.decode()
    assert client.post(f"/admin/mfa/authenticator/{row.pk}/change/", {"data": "{}"}).status_code == 403
    assert client.post(f"/admin/mfa/authenticator/{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Authenticator.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize(
    ("path", "status"),
    [("/healthz", 200), ("/metrics", 200), ("/metrics/none", 404), ("/api/schema/", 200), ("/api/docs/", 200),
     ("/api/v1/customers", 401), ("/u/none/", 404), ("/p/none/", 404), ("/c/none/", 404), ("/o/none.gif", 200),
     ("/rate/none/", 410), ("/rewards/pictures/none.png", 404), ("/hooks/messages/1/", 405)],
)  # fmt: skip
@pytest.mark.parametrize("who", ["stranger", "password"])
def test_programs_and_public_pages_need_no_factor(client, agent, program, path, status, who):
    if who == "password":
        client.force_login(agent)
        App(agent)
    assert client.get(path).status_code == status


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Forwarded-Proto"])
@pytest.mark.parametrize("proxies", [[], ["127.0.0.1"]])
def test_metrics_are_not_for_what_a_proxy_on_this_machine_forwards(client, settings, header, proxies):
    settings.TRUSTED_PROXIES = proxies
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 403
    assert client.get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 403
