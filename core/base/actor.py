"""The actor behind a change: recorded with every domain event, ledger entry and audit row."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser

    from core.security.models import User

# The user of a request. Pages that need no login have an anonymous one.
RequestUser = Union["User", "AnonymousUser"]


@dataclass(frozen=True)
class Actor:
    """The author of a change.

    `kind`: `user` (staff), `key` (a storefront's server), `member` (own token) or `system`.
    """

    kind: str
    id: int | None = None
    label: str = ""

    def __str__(self) -> str:
        return self.kind if self.id is None else f"{self.kind}:{self.id}"

    @property
    def user_id(self) -> int | None:
        return self.id if self.kind == "user" else None


SYSTEM = Actor("system")
request_id: ContextVar[str] = ContextVar("request_id", default="")


def of_user(user: RequestUser) -> Actor:
    return Actor("user", user.pk, user.get_username())
