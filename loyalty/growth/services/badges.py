"""Services of badges: create, change, award. Badges are never taken away."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from core.base.actor import SYSTEM, Actor
from core.base.errors import Invalid
from core.db.locks import lock_row, require_transaction
from core.events.bus import Emission, emit_many
from loyalty.growth import events
from loyalty.growth.models import Badge
from loyalty.program.models import Program

ICONS = (
    "award", "medal", "trophy", "crown", "star", "diamond", "heart", "sparkles", "rocket", "flag", "target",
    "list-check", "thumb-up", "bolt", "gift", "cake", "calendar-event", "message-circle", "pencil", "photo", "share",
    "users", "user-check", "user-plus", "shopping-bag", "shopping-cart", "coins", "wallet", "ticket", "map-pin",
    "mood-smile", "bulb",
)  # fmt: skip
TEXTS = {"name": 80, "name_zh": 80, "description": 2000, "description_zh": 2000}
CHANGEABLE = frozenset([*TEXTS, "icon", "active", "position"])


@dataclass(frozen=True)
class BadgeAward:
    """A badge to award, with a reference that makes a repeat harmless."""

    member: int
    badge: int
    reference: str


def create_badge(*, program: Program, name: str, actor: Actor, code: str = "", **values: Any) -> Badge:
    """Create a badge. Raises Invalid naming the field; `code_taken` when another badge has the code."""
    chosen = code_from(code, name, "b")
    cleaned = cleaned_values({**values, "name": name}, TEXTS, CHANGEABLE)
    try:
        with transaction.atomic():
            return Badge.objects.create(program=program, code=chosen, **cleaned)
    except IntegrityError:
        raise Invalid(_("Another badge has this code."), code="code_taken", field="code") from None


def update_badge(*, badge: Badge, actor: Actor, **values: Any) -> Badge:
    """Change a badge except for its code. It is not awarded while switched off. Raises Invalid naming the field."""
    cleaned = cleaned_values(values, TEXTS, CHANGEABLE)
    with transaction.atomic():
        locked = lock_row(Badge.objects.filter(pk=badge.pk), weak=True)
        for name, value in cleaned.items():
            setattr(locked, name, value)
        if cleaned:
            locked.save(update_fields=[*cleaned])
    return locked


def award_badges(*, awards: Sequence[BadgeAward], at: datetime, actor: Actor = SYSTEM) -> list[tuple[int, int]]:
    """Award badges that are switched on, each once to each member, inside the caller's transaction.

    Returns (member id, badge id) of the new ones.
    """
    require_transaction()
    if not awards:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH fresh AS (
                   INSERT INTO loyalty_memberbadge (member_id, badge_id, awarded_at, reference)
                   SELECT DISTINCT ON (given.member, given.badge) given.member, given.badge, %s, given.reference
                   FROM unnest(%s::bigint[], %s::bigint[], %s::text[]) AS given(member, badge, reference)
                   JOIN loyalty_badge b ON b.id = given.badge AND b.active
                   ORDER BY given.member, given.badge
                   ON CONFLICT (member_id, badge_id) DO NOTHING RETURNING member_id, badge_id, reference)
               SELECT fresh.member_id, fresh.badge_id, m.customer_id, b.code, b.name, b.name_zh, fresh.reference
               FROM fresh JOIN loyalty_member m ON m.id = fresh.member_id JOIN loyalty_badge b ON b.id = fresh.badge_id
               ORDER BY fresh.member_id, fresh.badge_id""",
            [at, [one.member for one in awards], [one.badge for one in awards], [one.reference for one in awards]],
        )
        rows = cursor.fetchall()
    emit_many(
        (
            Emission(
                events.BADGE_AWARDED,
                customer,
                {"badge": code, "name": name, "name_zh": name_zh, "reference": reference},
                at,
            )
            for _member, _badge, customer, code, name, name_zh, reference in rows
        ),
        actor=actor,
    )
    return [(member, badge) for member, badge, *_rest in rows]


def code_from(code: str, name: str, letter: str) -> str:
    """Return a code: the given one, or one made from the name, or a random one. A Chinese name yields no letters."""
    return slugify(code or name)[:40].strip("-") or f"{letter}{uuid.uuid4().hex[:8]}"


def cleaned_values(values: Mapping[str, Any], texts: Mapping[str, int], changeable: frozenset[str]) -> dict[str, Any]:
    """Check the values that badges and tasks share. Raises Invalid naming the field."""
    cleaned: dict[str, Any] = {}
    for name, raw in values.items():
        value = raw
        if name not in changeable:
            raise Invalid(_("This can't be changed once it exists."), code="fixed", field=name)
        if name in texts:
            value = raw.strip() if name.startswith("description") else " ".join(raw.split())
            if (name == "name" and not value) or len(value) > texts[name] or "\x00" in value:
                raise Invalid(_("This text is empty or too long."), code="invalid", field=name)
        elif name == "icon" and value not in ICONS:
            raise Invalid(_("Not one of the choices."), code="invalid_choice", field=name)
        elif name == "position" and (isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 32767):
            raise Invalid(_("This number is too small or too large."), code="invalid", field=name)
        cleaned[name] = value
    return cleaned
