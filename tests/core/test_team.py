"""The team: invitations, roles, deactivation, sessions. Refusals change nothing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.base.actor import Actor, of_user
from core.base.errors import Conflict, Invalid, NotFound, Refused
from core.events.models import DomainEvent
from core.security.models import User
from core.security.roles import Role, role_of
from core.team import services
from core.team.selectors import staff_rows
from tests.entering import PASSWORD, App, sign_in

pytestmark = pytest.mark.django_db
NEW = "a-quite-long-secret"


@pytest.fixture
def admin(staff) -> User:
    return staff(Role.ADMINISTRATOR, "admin")


@pytest.fixture
def actor(admin) -> Actor:
    return of_user(admin)


@pytest.fixture
def signed_in(client, admin) -> Client:
    client.force_login(admin)
    return client


def parts(link: str) -> tuple[str, str]:
    found = re.search(r"/join/([^/]+)/([^/]+)/", link)
    assert found
    return found[1], found[2]


def invited(actor: Actor, email: str = "new@shop.example", role: str = Role.MARKETER) -> services.Invitation:
    return services.invite(email=email, role=role, actor=actor, first_name="Ida", last_name="Lund")


def kinds() -> list[str]:
    return list(DomainEvent.objects.order_by("pk").values_list("kind", flat=True))


def test_an_invitation_creates_an_account_without_a_password(actor):
    # when an address is invited
    invitation = invited(actor, " New@Shop.example ")
    # then the account has its role and can't sign in yet
    user = User.objects.get(username="new@shop.example")
    assert (user.email, str(user), role_of(user), user.is_staff) == (
        "new@shop.example",
        "Ida Lund",
        Role.MARKETER,
        True,
    )
    assert not user.has_usable_password()
    (row,) = staff_rows([user])
    assert (row.state, row.role_label, row.second_factor, row.sessions) == ("invited", "Marketer", False, 0)
    # and the link sets a password once
    uid, token = parts(invitation.link)
    services.accept(uid=uid, token=token, password=NEW)
    user.refresh_from_db()
    assert user.check_password(NEW)
    with pytest.raises(NotFound) as refused:
        services.accept(uid=uid, token=token, password="another-long-secret")
    assert refused.value.code == "invitation_void"
    user.refresh_from_db()
    assert user.check_password(NEW)
    assert kinds() == ["core.staff_invited", "core.staff_joined"]
    assert "new@shop.example" not in str(list(DomainEvent.objects.values_list("payload", flat=True)))


@pytest.mark.parametrize("email", ["", "no address", "x" * 140 + "@shop.example"])
def test_a_wrong_address_is_refused(actor, email):
    with pytest.raises(Invalid) as refused:
        invited(actor, email)
    assert (refused.value.field, refused.value.code) == ("email", "invalid")
    assert User.objects.count() == 1


def test_an_address_is_invited_once(actor):
    invited(actor)
    for address in ("new@shop.example", "NEW@shop.example"):
        with pytest.raises(Conflict) as refused:
            invited(actor, address)
        assert refused.value.code == "email_taken"
    with pytest.raises(Invalid) as unknown:
        invited(actor, "other@shop.example", "owner")
    assert unknown.value.code == "invalid_choice"
    assert User.objects.count() == 2


def test_an_invitation_expires(actor, settings):
    invitation = invited(actor)
    settings.PASSWORD_RESET_TIMEOUT = -1
    assert services.invited_user(*parts(invitation.link)) is None
    with pytest.raises(NotFound):
        services.accept(uid=parts(invitation.link)[0], token=parts(invitation.link)[1], password=NEW)
    assert not User.objects.get(pk=invitation.user.pk).has_usable_password()
    assert staff_rows([invitation.user])[0].state == "expired"


def test_sending_again_voids_the_first_link(actor):
    first = invited(actor)
    User.objects.filter(pk=first.user.pk).update(invited_at=timezone.now() - timedelta(hours=1))
    second = services.resend(user=first.user, actor=actor)
    assert services.invited_user(*parts(first.link)) is None
    assert services.invited_user(*parts(second.link)) == first.user


def test_a_withdrawn_invitation_leaves_no_account(actor):
    invitation = invited(actor)
    services.withdraw(user=invitation.user, actor=actor)
    assert services.invited_user(*parts(invitation.link)) is None
    assert not User.objects.filter(email="new@shop.example").exists()
    invited(actor)


def test_an_accepted_invitation_is_neither_sent_again_nor_withdrawn(actor):
    invitation = invited(actor)
    uid, token = parts(invitation.link)
    user = services.accept(uid=uid, token=token, password=NEW)
    for change in (services.resend, services.withdraw):
        with pytest.raises(Conflict) as refused:
            change(user=user, actor=actor)
        assert refused.value.code == "not_invited"
    user.refresh_from_db()
    assert user.check_password(NEW)


def test_a_weak_password_is_refused(actor):
    invitation = invited(actor)
    uid, token = parts(invitation.link)
    with pytest.raises(Invalid) as refused:
        services.accept(uid=uid, token=token, password="short")
    assert (refused.value.field, refused.value.code) == ("password", "weak_password")
    assert services.invited_user(uid, token) == invitation.user


def test_a_role_is_changed(actor, staff):
    agent = staff(Role.AGENT)
    services.change_role(user=agent, role=Role.ADMINISTRATOR, actor=actor)
    agent.refresh_from_db()
    assert (role_of(agent), agent.is_staff) == (Role.ADMINISTRATOR, True)
    services.change_role(user=agent, role=Role.ANALYST, actor=actor)
    agent.refresh_from_db()
    assert ([group.name for group in agent.groups.all()], agent.is_staff) == (["analyst"], False)
    with pytest.raises(Invalid):
        services.change_role(user=agent, role="owner", actor=actor)
    assert role_of(agent) == Role.ANALYST


def test_a_superuser_who_gets_another_role_loses_all_rights(actor, staff):
    root = User.objects.create_superuser("root", password=PASSWORD)
    services.change_role(user=root, role=Role.AGENT, actor=actor)
    root.refresh_from_db()
    assert (root.is_superuser, role_of(root)) == (False, Role.AGENT)


@pytest.mark.parametrize("change", ["role", "deactivate"])
def test_the_last_administrator_stays(admin, staff, change):
    # given one administrator who can sign in, one deactivated and one invited
    other = staff(Role.ADMINISTRATOR, "gone")
    other.is_active = False
    other.save()
    lead = of_user(staff(Role.LEAD))
    invited(lead, role=Role.ADMINISTRATOR)
    # when another person changes the last one
    with pytest.raises(Refused) as refused:
        if change == "role":
            services.change_role(user=admin, role=Role.AGENT, actor=lead)
        else:
            services.deactivate(user=admin, actor=lead)
    # then nothing changes
    assert refused.value.code == "last_administrator"
    admin.refresh_from_db()
    assert (admin.is_active, role_of(admin)) == (True, Role.ADMINISTRATOR)


def test_the_own_account_stays(admin, actor, staff):
    staff(Role.ADMINISTRATOR, "second")
    for change in (
        lambda: services.change_role(user=admin, role=Role.AGENT, actor=actor),
        lambda: services.deactivate(user=admin, actor=actor),
    ):
        with pytest.raises(Refused) as refused:
            change()
        assert refused.value.code == "own_account"
    admin.refresh_from_db()
    assert (admin.is_active, role_of(admin)) == (True, Role.ADMINISTRATOR)


def test_deactivating_ends_the_sessions_and_activating_opens_the_account(actor, staff):
    # given an agent with two sessions, and a colleague with one
    agent, colleague = staff(Role.AGENT, "agent"), staff(Role.AGENT, "colleague")
    browsers = [Client(), Client(), Client()]
    for browser, user in zip(browsers, (agent, agent, colleague), strict=True):
        sign_in(browser, user)
    assert [row.sessions for row in staff_rows([agent, colleague])] == [2, 1]
    # when the account is closed
    services.deactivate(user=agent, actor=actor)
    # then only its sessions end
    assert [row.sessions for row in staff_rows([agent, colleague])] == [0, 1]
    assert [browser.get("/notices/").status_code for browser in browsers] == [302, 302, 200]
    agent.refresh_from_db()
    assert staff_rows([agent])[0].state == "off"
    services.activate(user=agent, actor=actor)
    sign_in(browsers[0], agent)
    assert browsers[0].get("/notices/").status_code == 200


def test_sessions_end_on_all_devices(actor, staff):
    agent = staff(Role.AGENT, "agent")
    browser = Client()
    sign_in(browser, agent)
    assert services.end_sessions(user=agent, actor=actor) == 1
    assert browser.get("/notices/").status_code == 302
    assert Session.objects.count() == 0
    assert kinds() == ["core.staff_sessions_ended"]


def test_an_administrator_invites_and_the_person_joins(signed_in, store):
    # when the form is sent
    page = signed_in.post(
        reverse("team_invite"), {"email": "new@shop.example", "first_name": "Ida", "role": "service_agent"}
    )
    # then one message has the link, and the answer shows it once
    (message,) = mail.outbox
    assert message.to == ["new@shop.example"]
    assert message.subject == "admin invites you to Test Shop"
    link = re.search(r"http\S+/join/\S+", message.body)
    assert link
    assert link[0] in page.content.decode()
    assert page["Cache-Control"] == "no-store"
    # and the person chooses a password without signing in first
    browser, path = Client(), re.sub(r"^https?://[^/]+", "", link[0])
    assert "Choose a password for new@shop.example." in browser.get(path).content.decode()
    differing = browser.post(path, {"password": NEW, "again": "another"})
    assert "The passwords differ." in differing.content.decode()
    assert browser.post(path, {"password": NEW, "again": NEW}).url == reverse("account_login")
    browser.post("/accounts/login/", {"login": "new@shop.example", "password": NEW})
    assert browser.get("/notices/").status_code == 200
    # and the link is void
    gone = Client().get(path)
    assert gone.status_code == 410
    assert "no longer valid" in gone.content.decode()


def test_a_failing_mail_server_leaves_the_link(signed_in, store, settings):
    settings.EMAIL_BACKEND = "no.such.Backend"
    page = signed_in.post(reverse("team_invite"), {"email": "new@shop.example", "role": "analyst"})
    assert "The e-mail could not be sent." in page.content.decode()
    assert "/join/" in page.content.decode()


def test_pages_of_a_member(signed_in, staff, admin):
    agent = staff(Role.AGENT, "agent")
    App(agent)
    page = signed_in.get(reverse("team")).content.decode()
    assert "Service agent" in page
    assert "tone-good" in page
    signed_in.post(reverse("team_role", args=[agent.pk]), {"role": "marketer"})
    assert role_of(agent) == Role.MARKETER
    signed_in.post(reverse("team_switch", args=[agent.pk]), {"active": "off"})
    agent.refresh_from_db()
    assert not agent.is_active
    signed_in.post(reverse("team_switch", args=[agent.pk]), {"active": "on"})
    agent.refresh_from_db()
    assert agent.is_active
    own = signed_in.get(reverse("team_member", args=[admin.pk])).content.decode()
    assert reverse("team_switch", args=[admin.pk]) not in own
    refused = signed_in.post(reverse("team_switch", args=[admin.pk]), {"active": "off"}, follow=True)
    assert "You can&#x27;t deactivate your own account." in refused.content.decode()
    admin.refresh_from_db()
    assert admin.is_active


def test_invitations_are_sent_again_and_withdrawn_on_the_page(signed_in, actor, store):
    user = invited(actor).user
    signed_in.post(reverse("team_resend", args=[user.pk]))
    assert len(mail.outbox) == 1
    signed_in.post(reverse("team_withdraw", args=[user.pk]))
    assert not User.objects.filter(pk=user.pk).exists()


@pytest.mark.parametrize(
    ("first", "last", "name"), [("清扬", "沈", "沈清扬"), ("Nora", "Reed", "Nora Reed"), ("", "", "n1")]
)
def test_a_name_is_written_in_the_order_of_its_script(first, last, name):
    assert str(User(username="n1", first_name=first, last_name=last)) == name
