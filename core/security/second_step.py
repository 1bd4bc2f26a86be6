"""The second step of signing in: forms for a code, a limit on guesses, single use of each code, encrypted secrets.

allauth stores its limit and the used codes in the cache, which may be unavailable or flushed. Here both are in the
database.
"""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from allauth.core import context
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa import signals
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core.exceptions import ValidationError
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.db.locks import lock_first
from core.security import attempts, crypto
from core.security.accounts import SECRETS_CONTEXT
from core.security.models import User

SECRETS = {Authenticator.Type.TOTP: "secret", Authenticator.Type.RECOVERY_CODES: "seed"}


def session_has_second_step(request: HttpRequest, user: User) -> bool:
    """Return whether this session has passed a code: at sign-in, at a confirmation or when the app was set up."""
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, user))


class LimitedCode:
    """Mixin that takes a slot before it checks the code, and checks it under the lock of its row."""

    user: User

    def clean_code(self) -> str:
        slots = attempts.code_slots(context.request, self.user)
        if not attempts.take(slots):
            raise ValidationError(_("Too many wrong codes. Wait 15 minutes, then try again."), code="too_many_codes")
        code: str = self.cleaned_data["code"]  # type: ignore[attr-defined]
        authenticators = sorted(
            Authenticator.objects.filter(user=self.user, type__in=SECRETS),
            key=lambda item: item.type != Authenticator.Type.TOTP,
        )
        for authenticator in authenticators:
            if accept(authenticator.pk, code):
                attempts.give_back(slots[:1])
                attempts.forget(slots[1:])
                authenticator.refresh_from_db()
                authenticator.user = self.user
                self.authenticator = authenticator
                return code
        if authenticators:
            self._emit_authentication_failed(authenticators[0])  # type: ignore[attr-defined]
        raise get_adapter().validation_error("incorrect_code")


class CodeForm(LimitedCode, AuthenticateForm):
    """The form for the code after the password."""


class ConfirmationForm(LimitedCode, ReauthenticateForm):
    """The form for the code of a signed-in user who confirms the identity again."""


@transaction.atomic
def accept(pk: int, code: str) -> bool:
    """Use up a code. Return whether it is the current code or an unused recovery code."""
    authenticator = lock_first(Authenticator.objects.filter(pk=pk))
    if authenticator is None:
        return False
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        return authenticator.wrap().validate_code(code)
    secret = crypto.open_text(authenticator.data["secret"], SECRETS_CONTEXT)
    for counter in yield_hotp_counters_from_time():
        if compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, counter))):
            return _use_up(authenticator, counter)
    return False


def _use_up(authenticator: Authenticator, counter: int) -> bool:
    if counter <= authenticator.data.get("last_counter", -1):
        return False
    authenticator.data["last_counter"] = counter
    authenticator.save(update_fields=["data"])
    return True


@receiver(signals.authenticator_added, dispatch_uid="core.second_step")
def count_set_up_as_second_step(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    """Count the code that set up the app as the second step of this session, and use it up."""
    if authenticator.type == Authenticator.Type.TOTP:
        _use_up(authenticator, max(yield_hotp_counters_from_time()))
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)
