"""The staff of the shop: invite by e-mail, change roles, deactivate, end sessions. Only administrators do this.

An invited account has no password. The link of the invitation sets one; it works once, and not after it was sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.contrib.sessions.backends.cached_db import SessionStore
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes, force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid, NotFound, Refused
from core.db.locks import lock_name, lock_row
from core.events.bus import declare, emit
from core.security.models import User
from core.security.roles import LABELS, Role, role_of

log = structlog.get_logger("liuke.team")
LONGEST_NAME = 80
# These roles may open the administration.
ADMINISTRATION = {Role.ADMINISTRATOR, Role.MARKETER}


def _words(payload: Any) -> str:
    role = LABELS.get(payload.get("role"))
    return f"{payload['name']} · {role}" if role else str(payload["name"])


INVITED = declare("core.staff_invited", _("Staff member invited"), describe=_words, on_timeline=False)
WITHDRAWN = declare("core.staff_withdrawn", _("Invitation withdrawn"), describe=_words, on_timeline=False)
JOINED = declare("core.staff_joined", _("Invitation accepted"), describe=_words, on_timeline=False)
ROLE_CHANGED = declare("core.staff_role_changed", _("Role changed"), describe=_words, on_timeline=False)
DEACTIVATED = declare("core.staff_deactivated", _("Account deactivated"), describe=_words, on_timeline=False)
ACTIVATED = declare("core.staff_activated", _("Account activated"), describe=_words, on_timeline=False)
SESSIONS_ENDED = declare("core.staff_sessions_ended", _("Sessions ended"), describe=_words, on_timeline=False)
EVENTS = (INVITED, WITHDRAWN, JOINED, ROLE_CHANGED, DEACTIVATED, ACTIVATED, SESSIONS_ENDED)


class InvitationTokens(PasswordResetTokenGenerator):
    """Tokens of invitations. One is void when the password is set, the invitation is sent again or withdrawn."""

    key_salt = "core.team.invitation"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{user.invited_at}{user.is_active}"


TOKENS = InvitationTokens()


@dataclass(frozen=True)
class Invitation:
    """An invited account, and the address that sets its password."""

    user: User
    link: str


def lifetime() -> timedelta:
    """Return how long an invitation is valid."""
    return timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)


def is_pending(user: User) -> bool:
    """Return whether the account waits for its invitation to be accepted, or the invitation has expired."""
    return user.invited_at is not None and not user.has_usable_password() and user.is_active


def invite(*, email: str, role: str, actor: Actor, first_name: str = "", last_name: str = "") -> Invitation:
    """Create an account without a password. Raises Invalid naming the field, Conflict `email_taken`."""
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid(_("Enter an e-mail address."), code="invalid", field="email") from None
    if len(address) > 150:
        raise Invalid(_("Enter an e-mail address."), code="invalid", field="email")
    names = {"first_name": _name("first_name", first_name), "last_name": _name("last_name", last_name)}
    group = _group(role)
    with transaction.atomic():
        lock_name("core.team")
        if User.objects.filter(Q(email__iexact=address) | Q(username__iexact=address)).exists():
            raise Conflict(_("A staff member has this e-mail address."), code="email_taken", field="email")
        user = User(
            username=address, email=address, is_staff=role in ADMINISTRATION, invited_at=clock.now(), **names
        )  # fmt: skip
        user.set_unusable_password()
        user.save()
        user.groups.set([group])
        _emit(INVITED, user, actor, role=role)
    return Invitation(user, link_of(user))


def resend(*, user: User, actor: Actor) -> Invitation:
    """Renew a pending invitation; the link that was sent before is void. Raises Conflict `not_invited`."""
    with transaction.atomic():
        locked = _locked(user)
        if not is_pending(locked):
            raise Conflict(_("This invitation was accepted or withdrawn already."), code="not_invited")
        locked.invited_at = clock.now()
        # A new unusable password has another random text, so that the old token is void in any case.
        locked.set_unusable_password()
        locked.save(update_fields=["invited_at", "password"])
        _emit(INVITED, locked, actor, role=role_of(locked))
    return Invitation(locked, link_of(locked))


def withdraw(*, user: User, actor: Actor) -> None:
    """Delete an account that never signed in, so that the address can be invited again.

    Raises Conflict `not_invited`.
    """
    with transaction.atomic():
        locked = _locked(user)
        if not is_pending(locked) or locked.last_login is not None:
            raise Conflict(_("This invitation was accepted or withdrawn already."), code="not_invited")
        _emit(WITHDRAWN, locked, actor)
        locked.delete()


def link_of(user: User) -> str:
    """Return the address that sets the password of an invited account."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return f"{settings.SITE_URL}{reverse('team_join', args=[uid, TOKENS.make_token(user)])}"


def invited_user(uid: str, token: str) -> User | None:
    """Return the account of a valid invitation, or None."""
    try:
        user = User.objects.filter(pk=int(force_str(urlsafe_base64_decode(uid)))).first()
    except (ValueError, OverflowError):
        return None
    return user if user is not None and is_pending(user) and TOKENS.check_token(user, token) else None


