"""Errors of the client, by the stable `code` of the answer."""

from __future__ import annotations

from typing import Any


class LiukeError(Exception):
    """The base class of all errors of this package."""


class NotReached(LiukeError):
    """No answer after the last attempt. The server may have run the command: repeat the call with the same key."""


class ApiError(LiukeError):
    """An answer that is not a success.

    `code` is stable, `message` is for people, `field` names the invalid input, `details` has figures such as the
    available points. `errors` holds all errors when there are several.
    """

    def __init__(self, status: int, errors: list[dict[str, Any]], details: dict[str, Any]) -> None:
        first = errors[0] if errors else {}
        self.status = status
        self.code = str(first.get("code", "error"))
        self.message = str(first.get("detail", ""))
        self.field: str | None = first.get("attr")
        self.errors = errors
        self.details = details
        super().__init__(f"{status} {self.code}: {self.message}")


class Invalid(ApiError):
    """400: the input is invalid; the same call can never succeed."""


class Unauthorized(ApiError):
    """401: the key is missing, wrong or revoked."""


class Forbidden(ApiError):
    """403: the key lacks the scope."""


class NotFound(ApiError):
    """404: the resource does not exist."""


class Conflict(ApiError):
    """409: the current state forbids the command."""


class IdempotencyKeyReused(Conflict):
    """The key was used for another request."""


class HoldEnded(Conflict):
    """The hold was captured or released, or it expired."""


class Refused(ApiError):
    """422: a business limit refuses the command; nothing changed."""


class InsufficientPoints(Refused):
    """The member has too few points. `details["available"]` has the available ones."""


class CouponRefused(Refused):
    """The coupon was refused. `code` is the reason: expired, not_started, code_limit, customer_limit and so on."""


class TooManyRequests(ApiError):
    """429 also at the last attempt."""


class ServerError(ApiError):
    """5xx also at the last attempt."""


BY_CODE: dict[str, type[ApiError]] = {
    "idempotency_key_reused": IdempotencyKeyReused,
    "insufficient_points": InsufficientPoints,
    **dict.fromkeys(("hold_captured", "hold_released", "hold_expired"), HoldEnded),
    **dict.fromkeys(
        (
            "expired",
            "not_started",
            "code_limit",
            "customer_limit",
            "campaign_limit",
            "budget_spent",
            "wrong_customer",
            "condition_failed",
            "not_stackable",
            "unknown_code",
        ),
        CouponRefused,
    ),
}
BY_STATUS: dict[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Refused,
    429: TooManyRequests,
}


def error_of(status: int, body: Any) -> ApiError:
    """Return the typed error of an answer, also for an answer that is not ours (a proxy's page)."""
    envelope = body if isinstance(body, dict) else {}
    errors = envelope.get("errors") or []
    code = errors[0].get("code") if errors else None
    general = BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    special = BY_CODE.get(code or "", general)
    # A code counts only with its own status.
    kind = special if issubclass(special, general) else general
    return kind(status, errors, envelope.get("details") or {})
