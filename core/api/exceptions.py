"""The standard error envelope: {"type", "errors": [{"code", "detail", "attr"}]}, also for our typed errors."""

from __future__ import annotations

from typing import Any

import psycopg.errors
import structlog
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, OperationalError
from drf_standardized_errors.formatter import ExceptionFormatter
from drf_standardized_errors.handler import exception_handler
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core.api.throttling import failures, seconds_left
from core.base.errors import DomainError
from core.http.addresses import address_block

log = structlog.get_logger("liuke.api")


class DomainApiException(exceptions.APIException):
    def __init__(self, error: DomainError) -> None:
        self.status_code = error.status
        self.field = error.field
        self.extra = error.details
        super().__init__(detail=str(error.message), code=error.code)


class Unavailable(exceptions.APIException):
    status_code = 503
    default_code = "unavailable"
    default_detail = "The database is not available now; try again."
    wait = 2


class Formatter(ExceptionFormatter):
    def get_errors(self) -> list[Any]:
        errors = super().get_errors()
        field = getattr(self.exc, "field", None)
        if field:
            for error in errors:
                error.attr = field
        return errors

    def format_error_response(self, error_response: Any) -> dict[str, Any]:
        body = super().format_error_response(error_response)
        extra = getattr(self.exc, "extra", None)
        if extra:
            body["details"] = extra
        return body


def handle(exc: Exception, context: dict) -> Response | None:
    """Handle exceptions for DRF: a typed error becomes its status, a lost database becomes 503 with Retry-After."""
    if isinstance(exc, DomainError):
        exc = DomainApiException(exc)
    elif isinstance(exc, DjangoValidationError):
        exc = exceptions.ValidationError(detail=exc.messages)
    elif isinstance(exc, DataError) and isinstance(
        exc.__cause__, psycopg.errors.UntranslatableCharacter | psycopg.errors.CharacterNotInRepertoire
    ):
        exc = exceptions.ValidationError(detail="A character in the request can't be stored.")
    elif isinstance(exc, DataError) and isinstance(
        exc.__cause__, psycopg.errors.InvalidTimeZoneDisplacementValue | psycopg.errors.DatetimeFieldOverflow
    ):
        exc = exceptions.ValidationError(detail="A time in the request is out of range.")
    elif isinstance(exc, OperationalError):
        log.error("database_unavailable", error=str(exc)[:300])
        exc = Unavailable()
    if isinstance(exc, exceptions.AuthenticationFailed | exceptions.NotAuthenticated):
        request = context["request"]
        if failures.too_many(address_block(getattr(request, "_request", request))):
            exc = exceptions.Throttled(seconds_left())
    response = exception_handler(exc, context)  # type: ignore[arg-type]
    if response is not None and isinstance(exc, exceptions.APIException):
        set_rollback()
        if exc.status_code == 503:
            response["Retry-After"] = str(getattr(exc, "wait", 2))
    return response