def accept(*, uid: str, token: str, password: str) -> User:
    """Set the password of an invited account. The link works once.

    Raises NotFound `invitation_void`, Invalid `weak_password`.
    """
    user = invited_user(uid, token)
    if user is None:
        raise NotFound(_("This invitation has expired or was withdrawn."), code="invitation_void")
    with transaction.atomic():
        locked = _locked(user)
        # Another request may have used the link while this one waited.
        if invited_user(uid, token) is None:
            raise NotFound(_("This invitation has expired or was withdrawn."), code="invitation_void")
        try:
            validate_password(password, locked)
        except ValidationError as error:
            raise Invalid(" ".join(error.messages), code="weak_password", field="password") from None
        locked.set_password(password)
        locked.save(update_fields=["password"])
        _emit(JOINED, locked, Actor("user", locked.pk, locked.username))
    return locked


def change_role(*, user: User, role: str, actor: Actor) -> User:
    """Give another role. Raises Refused `own_account` or `last_administrator`, Invalid for an unknown role."""
    group = _group(role)
    with transaction.atomic():
        lock_name("core.team")
        locked = _locked(user)
        _refuse_own(locked, actor, _("You can't change your own role. Ask another administrator."))
        if role != Role.ADMINISTRATOR:
            _refuse_last(locked)
        locked.groups.set([group])
        locked.is_staff = role in ADMINISTRATION
        locked.is_superuser = locked.is_superuser and role == Role.ADMINISTRATOR
        locked.save(update_fields=["is_staff", "is_superuser"])
        _emit(ROLE_CHANGED, locked, actor, role=role)
    return locked


def deactivate(*, user: User, actor: Actor) -> User:
    """Close an account and end its sessions. Raises Refused `own_account` or `last_administrator`."""
    with transaction.atomic():
        lock_name("core.team")
        locked = _locked(user)
        _refuse_own(locked, actor, _("You can't deactivate your own account."))
        _refuse_last(locked)
        locked.is_active = False
        locked.save(update_fields=["is_active"])
        _emit(DEACTIVATED, locked, actor)
        _end_sessions(locked)
    return locked


def activate(*, user: User, actor: Actor) -> User:
    """Open a closed account again, with its role and password."""
    with transaction.atomic():
        locked = _locked(user)
        locked.is_active = True
        locked.save(update_fields=["is_active"])
        _emit(ACTIVATED, locked, actor)
    return locked


def end_sessions(*, user: User, actor: Actor) -> int:
    """Sign the account out everywhere. Return the number of sessions that ended."""
    with transaction.atomic():
        locked = _locked(user)
        count = _end_sessions(locked)
        _emit(SESSIONS_ENDED, locked, actor)
    return count


def sessions_of(users: set[int]) -> dict[int, list[str]]:
    """Return the keys of the running sessions by account."""
    keys: dict[int, list[str]] = {pk: [] for pk in users}
    for session in Session.objects.filter(expire_date__gt=clock.now()).iterator():
        owner = session.get_decoded().get("_auth_user_id")
        if owner is not None and int(owner) in keys:
            keys[int(owner)].append(session.session_key)
    return keys


def send_invitation(invitation: Invitation, *, shop: str, sender: str) -> bool:
    """Send the link in the viewer's language, outside any transaction. Return whether the mail server accepted it."""
    user = invitation.user
    values = {
        "name": user.get_full_name(),
        "shop": shop,
        "sender": sender,
        "link": invitation.link,
        "until": expires_at(user),
        "role": LABELS.get(role_of(user) or Role.AGENT),
    }
    subject = _t("%(sender)s invites you to %(shop)s") % {"sender": sender, "shop": shop}
    body = render_to_string("core/team/invitation.txt", values)
    try:
        send_mail(" ".join(subject.split()), body, None, [user.email])
    except Exception as error:
        log.warning("invitation_not_sent", user=user.pk, error=str(error)[:200])
        return False
    return True


def expires_at(user: User) -> datetime | None:
    """Return the end of an invitation."""
    return user.invited_at + lifetime() if user.invited_at else None


def _end_sessions(user: User) -> int:
    keys = sessions_of({user.pk})[user.pk]
    for key in keys:
        SessionStore(key).delete()
    return len(keys)


def _locked(user: User) -> User:
    return lock_row(User.objects.filter(pk=user.pk), weak=True)


def _refuse_own(user: User, actor: Actor, message: Any) -> None:
    if actor.user_id == user.pk:
        raise Refused(message, code="own_account")


def _refuse_last(user: User) -> None:
    """Refuse when the account is the last administrator who can sign in."""
    if role_of(user) != Role.ADMINISTRATOR:
        return
    others = User.objects.filter(
        Q(is_superuser=True) | Q(groups__name=Role.ADMINISTRATOR.value), is_active=True
    ).exclude(pk=user.pk)
    if not any(other.has_usable_password() for other in others):
        raise Refused(
            _("This is the last administrator. Make another staff member administrator first."),
            code="last_administrator",
        )


def _group(role: str) -> Group:
    if role not in set(Role):
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="role")
    return Group.objects.get_or_create(name=str(role))[0]


def _name(field: str, value: str) -> str:
    text = " ".join(value.split())
    if len(text) > LONGEST_NAME or "\x00" in text:
        raise Invalid(_("This text is empty or too long."), code="invalid", field=field)
    return text


def _emit(event: Any, user: User, actor: Actor, role: Any = None) -> None:
    # The events stay when the account is gone, so they carry no e-mail address.
    name = user.get_full_name() or f"#{user.pk}"
    payload = {"user": user.pk, "name": name, **({"role": str(role)} if role else {})}
    emit(event, subject_id=None, payload=payload, actor=actor)
