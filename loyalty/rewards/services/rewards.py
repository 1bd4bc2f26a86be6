"""Services of the reward catalogue: create, change, switch on and off."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from core.base import clock
from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_row
from core.http import pictures
from core.lists.services import copy_name, refuse_archived
from loyalty.program import registry as audiences
from loyalty.program.models import Program
from loyalty.rewards.models import Reward, RewardCategory
from loyalty.rewards.registry import FULFILMENTS
from loyalty.tiers.models import Tier

LARGEST = 2**53
LARGEST_COUNT = 2**31 - 1
PICTURE_BYTES = 3 * 1024 * 1024
TEXTS = {"name": 120, "name_zh": 120, "description": 4000, "description_zh": 4000}
CHANGEABLE = frozenset(
    [*TEXTS, "category", "points", "money", "stock", "member_limit", "tier_limits", "minimum_tier", "segment",
     "starts_at", "ends_at", "active", "settings", "position", "picture"]
)  # fmt: skip


def create_reward(
    *, program: Program, kind: str, name: str, points: int, actor: Actor, code: str = "", **values: Any
) -> Reward:
    """Create a reward. `stock` and `member_limit` None mean no limit; `money` is in minor units, beside the points.

    `settings` are the kind's own, `tier_limits` {tier code: most per member of it}. Raises Invalid naming the field.
    """
    if kind not in FULFILMENTS:
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field="kind")
    _check_known(values)
    chosen = slugify(code or name)[:40].strip("-") or f"r{uuid.uuid4().hex[:8]}"
    cleaned = _cleaned(program, kind, {"settings": {}, **values, "name": name, "points": points}, {})
    try:
        with transaction.atomic():
            reward = Reward(program=program, code=chosen, kind=kind, owner_id=actor.user_id)
            return _saved(reward, cleaned)
    except IntegrityError:
        raise Invalid(_("Another reward has this code."), code="code_taken", field="code") from None


def update_reward(*, reward: Reward, actor: Actor, stock_seen: int | None = None, **values: Any) -> Reward:
    """Change a reward; kind and code stay. Raises Invalid naming the field.

    With `stock_seen` (the value that the form showed) the difference to `stock` is applied, so that sales during the
    edit are kept. Raises Conflict `below_use` when the stock would fall below 0.
    """
    _check_known(values)
    with transaction.atomic():
        locked = lock_row(Reward.objects.select_related("program").filter(pk=reward.pk), weak=True)
        refuse_archived(locked)
        wanted = values.get("stock")
        if "stock" in values and wanted is not None and stock_seen is not None and locked.stock is not None:
            values["stock"] = locked.stock + wanted - stock_seen
            if values["stock"] < 0:
                raise Conflict(
                    _("Members have redeemed more than that in the meantime: %(stock)s are left.")
                    % {"stock": locked.stock},
                    code="below_use",
                    field="stock",
                )
        return _saved(locked, _cleaned(locked.program, locked.kind, values, locked.settings, locked))


def duplicate_reward(*, reward: Reward, actor: Actor) -> Reward:
    """Create the same reward, switched off and without dates and codes."""
    names = CHANGEABLE - {"active", "starts_at", "ends_at", "picture", "settings", "tier_limits", "name"}
    values = {name: getattr(reward, name) for name in names}
    settings = dict(reward.settings)
    values["tier_limits"] = settings.pop("tier_limits", {})
    if reward.picture:
        with reward.picture.open("rb") as picture:
            values["picture"] = SimpleUploadedFile(str(reward.picture.name).rpartition("/")[2], picture.read())
    return create_reward(
        program=reward.program,
        kind=reward.kind,
        name=copy_name(Reward, reward.name),
        settings=settings,
        active=False,
        actor=actor,
        **values,
    )


def is_busy(reward: Reward) -> bool:
    """Return whether members can redeem the reward now or later, so that it can't be archived."""
    return reward.active and (reward.ends_at is None or reward.ends_at > clock.now())


def _check_known(values: Mapping[str, Any]) -> None:
    for field in values.keys() - CHANGEABLE:
        raise Invalid(_("This can't be changed after the reward was created."), code="fixed", field=field)


