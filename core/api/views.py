"""Base classes of all API views: the caller, the idempotency key, and validated input for services."""

from __future__ import annotations

import contextlib
from typing import Any, cast

import msgspec
import pghistory
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import NotFound
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from core.api.authentication import KeyUser
from core.api.permissions import action_of
from core.api.unknown import refuse_fields, refuse_unknown_fields, refuse_unknown_parameters
from core.base import actor as actors
from core.base.actor import Actor
from core.db.idempotency import check_header
from core.security.api_keys import KeyIdentity


class ApiMixin:
    """Common parts of API views.

    `scopes` maps an action (or method) to the scope that a server key needs. `member_actions` lists the actions that a
    member may call. `member_shapes` maps each of them to the member's own response shape, never the server's.
    """

    # Every other method gets 405, also OPTIONS; the CORS middleware answers a browser's preflight earlier.
    http_method_names = ["get", "post", "put", "patch", "delete", "head"]
    scopes: dict[str, str] = {}
    # Actions that accept large bodies: see core.http.bounds.
    bodies: dict[str, str] = {}
    # Commands that read no body: a body with fields is refused.
    without_body: tuple[str, ...] = ()
    # Query parameters of a reading action, besides those of paging and filters.
    parameters: dict[str, tuple[str, ...]] = {}
    member_actions: tuple[str, ...] = ()
    member_shapes: dict[str, type[Serializer]] = {}
    # Pass the actor and the request to the audit triggers. Commands of the ledger write both themselves and change no
    # audited table, so their views switch this off: it costs two settings with every statement.
    keeps_history = True

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method in SAFE_METHODS or not self.keeps_history:
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
        with pghistory.context(request=actors.request_id.get(), url=request.path):
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        check_header(request.META.get("HTTP_IDEMPOTENCY_KEY"))
        self._refuse_unknown(request)
        if request.method not in SAFE_METHODS and self.keeps_history:
            pghistory.context(actor=str(self.actor_of(request)))

    def _refuse_unknown(self, request: Request) -> None:
        action = action_of(self, request)
        if request.method in SAFE_METHODS:
            refuse_unknown_parameters(request.query_params, self.known_parameters(action))
        elif action in self.without_body:
            refuse_fields(request.data)

    def known_parameters(self, action: str) -> set[str]:
        """Return the query parameters that a reading action accepts."""
        known = set(self.parameters.get(action, ()))
        if action == "list":
            known |= set(getattr(getattr(self, "filterset_class", None), "base_filters", ()))
            pages = getattr(self, "pagination_class", None)
            known |= {pages.cursor_query_param, pages.page_size_query_param} if pages else set()
        return known

    def shape(self, request: Request, server_shape: type[Serializer]) -> type[Serializer]:
        """Return the shape of the answer: `shown` for a server key, the member's own for a member's token."""
        if isinstance(request.auth, KeyIdentity):
            return server_shape
        return self.member_shapes[action_of(self, request)]

    @staticmethod
    def actor_of(request: Request) -> Actor:
        return cast(KeyUser, request.user).actor

    @staticmethod
    def source_of(request: Request) -> str:
        return cast(KeyIdentity, request.auth).source

    @staticmethod
    def key_of(request: Request) -> str:
        """Return the Idempotency-Key. A service that needs one refuses an empty key."""
        return request.META.get("HTTP_IDEMPOTENCY_KEY", "")

    @staticmethod
    def scope_of(request: Request) -> str:
        """Return the caller's scope of idempotency keys, so that keys of two callers never collide."""
        auth: Any = request.auth
        return f"api:key:{auth.id}" if isinstance(auth, KeyIdentity) else f"api:member:{auth.customer_id}"

    @staticmethod
    def valid(serializer: type[Serializer], request: Request) -> dict[str, Any]:
        """Return the validated values of the body.

        A serializer may name a `quick` struct, which accepts the plain cases at a tenth of the cost.
        """
        quick = getattr(serializer, "quick", None)
        if quick is not None:
            with contextlib.suppress(msgspec.ValidationError):
                return msgspec.structs.asdict(msgspec.convert(request.data, quick))
        refuse_unknown_fields(serializer, request.data)
        checked = serializer(data=request.data)
        checked.is_valid(raise_exception=True)
        return checked.validated_data


class ApiView(ApiMixin, APIView):
    pass


class ApiViewSet(ApiMixin, GenericViewSet):
    pass


class UnknownPathView(APIView):
    """The answer to unknown paths below the API, in the error envelope too."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound(_("The API has no such path."), code="not_found")
