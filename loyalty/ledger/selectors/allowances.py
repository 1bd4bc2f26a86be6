"""Reads for giving by hand: limits of roles and people, the amount left today, past adjustments."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet, Sum, Window
from django.db.models.functions import RowNumber

from core.base import clock
from core.security.models import User
from core.security.roles import LABELS, Role
from loyalty.ledger.models import Account, AdjustmentRequest, AgentBudget, GivingLimit, RequestState
from loyalty.ledger.rules.limits import DEFAULTS, FALLBACK, Limits, combined
from loyalty.program.models import Program

MOVED = (RequestState.GIVEN, RequestState.APPROVED)
HISTORY_SHOWN = 5
HISTORY_DAYS = 30


def limits_of_roles() -> dict[str, Limits]:
    """Return the limits of every role: the shop's own, or else the default."""
    known = {
        row.role: Limits(row.points_per_act, row.points_per_day, row.coupons_per_day)
        for row in GivingLimit.objects.all()
    }
    return {role.value: known.get(role.value, DEFAULTS[role.value]) for role in Role}


def limits_of(user: User | int) -> Limits:
    """Return the limits of one member of staff: the highest of their roles. A superuser has the administrator's."""
    person = User.objects.get(pk=user) if isinstance(user, int) else user
    of_roles = limits_of_roles()
    if person.is_superuser:
        return of_roles[Role.ADMINISTRATOR.value]
    names = [name for name in person.groups.values_list("name", flat=True) if name in of_roles]
    return combined(of_roles[name] for name in names or [FALLBACK])


def role_label(role: str) -> str:
    return str(LABELS.get(Role(role), role)) if role in set(Role) else role


def day_of(program: Program, at: datetime) -> date:
    return at.astimezone(ZoneInfo(program.time_zone)).date()


def today(program: Program) -> date:
    return day_of(program, clock.now())


@dataclass(frozen=True)
class Allowance:
    """Points that a person may still give by hand today, and the most at once without a second person."""

    limits: Limits
    given: int

    @property
    def left(self) -> int:
        return max(self.limits.points_per_day - self.given, 0)


def allowance(program: Program, user: User) -> Allowance:
    row = AgentBudget.objects.filter(program=program, user=user, day=today(program)).first()
    return Allowance(limits_of(user), row.given if row else 0)


def adjustments_of(account: Account) -> list[AdjustmentRequest]:
    """Return the newest adjustments of one account, each with its state."""
    return list(_with_people(AdjustmentRequest.objects.filter(account=account))[:HISTORY_SHOWN])


@dataclass(frozen=True)
class RequestHistory:
    """Hold what an approver sees beside a request: earlier adjustments of the account, and those by the requester.

    `count`, `given` and `taken` are the points that the requester moved by hand in the last HISTORY_DAYS days.
    """

    of_account: list[AdjustmentRequest]
    by_requester: list[AdjustmentRequest]
    count: int
    given: int
    taken: int


def histories_of(requests: Sequence[AdjustmentRequest]) -> dict[uuid.UUID, RequestHistory]:
    """Return {request id: history} of waiting requests, with three queries for all of them."""
    of_account = _newest("account_id", {request.account_id for request in requests})
    by_requester = _newest("requested_by_id", {request.requested_by_id for request in requests})
    moved = AdjustmentRequest.objects.filter(
        requested_by__in={request.requested_by_id for request in requests},
        state__in=MOVED,
        requested_at__gt=clock.now() - timedelta(days=HISTORY_DAYS),
    )
    points_moved = {
        user: {"count": count, "given": given, "taken": taken}
        for user, count, given, taken in moved.values_list("requested_by").annotate(
            moves=Count("pk"),
            points_given=Sum("points", filter=Q(points__gt=0), default=0),
            points_taken=Sum("points", filter=Q(points__lt=0), default=0),
        )
    }
    nothing = {"count": 0, "given": 0, "taken": 0}
    histories = {}
    for request in requests:
        sums = points_moved.get(request.requested_by_id, nothing)
        histories[request.pk] = RequestHistory(
            _others(of_account[request.account_id], request),
            _others(by_requester[request.requested_by_id], request),
            sums["count"],
            sums["given"],
            -sums["taken"],
        )
    return histories


def _newest(column: str, ids: Iterable[int]) -> dict[int, list[AdjustmentRequest]]:
    """Return the newest adjustments of each value of a column; one more than are shown, which is the request itself."""
    place = Window(RowNumber(), partition_by=column, order_by=["-requested_at", "-pk"])
    rows = AdjustmentRequest.objects.filter(**{f"{column}__in": [*ids]}).annotate(place=place)
    newest: dict[int, list[AdjustmentRequest]] = defaultdict(list)
    for row in _with_people(rows.filter(place__lte=HISTORY_SHOWN + 1)):
        newest[getattr(row, column)].append(row)
    return newest


def _others(rows: Sequence[AdjustmentRequest], request: AdjustmentRequest) -> list[AdjustmentRequest]:
    return [row for row in rows if row.pk != request.pk][:HISTORY_SHOWN]


def _with_people(rows: QuerySet[AdjustmentRequest]) -> QuerySet[AdjustmentRequest]:
    return rows.select_related(
        "requested_by", "decided_by", "ticket", "account__member__customer", "reversal", "reverses"
    ).order_by("-requested_at", "-pk")
