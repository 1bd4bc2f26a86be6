"""Member tokens: short-lived and signed, for the shop's own front end. A token gives access to one customer only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core import signing
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from core.api.authentication import KeyUser, bearer
from core.base.actor import Actor
from crm.customers.models import Customer, CustomerState

if TYPE_CHECKING:
    # The settings of the framework name this module: importing its views here would be a cycle.
    from drf_spectacular.openapi import AutoSchema

PREFIX = "lkm_"
SALT = "crm.member-token"
LONGEST_SECONDS = 24 * 3600
# Signed JSON in base64, the time of signing and the signature. The form is checked before any part is parsed.
FORM = re.compile(r"\.?[A-Za-z0-9_-]{1,600}:[A-Za-z0-9]{1,12}:[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True)
class MemberToken:
    customer_id: int
    source: str


def make_member_token(customer: Customer, *, source: str, seconds: int) -> str:
    """Return a token that speaks for one customer for `seconds` (at most a day)."""
    signer = signing.TimestampSigner(salt=SALT)
    return PREFIX + signer.sign_object([customer.pk, source, seconds])


class MemberTokenAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[KeyUser, MemberToken] | None:
        presented = bearer(request)
        if not presented.startswith(PREFIX):
            return None
        body = presented.removeprefix(PREFIX)
        if not FORM.fullmatch(body):
            raise AuthenticationFailed(_("This member token is not valid."), code="token_invalid")
        signer = signing.TimestampSigner(salt=SALT)
        try:
            customer_id, source, seconds = signer.unsign_object(body, max_age=LONGEST_SECONDS)
            signer.unsign(body, max_age=seconds)
        except signing.SignatureExpired:
            raise AuthenticationFailed(_("This member token has expired."), code="token_expired") from None
        except (signing.BadSignature, ValueError, UnicodeError):
            raise AuthenticationFailed(_("This member token is not valid."), code="token_invalid") from None
        current = self._current(customer_id)
        return KeyUser(Actor("member", current)), MemberToken(current, source)

    @staticmethod
    def _current(customer_id: int) -> int:
        """Return the customer that the token speaks for now. After a merge this is the customer that remained.

        A token of an erased customer is refused.
        """
        customer = (
            Customer.objects.select_related("merged_into")
            .only("state", "merged_into__state", "merged_into__merged_into")
            .filter(pk=customer_id)
            .first()
        )
        current = customer and (customer.merged_into or customer)
        if current is None or current.state != CustomerState.ACTIVE:
            raise AuthenticationFailed(_("This member token is not valid any more."), code="token_revoked")
        return current.pk

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class MemberTokenScheme(OpenApiAuthenticationExtension):
    target_class = MemberTokenAuthentication
    name = "memberToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A member's own short-lived token (lkm_…)."}
