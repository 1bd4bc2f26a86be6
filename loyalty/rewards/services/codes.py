"""Pools of codes: each code is uploaded once and given to one redemption."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from core.base.actor import Actor
from core.base.errors import Conflict, Invalid
from core.db.locks import lock_name
from core.security import crypto
from crm.imports.rules.detection import short_text
from loyalty.rewards.models import Reward, RewardCode
from loyalty.rewards.rules import read_codes
from loyalty.rewards.selectors import has_codes

INDEX_CONTEXT = "rewardcode"
FILE_BYTES = 8 * 1024 * 1024
MOST = 100_000
CHUNK = 2000


@dataclass(frozen=True)
class Upload:
    """Result of an upload. `duplicates` were in the file twice or in the pool already; `wrong` are (line, text)."""

    added: int
    duplicates: list[str]
    wrong: list[tuple[int, str]]


def upload_reward_codes(*, reward: Reward, content: bytes, actor: Actor) -> Upload:
    """Add the codes of a text or CSV file to the pool: one per line, or the first column.

    Known codes are refused and listed. Raises Invalid for a file that is too large, empty or no text, Conflict for a
    reward without a pool of codes.
    """
    if not has_codes(reward):
        raise Conflict(_("This reward does not use codes."), code="no_pool")
    if len(content) > FILE_BYTES:
        raise Invalid(_("A file of codes can have at most 8 MB."), code="too_large", field="codes")
    file = read_codes(_decoded(content))
    if len(file.codes) > MOST:
        raise Invalid(_("Upload at most 100,000 codes at once."), code="too_many", field="codes")
    if not file.codes and not file.repeated and not file.wrong:
        raise Invalid(_("The file has no codes."), code="empty", field="codes")
    added, known = 0, []
    with transaction.atomic():
        # One upload at a time, so that of two uploads with the same code one reports it as known.
        lock_name("loyalty.reward-codes", reward.pk)
        for start in range(0, len(file.codes), CHUNK):
            fresh, old = _new_ones(reward, file.codes[start : start + CHUNK])
            RewardCode.objects.bulk_create(
                RewardCode(reward=reward, value=code, value_index=crypto.blind_index(code, INDEX_CONTEXT))
                for code in fresh
            )
            added += len(fresh)
            known += old
    return Upload(added, known + file.repeated, file.wrong)


def _new_ones(reward: Reward, codes: list[str]) -> tuple[list[str], list[str]]:
    """Return (new, known). While keys are rotated a code may be stored under any of them."""
    indexes = {index: code for code in codes for index in crypto.blind_indexes(code, INDEX_CONTEXT)}
    stored = RewardCode.objects.filter(reward=reward, value_index__in=list(indexes)).values_list(
        "value_index", flat=True
    )
    known = {indexes[bytes(index)] for index in stored}
    return [code for code in codes if code not in known], [code for code in codes if code in known]


def _decoded(content: bytes) -> str:
    try:
        return short_text(content)
    except ValueError:
        raise Invalid(_("This file is not a text."), code="not_a_text", field="codes") from None
