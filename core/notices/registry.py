"""Kinds of notices to staff. Each app registers its kinds in `extensions`:

    NOTICES.register(
        "loyalty.adjustment_asked", NoticeKind("checks", words, lambda payload: reverse("loyalty_approvals"))
    )

`text(payload)` is one sentence in the active language, `url(payload)` the page that the notice opens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core.base.actor import RequestUser
from core.base.registry import Registry
from core.notices.models import Notice


@dataclass(frozen=True)
class NoticeKind:
    icon: str
    text: Callable[[Mapping[str, Any]], str]
    url: Callable[[Mapping[str, Any]], str]


NOTICES: Registry[NoticeKind] = Registry("kind of notice")


@dataclass(frozen=True)
class NoticeRow:
    notice: Notice
    icon: str
    text: str


def shown(notice: Notice) -> NoticeRow:
    """Return a notice as text. If its kind is gone or its payload no longer fits, show the name of the kind."""
    kind = NOTICES.get(notice.kind)
    if kind is None:
        return NoticeRow(notice, "bell", notice.kind)
    try:
        return NoticeRow(notice, kind.icon, kind.text(notice.payload))
    except (KeyError, TypeError, ValueError):
        return NoticeRow(notice, kind.icon, notice.kind)


def url_of(notice: Notice) -> str:
    """Return the page that the notice opens; "" when its kind is gone."""
    kind = NOTICES.get(notice.kind)
    try:
        return kind.url(notice.payload) if kind else ""
    except (KeyError, TypeError, ValueError):
        return ""


def unread_count(user: RequestUser) -> int:
    return Notice.objects.filter(user=user, read_at=None).count()
