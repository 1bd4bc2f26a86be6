"""What every API view shares: who asks, the idempotency key, and answers from services."""

from __future__ import annotations

from typing import Any, cast

from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from core.actor import Actor
from core.api.authentication import KeyUser
from core.services.api_keys import KeyIdentity


class ApiMixin:
    """`scopes` maps an action (or method) to the scope a server key needs; `member_actions` lists what a member may do."""

    scopes: dict[str, str] = {}
    member_actions: tuple[str, ...] = ()

    @staticmethod
    def actor_of(request: Request) -> Actor:
        return cast(KeyUser, request.user).actor

    @staticmethod
    def source_of(request: Request) -> str:
        return cast(KeyIdentity, request.auth).source

    @staticmethod
    def key_of(request: Request) -> str:
        """The Idempotency-Key; services refuse an empty one where they need it."""
        return request.headers.get("Idempotency-Key", "")

    @staticmethod
    def scope_of(request: Request) -> str:
        """Keys of one caller never meet those of another."""
        auth: Any = request.auth
        return f"api:key:{auth.id}" if isinstance(auth, KeyIdentity) else f"api:member:{auth.customer_id}"

    @staticmethod
    def valid(serializer: type[Serializer], request: Request) -> dict[str, Any]:
        checked = serializer(data=request.data)
        checked.is_valid(raise_exception=True)
        return checked.validated_data


class ApiView(ApiMixin, APIView):
    pass


class ApiViewSet(ApiMixin, GenericViewSet):
    pass
