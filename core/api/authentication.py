"""Server keys: `Authorization: Bearer lk_...`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from core.base.actor import Actor
from core.security.api_keys import PREFIX, KeyIdentity, identify

if TYPE_CHECKING:
    # The settings of the framework name this module: importing its views here would be a cycle.
    from drf_spectacular.openapi import AutoSchema

# Server keys have about 50 characters, members' tokens about 150.
LONGEST_HEADER = 1000


class KeyUser:
    """The user object that DRF requires. A server key is not a member of staff and has none of their permissions."""

    is_authenticated = True
    is_active = True
    is_staff = False
    pk = None

    def __init__(self, actor: Actor) -> None:
        self.actor = actor


def bearer(request: HttpRequest | Request) -> str:
    # Not `request.headers`, which builds an entry for every header of the request.
    header = request.META.get("HTTP_AUTHORIZATION", "")
    if len(header) > LONGEST_HEADER:
        return ""
    kind, _space, value = header.partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


class ServerKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[KeyUser, KeyIdentity] | None:
        presented = bearer(request)
        if not presented.startswith(PREFIX):
            return None
        identity = identify(presented)
        if identity is None:
            raise AuthenticationFailed(_("This API key is unknown or revoked."), code="invalid_key")
        return KeyUser(Actor("key", identity.id, identity.name)), identity

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ServerKeyScheme(OpenApiAuthenticationExtension):
    target_class = ServerKeyAuthentication
    name = "serverKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "A server key with scopes (lk_…)."}


__all__ = ["KeyIdentity", "KeyUser", "ServerKeyAuthentication", "bearer"]
