"""Typed refusals. A service raises one; the API turns it into the standard envelope, the console into a message.

`code` is stable and documented; `message` is for people and translated; `field` names the input that is wrong.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class DomainError(Exception):
    status: ClassVar[int] = 409
    code: str = "conflict"
    message: str | Promise = _("This can't be done now.")

    def __init__(
        self, message: str | Promise | None = None, *, code: str | None = None, field: str | None = None, **details: Any
    ) -> None:
        self.message = message if message is not None else type(self).message
        self.code = code or type(self).code
        self.field = field
        self.details = details
        super().__init__(str(self.message))


class Invalid(DomainError):
    """The input is invalid; the same call can never succeed."""

    status = 400
    code = "invalid"
    message = _("This value is not valid.")


class NotFound(DomainError):
    status = 404
    code = "not_found"
    message = _("Not found.")


class Forbidden(DomainError):
    status = 403
    code = "permission_denied"
    message = _("Your role does not allow this.")


class Conflict(DomainError):
    """The current state forbids the command; it may succeed later."""


class Refused(DomainError):
    """A business limit refuses the command (balance, coupon limit ...)."""

    status = 422
    code = "refused"


class IdempotencyConflict(Conflict):
    code = "idempotency_key_reused"
    message = _("This idempotency key was used for a different request.")


class IdempotencyKeyMissing(Invalid):
    code = "idempotency_key_missing"
    message = _("Send an Idempotency-Key header of 1 to 200 characters, so that a repeat is safe.")


class IdempotencyKeyInvalid(Invalid):
    code = "idempotency_key_invalid"
    message = _("An Idempotency-Key has 1 to 200 printable ASCII characters.")


class LockedOutsideTransaction(RuntimeError):
    """A programming error: a row lock outside a transaction protects nothing."""
