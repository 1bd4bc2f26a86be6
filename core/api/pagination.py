"""Keyset pages (`?cursor=` and `?limit=`): the thousandth page is as fast as the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from core.db.paging import Page, decode, fields_of, keyset

if TYPE_CHECKING:
    # The settings of the framework name this module: importing its views here would be a cycle.
    from rest_framework.views import APIView


class KeysetPagination(CursorPagination):
    """Pages by all columns of the order.

    The framework's own pagination compares the first column and skips at most a thousand equal rows. An import writes
    more rows with the same time.
    """

    page_size = 50
    max_page_size = 500
    page_size_query_param = "limit"
    ordering: str | tuple[str, ...] = "-id"  # type: ignore[assignment]
    cursor_query_description = "From `next` or `previous` of an earlier page."

    def paginate_queryset(self, queryset: Any, request: Request, view: APIView | None = None) -> list[Any]:
        order = [self.ordering] if isinstance(self.ordering, str) else self.ordering
        cursor = request.query_params.get(self.cursor_query_param)
        if cursor and not decode(cursor, fields_of(queryset, [name.lstrip("-") for name in order]))[1]:
            raise ValidationError({"cursor": [_("Use `next` or `previous` of an earlier page as it is.")]})
        self.base_url = request.build_absolute_uri()
        self.keyset_page: Page = keyset(queryset, order, cursor, self.get_page_size(request))
        return self.keyset_page.items

    def get_next_link(self) -> str | None:
        return self._link(self.keyset_page.next)

    def get_previous_link(self) -> str | None:
        return self._link(self.keyset_page.previous)

    def _link(self, cursor: str | None) -> str | None:
        return cursor and replace_query_param(self.base_url or "", self.cursor_query_param, cursor)

    def get_page_size(self, request: Request) -> int:
        raw = request.query_params.get(self.page_size_query_param)
        if raw is None:
            return self.page_size
        if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:9]) <= self.max_page_size:
            raise ValidationError({"limit": [_("Use a whole number from 1 to %(max)s.") % {"max": self.max_page_size}]})
        return int(raw)

    def get_paginated_response(self, data: Any) -> Response:
        return Response({"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["results"],
            "properties": {
                "next": {"type": "string", "nullable": True, "format": "uri"},
                "previous": {"type": "string", "nullable": True, "format": "uri"},
                "results": schema,
            },
        }
