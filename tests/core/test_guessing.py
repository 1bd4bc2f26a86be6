"""Guesses of passwords and codes: counted per account in any spelling, in parallel, and without the cache."""

from __future__ import annotations

from datetime import timedelta

import pytest
from axes.models import AccessAttempt, AccessLog
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache
from django.db.models import F
from django.test import Client

from core.security import attempts
from core.security.roles import Role
from tests.entering import PASSWORD, App, give_code, give_password, sign_in
from tests.threads import storm

LIMIT = 4


@pytest.fixture(autouse=True)
def counted(settings):
    settings.AXES_ENABLED = True
    settings.AXES_FAILURE_LIMIT = LIMIT
    settings.ACCOUNT_RATE_LIMITS = {"login": "100000/m/ip", "login_failed": False, "reauthenticate": "100000/m/user"}


@pytest.fixture
def agent(staff):
    user = staff(Role.AGENT, "agent")
    user.email = "agent@example.com"
    user.save()
    return user


def later(minutes: float) -> None:
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=minutes))


def entered(name: str = "agent", **extra) -> bool:
    client = Client()
    give_password(client, name, **extra)
    return SESSION_KEY in client.session


@pytest.mark.django_db
def test_all_spellings_of_an_account_are_one_count(agent):
    # given wrong passwords under four spellings
    spellings = ["AGENT", " agent ", "agent@example.com", "ａｇｅｎｔ"]
    answers = [give_password(Client(), name, "wrong").status_code for name in spellings]
    # then the last reached the limit, and the right password is refused under all of them
    assert answers == [200, 200, 200, 429]
    assert not any(entered(name) for name in ["agent", *spellings])
    # and is accepted 15 minutes later
    later(15)
    assert entered("Agent@Example.com")


@pytest.mark.django_db
def test_only_the_address_that_guessed_is_locked(agent):
    for _attempt in range(LIMIT + 2):
        give_password(Client(), "agent", "wrong", REMOTE_ADDR="203.0.113.9")
    assert not entered(REMOTE_ADDR="203.0.113.9")
    assert entered(REMOTE_ADDR="198.51.100.1")
    # and the sign-in of the owner from elsewhere does not reset the guesser's count
    assert not entered(REMOTE_ADDR="203.0.113.9")


@pytest.mark.django_db
def test_callers_behind_a_proxy_are_distinguished(agent, settings):
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    for _attempt in range(LIMIT):
        give_password(Client(), "agent", "wrong", headers={"X-Forwarded-For": "203.0.113.9"})
    assert not entered(headers={"X-Forwarded-For": "203.0.113.9"})
    assert entered(headers={"X-Forwarded-For": "198.51.100.1"})


@pytest.mark.django_db
def test_a_forged_header_is_no_new_address(agent):
    for number in range(LIMIT):
        give_password(Client(), "agent", "wrong", headers={"X-Forwarded-For": f"198.51.100.{number}"})
    assert not entered(headers={"X-Forwarded-For": "198.51.100.77"})


@pytest.mark.django_db
def test_one_ipv6_network_is_one_address(agent):
    for number in range(LIMIT):
        give_password(Client(), "agent", "wrong", REMOTE_ADDR=f"2001:db8:1:2::{number + 1}")
    assert not entered(REMOTE_ADDR="2001:db8:1:2::99")
    assert entered(REMOTE_ADDR="2001:db8:1:3::1")


@pytest.mark.django_db
def test_guesses_from_many_addresses_slow_the_account_down_and_do_not_bar_it(agent):
    # given the owner signed in from home, and then guesses from many addresses
    assert entered(REMOTE_ADDR="198.51.100.1")
    assert AccessLog.objects.get().ip_address == "198.51.100.1"
    for number in range(LIMIT * attempts.SLOW_AFTER):
        give_password(Client(), "agent", "wrong", REMOTE_ADDR=f"203.0.113.{number}")
    # then a new address waits half a minute, and the known one does not
    assert not entered(REMOTE_ADDR="192.0.2.1")
    assert entered(REMOTE_ADDR="198.51.100.1")
    later(0.5)
    assert entered(REMOTE_ADDR="192.0.2.1")


@pytest.mark.django_db
def test_a_right_password_is_no_failure(agent):
    for _attempt in range(LIMIT + 1):
        assert entered()
    assert AccessAttempt.objects.filter(failures_since_start__gt=0).count() == 0


@pytest.mark.django_db
def test_names_of_nobody_are_counted_without_being_stored(agent):
    answers = [give_password(Client(), "My-Pass-Word", "wrong").status_code for _attempt in range(LIMIT)]
    assert answers == [200] * (LIMIT - 1) + [429]
    assert not AccessAttempt.objects.filter(username__icontains="my-pass").exists()
    assert not AccessAttempt.objects.filter(post_data__icontains="my-pass").exists()


@pytest.mark.django_db
def test_expired_counts_are_deleted(agent):
    give_password(Client(), "someone", "wrong")
    later(16)
    give_password(Client(), "agent", "wrong")
    assert set(AccessAttempt.objects.values_list("username", flat=True)) == {"agent"}


@pytest.mark.django_db
def test_the_old_password_of_a_change_is_counted_too(client, agent):
    client.force_login(agent)
    change = {"oldpassword": "wrong", "password1": "another-long-one", "password2": "another-long-one"}
    answers = [client.post("/accounts/password/change/", change).status_code for _attempt in range(LIMIT)]
    assert answers == [200] * (LIMIT - 1) + [429]
    client.post("/accounts/password/change/", change | {"oldpassword": PASSWORD})
    agent.refresh_from_db()
    assert agent.check_password(PASSWORD)


