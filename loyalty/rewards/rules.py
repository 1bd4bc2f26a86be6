"""Rules for redeeming a reward, and the reading of code files. Plain values in, plain values out."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.text.csv_rows import CsvRows, Unreadable
from core.text.spreadsheets import restored

CODE_LENGTH = 200
ADDRESS_PARTS = ("name", "phone", "line", "city", "region", "postcode", "country")
ADDRESS_NEEDS = ("name", "phone", "line", "city")


@dataclass(frozen=True)
class Offer:
    """Requirements of a reward. None means no limit; `codes_left` is None when the kind has no pool."""

    active: bool
    starts_at: datetime | None
    ends_at: datetime | None
    stock: int | None
    codes_left: int | None
    points: int
    member_limit: int | None
    rank: int | None
    segment: int | None


@dataclass(frozen=True)
class RewardEligibility:
    """Facts about a member that a reward depends on. `active` is the state of the membership.

    `rank` is None below the first tier. `used` counts earlier redemptions. `available` is None when points are not
    checked.
    """

    active: bool
    rank: int | None
    used: int
    segments: frozenset[int]
    available: int | None


def refusal(offer: Offer, member: RewardEligibility, now: datetime) -> str:
    """Return the first reason why the member can't have it, or empty.

    Reasons that the member can't change come before those that they can.
    """
    if not offer.active:
        return "reward_not_active"
    if offer.ends_at is not None and offer.ends_at <= now:
        return "reward_ended"
    if offer.starts_at is not None and offer.starts_at > now:
        return "reward_not_started"
    if offer.segment is not None and offer.segment not in member.segments:
        return "not_in_audience"
    if offer.rank is not None and (member.rank is None or member.rank < offer.rank):
        return "tier_too_low"
    if offer.member_limit is not None and member.used >= offer.member_limit:
        return "member_limit"
    if offer.stock is not None and offer.stock <= 0:
        return "out_of_stock"
    if offer.codes_left is not None and offer.codes_left <= 0:
        return "no_codes_left"
    if not member.active:
        return "member_not_active"
    if member.available is not None and member.available < offer.points:
        return "insufficient_points"
    return ""


def limit_of(member_limit: int | None, tier_limits: Mapping[str, int], tier: str | None) -> int | None:
    """Return how many a member may have: the limit of their tier, or else the general one."""
    return tier_limits.get(tier or "", member_limit)


def address_problem(address: Mapping[str, str]) -> str:
    """Return the first part of an address that is missing or too long, or empty."""
    for part in ADDRESS_NEEDS:
        if not address.get(part, "").strip():
            return part
    return next((part for part in ADDRESS_PARTS if len(address.get(part, "")) > 200), "")


@dataclass(frozen=True)
class CodeFile:
    """Parsed file of codes. `codes` has each code once, in the file's order.

    `repeated` are the lines that name a code again; `wrong` are (line, cell).
    """

    codes: list[str]
    repeated: list[str]
    wrong: list[tuple[int, str]]


def read_codes(text: str) -> CodeFile:
    """Read one code per line, or the first column of a CSV. A first line that only says "code" is a heading."""
    codes: dict[str, None] = {}
    repeated: list[str] = []
    wrong: list[tuple[int, str]] = []
    for line, row in CsvRows(io.StringIO(text.removeprefix("\ufeff"), newline=""), ","):
        if isinstance(row, Unreadable):
            wrong.append((line, "".join(row.cells[:1])[:40]))
            continue
        cell = restored(row[0]).strip() if row else ""
        if not cell or (not codes and not wrong and cell.lower() in {"code", "codes", "券码", "兑换码", "卡密"}):
            continue
        if len(cell) > CODE_LENGTH or not cell.isprintable():
            wrong.append((line, cell[:40]))
        elif cell in codes:
            repeated.append(cell)
        else:
            codes[cell] = None
    return CodeFile(list(codes), repeated, wrong)
