"""Staff accounts: created by an administrator, never by signing up."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from core.security import crypto
from core.security.attempts import address_of, password_was_right
from core.security.models import User

# Associated data of the second factors' secrets. allauth does not pass the user that a secret belongs to.
SECRETS_CONTEXT = "mfa.authenticator"


class StaffAccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        user = super().authenticate(request, **credentials)
        if user is not None:
            password_was_right(request)
        return user

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)


class StaffMfaAdapter(DefaultMFAAdapter):
    def get_totp_label(self, user: User) -> str:
        return user.get_username()

    def encrypt(self, text: str) -> str:
        return crypto.seal_text(text, SECRETS_CONTEXT)

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.open_text(encrypted_text, SECRETS_CONTEXT)
