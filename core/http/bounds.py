"""Limits on the size of a request, checked before any part of it is read or looked up.

HeaderLimitMiddleware comes first: 431 for long headers, 414 for a long address. BodyLimitMiddleware refuses a body by
its Content-Length, and reads a body without a length only up to the limit. Both answer below /api/ in its envelope.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _t

from core.api.authentication import bearer
from core.security.api_keys import FORM

# A console page reads a larger body only from a signed-in user.
STRANGERS_FORM = 1024 * 1024
LONGEST_NUMBER = 16
CHUNK = 64 * 1024


def refusal(
    request: HttpRequest, status: int, code: str, detail: str | Promise, attr: str | None = None
) -> HttpResponse:
    """Return the answer to a refused request: the envelope for programs, text for people."""
    if not request.path_info.startswith("/api/"):
        return HttpResponse(str(detail), status=status, content_type="text/plain; charset=utf-8")
    body = {"type": "client_error", "errors": [{"code": code, "detail": str(detail), "attr": attr}]}
    return HttpResponse(msgspec.json.encode(body), status=status, content_type="application/json")


def readable(size: int) -> str:
    return f"{size / (1024 * 1024):.3g} MB" if size >= 1024 * 1024 else f"{max(size // 1024, 1)} KB"


class HeaderLimitMiddleware:
    """Middleware that refuses headers and addresses longer than any of our programs sends, before they are read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        total = 0
        for name, value in request.META.items():
            if name.startswith("HTTP_") and isinstance(value, str):
                size = len(value)
                total += size + len(name)
                if size > settings.HEADER_LIMIT:
                    header = name[5:].replace("_", "-").title()[:60]
                    detail = _t("A header has at most %(limit)s.") % {"limit": readable(settings.HEADER_LIMIT)}
                    return refusal(request, 431, "header_too_large", detail, header)
        if total > settings.HEADERS_LIMIT:
            detail = _t("All headers together have at most %(limit)s.") % {"limit": readable(settings.HEADERS_LIMIT)}
            return refusal(request, 431, "headers_too_large", detail)
        query = request.META.get("QUERY_STRING", "")
        if len(request.path_info) + len(query) > settings.ADDRESS_LIMIT:
            detail = _t("An address has at most %(limit)s.") % {"limit": readable(settings.ADDRESS_LIMIT)}
            return refusal(request, 414, "address_too_long", detail)
        if request.path_info.startswith("/api/"):
            place = "path" if "\0" in request.path_info else "query" if "%00" in query or "\0" in query else ""
            if place:
                detail = _t("The character U+0000 can't be stored; remove it.")
                return refusal(request, 400, "nul_character", detail, place)
        return self.get_response(request)


class BodyLimitMiddleware:
    """Middleware that refuses a body above its limit before it is read: 413 with code `body_too_large`.

    API views declare with `bodies = {"batch": "batch"}` which of their actions accept large bodies. Console pages set
    `body_kind = "import"` on the view.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return None
        limit = api_limit(request, view) if request.path_info.startswith("/api/") else page_limit(request, view)
        length = request.META.get("CONTENT_LENGTH") or ""
        if length:
            # Django reads nothing if this is not a number, and never more bytes than the number.
            if not length.isascii() or not length.isdigit():
                return None
            return too_large(request, limit) if len(length) > LONGEST_NUMBER or int(length) > limit else None
        if "chunked" not in request.META.get("HTTP_TRANSFER_ENCODING", "").lower():
            return None
        return self._take_chunks(request, limit)

    @staticmethod
    def _take_chunks(request: HttpRequest, limit: int) -> HttpResponse | None:
        # Django treats a body without a length as empty, so it is read here, and never beyond the limit.
        stream = request.META.get("wsgi.input")
        if stream is None:
            return None
        body = io.BytesIO()
        while piece := stream.read(min(CHUNK, limit + 1 - body.tell())):
            body.write(piece)
            if body.tell() > limit:
                return too_large(request, limit)
        request.META["CONTENT_LENGTH"] = str(body.tell())
        body.seek(0)
        request._stream = body  # type: ignore[attr-defined]
        return None


def too_large(request: HttpRequest, limit: int) -> HttpResponse:
    detail = _t("The request body can have at most %(limit)s.") % {"limit": readable(limit)}
    if request.path_info.startswith("/api/"):
        return refusal(request, 413, "body_too_large", detail)
    if request.headers.get("HX-Request"):
        return HttpResponse(detail, status=413, content_type="text/plain; charset=utf-8")
    return render(request, "errors/too_large.html", {"detail": detail}, status=413)


def api_limit(request: HttpRequest, view: Any) -> int:
    """Return the limit of an API request: small unless it carries a server key, valid or not."""
    if not FORM.fullmatch(bearer(request)[:200]):
        return settings.MEMBER_BODY_LIMIT
    cls = getattr(view, "cls", None) or getattr(view, "view_class", None)
    method = (request.method or "").lower()
    action = (getattr(view, "actions", None) or {}).get(method, method)
    kind = getattr(cls, "bodies", {}).get(action, "")
    return settings.BATCH_BODY_LIMIT if kind == "batch" else settings.API_BODY_LIMIT


def page_limit(request: HttpRequest, view: Any) -> int:
    if not request.META.get("CONTENT_TYPE", "").lower().startswith("multipart/"):
        return settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return STRANGERS_FORM
    kind = getattr(view, "body_kind", "")
    return settings.IMPORT_UPLOAD_LIMIT if kind == "import" else settings.UPLOAD_LIMIT