@pytest.mark.django_db
def test_the_password_of_a_confirmation_is_counted_too(client, agent):
    client.force_login(agent)
    answers = [client.post("/accounts/reauthenticate/", {"password": "wrong"}).status_code for _attempt in range(LIMIT)]
    assert answers == [200] * (LIMIT - 1) + [429]


@pytest.mark.django_db(transaction=True)
def test_parallel_passwords_do_not_pass_the_limit(agent, monkeypatch):
    checked = []
    monkeypatch.setattr(type(agent), "check_password", lambda user, password: checked.append(password))

    def guess(number: int) -> None:
        give_password(Client(), "agent", f"wrong-{number}")

    storm(12, guess)
    # Each attempt is checked by two backends.
    assert len(set(checked)) == LIMIT


def give_codes(client: Client, app: App, times: int, **extra) -> list[str]:
    """Enter wrong codes and return their errors."""
    answers = [give_code(client, app.wrong_code(), **extra) for _attempt in range(times)]
    return [str(answer.context["form"].errors["code"][0]) for answer in answers]


@pytest.mark.django_db
def test_wrong_codes_lock_the_second_step_of_the_account(client, agent):
    # given as many wrong codes as are allowed
    app = App(agent)
    give_password(client, "agent")
    errors = give_codes(client, app, attempts.CODES_PER_ACCOUNT + 1)
    assert errors == ["Incorrect code."] * attempts.CODES_PER_ACCOUNT + [
        "Too many wrong codes. Wait 15 minutes, then try again."
    ]
    # then the right code and recovery codes are refused, also from another address and after the cache was emptied
    cache.clear()
    give_code(client, app.code())
    give_code(client, app.recovery_codes[0])
    assert SESSION_KEY not in client.session
    other = Client(REMOTE_ADDR="198.51.100.1")
    give_password(other, "agent")
    give_code(other, app.code())
    assert SESSION_KEY not in other.session
    # and both are accepted 15 minutes later
    later(15)
    give_code(other, app.code())
    assert SESSION_KEY in other.session


@pytest.mark.django_db
def test_a_confirmation_counts_with_the_second_step(client, agent):
    app = App(agent)
    sign_in(client, agent, app)
    page = {"path": "/accounts/2fa/reauthenticate/"}
    give_codes(client, app, attempts.CODES_PER_ACCOUNT, **page)
    app.forget_last_code()
    answer = give_code(client, app.code(), **page)
    assert answer.context["form"].errors["code"] == ["Too many wrong codes. Wait 15 minutes, then try again."]
    assert answer.context["form"].errors.as_data()["code"][0].code == "too_many_codes"


@pytest.mark.django_db
def test_one_address_guesses_codes_of_few_accounts(staff):
    errors = []
    for number in range(attempts.CODES_PER_ADDRESS // 4 + 1):
        user = staff(Role.AGENT, f"agent{number}")
        app, client = App(user), Client()
        give_password(client, user.username)
        errors += give_codes(client, app, 4)
    assert errors.count("Incorrect code.") == attempts.CODES_PER_ADDRESS
    assert errors[attempts.CODES_PER_ADDRESS :] == ["Too many wrong codes. Wait 15 minutes, then try again."] * 4


@pytest.mark.django_db
def test_a_right_code_resets_the_count(agent):
    app = App(agent)
    for _round in range(3):
        client = Client()
        give_password(client, "agent")
        give_codes(client, app, attempts.CODES_PER_ACCOUNT - 1)
        app.forget_last_code()
        give_code(client, app.code())
        assert SESSION_KEY in client.session


@pytest.mark.django_db
def test_a_code_works_once_also_when_the_cache_is_away(agent, settings):
    # given an unavailable cache
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "redis://127.0.0.1:1/0"}}
    app = App(agent)
    first, second = Client(), Client()
    give_password(first, "agent")
    give_password(second, "agent")
    code = app.code()
    # when two sessions give the same code
    give_code(first, code)
    give_code(second, code)
    # then only the first is signed in
    assert (SESSION_KEY in first.session, SESSION_KEY in second.session) == (True, False)


@pytest.mark.django_db(transaction=True)
def test_parallel_codes_do_not_pass_the_limit(agent, monkeypatch):
    from core.security import second_step

    app, tried = App(agent), []
    real = second_step.accept
    monkeypatch.setattr(second_step, "accept", lambda pk, code: tried.append(code) or real(pk, code))
    clients = [Client() for _number in range(12)]
    for client in clients:
        give_password(client, "agent")
    wrong = app.wrong_code()

    def guess(number: int) -> None:
        give_code(clients[number], wrong)

    storm(12, guess)
    # Each code is tried as a code of the app and as a recovery code.
    assert len(tried) == 2 * attempts.CODES_PER_ACCOUNT
    assert AccessAttempt.objects.get(username="agent", user_agent="code").failures_since_start == 5


@pytest.mark.django_db(transaction=True)
def test_one_code_given_at_once_by_many_lets_one_in(agent):
    app = App(agent)
    clients = [Client() for _number in range(5)]
    for client in clients:
        give_password(client, "agent")
    code = app.code()

    def enter(number: int) -> None:
        give_code(clients[number], code)

    storm(5, enter)
    assert sum(SESSION_KEY in client.session for client in clients) == 1
