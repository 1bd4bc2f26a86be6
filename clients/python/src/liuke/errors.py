"""What can go wrong, by the stable `code` of the answer."""

from __future__ import annotations

from typing import Any


class LiukeError(Exception):
    """The base of everything that this package raises."""


class NotReached(LiukeError):
    """No answer after the last attempt. A command may have been carried out: the same call with the same key finds out."""


class ApiError(LiukeError):
    """An answer that is not a success.

    `code` is stable, `message` is for people, `field` names the input that is wrong, `details` has figures such as the
    points that are available; `errors` holds every one where there are several.
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
    """400: the input is wrong; the same call can never succeed."""


class Unauthorized(ApiError):
    """401: no key, a wrong one, or one that was revoked."""


class Forbidden(ApiError):
    """403: the key lacks the scope."""


class NotFound(ApiError):
    """404."""


class Conflict(ApiError):
    """409: the state of things forbids it."""


class IdempotencyKeyReused(Conflict):
    """The key was used for another request."""


class HoldEnded(Conflict):
    """The hold was captured or released, or it ran out."""


class Refused(ApiError):
    """422: a business limit says no, and nothing changed."""


class InsufficientPoints(Refused):
    """`details["available"]` says what there is."""


class CouponRefused(Refused):
    """`code` says why: expired, not_started, code_limit, customer_limit, campaign_limit, budget_spent, wrong_customer, …"""


class TooManyRequests(ApiError):
    """429, still after the last attempt."""


class ServerError(ApiError):
    """5xx, still after the last attempt."""


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
    """The typed error of an answer, also of one that is not ours (a proxy's page)."""
    envelope = body if isinstance(body, dict) else {}
    errors = envelope.get("errors") or []
    code = errors[0].get("code") if errors else None
    general = BY_STATUS.get(status, ServerError if status >= 500 else ApiError)
    special = BY_CODE.get(code or "", general)
    # A code means what it says only beside its own status.
    kind = special if issubclass(special, general) else general
    return kind(status, errors, envelope.get("details") or {})
