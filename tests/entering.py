"""Helpers to sign in through the pages, with codes of an authenticator app."""

from __future__ import annotations

import time

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client

from core.security.models import User

PASSWORD = "a-long-password"


class App:
    """The authenticator app of one user, with its recovery codes."""

    def __init__(self, user: User) -> None:
        self.secret = generate_totp_secret()
        TOTP.activate(user, self.secret)
        self.recovery_codes = RecoveryCodes.activate(user).get_unused_codes()
        self.user = user

    def code(self, ago: int = 0) -> str:
        return format_hotp_value(hotp_value(self.secret, int(time.time()) // 30 - ago))

    def wrong_code(self) -> str:
        return f"{(int(self.code()) + 1) % 1_000_000:06}"

    def forget_last_code(self) -> None:
        """Reset the used code, as if it were used half a minute ago."""
        row = Authenticator.objects.get(user=self.user, type="totp")
        row.data.pop("last_counter", None)
        row.save(update_fields=["data"])


def give_password(client: Client, name: str, password: str = PASSWORD, **extra):
    return client.post("/accounts/login/", {"login": name, "password": password}, **extra)


def give_code(client: Client, code: str, path: str = "/accounts/2fa/authenticate/", **extra):
    return client.post(path, {"code": code}, **extra)


def sign_in(client: Client, user: User, app: App | None = None) -> None:
    give_password(client, user.username)
    if app is not None:
        app.forget_last_code()
        give_code(client, app.code())