def _saved(reward: Reward, cleaned: dict[str, Any]) -> Reward:
    picture = cleaned.pop("picture", None)
    old = reward.picture.name if reward.pk and picture is not None else ""
    for name, value in cleaned.items():
        setattr(reward, name, value)
    if picture is not None:
        storage = reward.picture.storage
        if picture:
            extension, content = picture
            reward.picture.save(f"{uuid.uuid4().hex}.{extension}", ContentFile(content), save=False)
        else:
            reward.picture = ""
        if old:
            transaction.on_commit(lambda: storage.delete(old))
    new = reward.pk is None
    if new:
        reward.save(force_insert=True)
    elif cleaned or picture is not None:
        reward.save(update_fields=[*cleaned, *(["picture"] if picture is not None else [])])
    return reward


def _cleaned(
    program: Program, kind: str, values: dict[str, Any], settings: dict[str, Any], reward: Reward | None = None
) -> dict[str, Any]:
    cleaned: dict[str, Any] = {}
    for name, value in values.items():
        if name in TEXTS:
            cleaned[name] = _text(name, value)
        elif name in {"points", "money"}:
            cleaned[name] = _number(name, value, 1 if name == "points" else 0, LARGEST)
        elif name in {"stock", "member_limit"}:
            least = 1 if name == "member_limit" else 0
            cleaned[name] = None if value is None else _number(name, value, least, LARGEST_COUNT)
        elif name == "position":
            cleaned[name] = _number(name, value, 0, 32767)
        elif name == "category":
            _check_own(program, name, value, RewardCategory)
            cleaned[name] = value
        elif name == "minimum_tier":
            _check_own(program, name, value, Tier)
            cleaned[name] = value
        elif name == "segment":
            if value is not None and value not in {key for key, _label in audiences.choices()}:
                raise Invalid(_("Not one of the choices."), code="invalid_choice", field=name)
            cleaned[name] = value
        elif name in {"starts_at", "ends_at", "active"}:
            cleaned[name] = value
        elif name == "picture":
            cleaned[name] = _picture(value) if value else value
    if "settings" in values or "tier_limits" in values:
        cleaned["settings"] = _settings(program, kind, values, settings)
    starts = cleaned.get("starts_at", reward and reward.starts_at)
    ends = cleaned.get("ends_at", reward and reward.ends_at)
    _check_dates(starts, ends)
    return cleaned


def _settings(program: Program, kind: str, values: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    own = FULFILMENTS[kind].checked(values.get("settings", before))
    limits = values["tier_limits"] if "tier_limits" in values else before.get("tier_limits", {})
    known = set(Tier.objects.filter(program=program).values_list("code", flat=True)) if limits else set()
    for tier, limit in limits.items():
        if tier not in known:
            raise Invalid(_("Not one of the choices."), code="invalid_choice", field="tier_limits")
        _number("tier_limits", limit, 0, LARGEST_COUNT)
    return {**own, **({"tier_limits": limits} if limits else {})}


def _text(name: str, value: str) -> str:
    clean = value.strip() if name.startswith("description") else " ".join(value.split())
    if (name == "name" and not clean) or len(clean) > TEXTS[name] or "\x00" in clean:
        raise Invalid(_("This text is empty or too long."), code="invalid", field=name)
    return clean


def _number(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Invalid(_("This number is too small or too large."), code="invalid", field=name)
    return value


def _check_own(program: Program, name: str, value: Any, model: type) -> None:
    if value is not None and not (isinstance(value, model) and value.program_id == program.pk):  # type: ignore[attr-defined]
        raise Invalid(_("Not one of the choices."), code="invalid_choice", field=name)


def _check_dates(starts_at: datetime | None, ends_at: datetime | None) -> None:
    if starts_at and ends_at and ends_at <= starts_at:
        raise Invalid(_("The end is before the start."), code="invalid", field="ends_at")


def _picture(upload: UploadedFile) -> tuple[str, bytes]:
    """Return (extension, content) by the bytes themselves, whatever the file is called."""
    if (upload.size or 0) > PICTURE_BYTES:
        raise Invalid(_("A picture can have at most 3 MB."), code="too_large", field="picture")
    return pictures.checked(upload.read(PICTURE_BYTES + 1), "picture")
