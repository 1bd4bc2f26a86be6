"""What every API view shares: who asks, the idempotency key, and answers from services."""

from __future__ import annotations

import contextlib
from typing import Any, cast

import msgspec
import pghistory
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from core import actor as actors
from core.actor import Actor
from core.api.authentication import KeyUser
from core.idempotency import check_header
from core.services.api_keys import KeyIdentity


class ApiMixin:
    """`scopes` maps an action (or method) to the scope a server key needs; `member_actions` lists what a member may do."""

    scopes: dict[str, str] = {}
    # Which actions take large bodies: see core.bounds.
    bodies: dict[str, str] = {}
    member_actions: tuple[str, ...] = ()
    # The audit's triggers learn who and which request. The ledger's commands write that themselves and change no audited
    # table, so their views leave it out: it costs two settings with every statement.
    keeps_history = True

    def dispatch(self, request, *args, **kwargs):
        if request.method in SAFE_METHODS or not self.keeps_history:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        with pghistory.context(request=actors.request_id.get(), url=request.path):
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def initial(self, request, *args, **kwargs):
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        check_header(request.META.get("HTTP_IDEMPOTENCY_KEY"))
        if request.method not in SAFE_METHODS and self.keeps_history:
            pghistory.context(actor=str(self.actor_of(request)))

    @staticmethod
    def actor_of(request: Request) -> Actor:
        return cast(KeyUser, request.user).actor

    @staticmethod
    def source_of(request: Request) -> str:
        return cast(KeyIdentity, request.auth).source

    @staticmethod
    def key_of(request: Request) -> str:
        """The Idempotency-Key; services refuse an empty one where they need it."""
        return request.META.get("HTTP_IDEMPOTENCY_KEY", "")

    @staticmethod
    def scope_of(request: Request) -> str:
        """Keys of one caller never meet those of another."""
        auth: Any = request.auth
        return f"api:key:{auth.id}" if isinstance(auth, KeyIdentity) else f"api:member:{auth.customer_id}"

    @staticmethod
    def valid(serializer: type[Serializer], request: Request) -> dict[str, Any]:
        """The body's values. A serializer may name a `quick` struct that takes the plain cases at a tenth of the cost."""
        quick = getattr(serializer, "quick", None)
        if quick is not None:
            with contextlib.suppress(msgspec.ValidationError):
                return msgspec.structs.asdict(msgspec.convert(request.data, quick))
        checked = serializer(data=request.data)
        checked.is_valid(raise_exception=True)
        return checked.validated_data


class ApiView(ApiMixin, APIView):
    pass


class ApiViewSet(ApiMixin, GenericViewSet):
    pass
